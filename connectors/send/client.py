"""The steps of a notification: addresses for the files, each file, the request, was it accepted; or its cancellation.

What SEND accepts under an IUN is `Done`: the delivery is with the provider for good, and what becomes of it with the
person comes as reports (`stream.py`). With `follow=poll` it waits here instead.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from connectors.base.http import MAX_RETRY_AFTER, Answer
from connectors.base.previewing import fields_of
from contracts.connector import Continue, Done, Legal, Memo, Notice, Preview
from contracts.failures import Deferred, Misconfigured, Rejected, Skipped

from .config import Settings
from .mapping import checked, enclosed, new_request, preload_request, token
from .memos import Cancel, Cancelled, Follow, Preload, Request, Slot, Status, Step, Stored, Upload, memo_of, step_of
from .questions import Questions
from .statuses import FOLLOWED, is_transient, refusal
from .steps import steps_of
from .uploads import Expired, Uploads
from .wire import SENT, Wire, codes, failure, is_problem, objects

PRELOAD = "/delivery/attachments/preload"
REQUESTS = "/delivery/v2.6/requests"
CANCEL = "/delivery-push/v2.0/notifications/cancel"

WITHDRAWN = "item.withdrawn"
"""The reason for which the hub, too, skips what was taken back."""

URL_LIFE_S = 3300
"""Of an upload's address, which SEND gives for an hour: five minutes are left for the upload itself."""
MOST_TRIES = 3
"""Sets of addresses in a row that do not do before the delivery waits for a later attempt."""
MOST_ROUNDS = 6
"""Tokens of one delivery: how often what may pass by itself is requested again."""
ROUND_WAIT = timedelta(minutes=10)
MOST_UNKNOWN = 12
"""Questions answered by 404, ten minutes apart at last, before SEND is believed that there is no such request."""
MOST_CANCELS = 72
_LONGEST_S = 600.0
"""Between two questions for the status: later SEND reports by the IUN alone, which is to be known by then."""
_HOUR_S = 3600.0

IUN = re.compile(r"[A-Z]{4}-[A-Z]{4}-[A-Z]{4}-[0-9]{6}-[A-Z]-[0-9]")
_REQUEST_ID = re.compile(r"[A-Za-z0-9+/=]{36}")


