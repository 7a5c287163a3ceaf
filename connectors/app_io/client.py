"""The three calls of an App IO delivery: may we write to this person, write, what became of it.

The memos: {}, then {"step": "send"} (announced as unsafe), then {"step": "status", "message_id", "checks"} (accepted),
the last one as often as `status_checks` says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

import httpx
from pydantic import Field, TypeAdapter, ValidationError

from connectors.base.http import Answer, send
from connectors.base.previewing import fields_of
from contracts.base import Model
from contracts.connector import Continue, Done, Memo, Notice, Preview
from contracts.failures import Deferred, Misconfigured, Skipped, Unconfirmed

from .mapping import (
    STATUS,
    Service,
    message_id,
    new_message,
    profile_failure,
    recipient,
    send_failure,
    status_delay,
    wish,
)

# IO's own test recipient: the code of nobody (no one is born on day 00), good for trying out a key.
TEST_RECIPIENT = "AAAAAA00A00A000A"


class AskProfile(Model):
    """Nothing done yet."""

    step: Literal["profile"] = "profile"


class SendMessage(Model):
    """IO lets us write to this person."""

    step: Literal["send"] = "send"


class AskStatus(Model):
    """IO took the message; `checks` questions for its status have been asked."""

    step: Literal["status"] = "status"
    message_id: str
    checks: Annotated[int, Field(ge=0)] = 0


_Step = Annotated[AskProfile | SendMessage | AskStatus, Field(discriminator="step")]
_STEPS: TypeAdapter[AskProfile | SendMessage | AskStatus] = TypeAdapter(_Step)


@dataclass(frozen=True, slots=True)
class AppIo:
    """The steps, over a client that bears the service's key."""

    http: httpx.Client
    service: Service
    timeout_s: float
    status_checks: int
    status_delay_s: float

    def advance(self, notice: Notice, memo: Memo) -> Done | Continue:
        """One step; see `contracts.connector.Advance`."""
        match _step(memo):
            case AskProfile():
                return self._ask_profile(notice)
            case SendMessage():
                return self._send_message(notice)
            case AskStatus() as step:
                return self._ask_status(notice, step)

    def preview(self, notice: Notice) -> tuple[Preview, ...]:
        """The question whether we may write, and the message. The key goes in a header of both, and is not shown."""
        profile, message = {"fiscal_code": recipient(notice)}, new_message(notice, self.service)
        return self._shown("/profiles", profile), self._shown("/messages", message)

    def check(self) -> str:
        """Ask for the profile of IO's test recipient: whether it exists does not matter, that we may ask does."""
        answer = self._profile(TEST_RECIPIENT)
        failure = None if answer.status == 200 else profile_failure(answer)
        if failure is not None and not isinstance(failure, Skipped):
            raise failure
        return "App IO answers and accepts the key."

    def _ask_profile(self, notice: Notice) -> Continue:
        answer = self._profile(recipient(notice))
        if answer.status != 200:
            raise profile_failure(answer)
        allowed = answer.object().get("sender_allowed")
        if allowed is False:
            raise Skipped("io.sender_not_allowed")
        if allowed is not True:
            raise Deferred("io.unreadable", "the profile does not say sender_allowed")
        return Continue(SendMessage().model_dump(), unsafe=True)

    def _send_message(self, notice: Notice) -> Done | Continue:
        message = new_message(notice, self.service)
        answer = self._call("POST", "/messages", message, unsafe=True)
        if answer.status != 201:
            raise send_failure(answer, with_payment="payment_data" in message["content"])
        name = message_id(answer)
        if name is None:
            raise Unconfirmed("io.unreadable", "status 201 without an id")
        return self._await(AskStatus(message_id=name))

    def _ask_status(self, notice: Notice, step: AskStatus) -> Done | Continue:
        """Never Deferred: IO has the message, and no trouble of this question changes that."""
        asked = step.model_copy(update={"checks": step.checks + 1})
        try:
            # The only call whose URL has to hold the tax code; connectors.base.http logs no URL.
            answer = self._call("GET", f"/messages/{recipient(notice)}/{step.message_id}")
        except Deferred:
            return self._await(asked)
        if answer.status in (401, 403):
            raise Misconfigured("io.key_refused", f"status {answer.status}")
        # 404 just after 201 may only mean that IO's parts have not heard of each other yet.
        status = answer.object().get("status") if answer.status == 200 else None
        match STATUS.get(status, "wait") if isinstance(status, str) else "wait":
            case "wait":
                return self._await(asked, told=wish(answer))
            case "done":
                return Done(step.message_id, "processed")
            case (kind, reason):
                raise kind(reason)

    def _await(self, step: AskStatus, told: timedelta | None = None) -> Done | Continue:
        if step.checks >= self.status_checks:
            return Done(step.message_id, "accepted, status unknown")
        delay = status_delay(step.checks, self.status_delay_s)
        return Continue(step.model_dump(), after=max(delay, told or delay), accepted=True)

    def _profile(self, fiscal_code: str) -> Answer:
        # POST and not GET /profiles/{fiscal_code}: the tax code then stays out of URLs and of everybody's logs.
        return self._call("POST", "/profiles", {"fiscal_code": fiscal_code})

    def _shown(self, path: str, body: Mapping[str, object]) -> Preview:
        return Preview(f"POST {self.http.build_request('POST', path).url}", fields_of(body))

    def _call(self, method: str, path: str, body: object = None, *, unsafe: bool = False) -> Answer:
        request = self.http.build_request(method, path, json=body)
        return send(self.http, request, unsafe=unsafe, deadline_s=self.timeout_s)


def _step(memo: Memo) -> AskProfile | SendMessage | AskStatus:
    try:
        return _STEPS.validate_python({"step": "profile"} | memo)
    except ValidationError:
        # Written by another version: whether the message has left cannot be told.
        raise Unconfirmed("io.memo_unknown") from None
