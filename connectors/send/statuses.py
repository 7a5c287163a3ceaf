"""SEND's words as tables (`spec/send.md`): why a request was refused, where a notification stands."""

from collections.abc import Mapping, Sequence
from typing import Literal

from contracts.failures import Failure, Rejected
from contracts.inbound import ReportedEvent

Wait = Literal["wait"]

# Whether another request with a new token may do without anybody correcting something. Of a code that is not here a
# person has to find out.
TRANSIENT: Mapping[str, bool] = {
    "FILE_NOTFOUND": False,
    "FILE_SHA_ERROR": False,
    "FILE_PDF_INVALID_ERROR": False,
    "FILE_PDF_TOOBIG_ERROR": False,
    "TAXID_NOT_VALID": False,
    "NOT_VALID_ADDRESS": False,
    "ADDRESS_NOT_FOUND": False,
    "ADDRESS_SEARCH_FAILED": False,
    "PAYMENT_NOT_VALID": False,
    "F24_METADATA_NOT_VALID": False,
    "RECIPIENT_ID_NOT_VALID": False,
    "SERVICE_UNAVAILABLE": True,
}

# Where a notification stands -> what is reported of its delivery; None: nothing that its sender has to act upon.
REPORTED: Mapping[str, tuple[ReportedEvent, str] | None] = {
    "IN_VALIDATION": None,
    "ACCEPTED": None,
    "REFUSED": None,
    "DELIVERING": None,
    "DELIVERED": ("delivered", ""),
    "EFFECTIVE_DATE": None,
    "VIEWED": ("read", ""),
    "PAID": ("paid", ""),
    "UNREACHABLE": ("failed", "send.unreachable"),
    "RETURNED_TO_SENDER": ("failed", "send.returned_to_sender"),
    "CANCELLED": ("failed", "send.cancelled"),
}

# The same where the connector itself asks until the end.
FOLLOWED: Mapping[str, Wait | Literal["done"] | tuple[type[Failure], str]] = {
    "IN_VALIDATION": "wait",
    "ACCEPTED": "wait",
    "DELIVERING": "wait",
    "DELIVERED": "done",
    "EFFECTIVE_DATE": "done",
    "VIEWED": "done",
    "PAID": "done",
    "REFUSED": (Rejected, "send.refused.unknown"),
    "UNREACHABLE": (Rejected, "send.unreachable"),
    "RETURNED_TO_SENDER": (Rejected, "send.returned_to_sender"),
    "CANCELLED": (Rejected, "send.cancelled"),
}


def is_transient(found: Sequence[str]) -> bool:
    """Whether all that a request was refused for may pass by itself."""
    return bool(found) and all(TRANSIENT.get(code, False) for code in found)


def refusal(found: Sequence[str]) -> Rejected:
    """Of a request that needs a correction: the first code that does is the reason, all of them the detail."""
    first = next((code for code in found if not TRANSIENT.get(code, False)), found[0] if found else "UNKNOWN")
    return Rejected(f"send.refused.{first.lower()}", ",".join(found[:10]))
