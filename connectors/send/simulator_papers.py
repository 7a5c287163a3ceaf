"""The papers of the simulated SEND: the timeline that names them, and their downloads."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .simulator_model import Requests, problem
from .simulator_payments import paid_elements

_AAR = "AAR"
# What is made when a notification comes to a state: the elements of the timeline, that which changes it first, and the
# legal fact of each.
_MADE: Mapping[str, tuple[tuple[str, str | None], ...]] = {
    "ACCEPTED": (("REQUEST_ACCEPTED", "SENDER_ACK"),),
    "DELIVERING": (("AAR_GENERATION", _AAR),),
    "DELIVERED": (("DIGITAL_SUCCESS_WORKFLOW", "DIGITAL_DELIVERY"),),
    "EFFECTIVE_DATE": (("REFINEMENT", None),),
    "UNREACHABLE": (("COMPLETELY_UNREACHABLE", "ANALOG_FAILURE_DELIVERY"),),
    "VIEWED": (("NOTIFICATION_VIEWED", "RECIPIENT_ACCESS"),),
    "CANCELLED": (("NOTIFICATION_CANCELLED", "NOTIFICATION_CANCELLED"),),
}
# The same where there is no digital domicile.
_BY_POST: Mapping[str, tuple[tuple[str, str | None], ...]] = {
    "DELIVERING": (("AAR_GENERATION", _AAR), ("DIGITAL_FAILURE_WORKFLOW", None), ("SEND_ANALOG_DOMICILE", None)),
    "DELIVERED": (("ANALOG_SUCCESS_WORKFLOW", "ANALOG_DELIVERY"),),
}


class Papers:
    """`archived`: how often a paper is still being fetched from the archive when it is asked for."""

    def __init__(self, ledger: Requests, archived: int) -> None:
        self.ledger = ledger
        self.archived = archived
        self.asked: Counter[str] = Counter()

    def timeline(self, entry: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Of a notification, as it stands."""
        made = [element for status, at in entry["history"] for element in made_of(entry, status, at)]
        return made + paid_elements(entry)

    async def metadata(self, request: Request) -> Response:
        """Where a paper is, or how long it takes to get it from the archive."""
        iun, key = request.path_params["iun"], request.path_params["key"]
        entry = self.ledger.by_iun(iun)
        if entry is None or key not in {_plain(name) for name in self._keys(entry)}:
            return problem(404, "PN_DELIVERYPUSH_LEGALFACT_NOT_FOUND")
        found: dict[str, Any] = {"filename": key, "contentLength": len(_content(key))}
        self.asked[key] += 1
        if self.asked[key] <= self.archived:
            return JSONResponse(found | {"retryAfter": 1})
        return JSONResponse(found | {"url": f"{request.url.scheme}://{request.url.netloc}/_papers/{key}?signature=s"})

    def _keys(self, entry: Mapping[str, Any]) -> list[str]:
        found = self.timeline(entry)
        facts = [each["key"] for element in found for each in element["legalFactsIds"]]
        return [*facts, *(each["details"]["generatedAarUrl"] for each in found if each["category"] == "AAR_GENERATION")]

    async def content(self, request: Request) -> Response:
        """The paper, of a store that knows nobody's key."""
        headers, key = request.headers, request.path_params["key"]
        if request.query_params.get("signature") != "s" or "x-api-key" in headers or "authorization" in headers:
            return Response(status_code=403)
        return Response(_content(key), media_type="application/pdf")


def made_of(entry: Mapping[str, Any], status: str, at: str) -> list[dict[str, Any]]:
    """The elements that a notification got when it came to that state."""
    by_post = "digitalDomicile" not in entry["request"]["recipients"][0]
    made = (by_post and _BY_POST.get(status)) or _MADE.get(status, ())
    return [_element(entry["iun"], category, fact, at) for category, fact in made]


def _element(iun: str, category: str, fact: str | None, at: str) -> dict[str, Any]:
    kind = "PN_AAR" if fact == _AAR else "PN_LEGAL_FACTS"
    key = f"safestorage://{kind}-{hashlib.sha256(f'{iun} {category}'.encode()).hexdigest()[:32]}.pdf"
    element = {
        "elementId": f"{category}.IUN_{iun}",
        "timestamp": at,
        "eventTimestamp": at,
        "category": category,
        "legalFactsIds": [{"key": key, "category": fact}] if fact not in (None, _AAR) else [],
    }
    details = {"recIndex": 0, "generatedAarUrl": key, "numberOfPages": 1}
    return element | ({"details": details} if fact == _AAR else {})


def _plain(key: str) -> str:
    return key.removeprefix("safestorage://")


def _content(key: str) -> bytes:
    return f"%PDF-1.7 simulated {key}".encode()
