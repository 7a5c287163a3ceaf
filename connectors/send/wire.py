"""Calls to SEND's API, and what its answers mean where they are no success."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from connectors.base.http import MAX_RETRY_AFTER, Answer, retry_after, send
from contracts.failures import Deferred, Failure, Misconfigured, Rejected, Unconfirmed
from contracts.proving import Proof

SENT = "/delivery/v2.9/notifications/sent"
"""And the IUN: a notification as it stands, with its timeline."""

Row = tuple[type[Failure], str]

# Any call. What is not here: the API is not there (other 3xx and 4xx), or is unwell (5xx).
STATUSES: Mapping[int, Row] = {
    400: (Rejected, "send.bad_request"),
    401: (Misconfigured, "send.key_refused"),
    403: (Misconfigured, "send.key_refused"),
    408: (Deferred, "send.busy"),
    413: (Rejected, "send.bad_request"),
    422: (Rejected, "send.bad_request"),
    429: (Deferred, "send.busy"),
}
# Codes of a problem that say more than its status.
PROBLEMS: Mapping[str, Row] = {
    "PN_DELIVERY_NOTIFICATION_LIMIT_EXCEEDED": (Deferred, "send.quota"),
    "PN_DELIVERY_SEND_IS_DISABLED": (Misconfigured, "send.sender_disabled"),
}
QUOTA_WAIT = timedelta(hours=1)
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,79}")


@dataclass(frozen=True, slots=True)
class Wire:
    """The client that bears the key; `proof` adds the voucher."""

    http: httpx.Client
    proof: Proof | None
    timeout_s: float

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        params: Mapping[str, str] | None = None,
        *,
        unsafe: bool = False,
    ) -> Answer:
        """One call. Raises as `connectors.base.http.send`."""
        request = self.http.build_request(method, path, json=body, params=params)
        return send(self.http, request, unsafe=unsafe, deadline_s=self.timeout_s, proof=self.proof)

    def sent(self, iun: str) -> Answer:
        """A notification as it stands: its answer, or 400 and 404 where there is none, as there may be none yet of one
        just accepted. Raises what any other answer means, and as `call`."""
        answer = self.call("GET", f"{SENT}/{iun}")
        if answer.status not in (200, 400, 404):
            raise failure(answer)
        return answer


def objects(found: Any) -> list[dict[str, Any]]:
    """The objects of what should be an array of them; what else is in it is left out."""
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def codes(problem: Mapping[str, Any]) -> tuple[str, ...]:
    """The codes of SEND's list of errors: names of faults, never what stands beside them, which repeats our data."""
    found = [each.get("code") for each in objects(problem.get("errors"))]
    return tuple(code if isinstance(code, str) and _CODE.fullmatch(code) else "UNKNOWN" for code in found)


def is_problem(answer: Answer) -> bool:
    """Whether an answer is in SEND's own form of errors: else a mistyped address, where everything is 404, would pass
    for SEND without what was asked for."""
    return isinstance(answer.object().get("errors"), list)


def failure(answer: Answer, *, unsafe: bool = False) -> Failure:
    """What an answer other than the one hoped for means; after an `unsafe` call a fault of the server's leaves open
    whether it took the request."""
    problem = codes(answer.object())
    for code in problem:
        if code in PROBLEMS:
            kind, reason = PROBLEMS[code]
            return Deferred(reason, after=QUOTA_WAIT) if kind is Deferred else kind(reason)
    row = STATUSES.get(answer.status)
    if row is None:
        if 300 <= answer.status < 500:
            return Misconfigured("send.not_the_api", f"status {answer.status}")
        kind = Unconfirmed if unsafe else Deferred
        row = (kind, "send.unavailable")
    kind, reason = row
    detail = f"status {answer.status}" + (f" {','.join(problem[:5])}" if problem else "")
    return Deferred(reason, detail, after=retry_after(answer)) if kind is Deferred else kind(reason, detail)


def milliseconds(answer: Answer) -> timedelta | None:
    """The wait that the stream asks for: its `retry-after` is in milliseconds, unlike everybody else's."""
    value = answer.headers.get("retry-after", "").strip()
    if not re.fullmatch(r"[0-9]{1,12}", value):
        return None
    return min(timedelta(milliseconds=int(value)), MAX_RETRY_AFTER)
