"""The tenant's archive, `/documents`: documents in the folders of citizens, besides those of applications.

Described for version 2.13 alone (spec/opencity.md, 9): a list without pages, whose records name their owner by an id,
so that each owner is asked for once. It is read in sweeps. Where a list says how many there are, as those
of applications do, it has pages, and they are all read.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from connectors.base.http import Answer
from contracts.base import rfc3339
from contracts.failures import Deferred, Failure
from contracts.faults import bilingual
from contracts.inbound import Found

from . import mapping
from .config import Settings
from .documents import TYPES, filename_of
from .fields import IN_VAIN, Fault, deep, identifier, is_identifier, moment, moment_or_none, person, string
from .filing import Files
from .lists import clock, counted, mapped, part, rows
from .passing import Blocked, mended, passed_over
from .places import ARCHIVE, Place, Walk
from .session import GONE, Session, read

KIND = "archive"
DOC_TYPE = "archive-document"

_MOST_OWNERS = 1000
_OF_A_READING = frozenset({"last_read_at", "downloads_counter"})
"""What changes with each download, also with ours."""
_AT_ONCE = timedelta(seconds=2)
_APART_S = 60
"""How far OpenCity's clock may be from ours. No more: what changes then, and is opened, passes for what we read."""

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Page:
    records: list[Record]
    """By name, which puts them in order."""
    nameless: list[Any]
    then: int | None
    """Where the next page begins."""
    at: int
    """When it was asked for, by OpenCity's clock."""


