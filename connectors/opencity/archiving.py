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
from contracts.inbound import Found, Wrong

from . import mapping
from .config import Settings
from .documents import TYPES, filename_of
from .fields import Fault, identifier, is_identifier, moment, moment_or_none, person, string
from .filing import Files
from .lists import MOST_BYTES, clock, counted, mapped, rows
from .places import Place, Walk
from .session import READ, Session, failure_of, read

KIND = "archive"
DOC_TYPE = "archive-document"

_TRIES = 3
_TRIES_IN_AN_OUTAGE = 8
"""With the hub's pauses some twenty minutes."""
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
    _broke: dict[str, int] = field(default_factory=dict)
    """How often the question at hand was asked in vain."""
    _asks_in_vain: bool = False
    """Whether the last owner was passed over for that: the next like him is not waited for."""
    _page: tuple[tuple[int, int], "_Page"] | None = field(default=None, repr=False)
    """The page at hand, by when its walk began and where it begins; after a restart none."""

    def step(self, place: Place, walk: Walk) -> tuple[Walk, list[Found]]:
        """The next document, by name, and the walk after it."""
        over = walk.model_copy(update={"archive": False, "after_file": "", "offset": 0})
        key, found = (walk.started, walk.offset), list[Found]()
        page = self._page[1] if self._page is not None and self._page[0] == key else None
        if page is None:
            tries = _TRIES_IN_AN_OUTAGE
            try:
                answer = self.listed(walk.offset)
                # No outage, but something else than what is described, or too much of it.
                tries = _TRIES if answer.status in (200, 500) else tries
                page = _page_of(answer, walk.offset, int(self.now()))
            except Deferred as failure:
                # What was read before it in this round came: the rest is not held up by this list for ever.
                if not self._breaks_again("list", tries):
                    raise
                fault = Wrong("", failure.reason, f"asked {tries} times in vain: passed over until a sweep")
                # Not read: the next is to look back as far as this one.
                return over.model_copy(update={"archive_from": None}), [Found("archive-list", b"{}", wrong=(fault,))]
            self._page = key, page
        if walk.archive_from is None:
            walk = walk.model_copy(update={"archive_from": page.at})
        if not walk.after_file:
            found += mapped(KIND, page.nameless, self.found)
        left = [one for one in page.records if str(one["id"]) > walk.after_file and self._is_new(place, one)]
        found += [self.found(one) for one in left[:1]]
        if len(left) > 1:
            return walk.model_copy(update={"after_file": str(left[0]["id"])}), found
        self._page = None
        if page.then is None:
            return over.model_copy(update={"archive_from": walk.archive_from}), found
        return walk.model_copy(update={"offset": page.then, "after_file": ""}), found

    def _is_new(self, place: Place, record: Record) -> bool:
        if place.archived is None:
            return True
        return is_new(record, place.archived[0] - self.settings.overlap_s, place.archived[1] + _APART_S)

    def _breaks_again(self, asked: str, tries: int = _TRIES) -> bool:
        self._broke = {asked: self._broke.get(asked, 0) + 1}
        return self._broke[asked] >= tries

    def listed(self, offset: int) -> Answer:
        """The documents from that one on, or all of them where the list has no pages."""
        query = {"version": "2", "offset": str(offset), "limit": str(self.settings.page_size)}
        return self.session.get("/documents", query, most_bytes=MOST_BYTES)

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
            fetched.append(self.files.fetch(f"/documents/{name}/download", "2", name, extension))
            size, sha256 = len(fetched[0]), hashlib.sha256(fetched[0]).hexdigest()
            return "documents", mapping.given(item | {"size": size, "sha256": sha256})

        kept = {name: value for name, value in record.items() if name not in _OF_A_READING}
        found = mapping.found_of(KIND, kept, {}, make)
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
            reason = failure.reason

            def make() -> tuple[str, dict[str, Any]]:
                raise Fault("", reason, "asked for again in vain")

            found = mapping.found_of(KIND, record, {}, make)
            assert found is not None
            yield found

    def owner(self, name: str) -> Mapping[str, str]:
        """Whose a document is, by the id of the citizen there.

        Raises:
            Fault: there is nobody by that id, or without a tax code.
            Deferred, Misconfigured: the answer is neither.
        """
        if name not in self._owners:
            # Version 1: the names that are known for certain; those of version 2 are read where they come.
            answer = self.session.get(f"/users/{name}", {"version": "1"})
            if answer.status in (404, 410):
                raise Fault("/owner", "opencity.no_owner", f"status {answer.status}")
            if answer.status == 500:
                if not self._asks_in_vain and not self._breaks_again(name):
                    raise failure_of(READ, answer)
                self._asks_in_vain = True
                raise Fault("/owner", "opencity.no_owner", "asked for and answered 500")
            self._asks_in_vain = False
            given = read(answer)
            its = given if isinstance(given, Mapping) else {}
            found = person(its.get("codice_fiscale") or its.get("tax_code"), "/owner")
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
