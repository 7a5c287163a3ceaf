"""The three calls of an App IO delivery: may we write to this person, write, what became of it.

The memos: {}, then {"step": "send"} (announced as unsafe), then {"step": "status", "message_id", "checks"} (accepted),
the last one as often as `status_checks` says. What is asked after that, whether it was read and paid, is in
`follow_up.py`.
"""

from collections.abc import Iterator, Mapping
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

from .follow_up import Following
from .mapping import (
    KEY_HEADER,
    Service,
    message_id,
    new_message,
    outcome_of,
    profile_failure,
    recipient,
    send_failure,
    status_delay,
    wish,
)

# IO's own test recipient: the code of nobody (no one is born on day 00), good for trying out a key.
TEST_RECIPIENT = "AAAAAA00A00A000A"


@dataclass(frozen=True, slots=True)
class Services:
    """The services at IO: each of its own by the code in the catalogue, and the one for all else."""

    others: Service
    own: Mapping[str, Service]

    def of(self, notice: Notice) -> Service:
        """The one that a notice goes out by."""
        return self.own.get(notice.service_id or "", self.others)

    def scope(self, notice: Notice) -> str:
        """Its name in the feed of subscriptions; empty for the one for all else."""
        name = notice.service_id or ""
        return name if name in self.own else ""

    def all(self) -> Iterator[tuple[str, Service]]:
        """Each with its code; empty for the one for all else."""
        yield "", self.others
        yield from self.own.items()


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
    """The steps, over a client that all services share."""

    http: httpx.Client
    services: Services
    timeout_s: float
    status_checks: int
    status_delay_s: float
    following: Following
    trusts_feed: bool = False
    """Whom the feed of subscriptions names is not asked for: IO's own guide says that it takes the question's place."""

    def advance(self, notice: Notice, memo: Memo) -> Done | Continue:
        """One step; see `contracts.connector.Advance`."""
        match _step(memo):
            case AskProfile():
                return self._ask_profile(notice)
            case SendMessage():
                return self._send_message(notice)
            case AskStatus() as step:
                return self._ask_status(notice, step)

    def follow_up(self, notice: Notice, memo: Memo) -> Done | Continue:
        """What has become of a message that was delivered; see `contracts.connector.FollowUp`."""
        return self.following.answered(notice, memo, lambda message_id: self._status(notice, message_id))

    def preview(self, notice: Notice) -> tuple[Preview, ...]:
        """The question whether we may write, and the message. The key goes in a header of both, and is not shown."""
        profile, message = {"fiscal_code": recipient(notice)}, new_message(notice, self.services.of(notice))
        return self._shown("/profiles", profile), self._shown("/messages", message)

    def check(self) -> str:
        """Ask for the profile of IO's test recipient: whether it exists does not matter, that we may ask does."""
        for name, service in self.services.all():
            answer = self._profile(TEST_RECIPIENT, service)
            failure = None if answer.status == 200 else profile_failure(answer)
            if failure is not None and not isinstance(failure, Skipped):
                raise type(failure)(failure.reason, f"service {name}: {failure.detail}") if name else failure
        return "App IO answers and accepts the key."

    def _ask_profile(self, notice: Notice) -> Continue:
        if self.trusts_feed and self.services.scope(notice) in notice.unreached:
            raise Skipped("io.sender_not_allowed", "as the feed of subscriptions says")
        answer = self._profile(recipient(notice), self.services.of(notice))
        if answer.status != 200:
            raise profile_failure(answer)
        allowed = answer.object().get("sender_allowed")
        if allowed is False:
            raise Skipped("io.sender_not_allowed")
        if allowed is not True:
            raise Deferred("io.unreadable", "the profile does not say sender_allowed")
        return Continue(SendMessage().model_dump(), unsafe=True)

    def _send_message(self, notice: Notice) -> Done | Continue:
        service = self.services.of(notice)
        message = new_message(notice, service)
        answer = self._call(service, "POST", "/messages", message, unsafe=True)
        if answer.status != 201:
            raise send_failure(answer, message)
        name = message_id(answer)
        if name is None:
            raise Unconfirmed("io.unreadable", "status 201 without an id")
        return self._await(notice, AskStatus(message_id=name))

    def _ask_status(self, notice: Notice, step: AskStatus) -> Done | Continue:
        """Never Deferred: IO has the message, and no trouble of this question changes that."""
        asked = step.model_copy(update={"checks": step.checks + 1})
        try:
            answer = self._status(notice, step.message_id)
        except Deferred:
            return self._await(notice, asked)
        if answer.status in (401, 403):
            raise Misconfigured("io.key_refused", f"status {answer.status}")
        # 404 just after 201 may only mean that IO's parts have not heard of each other yet.
        status = answer.object().get("status") if answer.status == 200 else None
        match outcome_of(status):
            case "wait":
                return self._await(notice, asked, told=wish(answer))
            case "done":
                return Done(step.message_id, "processed", follow_up=self._later(notice, step, settled=True))
            case (kind, reason):
                raise kind(reason)

    def _await(self, notice: Notice, step: AskStatus, told: timedelta | None = None) -> Done | Continue:
        if step.checks >= self.status_checks:
            later = self._later(notice, step, settled=False)
            return Done(step.message_id, "accepted, status unknown", follow_up=later)
        delay = status_delay(step.checks, self.status_delay_s)
        return Continue(step.model_dump(), after=max(delay, told or delay), accepted=True)

    def _later(self, notice: Notice, step: AskStatus, *, settled: bool) -> Continue | None:
        service = self.services.of(notice)
        payment = "payment_data" in new_message(notice, service)["content"]
        return self.following.first(step.message_id, advanced=service.advanced, payment=payment, settled=settled)

    def _profile(self, fiscal_code: str, service: Service) -> Answer:
        # POST and not GET /profiles/{fiscal_code}: the tax code then stays out of URLs and of everybody's logs.
        return self._call(service, "POST", "/profiles", {"fiscal_code": fiscal_code})

    def _status(self, notice: Notice, message_id: str) -> Answer:
        # The only call whose URL has to hold the tax code; connectors.base.http logs no URL.
        return self._call(self.services.of(notice), "GET", f"/messages/{recipient(notice)}/{message_id}")

    def _shown(self, path: str, body: Mapping[str, object]) -> Preview:
        return Preview(f"POST {self.http.build_request('POST', path).url}", fields_of(body))

    def _call(self, service: Service, method: str, path: str, body: object = None, *, unsafe: bool = False) -> Answer:
        request = self.http.build_request(method, path, json=body, headers={KEY_HEADER: service.key})
        return send(self.http, request, unsafe=unsafe, deadline_s=self.timeout_s)


def _step(memo: Memo) -> AskProfile | SendMessage | AskStatus:
    try:
        return _STEPS.validate_python({"step": "profile"} | memo)
    except ValidationError:
        # Written by another version: whether the message has left cannot be told.
        raise Unconfirmed("io.memo_unknown") from None
