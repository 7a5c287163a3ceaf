"""ETags of the feed's answers: what each is made of, what If-Match and If-None-Match compare."""

import hashlib
from typing import Any

from starlette.responses import Response

from hub.feed.answers import Whole, as_json

from .exchange import Exchange


def if_match(exchange: Exchange) -> str | None:
    """The tag a change is made on; None for any."""
    header = exchange.request.headers.get("if-match")
    if header is None or header.strip() == "*":
        return None
    return header.strip().strip('"').partition("-")[0]


def tag_of(whole: Whole, body: bytes) -> str:
    """Before the dash, what If-Match compares; after it, what else the answer shows (deliveries)."""
    return f'"{whole.tag}-{hashlib.sha256(body).hexdigest()[:16]}"'


def tagged(exchange: Exchange, view: dict[str, Any]) -> Response:
    """The view, with the tag of all that it says."""
    body = as_json(view)
    return with_tag(exchange, view_tag(body), body)


def view_tag(body: bytes) -> str:
    """The tag of all that a body says."""
    return f'"{hashlib.sha256(body).hexdigest()[:24]}"'


def with_tag(exchange: Exchange, tag: str, body: bytes) -> Response:
    """The answer, or 304 to whom its tag is known."""
    exchange.headers["Cache-Control"] = "private, no-cache"
    if exchange.is_known(tag):
        return Response(status_code=304)
    return Response(body, media_type="application/json")
