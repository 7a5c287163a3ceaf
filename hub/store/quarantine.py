"""What a source had and could not become an item (`settled` 33): kept until a person has looked, or it comes right."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from contracts.identifiers import new_uuid7
from contracts.inbound import FOR_A_PERSON

from .database import Tx
from .given import GIVEN_NAMES, given
from .ports import Vault
from .tables import quarantine

_ITS = quarantine.c
MOST_FAULTS = 20


class NotInQuarantine(Exception):
    """There is no open entry of that id."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """What is to be kept of a record that did not fit."""

    ente_id: str
    connector_id: str
    name: str
    collection: str
    wrong: tuple[Mapping[str, str], ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """One of them as an operator sees it: nothing personal."""

    ente_id: str
    quarantine_id: str
    connector_id: str
    name: str
    collection: str
    wrong: Sequence[Mapping[str, str]]
    decided: str | None
    times: int
    first_at: datetime
    last_at: datetime

    @property
    def is_for_a_person(self) -> bool:
        """Whether somebody has to decide about it by its name."""
        return any(one["code"] in FOR_A_PERSON for one in self.wrong)


def keep_misfits(tx: Tx, vault: Vault, misfits: Collection[Misfit]) -> None:
    """Each in one entry while it is open, as it came last."""
    for each in misfits:
        query = select(_ITS.quarantine_id).where(_open(each.ente_id, each.connector_id, each.name)).limit(1)
        quarantine_id = tx.connection.execute(query).scalar()
        kept = quarantine_id or new_uuid7()
        values: dict[str, Any] = {
            "collection": each.collection,
            "wrong": [dict(one) for one in each.wrong[:MOST_FAULTS]],
            "raw_sealed": vault.seal(each.raw, raw_place(each.ente_id, kept)),
            "last_at": tx.now,
        }
        if quarantine_id is None:
            names = {"ente_id": each.ente_id, "quarantine_id": kept, "connector_id": each.connector_id}
            row = names | {"name": each.name, "decided": None, "times": 1, "first_at": tx.now}
            tx.connection.execute(insert(quarantine), row | values)
        else:
            where = (_ITS.ente_id == each.ente_id) & (_ITS.quarantine_id == kept)
            tx.connection.execute(update(quarantine).where(where).values(**values, times=_ITS.times + 1))


def let_out(tx: Tx, ente_id: str, connector_id: str, names: Collection[str]) -> None:
    """These came right: whatever stood of them is over, and its content goes."""
    if names:
        where = (_ITS.ente_id == ente_id) & (_ITS.connector_id == connector_id) & _ITS.name.in_(GIVEN_NAMES)
        over = {"decided": "taken", "raw_sealed": None, "last_at": tx.now}
        statement = update(quarantine).where(where, _ITS.decided.is_(None)).values(over)
        tx.connection.execute(statement, given({(name,) for name in names}))


def discard(tx: Tx, ente_id: str, quarantine_id: str) -> Entry:
    """A person decided that nothing will become of it; its content goes. Raises NotInQuarantine."""
    found = entry(tx.connection, ente_id, quarantine_id)
    where = (_ITS.ente_id == ente_id) & (_ITS.quarantine_id == quarantine_id) & _ITS.decided.is_(None)
    over = {"decided": "discarded", "raw_sealed": None, "last_at": tx.now}
    if tx.connection.execute(update(quarantine).where(where).values(over)).rowcount == 0:
        raise NotInQuarantine(quarantine_id)
    return found


def entries(
    connection: Connection,
    ente_id: str,
    *,
    connector_id: str | None = None,
    open_only: bool = True,
    after: str | None = None,
    limit: int = 100,
) -> list[Entry]:
    """Entries by their id, oldest first."""
    query = select(*(_ITS[name] for name in Entry.__dataclass_fields__)).where(_ITS.ente_id == ente_id)
    if open_only:
        query = query.where(_ITS.decided.is_(None))
    if connector_id is not None:
        query = query.where(_ITS.connector_id == connector_id)
    if after is not None:
        query = query.where(_ITS.quarantine_id > after)
    rows = connection.execute(query.order_by(_ITS.quarantine_id).limit(limit))
    return [Entry(**row) for row in rows.mappings()]


def entry(connection: Connection, ente_id: str, quarantine_id: str) -> Entry:
    """One entry, whether open or decided. Raises NotInQuarantine."""
    query = select(*(_ITS[name] for name in Entry.__dataclass_fields__)).where(
        _ITS.ente_id == ente_id, _ITS.quarantine_id == quarantine_id
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotInQuarantine(quarantine_id)
    return Entry(**row)


def raw_of(connection: Connection, vault: Vault, ente_id: str, quarantine_id: str) -> bytes:
    """What came, of an open entry: personal data. Raises NotInQuarantine."""
    query = select(_ITS.raw_sealed).where(_ITS.ente_id == ente_id, _ITS.quarantine_id == quarantine_id)
    sealed = connection.execute(query).scalar_one_or_none()
    if sealed is None:
        raise NotInQuarantine(quarantine_id)
    return vault.open(sealed, raw_place(ente_id, quarantine_id))


def open_counts(connection: Connection) -> dict[tuple[str, str], int]:
    """How many are open, by (ente_id, connector_id)."""
    query = (
        select(_ITS.ente_id, _ITS.connector_id, func.count().label("number"))
        .where(_ITS.decided.is_(None))
        .group_by(_ITS.ente_id, _ITS.connector_id)
    )
    return {(row.ente_id, row.connector_id): row.number for row in connection.execute(query)}


def _open(ente_id: str, connector_id: str, name: str) -> Any:
    return (
        (_ITS.ente_id == ente_id) & (_ITS.connector_id == connector_id) & (_ITS.name == name) & _ITS.decided.is_(None)
    )


def raw_place(ente_id: str, quarantine_id: str) -> str:
    """Where the content of an entry is sealed for."""
    return f"quarantine|raw|{ente_id}|{quarantine_id}"