@dataclass(frozen=True, slots=True)
class Send:
    """`now` is in seconds of the epoch; it only measures how old an address is."""

    wire: Wire
    uploads: Uploads
    settings: Settings
    questions: Questions | None = None
    now: Callable[[], float] = time.time

    def advance(self, notice: Notice, memo: Memo) -> Done | Continue:
        """One step; see `contracts.connector.Advance`."""
        match step_of(memo):
            case Preload() as step:
                return self._preload(notice, step)
            case Upload() as step:
                return self._upload(notice, step)
            case Request() as step:
                return self._request(notice, step)
            case Status() as step:
                return self._status(notice, step)
            case Follow() as step:
                return self._follow(notice, step)
            case Cancel() as step:
                return self._cancel(step)
            case Cancelled() as step:
                return self._cancelled(step)

    def lookup(self, notice: Notice, memo: Memo) -> Done | Continue | None:
        """Ask by protocol number and token whether SEND has the request; see `contracts.connector.Lookup`."""
        step = step_of(memo)
        if isinstance(step, Preload | Upload):
            return None  # no request bore this token yet
        if isinstance(step, Cancelled):
            return _next(step, accepted=True)
        if not isinstance(step, Request):
            return self._wait(step)
        status = _asked_for(step)
        answer = self._ask(notice, status)
        if answer.status == 200:
            return self._wait(status.model_copy(update={"request_id": _request_id(answer.object())}))
        if answer.status == 404 and is_problem(answer):
            return None
        problem = failure(answer)
        # Rejected would be about the question, and is no word on the request.
        raise Deferred("send.unavailable", f"status {answer.status}") if isinstance(problem, Rejected) else problem

    def check(self) -> str:
        """Ask for a request that cannot exist: 404 is SEND's word that we may ask."""
        never = {"paProtocolNumber": "raccordo.check", "idempotenceToken": "raccordo.check"}
        answer = self.wire.call("GET", REQUESTS, params=never)
        if answer.status != 200 and not (answer.status == 404 and is_problem(answer)):
            problem = failure(answer)
            raise Misconfigured("send.not_the_api", problem.detail) if isinstance(problem, Rejected) else problem
        return "SEND answers and accepts the key."

    def preview(self, notice: Notice) -> tuple[Preview, ...]:
        """The calls of a notification; what SEND names on the way stands as `...`."""
        legal = checked(notice, self.settings)
        files = enclosed(legal)
        stored = [Stored(key="...", version="...", sha256=file.sha256) for file in files]
        pair = (legal.wish.protocol_number, token(notice, 0))
        request = new_request(notice, legal, self.settings, stored, pair)
        return (
            Preview(f"POST {self._url(PRELOAD)}", fields_of({"documents": preload_request(files)})),
            *(Preview("PUT ...", {"sha256": file.sha256, "title": file.title}) for file in files),
            Preview(f"POST {self._url(REQUESTS)}", fields_of(request)),
        )

    def _preload(self, notice: Notice, step: Preload) -> Continue:
        files = enclosed(self._to_be_sent(notice))
        answer = self.wire.call("POST", PRELOAD, preload_request(files))
        if answer.status != 200:
            raise failure(answer)
        given = {each.get("preloadIdx"): each for each in objects(answer.json())}
        slots = tuple(_slot(given.get(str(place), {}), file.sha256) for place, file in enumerate(files))
        until = int(self.now()) + URL_LIFE_S
        return _next(Upload(round=step.round, tries=step.tries, until=until, slots=slots))

    def _upload(self, notice: Notice, step: Upload) -> Continue:
        legal = self._to_be_sent(notice)
        enclosures = enclosed(legal)
        if [slot.sha256 for slot in step.slots] != [file.sha256 for file in enclosures]:
            return _next(Preload(round=step.round))  # a newer version of the item has other documents
        place = next((place for place, slot in enumerate(step.slots) if slot.version is None), None)
        if place is not None:
            if self.now() >= step.until:
                return _next(Preload(round=step.round))
            try:
                version = self.uploads.put(enclosures[place], step.slots[place])
            except Expired:
                if step.tries + 1 >= MOST_TRIES:
                    raise Deferred("send.upload_refused", "each new address", about="message") from None
                return _next(Preload(round=step.round, tries=step.tries + 1))
            slots = list(step.slots)
            slots[place] = slots[place].model_copy(update={"version": version})
            step = step.model_copy(update={"slots": tuple(slots)})
            if any(slot.version is None for slot in step.slots):
                return _next(step)
        files = tuple(Stored(key=slot.key, version=slot.version or "", sha256=slot.sha256) for slot in step.slots)
        number = legal.wish.protocol_number
        request = Request(round=step.round, protocol_number=number, version=notice.version, files=files)
        return _next(request, unsafe=True)

    def _request(self, notice: Notice, step: Request) -> Continue:
        legal = self._to_be_sent(notice)
        if [file.sha256 for file in step.files] != [file.sha256 for file in enclosed(legal)]:
            return _next(Preload(round=step.round))
        if notice.version != step.version:
            # Marked before it leaves: a refusal of the version before says nothing about this one.
            again = {"version": notice.version, "protocol_number": legal.wish.protocol_number}
            return _next(step.model_copy(update=again), unsafe=True)
        pair = (step.protocol_number, token(notice, step.round))
        body = new_request(notice, legal, self.settings, step.files, pair)
        answer = self.wire.call("POST", REQUESTS, body, unsafe=True)
        # 409: SEND has a request of this pair already, which can only be ours.
        if answer.status not in (202, 409):
            raise failure(answer, unsafe=True)
        name = _request_id(answer.object()) if answer.status == 202 else None
        return self._wait(_asked_for(step).model_copy(update={"request_id": name}))

    def _status(self, notice: Notice, step: Status) -> Done | Continue:
        """Never Deferred: SEND has the request, and no trouble of this question changes that."""
        asked = step.model_copy(update={"checks": step.checks + 1})
        try:
            answer = self._ask(notice, step)
        except Deferred:
            return self._wait(asked)
        if answer.status in (401, 403):
            raise failure(answer)
        if answer.status == 404 and is_problem(answer) and asked.checks >= MOST_UNKNOWN:
            raise Rejected("send.request_unknown" if step.request_id else "send.conflict")
        body = answer.object() if answer.status == 200 else {}
        asked = asked.model_copy(update={"request_id": step.request_id or _request_id(body)})
        match body.get("notificationRequestStatus"):
            case "ACCEPTED" if _is_iun(body.get("iun")):
                return self._accepted(notice, body["iun"])
            case "REFUSED":
                return self._refused(notice, step, codes(body))
            case _:
                return self._wait(asked, told=_seconds(body.get("retryAfter")))

    def _accepted(self, notice: Notice, iun: str) -> Done | Continue:
        if notice.withdrawn:
            return _next(Cancel(iun=iun), accepted=True)
        if self.settings.follow == "poll":
            return self._wait(Follow(iun=iun))
        return self._done(iun, "accepted")

    def _refused(self, notice: Notice, step: Status, found: tuple[str, ...]) -> Continue:
        if notice.withdrawn:
            raise Skipped(WITHDRAWN, "refused by SEND before")
        if is_transient(found) and step.round + 1 < MOST_ROUNDS:
            return Continue(memo_of(Preload(round=step.round + 1)), after=ROUND_WAIT * 2**step.round)
        if notice.version != step.version and step.round + 1 < MOST_ROUNDS:
            # Corrected while SEND looked at it. Not at once: the hub brings the new documents with the next claim.
            return Continue(memo_of(Preload(round=step.round + 1)), after=timedelta(seconds=1))
        raise refusal(found)

    def _follow(self, notice: Notice, step: Follow) -> Done | Continue:
        if notice.withdrawn:
            return _next(Cancel(iun=step.iun), accepted=True)
        try:
            answer = self.wire.call("GET", f"{SENT}/{step.iun}")
        except Deferred:
            return self._wait(step)
        if answer.status in (401, 403):
            raise failure(answer)
        body = answer.object() if answer.status == 200 else {}
        status, told = body.get("notificationStatus"), steps_of(step.iun, objects(body.get("timeline")))
        match FOLLOWED.get(status, "wait") if isinstance(status, str) else "wait":
            case "wait":
                return replace(self._wait(step), reports=told)
            case "done":
                return replace(self._done(step.iun, str(status).lower()), reports=told)
            case (kind, reason):
                raise kind(reason)

    def _cancel(self, step: Cancel) -> Done | Continue:
        """Doing it again is harmless. SEND takes the wish, and carries it out later."""
        again = step.model_copy(update={"checks": step.checks + 1})
        try:
            answer = self.wire.call("PUT", f"{CANCEL}/{step.iun}")
        except Deferred:
            return self._wait_or_leave(again)
        if answer.status == 202:
            return _next(Cancelled(iun=step.iun), accepted=True)
        if answer.status in (401, 403):
            raise failure(answer)
        if answer.status in (400, 404, 409):
            return Done(step.iun, f"not cancelled, status {answer.status}")
        return self._wait_or_leave(again)

    def _cancelled(self, step: Cancelled) -> Continue:
        if step.told or self.questions is None:
            raise Skipped(WITHDRAWN, "SEND cancels it")
        told = step.model_copy(update={"told": True})
        return replace(_next(told, accepted=True), costs=self.questions.no_costs(step.iun))

    def _wait_or_leave(self, step: Cancel) -> Done | Continue:
        return self._wait(step) if step.checks < MOST_CANCELS else Done(step.iun, "not cancelled, no answer")

    def _done(self, iun: str, detail: str) -> Done:
        return Done(iun, detail, follow_up=self.questions.first(iun) if self.questions else None)

    def _to_be_sent(self, notice: Notice) -> Legal:
        if notice.withdrawn:
            raise Skipped(WITHDRAWN)
        return checked(notice, self.settings)

    def _ask(self, notice: Notice, step: Status) -> Answer:
        # The protocol number in a query is no personal datum: one that holds a tax code is not published.
        pair = {"paProtocolNumber": step.protocol_number, "idempotenceToken": token(notice, step.round)}
        params = pair if step.request_id is None else {"notificationRequestId": step.request_id}
        return self.wire.call("GET", REQUESTS, params=params)

    def _wait(self, step: Status | Follow | Cancel, told: timedelta | None = None) -> Continue:
        if isinstance(step, Follow):
            delay = self.settings.follow_every_s
        else:
            longest = _LONGEST_S if isinstance(step, Status) else _HOUR_S
            delay = min(self.settings.status_poll_s * 2 ** min(step.checks, 20), longest)
        after = timedelta(seconds=delay)
        name = None if isinstance(step, Status) else step.iun
        return Continue(memo_of(step), after=max(after, told or after), accepted=True, provider_id=name)

    def _url(self, path: str) -> str:
        return str(self.wire.http.build_request("POST", path).url)


def _asked_for(step: Request) -> Status:
    return Status(round=step.round, protocol_number=step.protocol_number, version=step.version)


def _next(step: Step, *, unsafe: bool = False, accepted: bool = False) -> Continue:
    return Continue(memo_of(step), unsafe=unsafe, accepted=accepted)


def _slot(given: Mapping[str, Any], sha256: str) -> Slot:
    members = {"method": given.get("httpMethod"), "sha256": sha256}
    members |= {name: given.get(name) for name in ("key", "url", "secret")}
    try:
        return Slot.model_validate(members)
    except ValidationError:
        raise Deferred("send.unreadable", "no address for a document") from None


def _request_id(body: Mapping[str, Any]) -> str | None:
    found = body.get("notificationRequestId")
    return found if isinstance(found, str) and _REQUEST_ID.fullmatch(found) else None


def _is_iun(value: object) -> bool:
    return isinstance(value, str) and IUN.fullmatch(value) is not None


def _seconds(value: object) -> timedelta | None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        return None
    return min(timedelta(seconds=min(value, 10**9)), MAX_RETRY_AFTER)
