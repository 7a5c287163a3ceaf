"""Checkout carts and printed notices (`spec/pagopa.md`, "Checkout cart" and "Notice PDF").

Each is one call, which may be repeated: a cart that nobody pays lapses, and a notice printed twice is the same notice.
"""

from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import TypeAdapter, ValidationError

from connectors.base.http import Answer, send
from contracts.base import ROME, HttpsUrl
from contracts.connector import Done, Memo, Notice
from contracts.failures import Deferred, Misconfigured
from contracts.inbound import ProviderDocument
from contracts.paying import Cart, Debtor, PayableNotice

from .statuses import failure

_LONGEST = 140
_SUBJECT = 90
MOST_BYTES = 8_388_608
"""Of a PDF."""
DOC_TYPE = "avviso_pagopa"
_WORDS = {"it": "Avviso pagoPA: {}", "en": "pagoPA notice: {}"}
_URL: TypeAdapter[str] = TypeAdapter(HttpsUrl)


@dataclass(frozen=True, slots=True)
class Checkout:
    """Carts, over a client that bears the key."""

    http: httpx.Client
    timeout_s: float

    def cart(self, cart: Cart) -> str:
        """The address to which the browser is to be sent; see `contracts.paying.MakeCart`."""
        answer = send(self.http, self.request(cart), unsafe=False, deadline_s=self.timeout_s)
        if answer.status != 302:
            raise failure(answer, unsafe=False)
        return address(answer, answer.headers.get("location"))

    def request(self, cart: Cart) -> httpx.Request:
        """The call that makes a cart."""
        body: dict[str, Any] = {
            "paymentNotices": [
                {
                    "noticeNumber": each.notice_number,
                    "fiscalCode": each.creditor_tax_code,
                    "amount": each.amount_cents,
                    "companyName": each.company_name[:_LONGEST],
                    "description": each.reason[:_LONGEST],
                }
                for each in cart.notices
            ],
            "returnUrls": {
                "returnOkUrl": cart.returns.ok,
                "returnCancelUrl": cart.returns.cancel,
                "returnErrorUrl": cart.returns.error,
            },
        }
        if cart.email is not None:
            body["emailNotice"] = cart.email
        return self.http.build_request("POST", "/carts", json=body)


@dataclass(frozen=True, slots=True)
class Printer:
    """Notices on paper, over a client that bears the key."""

    http: httpx.Client
    template: str | None
    timeout_s: float

    def follow_up(self, notice: Notice, _memo: Memo) -> Done:
        """The notice of a registered position, of the whole amount, as a document (`contracts.connector.Done`)."""
        position = notice.position
        if position is None:
            return Done()
        if position.wanted == "gone" or position.paper is None:
            return Done(documents=(_document(notice, position.name, "", None),))
        whole = position.options[0]
        payable = PayableNotice(
            whole.notice_number,
            position.creditor_tax_code,
            whole.amount_cents,
            notice.ente_name,
            whole.reason,
            whole.due_at.astimezone(ROME).date().isoformat(),
        )
        content = self.printed(payable, position.paper, notice.tax_code)
        return Done(documents=(_document(notice, position.name, whole.notice_number, content),))

    def printed(self, notice: PayableNotice, debtor: Debtor, tax_code: str) -> bytes:
        """The PDF; see `contracts.paying.Print`. Raises Misconfigured without a template as well."""
        request = self.http.build_request("POST", "/notices/generate", json=self.body(notice, debtor, tax_code))
        answer = send(self.http, request, unsafe=False, deadline_s=self.timeout_s, most_bytes=MOST_BYTES)
        if answer.status != 201:
            raise failure(answer, unsafe=False)
        if not answer.complete or not answer.body.startswith(b"%PDF-"):
            raise Deferred("pagopa.unreadable", "status 201, and no PDF")
        return answer.body

    def body(self, notice: PayableNotice, debtor: Debtor, tax_code: str) -> dict[str, Any]:
        """NoticeGenerationRequestItem. Raises Misconfigured without a template."""
        if self.template is None:
            raise Misconfigured("pagopa.no_template", "notice_template is not set")
        printed: dict[str, Any] = {
            "subject": notice.reason[:_SUBJECT],
            "code": notice.notice_number,
            "paymentAmount": notice.amount_cents,
        }
        if notice.due_on is not None:
            printed["dueDate"] = notice.due_on
        to = {
            "taxCode": tax_code,
            "fullName": debtor.full_name,
            "address": debtor.address,
            "buildingNumber": debtor.building_number,
            "city": debtor.city,
            "postalCode": debtor.postal_code,
            "province": debtor.province,
        }
        data = {"notice": printed, "creditorInstitution": {"taxCode": notice.creditor_tax_code}, "debtor": to}
        return {"templateId": self.template, "data": data}


def address(answer: Answer, given: object) -> str:
    """What was given in the answer, as one that may be called. Raises Deferred."""
    try:
        return _URL.validate_python(given)
    except ValidationError:
        raise Deferred("pagopa.unreadable", f"status {answer.status} without an address") from None


def _document(notice: Notice, position: str, number: str, content: bytes | None) -> ProviderDocument:
    title = _WORDS.get(notice.language[:2], _WORDS["it"]).format(notice.title)[:200].rstrip()
    made = (DOC_TYPE, title, f"avviso-{number}.pdf", "application/pdf", notice.created_at)
    return ProviderDocument(f"avviso-{position}", *made, content)
