"""What the simulated node knows: how a station's answers must be, and what it has done (the ledger).

Written from the schema and spec/pagopa.md, and not with the station's own writers, so that one's mistake is not the
other's.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from connectors.base.ledger import Ledger

from .sampling import REQUESTS
from .soap import ENVELOPE, PA
from .xml import Node, Unreadable, parse

Shape = Sequence[tuple[str, bool, "str | Shape"]]
"""The children of an element in their order: name, whether it must be there, and its text's pattern or its children."""

_TEXT: Final = r".{1,140}"
_AMOUNT: Final = r"[0-9]{1,9}\.[0-9]{2}"
_DAY: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_BODY: Final = r"[0-9]{11}"
_WHO: Final[Shape] = (
    ("entityUniqueIdentifierType", True, "[FG]"),
    ("entityUniqueIdentifierValue", True, r"[A-Z0-9]{2,16}"),
)
_SUBJECT: Final[Shape] = (("uniqueIdentifier", True, _WHO), ("fullName", True, r".{1,70}"))
_TRANSFER: Final[Shape] = (
    ("idTransfer", True, "[1-5]"),
    ("transferAmount", True, _AMOUNT),
    ("fiscalCodePA", True, _BODY),
    ("IBAN", True, r"[A-Z0-9]{1,35}"),
    ("remittanceInformation", True, _TEXT),
    ("transferCategory", True, _TEXT),
)
_STAMP: Final[Shape] = (
    ("hashDocumento", True, r".{1,72}"),
    ("tipoBollo", True, r"[0-9]{2}"),
    ("provinciaResidenza", True, r"[A-Z]{2}"),
)
_TRANSFER_V2: Final[Shape] = (
    *_TRANSFER[:3],
    ("IBAN", False, r"[A-Z0-9]{1,35}"),  # one of the two: see `_check`
    ("richiestaMarcaDaBollo", False, _STAMP),
    *_TRANSFER[4:],
)
_FAULT: Final[Shape] = (
    ("faultCode", True, r"PAA_[A-Z_]+"),
    ("faultString", True, r".+"),
    ("id", True, r".+"),
    ("description", False, r".+"),
)
_RESPONSE: Final[Shape] = (("outcome", True, "OK|KO"), ("fault", False, _FAULT))
_OPTION: Final[Shape] = (
    ("amount", True, _AMOUNT),
    ("options", True, "EQ|LS|GT|ANY"),
    ("dueDate", False, _DAY),
    ("detailDescription", False, _TEXT),
    ("allCCP", True, "true|false"),
)
_OWED: Final[Shape] = (
    ("paymentList", False, (("paymentOptionDescription", True, _OPTION),)),
    ("paymentDescription", False, _TEXT),
    ("fiscalCodePA", False, _BODY),
    ("companyName", False, _TEXT),
    ("officeName", False, _TEXT),
)
_CODE: Final[Shape] = (("fiscalCode", True, _BODY), ("noticeNumber", True, r"[0-9]{18}"))
_DATA: Final[Shape] = (
    ("creditorReferenceId", True, r"[0-9]{15,17}"),
    ("paymentAmount", True, _AMOUNT),
    ("dueDate", True, _DAY),
    ("description", True, _TEXT),
    ("companyName", False, _TEXT),
    ("officeName", False, _TEXT),
    ("debtor", True, _SUBJECT),
    ("transferList", True, (("transfer", True, _TRANSFER),)),
)
_DATA_V2: Final[Shape] = (*_DATA[:-1], ("transferList", True, (("transfer", True, _TRANSFER_V2),)))
_ANSWERS: Final[Mapping[str, tuple[str, Shape]]] = {
    "paVerifyPaymentNotice": ("paVerifyPaymentNoticeRes", (*_RESPONSE, *_OWED)),
    "paGetPayment": ("paGetPaymentRes", (*_RESPONSE, ("data", False, _DATA))),
    "paGetPaymentV2": ("paGetPaymentV2Response", (*_RESPONSE, ("data", False, _DATA_V2))),
    "paDemandPaymentNotice": ("paDemandPaymentNoticeResponse", (*_RESPONSE, ("qrCode", False, _CODE), *_OWED)),
    "paSendRT": ("paSendRTRes", _RESPONSE),
    "paSendRTV2": ("paSendRTV2Response", _RESPONSE),
}
_TERMS: Final = frozenset({"paymentList", "paymentDescription", "fiscalCodePA", "companyName"})
_WITH_OK: Final[Mapping[str, frozenset[str]]] = {
    "paVerifyPaymentNotice": _TERMS,
    "paDemandPaymentNotice": _TERMS | {"qrCode"},
}
"""What the schema does not ask for, and an answer with OK has to have (SANP, primitives of the creditor)."""
assert set(_ANSWERS) == set(REQUESTS)


