"""GPD's answers and statuses, and what comes of them (`spec/pagopa.md`, "Status machine", "Errors")."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from connectors.base.http import Answer, retry_after
from contracts.failures import Deferred, Failure, Misconfigured, Rejected, Unconfirmed

Row = tuple[type[Failure], str]
Standing = Literal["draft", "open", "lapsed", "closed", "paid"]

# `lapsed` may be updated and so be opened again (v1: EXPIRED); `closed` may not.
STANDINGS: Mapping[str, Standing] = {
    "DRAFT": "draft",
    "PUBLISHED": "open",
    "VALID": "open",
    "EXPIRED": "lapsed",
    "INVALID": "closed",
    "PARTIALLY_PAID": "paid",
    "PAID": "paid",
    "REPORTED": "paid",
    # v3 says no more than that it cannot be paid: an update shows whether it had expired only.
    "UNPAYABLE": "lapsed",
}

# What any service of the platform means by these. 404, 409 and 422 are each call's own matter.
COMMON: Mapping[int, Row] = {
    400: (Rejected, "pagopa.bad_request"),
    401: (Misconfigured, "pagopa.key_refused"),
    403: (Misconfigured, "pagopa.not_authorised"),
    405: (Misconfigured, "pagopa.not_the_api"),
    408: (Deferred, "pagopa.busy"),
    409: (Rejected, "pagopa.conflict"),
    413: (Rejected, "pagopa.bad_request"),
    415: (Misconfigured, "pagopa.not_the_api"),
    422: (Rejected, "pagopa.unprocessable"),
    429: (Deferred, "pagopa.busy"),
}

_NOT_THE_API = "pagopa.not_the_api"
_WAIT_IN_TEXT = re.compile(r"try again in ([0-9]{1,5}) second", re.IGNORECASE)
# GPD has no codes, and its sentences may repeat what was sent: only what they are about is told.
_ABOUT = {
    "iban": "the IBAN",
    "taxonomy": "the taxonomy category",
    "category": "the taxonomy category",
    "validity": "the validity date",
    "due": "the due date",
    "retention": "the retention date",
    "amount": "the amounts",
    "stamp": "the stamp",
    "transfer": "the transfers",
}


def failure(answer: Answer, *, unsafe: bool) -> Failure:
    """What an answer means that is neither success nor the call's own matter. `unsafe`: it may have been acted upon.

    A 404 then is the gateway's, or a web server's: an address is wrong in the settings.
    """
    if answer.status == 404:
        if not answer.complete:
            return Deferred("pagopa.unavailable", "status 404, cut")
        return Misconfigured(_NOT_THE_API, "status 404")
    if 300 <= answer.status < 500:
        fallback: Row = (Rejected, "pagopa.bad_request") if answer.status >= 400 else (Misconfigured, _NOT_THE_API)
    else:
        fallback = (Unconfirmed, "pagopa.no_clear_answer") if unsafe else (Deferred, "pagopa.unavailable")
    kind, reason = COMMON.get(answer.status, fallback)
    detail = f"status {answer.status}"
    if kind is Deferred:
        return Deferred(reason, detail, after=wish(answer))
    if kind is Rejected and (about := _about(answer)) is not None:
        detail += f", about {about}"
    return kind(reason, detail)


def speaks_gpd(answer: Answer) -> bool:
    """Whether a 404 comes from the service itself: a problem, and not the gateway's form and not a web page."""
    return answer.object().get("status") == 404


def wish(answer: Answer) -> timedelta | None:
    """How long we are asked to wait: the header, else the number in the gateway's sentence, else None."""
    told = retry_after(answer)
    if told is None:
        said = answer.object()
        found = _WAIT_IN_TEXT.search(f"{said.get('message')} {said.get('detail')}")
        told = timedelta(seconds=int(found[1])) if found else None
    return told


def _about(answer: Answer) -> str | None:
    said = str(answer.object().get("detail", "")).lower()
    return next((about for word, about in _ABOUT.items() if word in said), None)
