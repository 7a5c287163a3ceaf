"""Reading a tenant in rounds of small steps: a page of applications, then the messages, payments and files of each of
them, then the next page. A step makes one call, and the login and the one application that it needs for it.

A round brings what changed since the one before began, less an overlap, by OpenCity's own clock: so nothing is lost on
the edge of a second. What is found twice for that is the same twice, and the hub takes it once. A sweep reads all there
is. A page that moved while it was walked shows an application twice, or, where another was deleted, in the next sweep.
What cannot be had is passed over in the end (`passing.py`).
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Any

from contracts.failures import Deferred
from contracts.faults import Bilingual, bilingual
from contracts.inbound import Found, Memo, Pulled

from . import mapping
from .archiving import Archive
from .asking import Records
from .config import Settings
from .documents import File, enclosed_in, files_of
from .fields import Fault, code, is_identifier, moment_or_none
from .filing import Files
from .lists import MOST_BYTES, bound, clock, counted, mapped, part, rows
from .passing import Blocked, hopeful, mended, passed_over, past
from .places import SERVICE_STATES, UNREAD, Listing, Place, Walk, place_of, together
from .session import Session, read

_LIST = "/applications"
_MOST_WALKS = 4
_CHANGED = ("latest_status_change_at", "latest_status_change_time")
_WRITTEN = ("sent_at", "created_at")


@dataclass(slots=True)
class _Held:
    """What a walk has at hand, beside what stands in its memo: after a restart nothing."""

    about: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """The applications of its page: after a restart those that were asked for since, by a call each."""
    names: set[str] | None = None
    """The applications of its pages so far, all of which it has seen."""
    listed: dict[str, frozenset[str]] = field(default_factory=dict)
    """The subscriptions that it found, by state of the service."""
    messages: dict[str, list[Any]] = field(default_factory=dict)
    """Of the application at hand."""


@dataclass(slots=True)
class Source:
    """The steps, over a session."""

    session: Session
    settings: Settings
    records: Records
    files: Files
    archive: Archive
    now: Callable[[], float] = time.time
    _held: dict[int, _Held] = field(default_factory=dict)
    """By when the walk began: of two at once neither takes the other's. Two of the same second find the same."""

    def pull(self, memo: Memo) -> Pulled:
        """One step; see `contracts.inbound.Pull`."""
        place = place_of(memo)
        walk = place.walk or self._begin(place)
        try:
            return self._step(place, hopeful(walk))
        except Blocked as blocked:
            return past(place, walk, blocked, partial(self._went, place), self._is_there)

    def _step(self, place: Place, walk: Walk) -> Pulled:
        if walk.todo:
            return self._follow(place, walk)
        if walk.listings:
            return self._page(place, walk)
        if walk.subscriptions:
            return self._subscriptions(place, walk)
        if walk.archive:
            after, found, names = self.archive.step(place, walk)
            return self._went(place, after, iter(found), {"archive/": names} if names else None)
        return self._went(place, walk, iter(()))

    def _is_there(self) -> None:
        """Raises a Failure where the tenant does not answer as it should, whatever it is asked."""
        if self.settings.reads_applications:
            rows(read(part(self.session, _LIST, 0, 1)))
        else:
            read(self.session.public("/tenants/info"))

    def read(self, data: bytes) -> Iterable[Found]:
        """What stands in the quarantine, again."""
        return self.records.read(data) or self.archive.read(data)

    def _begin(self, place: Place) -> Walk:
        now = int(self.now())
        sweep = place.swept_at is None or now - place.swept_at >= self.settings.sweep_every_s
        sweep = sweep or ("documents" in self.settings.collections and not place.files)
        sweep = sweep or (self.settings.encloses and not place.enclosed)
        drafts: tuple[Listing, ...] = ("drafts",) if self._drafts() else ()
        listings: tuple[Listing, ...] = ("all", *drafts) if self.settings.reads_applications else ()
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
        limit = walk.limit or self.settings.page_size
        query = {"status": "1000"} if drafts else {}
        if not walk.sweep and self.settings.changes == "updated_at" and place.since is not None:
            query["updatedAt[after]"] = bound(place.since - self.settings.overlap_s)
        try:
            answer = part(self.session, _LIST, walk.offset, limit, query)
            page = read(answer)
            records, count = rows(page), counted(page)
        except Deferred as failure:
            raise self._unread(walk, failure, limit, query) from None
        if walk.offset == 0 and not drafts:
            walk = walk.model_copy(update={"started": clock(answer, walk.started)})
        seen = walk.offset + len(records)
        last = not records or (count is not None and seen >= count)
        held = self._of(walk)
        held.about = {str(one.get("id")): one for one in records if isinstance(one, Mapping)}
        if walk.offset == 0 and not drafts:
            held.names = set() if walk.sweep else None
        if held.names is not None:
            held.names.update(f"application/{name}" for name in held.about)
        # Nobody has written about a draft.
        todo = () if drafts else tuple(each for one in records for each in self._to_ask(place, walk, one))
        after = {"listings": walk.listings[1:], "offset": 0} if last else {"offset": seen}
        its = records if "applications" in self.settings.collections else []
        found = mapped("application", its, partial(mapping.application, settings=self.settings))
        # Pages grow again to their usual size.
        after |= {"todo": todo, "limit": 2 * limit if 2 * limit < self.settings.page_size else 0}
        complete = last and len(walk.listings) == 1 and held.names
        names = {"application/": frozenset(held.names or ())} if complete else None
        return self._went(place, walk.model_copy(update=after), found, names)

    def _unread(self, walk: Walk, failure: Deferred, limit: int, query: Mapping[str, str]) -> Blocked:
        """A page that cannot be had is asked for in parts; of a single record, those beside it are held against it."""
        if limit > 1:
            return Blocked(failure, walk.model_copy(update={"limit": limit // 2}), is_there=lambda: None)

        def others() -> None:
            for offset in (walk.offset - 1, walk.offset + 1, walk.offset + 2):
                try:
                    if offset >= 0:
                        rows(read(part(self.session, _LIST, offset, 1, query)))
                        return
                except Deferred:
                    continue
            raise failure

        after = walk.model_copy(update={"offset": walk.offset + 1, "limit": 1})
        lost = passed_over(UNREAD, failure, detail=_in_list(walk))
        return Blocked(failure, after, (lost,), question=UNREAD, is_there=others)

    def _to_ask(self, place: Place, walk: Walk, record: Any) -> Iterator[str]:
        """What is to be asked about an application of a page."""
        if not isinstance(record, Mapping) or not is_identifier(record.get("id")):
            return
        if not self.settings.reads(code(record, "service"), code(record, "service_id")):
            return
        stirs = self._stirs(place, walk, record)

        def is_due(question: str) -> bool:
            return stirs or (walk.sweep and place.has_missed(question))

        message, payment = f"message/{record['id']}", f"payment/{record['id']}"
        wanted = self.settings.encloses or "messages" in self.settings.collections
        if (wanted and is_due(message)) or (self.settings.encloses and not place.enclosed):
            yield message
        its_payments = record.get("payment_data") or record.get("payment_type")
        if its_payments and "payments" in self.settings.collections and is_due(payment):
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
        known = place.files and not place.has_missed(f"file/{record.get('id')}")
        return self._is_new(record, _CHANGED, place.swept_at if known else None)

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
        kind = "message" if kind == "enclosed" else kind
        question, lost = f"{kind}/{application}", f"{kind}-of"
        try:
            pulled = self._ask(place, walk, after, application)
        except Deferred as failure:
            found = passed_over(lost, failure, application=application)
            raise Blocked(failure, after, (found,), question=question) from None
        if place.has_missed(question):
            return replace(pulled, found=chain(pulled.found, [mended(lost, application)]))
        return pulled

    def _ask(self, place: Place, walk: Walk, after: Walk, application: str) -> Pulled:
        kind = walk.todo[0].partition("/")[0]
        at_hand = self._of(walk).about
        about = at_hand.get(application) or self.records.application(application)
        if about is None:
            return self._went(place, after, iter((mapping.missing(application),)))
        at_hand[application] = about
        if kind == "file":
            return self._file(place, walk, after, about, files_of(about, self.settings))
        if kind == "payment":
            return self._went(place, after, self.records.payments(about))
        messages = self._of(walk).messages.get(application) if kind == "enclosed" else None
        if messages is None:
            # Of what is enclosed, too: after a restart its messages are at hand no more.
            messages = self.records.messages(application)
        if self.settings.encloses:
            self._of(walk).messages = {application: messages}
        if kind == "enclosed":
            return self._file(place, walk, after, about, self._enclosed(place, walk, application))
        if self.settings.encloses:
            after = after.model_copy(update={"todo": (f"enclosed/{application}", *after.todo)})
        return self._went(place, after, self.records.found_in(messages, about))

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
        if not left:
            return self._went(place, after, iter(()))
        onward = walk.model_copy(update={"after_file": left[0].name}) if len(left) > 1 else after
        try:
            found = self.files.found(left[0], about)
        except Deferred as failure:
            question = f"{'message' if left[0].message else 'file'}/{about['id']}"
            raise Blocked(failure, onward, (self.files.lost(left[0], about, failure),), question=question) from None
        return self._went(place, onward, iter([found]))

    def _subscriptions(self, place: Place, walk: Walk) -> Pulled:
        state, *left = walk.subscriptions
        query, lost = {"version": "2", "subscriptionServiceStatus": state}, f"subscription-list/{state}"
        try:
            records = rows(read(self.session.get("/subscriptions", query, most_bytes=MOST_BYTES)))
        except Deferred as failure:
            after = walk.model_copy(update={"subscriptions": tuple(left)})
            raise Blocked(failure, after, (passed_over(lost, failure),), question=lost) from None
        listed = self._of(walk).listed
        listed[state] = frozenset(f"subscription/{one.get('id')}" for one in records if isinstance(one, Mapping))
        names: frozenset[str] = frozenset()
        if set(listed) == set(SERVICE_STATES):
            names = frozenset().union(*listed.values())
        found = mapped("subscription", records, partial(mapping.subscription, settings=self.settings))
        # An operator who lost the right may get empty lists: nobody's subscriptions all end at once.
        kept = {"subscription/": names} if names else {}
        after = walk.model_copy(update={"subscriptions": tuple(left)})
        if place.has_missed(lost):
            found = chain(found, [mended(lost)])
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
            missed = walk.missed if walk.sweep else together(place.missed, walk.missed)
            if walk.sweep and UNREAD in place.missed and UNREAD not in missed:
                # Now it is there, and nobody asked for what belongs to it: the next round is a sweep of all.
                swept_at, found = None, chain(found, [mended(UNREAD)])
            read_from = walk.archive_from
            archived = place.archived if read_from is None else (read_from, max(read_from, int(self.now())))
            if archived is None and self.settings.reads_archive:
                archived = (0, 0)  # passed over: the next sweep reads all of it
            after = Place(since=walk.started, swept_at=swept_at, files=files, enclosed=enclosed, archived=archived)
            after = after.model_copy(update={"missed": missed})
        return Pulled(json.loads(after.model_dump_json()), found, all_names=names or {}, more=more)


def _in_list(walk: Walk) -> Bilingual:
    return bilingual(
        f"record {walk.offset} dell'elenco ({walk.listings[0]})",
        f"record {walk.offset} of the list ({walk.listings[0]})",
    )
