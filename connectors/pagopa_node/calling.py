"""Calls as pagoPA makes them, and a hub that knows what a test wants it to know: for the tests of the station."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

from contracts.answering import Call, Demanded, OwedPayment, Reply, SentMessage
from contracts.connector import Limits
from contracts.inbound import Found

from . import connect
from .sampling import CALLER_KEY, CREDITOR, DEBTOR, NOTICE, envelope, settings
from .soap import ENVELOPE, PA
from .station import OPERATIONS
from .xml import parse

OWED: Final = OwedPayment(
    item_id="01890a5d-ac96-774b-bcce-b302099a8057",
    state="due",
    amount_cents=8450,
    cost_cents=0,
    due_date=date(2026, 6, 16),
    reason="TARI 2026 prima rata",
    tax_code=DEBTOR,
    notice_number=NOTICE,
    creditor_tax_code=CREDITOR,
    service_id="tari",
    parts=(),
    receipt_numbers=(),
)


class Hub:
    """A read port over these payments."""

    def __init__(self, *payments: OwedPayment) -> None:
        self.payments = {(one.creditor_tax_code, one.notice_number): one for one in payments}

    def message(self, delivery_id: str, tax_code: str) -> SentMessage | None:
        return None

    def file(self, delivery_id: str, tax_code: str, file_id: str) -> bytes | None:
        return None

    def payment(self, creditor_tax_code: str, notice_number: str) -> OwedPayment | None:
        return self.payments.get((creditor_tax_code, notice_number))


def call_of(operation: str, content: str | bytes, **changes: Any) -> Call:
    """pagoPA's call of that operation; `content` is what the request holds, or the whole body."""
    call = Call(
        method="POST",
        path="paForNode",
        url="https://hub.example/callbacks/v1/c_h501/pagopa/paForNode",
        query="",
        headers=(
            ("Content-Type", "text/xml; charset=utf-8"),
            ("SOAPAction", f'"{operation}"'),
            ("Ocp-Apim-Subscription-Key", CALLER_KEY),
        ),
        body=content if isinstance(content, bytes) else envelope(operation, content),
        now=datetime(2026, 3, 2, 12, tzinfo=UTC),
    )
    return replace(call, **changes)


def answer(call: Call, *payments: OwedPayment, **changes: Any) -> Reply:
    """What a station with these changes of its settings answers, while the hub knows of these payments."""
    reply = asked_of(call, *payments, **changes)
    assert isinstance(reply, Reply)
    return reply


def asked_of(call: Call, *payments: OwedPayment, **changes: Any) -> Reply | Demanded:
    """The same, of a call that may demand a payment."""
    connector = connect(settings(**changes), Limits())
    assert connector.answer is not None
    return connector.answer(call, Hub(*payments))


def body_of(reply: Reply) -> tuple[str, Any]:
    """The element in an answer's body, its namespaces looked at, and what it holds."""
    root = parse(reply.body)
    assert (root.space, root.name) == (ENVELOPE, "Envelope")
    (body,) = root.children
    (element,) = body.children
    assert element.space == (ENVELOPE if element.name == "Fault" else PA)
    return element.name, element.plain()


def told(operation: str, content: str, *payments: OwedPayment, **changes: Any) -> Any:
    """What the operation's answer holds."""
    reply = answer(call_of(operation, content), *payments, **changes)
    assert reply.status == 200
    name, plain = body_of(reply)
    assert name == OPERATIONS[operation].response
    return plain


def refused(operation: str, content: str, *payments: OwedPayment, **changes: Any) -> str:
    """The code of the fault bean, all else of a refusal looked at."""
    plain = told(operation, content, *payments, **changes)
    assert plain["outcome"] == "KO"
    assert set(plain) == {"outcome", "fault"}
    assert plain["fault"]["id"] == CREDITOR
    code: str = plain["fault"]["faultCode"]
    return code


def soap_fault(reply: Reply) -> str:
    """The code of a SOAP fault, which finds nothing."""
    name, plain = body_of(reply)
    assert name == "Fault"
    assert (reply.found, reply.reports) == ((), ())
    code: str = plain["faultcode"].partition(":")[2]
    return code


def kept(operation: str, content: str, *payments: OwedPayment, outcome: str = "OK", **changes: Any) -> Found:
    """What the hub is given to keep of a receipt, and pagoPA told so."""
    reply = answer(call_of(operation, content), *payments, **changes)
    assert body_of(reply)[1]["outcome"] == outcome
    assert reply.otherwise is None, "a receipt is kept, be it in quarantine"
    (found,) = reply.found
    assert found.raw == envelope(operation, content)
    return found
