"""What sources had and seem to have no more (`contracts.inbound.Found.missing`), until somebody asked about it."""

from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from .bulk import pieces
from .database import Tx, upsert
from .tables import missing_records

DAY: Final = timedelta(days=1)
"""Over which those that were taken back are counted."""
SHOWN: Final = timedelta(days=30)
"""How long they are shown afterwards."""
MOST: Final = 10_000
"""Of one connector that are noted: nobody looks at more, and none of so many is taken back."""

_ITS = missing_records.c


@dataclass(frozen=True, slots=True)
class MissingRecord:
    """One of them."""

    ente_id: str
    connector_id: str
    name: str
    since: datetime
    withdrawn_at: datetime | None
    """When it was taken back for that."""
    lacked_again: bool
    """Whether a second list of all that the source has lacked it as well, with none in between that had it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a source has said: these are `missing`, and the others `there`."""

    ente_id: str
    connector_id: str
    missing: Collection[str]
    there: Container[str] = ()
    listed_from: datetime | None = None
    """When the source began to list all that it has: what was missing before that is lacked again."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Of these a source was asked: those that were taken back for it, and those that it has after all."""

    ente_id: str
    connector_id: str
    withdrawn: Collection[str]
    there: Collection[str]


def missing_of(
    connection: Connection, ente_id: str, connector_id: str, *, withdrawn: bool = False
) -> list[MissingRecord]:
    """Those of one connector that nobody asked about yet, by name; or all that are known, with those taken back."""
    query = select(*(_ITS[name] for name in MissingRecord.__dataclass_fields__)).where(_of(ente_id, connector_id))
    if not withdrawn:
        query = query.where(_ITS.withdrawn_at.is_(None))
    return [MissingRecord(**row) for row in connection.execute(query.order_by(_ITS.name)).mappings()]


def missing_counts(connection: Connection) -> dict[tuple[str, str], int]:
    """How many are to be asked about, by (ente_id, connector_id)."""
    query = (
        select(_ITS.ente_id, _ITS.connector_id, func.count().label("number"))
        .where(_ITS.withdrawn_at.is_(None))
        .group_by(_ITS.ente_id, _ITS.connector_id)
    )
    return {(row.ente_id, row.connector_id): row.number for row in connection.execute(query)}


def withdrawn_since(connection: Connection, ente_id: str, connector_id: str, since: datetime) -> int:
    """How many of one connector were taken back after that moment."""
    query = select(func.count()).where(_of(ente_id, connector_id), _ITS.withdrawn_at > since)
    return int(connection.execute(query).scalar_one())


def note_missing(tx: Tx, told: Sequence[Seen]) -> list[None]:
    """A Committer handler. Said again, it changes nothing."""
    for each in told:
        of = _of(each.ente_id, each.connector_id)
        if each.there:
            known = set(tx.connection.execute(select(_ITS.name).where(of, _ITS.withdrawn_at.is_(None))).scalars())
            _forget(tx, of, [name for name in known if name in each.there])
        names = {"ente_id": each.ente_id, "connector_id": each.connector_id}
        row = upsert(missing_records)
        anew = {"since": row.excluded.since, "withdrawn_at": None, "lacked_again": False}
        again = _ITS.withdrawn_at.is_not(None)
        row = row.on_conflict_do_update(index_elements=[*names, "name"], set_=anew, where=again)
        for part in pieces(sorted(each.missing)[:MOST]):
            if each.listed_from is not None:
                before = (_ITS.withdrawn_at.is_(None), _ITS.since < each.listed_from, _ITS.lacked_again.is_(False))
                known_before = update(missing_records).where(of, *before, _ITS.name.in_(part))
                tx.connection.execute(known_before.values(lacked_again=True))
            tx.connection.execute(row, [{**names, "name": name, "since": tx.now} for name in part])
    return [None] * len(told)


def settle_missing(tx: Tx, told: Sequence[Settled]) -> list[None]:
    """A Committer handler. What was taken back stays to be seen for a while."""
    for each in told:
        of = _of(each.ente_id, each.connector_id)
        for part in pieces(sorted(each.withdrawn)):
            tx.connection.execute(update(missing_records).where(of, _ITS.name.in_(part)).values(withdrawn_at=tx.now))
        _forget(tx, of, each.there)
        tx.connection.execute(delete(missing_records).where(of, _ITS.withdrawn_at < tx.now - SHOWN))
    return [None] * len(told)


def _forget(tx: Tx, of: ColumnElement[bool], names: Collection[str]) -> None:
    for part in pieces(sorted(names)):
        tx.connection.execute(delete(missing_records).where(of, _ITS.name.in_(part)))


def _of(ente_id: str, connector_id: str) -> ColumnElement[bool]:
    return (_ITS.ente_id == ente_id) & (_ITS.connector_id == connector_id)