class NotOk(Exception):
    """The station refuses, with its fault code; or PPT_STAZIONE_INT_PA_ERRORE_RESPONSE, where the answer is none."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code} {detail}".strip())
        self.code = code


def read_answer(operation: str, status: int, media_type: str, body: bytes) -> dict[str, Any]:
    """What the station answered. Raises NotOk."""
    if status != 200 or media_type.partition(";")[0].strip() != "text/xml":
        raise _broken(f"status {status}, {media_type}")
    try:
        root = parse(body)
    except Unreadable as error:
        raise _broken(str(error)) from None
    name, shape = _ANSWERS[operation]
    answer = root.children[-1].children[0] if root.children and root.children[-1].children else root
    if (root.space, root.name) != (ENVELOPE, "Envelope") or (answer.space, answer.name) != (PA, name):
        raise _broken("not the envelope of the answer")
    _check(answer, shape)
    plain: dict[str, Any] = answer.plain()
    if plain["outcome"] == "KO":
        raise NotOk(plain["fault"]["faultCode"] if "fault" in plain else "PPT_STAZIONE_INT_PA_ERRORE_RESPONSE")
    if missing := sorted(_WITH_OK.get(operation, frozenset()) - plain.keys()):
        raise _broken(f"OK without {missing[0]}")
    return plain


def _check(element: Node, shape: Shape) -> None:
    left = list(element.children)
    if shape is _TRANSFER_V2 and sum(child.name in ("IBAN", "richiestaMarcaDaBollo") for child in left) != 1:
        raise _broken("a transfer has an IBAN or a stamp")
    for name, needed, inner in shape:
        most = 5 if name == "transfer" else 1
        count = 0
        while left and left[0].name == name and count < most:
            child, count = left.pop(0), count + 1
            if child.space:
                raise _broken(f"{name} is qualified")
            if not isinstance(inner, str):
                _check(child, inner)
            elif child.children or re.fullmatch(inner, child.text, re.DOTALL) is None:
                raise _broken(f"{name} is not as the schema says")
        if needed and not count:
            raise _broken(f"{name} is missing")
    if left:
        raise _broken(f"{left[0].name} has no place there")


def _broken(detail: str) -> NotOk:
    return NotOk("PPT_STAZIONE_INT_PA_ERRORE_RESPONSE", detail)


class Events(Ledger):
    """What was paid, delivered and reported."""

    def add(self, event: str, **fields: Any) -> dict[str, Any]:
        """Keep what happened now; it is on the disk when this returns."""
        entry = {"event": event, "at": datetime.now(UTC).isoformat()} | fields
        self.append(entry)
        return entry

    def of(self, event: str) -> list[dict[str, Any]]:
        """The lines of that event, in order."""
        return [line for line in self.entries if line["event"] == event]

    @property
    def unreported(self) -> list[dict[str, Any]]:
        """What was paid and stands in no flow yet."""
        reported = {receipt_id for flow in self.of("flow") for receipt_id in flow["receipt_ids"]}
        return [line for line in self.of("paid") if line["receipt_id"] not in reported]
