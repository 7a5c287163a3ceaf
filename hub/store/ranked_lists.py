"""Ranked lists of subscribers as they are kept (S45-S47): frozen, under pseudonyms, gone when they are withdrawn."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from contracts.base import rfc3339
from contracts.identifiers import new_uuid7

from .bulk import insert_rows
from .committer import Committer
from .database import Database, Tx
from .directory import NotThere
from .ports import Vault
from .tables import ranked_entries, ranked_lists

DRAFT, PUBLISHED, WITHDRAWN = "draft", "published", "withdrawn"
_SHOWN = ("position", "pseudonym", "state", "tied", "shown")


class NotSo(Exception):
    """The list is in another state; the text says which."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A subscription in its place; `shown` are the numbers that ordered it."""

    position: int
    item_id: str
    state: str
    tied: bool
    shown: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Frozen:
    """A list as it is drafted or corrected."""

    ente_id: str
    code: str
    title: str
    order_keys: Sequence[str]
    entries: Sequence[Entry]


def new_list_id() -> str:
    return new_uuid7()


def pseudonym(vault: Vault, list_id: str, item_id: str) -> str:
    """Of a subscription in a list: the same in all its corrections, another in every other list. 50 bits of a keyed
    hash: nobody without the key can find the subscription, or try those he knows of."""
    digest = bytes.fromhex(vault.keyed_hash("ranked-list", f"{list_id}\0{item_id}"))
    text = base64.b32encode(digest[:10]).decode()
    return f"{text[:5]}-{text[5:10]}"


def draft_list(tx: Tx, vault: Vault, list_id: str, frozen: Frozen) -> None:
    """Keep it; nobody sees it yet but who is at the terminal."""
    row = {
        "ente_id": frozen.ente_id,
        "list_id": list_id,
        "code": frozen.code,
        "title": frozen.title,
        "state": DRAFT,
        "columns": list(frozen.order_keys),
        "corrections": [],
        "frozen_at": tx.now,
    }
    tx.connection.execute(insert(ranked_lists), row)
    insert_rows(tx.connection, ranked_entries, _rows(vault, list_id, frozen))


def publish_list(tx: Tx, list_id: str, until: datetime) -> None:
    """From now on anybody may read it, until then. Raises NotThere, NotSo."""
    row = _held(tx, list_id, DRAFT)
    _set(tx, row, state=PUBLISHED, published_at=tx.now, until=until)


def correct_list(tx: Tx, vault: Vault, list_id: str, frozen: Frozen, reason: str) -> int:
    """The list as the subscriptions stand now, with a line in its log; gives how many entries changed.

    Raises:
        NotThere: there is no such list.
        NotSo: it is not published.
    """
    row = _held(tx, list_id, PUBLISHED)
    before = {each["pseudonym"]: each for each in entries_of(tx.connection, row["ente_id"], list_id)}
    rows = _rows(vault, list_id, frozen)
    after = {each["pseudonym"]: {name: each[name] for name in _SHOWN} for each in rows}
    changed = sum(before.get(name) != after.get(name) for name in before.keys() | after.keys())
    _forget(tx, row)
    insert_rows(tx.connection, ranked_entries, rows)
    line = {"at": rfc3339(tx.now), "reason": reason, "changed": changed}
    _set(tx, row, corrections=[*row["corrections"], line], frozen_at=tx.now, columns=list(frozen.order_keys))
    return changed


def withdraw_list(tx: Tx, list_id: str) -> None:
    """It is gone, and its entries with it. Raises NotThere, NotSo."""
    row = _held(tx, list_id, DRAFT, PUBLISHED)
    _forget(tx, row)
    _set(tx, row, state=WITHDRAWN, withdrawn_at=tx.now)


def _expire(tx: Tx, wishes: Sequence[None]) -> list[int]:
    """A Committer handler: lists whose last day is over are withdrawn; how many."""
    gone = _over(tx.connection, tx.now)
    for list_id in gone:
        withdraw_list(tx, list_id)
    return [len(gone)] * len(wishes)


