"""Reading a tenant in rounds of small steps: a page of applications, then the messages, payments and files of each of
them, then the next page. A step makes one call, and the login and the one application that it needs for it.

A round brings what changed since the one before began, less an overlap, by OpenCity's own clock: so nothing is lost on
the edge of a second. What is found twice for that is the same twice, and the hub takes it once. A sweep reads all there
is. A page that moved while it was walked shows an application twice, or, where another was deleted, in the next sweep.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from connectors.base.http import Answer
from contracts.failures import Deferred
from contracts.inbound import Found, Memo, Pulled, Wrong

from . import mapping
from .archiving import Archive
from .config import Settings
from .documents import File, enclosed_in, files_of
from .fields import Fault, code, is_identifier, moment_or_none
from .filing import Files
from .lists import MOST_BYTES, bound, clock, counted, mapped, rows
from .places import SERVICE_STATES, Listing, Place, Walk, place_of
from .session import Session, read

_TRIES = 3
_MOST_WALKS = 4
_CHANGED = ("latest_status_change_at", "latest_status_change_time")
_WRITTEN = ("sent_at", "created_at")


@dataclass(slots=True)
class _Held:
    """What a walk has at hand, beside what stands in its memo: after a restart nothing."""

    about: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """The applications of its page: after a restart those that were asked for since, by a call each."""
    broke: dict[str, int] = field(default_factory=dict)
    """How often its question was answered 500."""
    listed: dict[str, frozenset[str]] = field(default_factory=dict)
    """The subscriptions that it found, by state of the service."""
    messages: dict[str, list[Any]] = field(default_factory=dict)
    """Of the application at hand."""


@dataclass(slots=True)
class Source:
    """The steps, over a session."""

    session: Session
    settings: Settings
    files: Files
    archive: Archive
    now: Callable[[], float] = time.time
    _held: dict[int, _Held] = field(default_factory=dict)
    """By when the walk began: of two at once neither takes the other's. Two of the same second find the same."""

    def pull(self, memo: Memo) -> Pulled:
        """One step; see `contracts.inbound.Pull`."""
        place = place_of(memo)
        walk = place.walk or self._begin(place)
        if walk.todo:
            return self._follow(place, walk)
        if walk.listings:
            return self._page(place, walk)
        if walk.subscriptions:
            return self._subscriptions(place, walk)
        if walk.archive:
            after, found = self.archive.step(place, walk)
            return self._went(place, after, iter(found))
        return self._went(place, walk, iter(()))

    def one(self, application: str) -> Mapping[str, Any] | None:
        """An application as it is now; None where OpenCity has none by that name, or no more."""
        answer = self.session.get(f"/applications/{application}", {"version": "2"}, most_bytes=MOST_BYTES)
        return None if answer.status == 404 else _record(read(answer))

    def message(self, application: str, message: str) -> Mapping[str, Any] | None:
        """A message of an application; None as above."""
        answer = self.session.get(f"/applications/{application}/messages/{message}", {"version": "1"})
        return None if answer.status == 404 else _record(read(answer))

    def _begin(self, place: Place) -> Walk:
        now = int(self.now())
        sweep = place.swept_at is None or now - place.swept_at >= self.settings.sweep_every_s
        sweep = sweep or ("documents" in self.settings.collections and not place.files)
        sweep = sweep or (self.settings.encloses and not place.enclosed)
        items = set(self.settings.collections) - {"subscriptions"}
        drafts: tuple[Listing, ...] = ("drafts",) if self._drafts() else ()
        listings: tuple[Listing, ...] = ("all", *drafts) if items else ()
        # A subscription tells no time at which it changed.
        subscriptions = SERVICE_STATES if sweep and "subscriptions" in self.settings.collections else ()
        archive = self.settings.reads_archive and (sweep or place.archived is None)
        return Walk(sweep=sweep, started=now, listings=listings, subscriptions=subscriptions, archive=archive)

    def _of(self, walk: Walk) -> _Held:
        held = self._held.get(walk.started)
        if held is None:
            for old in list(self._held)[: 1 - _MOST_WALKS]:  # those that ended, or were given up
                self._held.pop(old, None)
            held = self._held[walk.started] = _Held()
        return held

    def _drafts(self) -> bool:
        return self.settings.application_url is not None and "applications" in self.settings.collections

    def _page(self, place: Place, walk: Walk) -> Pulled:
        drafts = walk.listings[0] == "drafts"
        query = {"version": "2", "offset": str(walk.offset), "limit": str(self.settings.page_size)}
        if drafts:
            query["status"] = "1000"
        if not walk.sweep and self.settings.changes == "updated_at" and place.since is not None:
            query["updatedAt[after]"] = bound(place.since - self.settings.overlap_s)
        answer = self.session.get("/applications", query, most_bytes=MOST_BYTES)
        page = read(answer)
        records, count = rows(page), counted(page)
        if walk.offset == 0 and not drafts:
            walk = walk.model_copy(update={"started": clock(answer, walk.started)})
        seen = walk.offset + len(records)
        last = not records or (count is not None and seen >= count)
        self._of(walk).about = {str(one.get("id")): one for one in records if isinstance(one, Mapping)}
        # Nobody has written about a draft.
        todo = () if drafts else tuple(each for one in records for each in self._to_ask(place, walk, one))
        after = {"listings": walk.listings[1:], "offset": 0} if last else {"offset": seen}
        its = records if "applications" in self.settings.collections else []
        found = mapped("application", its, partial(mapping.application, settings=self.settings))
        return self._went(place, walk.model_copy(update={**after, "todo": todo}), found)

    def _to_ask(self, place: Place, walk: Walk, record: Any) -> Iterator[str]:
        """What is to be asked about an application of a page."""
        if not isinstance(record, Mapping) or not is_identifier(record.get("id")):
            return
        if not self.settings.reads(code(record, "service"), code(record, "service_id")):
            return
        stirs = self._stirs(place, walk, record)
        message, payment = f"message/{record['id']}", f"payment/{record['id']}"
        wanted = self.settings.encloses or "messages" in self.settings.collections
        stirs_there = stirs or place.has_missed(message)
        if (stirs_there and wanted) or (self.settings.encloses and not place.enclosed):
            yield message
        its_payments = record.get("payment_data") or record.get("payment_type")
        if (stirs or place.has_missed(payment)) and "payments" in self.settings.collections and its_payments:
            yield payment
        if "documents" in self.settings.collections and self._files_stir(place, walk, record):
            yield f"file/{record['id']}"

    def _stirs(self, place: Place, walk: Walk, record: Mapping[str, Any]) -> bool:
        """Whether something about it may be new. A message changes no application, so that each one that is open is
        asked about in a sweep."""
        if not walk.sweep and self.settings.changes == "updated_at":
            return True
        if self._is_new(record, _CHANGED, place.swept_at if walk.sweep else place.since):
            return True
        try:
            closed = mapping.standing(record).closed
        except Fault:
            return True
        return walk.sweep and not closed

    def _files_stir(self, place: Place, walk: Walk, record: Mapping[str, Any]) -> bool:
        """The same of its files, which only come with a change of it: a sweep reads none that was there at the last."""
        if not files_of(record, self.settings):
            return False
        if not walk.sweep:
            return self._stirs(place, walk, record)
        return self._is_new(record, _CHANGED, place.swept_at if place.files else None)

    def _is_new(self, record: Mapping[str, Any], members: tuple[str, ...], before: int | None) -> bool:
        """Whether the first of the members that is there says no instant before that one, or none that can be read."""
        try:
            at = moment_or_none(record, *members)
        except Fault:
            return True
        return before is None or at is None or at.timestamp() >= before - self.settings.overlap_s

    def _follow(self, place: Place, walk: Walk) -> Pulled:
        kind, _, application = walk.todo[0].partition("/")
        # What comes next has files of its own: of one whose files end early, none may be counted as read.
        after = walk.model_copy(update={"todo": walk.todo[1:], "after_file": ""})
        at_hand = self._of(walk).about
        about = at_hand.get(application) or self.one(application)
        if about is None:
            return self._went(place, after, iter((mapping.gone("application", application),)))
        at_hand[application] = about
        if kind == "file":
            return self._file(place, walk, after, about, files_of(about, self.settings))
        messages = self._of(walk).messages.get(application) if kind == "enclosed" else None
        if messages is None:
            # Of what is enclosed, too: after a restart its messages are at hand no more.
            answer = self._payments(application) if kind == "payment" else self._messages(application)
            if answer.status == 500 and self._breaks_again(walk):
                return self._passed_over(place, walk, after)
            messages = _listed(answer)
        if kind == "payment":
            # Without the filter, or where it is passed over, all of the body's payments come.
            its = [one for one in messages if not isinstance(one, Mapping) or one.get("remote_id") == application]
            make = partial(mapping.payment, about=about, settings=self.settings)
            return self._went(place, after, mapped(kind, its, make))
        if self.settings.encloses:
            self._of(walk).messages = {application: messages}
        if kind == "enclosed":
            return self._file(place, walk, after, about, self._enclosed(place, walk, application))
        if self.settings.encloses:
            after = after.model_copy(update={"todo": (f"enclosed/{application}", *after.todo)})
        its = messages if "messages" in self.settings.collections else []
        return self._went(
            place, after, mapped(kind, its, partial(mapping.message, about=about, settings=self.settings))
        )

    def _passed_over(self, place: Place, walk: Walk, after: Walk) -> Pulled:
        """The next sweep asks again, also where nothing has changed since."""
        kind, _, application = walk.todo[0].partition("/")
        kind = "payment" if kind == "payment" else "message"
        fault = Wrong("", "opencity.unavailable", f"asked {_TRIES} times and answered 500: passed over until a sweep")
        broken = Found(f"{kind}-of/{application}", b"{}", wrong=(fault,))
        return self._went(place, after.passing_over(f"{kind}/{application}"), iter((broken,)))

    def _enclosed(self, place: Place, walk: Walk, application: str) -> tuple[File, ...]:
        """What is attached to its messages. They are asked about again and again, their files are not: a message keeps
        its own as it is."""
        known = place.enclosed and not place.has_missed(f"message/{application}")
        before = (place.swept_at if walk.sweep else place.since) if known else None
        records = (one for one in self._of(walk).messages[application] if isinstance(one, Mapping))
        return enclosed_in(one for one in records if self._is_new(one, _WRITTEN, before))

    def _file(self, place: Place, walk: Walk, after: Walk, about: Mapping[str, Any], files: tuple[File, ...]) -> Pulled:
        """The next file of the application, by name: after a restart its list may be another."""
        left = [each for each in files if each.name > walk.after_file]
        found = iter([self.files.found(left[0], about)] if left else [])
        if len(left) > 1:
            return self._went(place, walk.model_copy(update={"after_file": left[0].name}), found)
        return self._went(place, after, found)

    def _messages(self, application: str) -> Answer:
        # Version 1: the list whose form is known. Version 2 has pages, and 404 for none.
        return self.session.get(f"/applications/{application}/messages", {"version": "1"}, most_bytes=MOST_BYTES)

    def _payments(self, application: str) -> Answer:
        return self.session.get("/payments", {"version": "2", "remote_id": application}, most_bytes=MOST_BYTES)

    def _breaks_again(self, walk: Walk) -> bool:
        """Whether this one question broke OpenCity so often that all others have waited long enough. An outage is 502,
        503 or no answer, and waited for."""
        held, asked = self._of(walk), walk.todo[0]
        held.broke = {asked: held.broke.get(asked, 0) + 1}
        return held.broke[asked] >= _TRIES

    def _subscriptions(self, place: Place, walk: Walk) -> Pulled:
        state, *left = walk.subscriptions
        query = {"version": "2", "subscriptionServiceStatus": state}
        records = rows(read(self.session.get("/subscriptions", query, most_bytes=MOST_BYTES)))
        listed = self._of(walk).listed
        listed[state] = frozenset(f"subscription/{one.get('id')}" for one in records if isinstance(one, Mapping))
        names: frozenset[str] = frozenset()
        if set(listed) == set(SERVICE_STATES):
            names = frozenset().union(*listed.values())
        found = mapped("subscription", records, partial(mapping.subscription, settings=self.settings))
        # An operator who lost the right may get empty lists: nobody's subscriptions all end at once.
        kept = {"subscription/": names} if names else {}
        after = walk.model_copy(update={"subscriptions": tuple(left)})
        return self._went(place, after, found, kept)

    def _went(
        self, place: Place, walk: Walk, found: Iterator[Found], names: Mapping[str, frozenset[str]] | None = None
    ) -> Pulled:
        more = bool(walk.todo or walk.listings or walk.subscriptions or walk.archive)
        if more:
            after = place.model_copy(update={"walk": walk})
        else:
            swept_at = walk.started if walk.sweep else place.swept_at
            files = "documents" in self.settings.collections and (walk.sweep or place.files)
            enclosed = self.settings.encloses and (walk.sweep or place.enclosed)
            # What a round passed over, the next sweep reads as changed since the last.
            missed = walk.missed if walk.sweep else place.missed
            read_from = walk.archive_from
            archived = place.archived if read_from is None else (read_from, max(read_from, int(self.now())))
            if archived is None and self.settings.reads_archive:
                archived = (0, 0)  # passed over: the next sweep reads all of it
            after = Place(since=walk.started, swept_at=swept_at, files=files, enclosed=enclosed, archived=archived)
            after = after.model_copy(update={"missed": missed})
        return Pulled(json.loads(after.model_dump_json()), found, all_names=names or {}, more=more)


def _listed(answer: Answer) -> list[Any]:
    """The messages or payments of an application: 404 stands for none."""
    return [] if answer.status == 404 else rows(read(answer))


def _record(content: Any) -> Mapping[str, Any]:
    if not isinstance(content, Mapping) or not is_identifier(content.get("id")):
        raise Deferred("opencity.unreadable", "not a record")
    return content