@dataclass(slots=True)
class Archive:
    """Reads it, over a session."""

    session: Session
    settings: Settings
    files: Files
    now: Callable[[], float] = time.time
    _owners: dict[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    """By their ids, in memory alone."""
    _listed: dict[int, frozenset[str]] = field(default_factory=dict, repr=False)
    """By when its walk began: the names on its pages so far; after a restart none."""
    _page: tuple[tuple[int, int], "_Page"] | None = field(default=None, repr=False)
    """The page at hand, by when its walk began and where it begins; after a restart none."""

    def step(self, place: Place, walk: Walk) -> tuple[Walk, list[Found], frozenset[str]]:
        """The next document, by name, and the walk after it; at the end the names of all, where they are known.

        Raises:
            Blocked: the list, or the document, cannot be had.
            Misconfigured: as `found`.
        """
        over = walk.model_copy(update={"archive": False, "after_file": "", "offset": 0})
        try:
            page = self._page_at(walk)
        except Deferred as failure:
            # Not read: the next is to look back as far as this one.
            unread = over.model_copy(update={"archive_from": None})
            lost = passed_over(ARCHIVE, failure)
            raise Blocked(failure, unread, (lost,), question=ARCHIVE) from None
        if walk.archive_from is None:
            walk = walk.model_copy(update={"archive_from": page.at})
        found = [mended(ARCHIVE)] if place.has_missed(ARCHIVE) and not walk.offset and not walk.after_file else []
        if not walk.after_file:
            found += mapped(KIND, page.nameless, self.found)
        left = [one for one in page.records if str(one["id"]) > walk.after_file and self._is_new(place, one)]
        if len(left) > 1:
            after = walk.model_copy(update={"after_file": str(left[0]["id"])})
        elif page.then is not None:
            after = walk.model_copy(update={"offset": page.then, "after_file": ""})
        else:
            after = over.model_copy(update={"archive_from": walk.archive_from})
        for one in left[:1]:
            try:
                found.append(self.found(one))
            except Deferred as failure:
                found.append(self._lost(one, failure))
                raise Blocked(failure, after, tuple(found), question=f"{KIND}/{one['id']}") from None
        return after, found, self._names(walk) if not after.archive else frozenset()

    def _page_at(self, walk: Walk) -> "_Page":
        key = (walk.started, walk.offset)
        if self._page is None or self._page[0] != key:
            page = _page_of(self.listed(walk.offset), walk.offset, int(self.now()))
            if walk.offset == 0 or walk.started in self._listed:
                names = {f"{KIND}/{one['id']}" for one in page.records}
                self._listed = {walk.started: self._names(walk) | names}
            self._page = key, page
        return self._page[1]

    def _names(self, walk: Walk) -> frozenset[str]:
        """All that it has, once its last page was read; none where not each page was read by this process."""
        return self._listed.get(walk.started, frozenset())

    def _is_new(self, place: Place, record: Record) -> bool:
        if place.archived is None or place.has_missed(f"{KIND}/{record['id']}"):
            return True
        return is_new(record, place.archived[0] - self.settings.overlap_s, place.archived[1] + _APART_S)

    def listed(self, offset: int) -> Answer:
        """The documents from that one on, or all of them where the list has no pages."""
        return part(self.session, "/documents", offset, self.settings.page_size)

    def found(self, record: Record) -> Found:
        """A document with its content, or why it is none.

        Raises:
            Deferred: the owner, or the file, is to be asked for again.
            Misconfigured: the login is refused, or the operator may not read citizens.
        """
        fetched: list[bytes] = []

        def make() -> tuple[str, dict[str, Any]]:
            item, extension = self._announced(record)
            name = identifier(record, "id")
            fetched.append(self.files.fetch(f"/documents/{name}/download", "2", extension))
            size, sha256 = len(fetched[0]), hashlib.sha256(fetched[0]).hexdigest()
            return "documents", mapping.given(item | {"size": size, "sha256": sha256})

        found = mapping.found_of(KIND, _without_readings(record), {}, make)
        assert found is not None
        return replace(found, content=fetched[0]) if found.item is not None else found

    def read(self, data: bytes) -> Iterable[Found]:
        """What stands in the quarantine, again."""
        record = _kept(data)
        if record is None:
            yield from self.files.read(data)
            return
        try:
            yield self.found(record)
        except Failure as failure:
            yield self._lost(record, failure)

    def _lost(self, record: Record, failure: Failure) -> Found:
        """A document where it, or its owner, could not be had."""

        def make() -> tuple[str, dict[str, Any]]:
            raise Fault("", failure.reason, IN_VAIN)

        found = mapping.found_of(KIND, _without_readings(record), {}, make)
        assert found is not None
        return found

    def owner(self, name: str) -> Mapping[str, str]:
        """Whose a document is, by the id of the citizen there.

        Raises:
            Fault: there is nobody by that id, or without a tax code.
            Deferred, Misconfigured: the answer is neither.
        """
        if name not in self._owners:
            # Version 1: the names that are known for certain; those of version 2 are read where they come.
            answer = self.session.get(f"/users/{name}", {"version": "1"})
            if answer.status in GONE:
                raise Fault(
                    "/owner",
                    "opencity.no_owner",
                    bilingual(f"status {answer.status}: nessuno", f"status {answer.status}"),
                )
            given = read(answer)
            its = given if isinstance(given, Mapping) else {}
            values = (deep(its, path) for path in self.settings.owner_paths)
            found = person(next(filter(None, values), None), "/owner")
            if len(self._owners) >= _MOST_OWNERS:
                self._owners.clear()
            self._owners[name] = found
        return self._owners[name]

    def _announced(self, record: Record) -> tuple[dict[str, Any], str]:
        extension, filename = filename_of(record, ("original_filename",))
        begins, ends = (moment_or_none(record, name) for name in ("validity_begin", "validity_end"))
        title = string(record, "title") or filename
        item = mapping.envelope(record, self.settings, title, self.owner(identifier(record, "owner")))
        item |= {
            "occurred_at": rfc3339(moment(record, "created_at", "updated_at")),
            "service_id": self._service(record),
            "doc_type": DOC_TYPE,
            "form": "pdf" if extension == "pdf" else "other",
            "filename": filename,
            "media_type": TYPES[extension][0],
            "valid_from": begins and rfc3339(begins),
            "valid_to": ends and rfc3339(ends),
        }
        return item, extension

    def _service(self, record: Record) -> str | None:
        """Of those that it is about, the first that the settings name: whatever else may stand there is not known."""
        listed = record.get("correlated_services")
        names = (each for each in listed if isinstance(each, str)) if isinstance(listed, list) else iter(())
        return next((self.settings.service_ids[each] for each in names if each in self.settings.service_ids), None)


def is_new(record: Record, began: int, ended: int) -> bool:
    """Whether a document came or changed since the last reading began, or does not say when it did. It may count as
    changed there that somebody read it: what was there before and was only read, while we read, is not new."""
    try:
        at, seen = moment_or_none(record, "updated_at", "created_at"), moment_or_none(record, "last_read_at")
        made = moment_or_none(record, "created_at")
    except Fault:
        return True
    if at is None or (made is not None and made.timestamp() >= began):
        return True
    by_reading = seen is not None and abs(at - seen) <= _AT_ONCE and seen.timestamp() <= ended
    return at.timestamp() >= began and not by_reading


def _without_readings(record: Record) -> Record:
    return {name: value for name, value in record.items() if name not in _OF_A_READING}


def _page_of(answer: Answer, offset: int, now: int) -> _Page:
    """The page that begins there. Raises the Failure that the answer is otherwise."""
    content = read(answer)
    listed, count = rows(content), counted(content)
    named = [one for one in listed if isinstance(one, Mapping) and is_identifier(one.get("id"))]
    nameless = [one for one in listed if not isinstance(one, Mapping) or not is_identifier(one.get("id"))]
    seen = offset + len(listed)
    more = bool(listed) and count is not None and seen < count
    return _Page(sorted(named, key=lambda one: str(one["id"])), nameless, seen if more else None, clock(answer, now))


def _kept(data: bytes) -> Record | None:
    """A document of the archive from the quarantine; None for what is another thing."""
    try:
        told = json.loads(data)
        record = told["record"]
        if told["kind"] != KIND or not is_identifier(record["id"]):
            return None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return record if isinstance(record, Mapping) else None
