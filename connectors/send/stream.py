"""SEND's stream of events as a `pull`: what became of accepted notifications, once each.

To ask for the events after one acknowledges it and all before: SEND may delete them. So the hub keeps the reports, in
one commit with the memo that names the last event, before it asks for more. The memos: {}, then {"stream", "kind",
"last", "seen"}; and "next", of the same kind, while a stream is read to its end that another replaces.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from contracts.failures import Deferred, Misconfigured, Unconfirmed
from contracts.inbound import Memo, Pulled, Report

from .client import IUN
from .config import Settings
from .moments import moment
from .statuses import REPORTED
from .steps import steps_of
from .wire import Wire, failure, is_problem, milliseconds, objects

STREAMS = "/delivery-progresses/v2.9/streams"
FIRST_KIND = "STATUS"
"""Of a stream of which the memo does not say it."""
MOST_TITLE = 240
MOST_SEEN = 100
"""Names of the newest events that are kept to know one again: a page of SEND's."""

_STREAM_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Stream:
    """Reads one stream, which nothing else reads. What it brings says by itself of what kind it is."""

    wire: Wire
    settings: Settings

    def pull(self, memo: Memo) -> Pulled:
        """One step; see `contracts.inbound.Pull`."""
        given = self.settings.stream_id
        if given is not None:
            return self._events(given, memo if memo.get("stream") == given else {})
        stream = memo.get("stream")
        if not isinstance(stream, str):
            return self._find({})
        if memo.get("kind", FIRST_KIND) != self.settings.stream_kind and "next" not in memo:
            return self._find(memo)
        return self._events(stream, memo)

    def _find(self, before: Memo) -> Pulled:
        """Look for our stream, and make it where there is none: in one step, so that whatever goes wrong in between it
        is looked for again before another is made. SEND allows ten. It takes the place of the one `before`, if any,
        which gets no events any more and is read to its end first."""
        answer = self.wire.call("GET", STREAMS)
        if answer.status != 200:
            raise failure(answer)
        listed = answer.json()
        if not isinstance(listed, list):
            raise Deferred("send.unreadable", "no list of streams")
        ours = [each for each in objects(listed) if each.get("title") == self._title()]
        found = sorted(name for each in ours if (name := _stream_id(each)) is not None)
        name = next(filter(self._is_enabled, found), None) or self._made(before.get("stream"))
        this = {"stream": name, "kind": self.settings.stream_kind}
        return Pulled({**before, "next": this} if before else this, more=True)

    def _is_enabled(self, stream: str) -> bool:
        """One that was replaced is still listed for days, and gets no events any more; the list does not say so."""
        answer = self.wire.call("GET", f"{STREAMS}/{stream}")
        if answer.status not in (200, 404):
            raise failure(answer)
        return answer.status == 200 and answer.object().get("disabledDate") is None

    def _title(self) -> str:
        # A list of streams names no kinds.
        kind, title = self.settings.stream_kind, self.settings.stream_title
        return title if kind == FIRST_KIND else f"{title[:MOST_TITLE]} ({kind})"

    def _made(self, replaced: str | None) -> str:
        wish = {"title": self._title(), "eventType": self.settings.stream_kind, "groups": self._groups()}
        if replaced is not None:
            wish["replacedStreamId"] = replaced
        try:
            answer = self.wire.call("POST", STREAMS, wish, unsafe=True)
        except Unconfirmed as unknown:
            raise Deferred(unknown.reason, unknown.detail) from None
        if answer.status == 404 and replaced is not None and is_problem(answer):
            return self._made(None)  # somebody deleted that one
        if answer.status not in (200, 201):
            raise failure(answer)
        made = _stream_id(answer.object())
        if made is None:
            raise Deferred("send.unreadable", "no name of the new stream")
        return made

    def _groups(self) -> list[str]:
        return [] if self.settings.group is None else [self.settings.group]

    def _events(self, stream: str, memo: Memo) -> Pulled:
        last, seen = memo.get("last"), memo.get("seen", [])
        params = {"lastEventId": last} if isinstance(last, str) else None
        answer = self.wire.call("GET", f"{STREAMS}/{stream}/events", params=params)
        wait = milliseconds(answer)
        if answer.status == 404:
            if self.settings.stream_id is not None:
                raise Misconfigured("send.stream_unknown")
            return Pulled(memo.get("next", {}), more="next" in memo)  # somebody deleted it: another is made
        if answer.status == 429:
            raise Deferred("send.busy", after=wait)
        if answer.status != 200:
            raise failure(answer)
        listed = answer.json()
        if not isinstance(listed, list):
            raise Deferred("send.unreadable", "no list of events")
        events = [each for each in objects(listed) if isinstance(each.get("eventId"), str)]
        known, reports = set(seen), []
        for event in events:
            if event["eventId"] not in known:
                known.add(event["eventId"])
                reports += _reported(event)
        names = [event["eventId"] for event in events]
        kept = list(dict.fromkeys([*seen, *names]))[-MOST_SEEN:]
        if not events and "next" in memo:
            return Pulled(memo["next"], more=True)
        after_this = {**memo, "stream": stream, "last": names[-1] if names else last, "seen": kept}
        more = bool(events) and wait == timedelta()
        return Pulled(after_this, reports=tuple(reports), more=more, after=wait if wait and not more else None)


def _reported(event: Mapping[str, Any]) -> list[Report]:
    """What an event says of a delivery: its status, and the step that its element is; nothing of what is none of ours
    to act upon, or not known yet."""
    status, iun, element = event.get("newStatus"), event.get("iun"), event.get("element")
    if not isinstance(iun, str) or not IUN.fullmatch(iun):
        return []
    element = element if isinstance(element, dict) else {}
    steps = steps_of(iun, [element])
    found = REPORTED.get(status) if isinstance(status, str) else None
    if found is None:
        return [*steps]
    kind, reason = found
    return [Report(kind, moment(element), provider_id=iun, reason=reason), *steps]


def _stream_id(body: Mapping[str, Any]) -> str | None:
    found = body.get("streamId")
    return found if isinstance(found, str) and _STREAM_ID.fullmatch(found) else None
