"""How far each source was read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, select, tuple_, update

from contracts.inbound import Afresh, Memo

from .configuration import REMOVED
from .database import Tx, upsert
from .ports import Vault
from .sources import note_alive
from .tables import clipped, connectors, source_positions


@dataclass(frozen=True, slots=True)
class Position:
    """Of a connector of this `type`: another type's memo means nothing to it."""

    ente_id: str
    connector_id: str
    type: str
    memo: Mapping[str, Any] = field(default_factory=dict, repr=False)
    failures: int = 0
    reason: str | None = None
    read_at: datetime | None = None
    """When the end of what the source had was last reached."""
    taken: int = 0
    """Records looked at since then."""
    failing_since: datetime | None = None
    """When the first of the failures was, where that is known."""


@dataclass(frozen=True, slots=True)
class Move:
    """A position, with what the time of it depends on: the database's clock."""

    position: Position
    after: timedelta
    """Until the next step."""
    at_end: bool
    heard: Collection[tuple[str, str, str]] = ()
    """(ente, vendor, source) of what was there: signs of life."""


def position_of(connection: Connection, vault: Vault, ente_id: str, connector_id: str, type: str) -> Position:
    """Where a connector of this type stands: at the beginning, where nothing was read or by another type."""
    its = source_positions.c
    query = select(source_positions).where(its.ente_id == ente_id, its.connector_id == connector_id, its.type == type)
    row = connection.execute(query).one_or_none()
    if row is None:
        return Position(ente_id, connector_id, type)
    return Position(
        row.ente_id,
        row.connector_id,
        row.type,
        _opened(vault, row.memo_sealed, memo_place(row.ente_id, row.connector_id)),
        row.failures,
        row.reason,
        row.read_at,
        row.taken,
        row.failing_since if row.failures else None,
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """How the reading of a source goes."""

    ente_id: str
    connector_id: str
    type: str
    due_at: datetime
    failures: int
    reason: str | None
    read_at: datetime | None
    taken: int


def reading_of_sources(connection: Connection) -> list[Standing]:
    """Of each source that was ever read, without what only its connector understands."""
    its = source_positions.c
    query = select(*(its[name] for name in Standing.__dataclass_fields__)).order_by(its.ente_id, its.connector_id)
    return [Standing(**row) for row in connection.execute(query).mappings()]


def wake(tx: Tx, vault: Vault, ente_id: str, connector_id: str, type: str, afresh: Afresh | None) -> None:
    """Let it be the turn of a source of this type now, with what its connector had put off. One that was never read has
    its turn anyway."""
    its = source_positions.c
    where = (its.ente_id == ente_id) & (its.connector_id == connector_id) & (its.type == type)
    values: dict[str, Any] = {"due_at": tx.now}
    if afresh is not None:
        query = select(its.memo_sealed).where(where).with_for_update()
        sealed = tx.connection.execute(query).scalar_one_or_none()
        if sealed is None:
            return
        place = memo_place(ente_id, connector_id)
        values["memo_sealed"] = _sealed(vault, afresh(_opened(vault, sealed, place)), place)
    tx.connection.execute(update(source_positions).where(where).values(values))


class Positions:
    """Writes them."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def move(self, tx: Tx, moves: Sequence[Move]) -> list[None]:
        """A Committer handler. Of a connector that was removed while it read, nothing is kept."""
        heard: set[tuple[str, str, str]] = set()
        there = _there(tx, moves)
        for each in moves:
            at = each.position
            if (at.ente_id, at.connector_id) not in there:
                continue
            heard.update(each.heard)
            values = {
                "type": at.type,
                "memo_sealed": _sealed(self._vault, at.memo, memo_place(at.ente_id, at.connector_id)),
                "due_at": tx.now + each.after,
                "failures": at.failures,
                "reason": None if at.reason is None else clipped(at.reason, 100),
                "failing_since": (at.failing_since or tx.now) if at.failures else None,
                "read_at": tx.now if each.at_end else at.read_at,
                "taken": 0 if each.at_end else at.taken,
            }
            row = upsert(source_positions).values(ente_id=at.ente_id, connector_id=at.connector_id, **values)
            tx.connection.execute(row.on_conflict_do_update(index_elements=["ente_id", "connector_id"], set_=values))
        if heard:
            note_alive(tx, heard)
        return [None] * len(moves)


def _there(tx: Tx, moves: Sequence[Move]) -> set[tuple[str, str]]:
    """Their connectors that were not removed; a removal waits for what is written of them."""
    its = connectors.c
    name = tuple_(its.ente_id, its.connector_id)
    wanted = {(each.position.ente_id, each.position.connector_id) for each in moves}
    query = select(its.ente_id, its.connector_id).where(name.in_(sorted(wanted)), its.status != REMOVED)
    found = tx.connection.execute(query.order_by(its.ente_id, its.connector_id).with_for_update(read=True))
    return {(row.ente_id, row.connector_id) for row in found}


def _sealed(vault: Vault, memo: Mapping[str, Any], place: str) -> bytes:
    return vault.seal(orjson.dumps(dict(memo)), place)


def _opened(vault: Vault, sealed: bytes, place: str) -> Memo:
    memo: Memo = orjson.loads(vault.open(sealed, place))
    return memo


def memo_place(ente_id: str, connector_id: str) -> str:
    """Where a memo is sealed for."""
    return f"source_positions|memo|{ente_id}|{connector_id}"
