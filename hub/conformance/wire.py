"""Requests to a hub under trial, and what its answers must look like whatever they say."""

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from hub.security.digest import digest_header

from .connection import Channel
from .draft import Built
from .receipts import receipt_of

MOST_WAIT_S: Final = 65.0
"""A window of a minute ends within it; what takes longer, as a daily quota does, is not waited for."""
_PROBLEM: Final = "application/problem+json"


class NoAnswer(Exception):
    """The hub gave none; the kind of the failure is its text."""


@dataclass(frozen=True, slots=True)
class Answer:
    response: httpx.Response
    took_s: float

    @property
    def status(self) -> int:
        return self.response.status_code

    def json(self) -> Any:
        try:
            return self.response.json()
        except ValueError:
            return None


class Wire:
    """Sends as it was built: nothing is added to what is signed, nothing is followed."""

    def __init__(self, client: httpx.Client, base: str, channel: Channel | None = None) -> None:
        self.client, self.base, self._channel = client, base, channel
        self.skew_s: int | None = None
        """The hub's Date less our clock, of the last answer."""

    def send(self, built: Built) -> Answer:
        """Raises NoAnswer."""
        started = time.perf_counter()
        try:
            client = self.client if self._channel is None else self._channel.client(built.shown, self.client)
            response = client.request(
                built.method, self.base + built.path, content=built.body, headers=list(built.headers)
            )
        except httpx.HTTPError as error:
            raise NoAnswer(type(error).__name__) from None
        if (date := response.headers.get("date")) is not None:
            try:
                self.skew_s = round(parsedate_to_datetime(date).timestamp() - time.time())
            except ValueError:
                self.skew_s = None
        return Answer(response, time.perf_counter() - started)


def seconds_to_wait(answer: Answer) -> float:
    """Of a 429: what Retry-After says."""
    told = answer.response.headers.get("retry-after", "")
    return float(told) if told.isdigit() else 1.0


def told_by(answer: Answer) -> str:
    """What a problem says of itself, and where (RFC 9457)."""
    content = answer.json()
    if not isinstance(content, dict):
        return ""
    errors = content.get("errors")
    places = [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    told = [content.get("code"), content.get("detail"), *(f"{one.get('pointer')} {one.get('code')}" for one in places)]
    return "".join(f"; {part}" for part in told if isinstance(part, str))[:500]


def problem_faults(answer: Answer) -> str:
    """What is wrong with an error's form (RAC_REST_NAME_008, RFC 9457); empty where nothing is."""
    media = answer.response.headers.get("content-type", "").partition(";")[0].strip()
    if media != _PROBLEM:
        return f"Content-Type is {media or 'missing'}, not {_PROBLEM}"
    content = answer.json()
    if not isinstance(content, dict):
        return "the problem is no JSON object"
    if content.get("status") != answer.status:
        return f"status in the body is {content.get('status')}"
    return "" if content.get("title") else "the problem has no title"


def receipt_faults(answer: Answer, wire: Wire, built: Built, *, iss: str, aud: str) -> str:
    """What is wrong with the hub's receipt (modi 1.8); empty where it is signed and tied to the request."""
    receipt = receipt_of(
        answer.response, wire.client, vendor_id=iss, audience=aud, request_digest=digest_header(built.body)
    )
    return "" if receipt.verified else f"receipt: {receipt.detail}"
