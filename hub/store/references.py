"""Files that stay at their vendor's (`content_url`): when somebody should look, and what was found (S55).

The agenda says when; whoever serves looks, outside of any transaction, and reports here. What was found once is no more
than that: three failures in a row make a link dead, a file with another digest is changed at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import Connection, delete, func, select, update

from .database import Tx, upsert
from .rows import Batch, ItemKey, lock_items
from .tables import agenda, items, referenced_files

CHECK = "check.content"
"""The occasion on which the file is looked for again."""

EVERY = timedelta(days=1)
_AFTER_FAILURES = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
BAD = ("changed", "dead")
_ITS = referenced_files.c
_KEY = ("ente_id", "citizen_id", "item_id")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to look for."""

    ente_id: str
    citizen_id: str
    item_id: str
    version: int
    content_sha256: str | None
    """Of the copy that is here already."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found. `problem` is a stable word of ours; with a copy, it is kept under `content_key` already."""

    wanted: Wanted
    found: Literal["alive", "changed", "missing"]
    problem: str | None = None
    content_sha256: str | None = None
    content_key: str | None = None


def want_check(tx: Tx, item: Any, host: str) -> None:
    """Somebody should look for the item's file."""
    key = {name: item[name] for name in _KEY}
    fresh = {"host": host[:260], "state": "unchecked", "failures": 0, "wanted_at": tx.now}
    statement = upsert(referenced_files).values(**key, **fresh)
    again = {"host": host[:260], "wanted_at": tx.now}
    tx.connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=again))


def forget_reference(tx: Tx, item: Any) -> None:
    """The item has another version, or is gone: what was found of its file says nothing any more."""
    tx.connection.execute(delete(referenced_files).where(*(_ITS[name] == item[name] for name in _KEY)))


def wanted(connection: Connection, enti_ids: Sequence[str], limit: int) -> list[Wanted]:
    """The files to look for, longest wanted first."""
    query = (
        select(items.c.ente_id, items.c.citizen_id, items.c.item_id, items.c.version, items.c.content_sha256)
        .join(referenced_files, _same())
        .where(_ITS.ente_id.in_(enti_ids), _ITS.wanted_at.is_not(None), items.c.lifecycle == "active")
        .order_by(_ITS.wanted_at)
        .limit(limit)
    )
    return [Wanted(*row) for row in connection.execute(query)]


def note_checked(tx: Tx, results: Sequence[Checked]) -> list[None]:
    """A Committer handler: what was found, when to look again, and a copy where one was made."""
    lock_items(tx, {_key(each) for each in results})
    batch = Batch()
    for each in results:
        _note(tx, batch, each)
    batch.write(tx)
    return [None] * len(results)


def _note(tx: Tx, batch: Batch, checked: Checked) -> None:
    key = dict(zip(_KEY, _key(checked), strict=True))
    its = [_ITS[name] == value for name, value in key.items()]
    row = tx.connection.execute(select(referenced_files).where(*its)).mappings().one_or_none()
    item = _item(tx, batch, key)
    if row is None or item is None or item["version"] != checked.wanted.version or item["lifecycle"] != "active":
        return  # there is another version, which will be looked for by itself
    failures = row["failures"] + 1 if checked.found == "missing" else 0
    state = row["state"]
    if checked.found != "missing":
        state = checked.found
    elif failures > len(_AFTER_FAILURES) - 1:
        state = "dead"
    bad, was_bad = state in BAD, row["state"] in BAD
    values = {
        "state": state,
        "problem": checked.problem,
        "failures": failures,
        "failed_since": (row["failed_since"] or tx.now) if checked.found != "alive" else None,
        "checked_at": tx.now,
        "wanted_at": None,
    }
    tx.connection.execute(update(referenced_files).where(*its).values(values))
    at = tx.now + (_AFTER_FAILURES[failures - 1] if 0 < failures <= len(_AFTER_FAILURES) else EVERY)
    again = upsert(agenda).values(**key, occasion=CHECK, at=at)
    tx.connection.execute(again.on_conflict_do_update(index_elements=[*_KEY, "occasion"], set_={"at": at}))
    if checked.content_key is not None:
        item |= {"content_sha256": checked.content_sha256, "content_key": checked.content_key, "updated_at": tx.now}
        batch.change(item)
    if bad != was_bad:
        batch.event(item, tx.now, "content_unreachable" if bad else "content_reachable", state=state)


def _item(tx: Tx, batch: Batch, key: dict[str, str]) -> dict[str, Any] | None:
    if ours := batch.changed_items.get(key["item_id"]):
        return ours
    its = items.c
    found = tx.connection.execute(select(items).where(*(its[name] == value for name, value in key.items())))
    row = found.mappings().one_or_none()
    return None if row is None else dict(row)


def bad_links(connection: Connection, ente_id: str, limit: int = 1000) -> list[dict[str, Any]]:
    """The links that lead to no file, or to another one, oldest first: for an operator, without whose they are."""
    query = (
        select(
            items.c.item_id,
            items.c.vendor_id,
            items.c.source,
            _ITS.host,
            _ITS.state,
            _ITS.problem,
            _ITS.failures,
            _ITS.failed_since,
            _ITS.checked_at,
            items.c.content_key.is_not(None).label("copied"),
        )
        .join(referenced_files, _same())
        .where(_ITS.ente_id == ente_id, _ITS.failed_since.is_not(None), items.c.lifecycle == "active")
        .order_by(_ITS.failed_since)
        .limit(limit)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def count_bad(connection: Connection) -> list[tuple[str, str, int]]:
    """(ente, state, how many) of the links that are bad."""
    query = (
        select(_ITS.ente_id, _ITS.state, func.count())
        .where(_ITS.failed_since.is_not(None), _ITS.state.in_(BAD))
        .group_by(_ITS.ente_id, _ITS.state)
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(query)]


def _same() -> Any:
    return (
        (items.c.ente_id == _ITS.ente_id) & (items.c.citizen_id == _ITS.citizen_id) & (items.c.item_id == _ITS.item_id)
    )


def _key(checked: Checked) -> ItemKey:
    return checked.wanted.ente_id, checked.wanted.citizen_id, checked.wanted.item_id