def withdraw_what_is_over(database: Database, committer: Committer) -> None:
    """Withdraw the lists whose last day is over, if there are any."""
    with database.read() as connection:
        if not _over(connection, database.now(connection)):
            return
    committer.write(_expire, None)


def _over(connection: Connection, now: datetime) -> Sequence[str]:
    its = ranked_lists.c
    return connection.execute(select(its.list_id).where(its.state == PUBLISHED, its.until <= now)).scalars().all()


def show_list(connection: Connection, list_id: str) -> dict[str, Any]:
    """One list without its entries. Raises NotThere."""
    row = connection.execute(select(ranked_lists).where(ranked_lists.c.list_id == list_id)).mappings().first()
    if row is None:
        raise NotThere(list_id)
    return {str(name): value for name, value in row.items()}


def entries_of(connection: Connection, ente_id: str, list_id: str) -> list[dict[str, Any]]:
    """The entries of a list, in their order."""
    its = ranked_entries.c
    query = (
        select(*(its[name] for name in _SHOWN))
        .where(its.ente_id == ente_id, its.list_id == list_id)
        .order_by(its.position)
    )
    return [dict(zip(_SHOWN, row, strict=True)) for row in connection.execute(query)]


def list_lists(connection: Connection, ente_id: str | None) -> list[dict[str, Any]]:
    """All lists, the newest first, and how many entries each has."""
    names = ("ente_id", "list_id", "code", "title", "state", "frozen_at", "published_at", "until", "withdrawn_at")
    its, of = ranked_lists.c, ranked_entries.c
    count = (
        select(func.count()).where(of.ente_id == its.ente_id, of.list_id == its.list_id).correlate(ranked_lists)
    ).scalar_subquery()
    query = select(*(its[name] for name in names), count).order_by(its.frozen_at.desc())
    if ente_id is not None:
        query = query.where(its.ente_id == ente_id)
    return [dict(zip((*names, "entries"), row, strict=True)) for row in connection.execute(query)]


def own_places(
    connection: Connection, vault: Vault, item: Mapping[str, Any], code: str, now: datetime
) -> list[dict[str, Any]]:
    """Where a subscription stands in the lists that are published now: for its owner alone."""
    its, of = ranked_lists.c, ranked_entries.c
    query = select(ranked_lists).where(
        its.ente_id == item["ente_id"], its.code == code, its.state == PUBLISHED, its.until > now
    )
    found = []
    for row in connection.execute(query.order_by(its.published_at, its.list_id).limit(50)).all():
        name = pseudonym(vault, row.list_id, item["item_id"])
        entry = select(of.position).where(of.ente_id == row.ente_id, of.list_id == row.list_id, of.pseudonym == name)
        position = connection.execute(entry).scalar_one_or_none()
        if position is not None:
            found.append({"list_id": row.list_id, "title": row.title, "pseudonym": name, "position": position})
    return found


def _rows(vault: Vault, list_id: str, frozen: Frozen) -> list[dict[str, Any]]:
    return [
        {
            "ente_id": frozen.ente_id,
            "list_id": list_id,
            "pseudonym": pseudonym(vault, list_id, each.item_id),
            "position": each.position,
            "state": each.state,
            "tied": each.tied,
            "shown": dict(each.shown),
        }
        for each in frozen.entries
    ]


def _held(tx: Tx, list_id: str, *states: str) -> dict[str, Any]:
    query = select(ranked_lists).where(ranked_lists.c.list_id == list_id).with_for_update()
    row = tx.connection.execute(query).mappings().first()
    if row is None:
        raise NotThere(list_id)
    if row["state"] not in states:
        raise NotSo(row["state"])
    return {str(name): value for name, value in row.items()}


def _set(tx: Tx, row: Mapping[str, Any], **values: Any) -> None:
    its = ranked_lists.c
    named = (its.ente_id == row["ente_id"]) & (its.list_id == row["list_id"])
    tx.connection.execute(update(ranked_lists).where(named).values(values))


def _forget(tx: Tx, row: Mapping[str, Any]) -> None:
    of = ranked_entries.c
    tx.connection.execute(delete(ranked_entries).where(of.ente_id == row["ente_id"], of.list_id == row["list_id"]))
