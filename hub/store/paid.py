"""Payments and receipts by the notice that they are about, with their contents: for reconciliation."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, select

from .citizens import key_place
from .ports import Vault
from .rows import payload_place
from .tables import citizens, item_versions, items

_AT_ONCE = 500
_ITS = items.c


@dataclass(frozen=True, slots=True)
class OfNotice:
    """A payment or a receipt as it stands."""

    item_id: str
    collection: str
    state: str
    notice_key: str
    payload: bytes = field(repr=False)
    """JSON."""


def receipts_between(
    connection: Connection, vault: Vault, ente_id: str, since: datetime, until: datetime
) -> Iterator[OfNotice]:
    """The receipts of notices whose `occurred_at` is in that time, its end included."""
    wanted = and_(_ITS.collection == "receipts", _ITS.occurred_at.between(since, until))
    return _whole(connection, vault, ente_id, _ids(connection, ente_id, wanted))


def of_notices(connection: Connection, vault: Vault, ente_id: str, notice_keys: Collection[str]) -> Iterator[OfNotice]:
    """The payments and receipts of these notices."""
    wanted = sorted(notice_keys)
    for start in range(0, len(wanted), _AT_ONCE):
        those = _ITS.notice_key.in_(wanted[start : start + _AT_ONCE])
        yield from _whole(connection, vault, ente_id, _ids(connection, ente_id, those))


def _ids(connection: Connection, ente_id: str, wanted: ColumnElement[bool]) -> list[tuple[str, str]]:
    query = select(_ITS.citizen_id, _ITS.item_id).where(
        _ITS.ente_id == ente_id,
        _ITS.notice_key.is_not(None),
        _ITS.lifecycle.in_(("active", "restricted")),
        wanted,
    )
    return sorted((row.citizen_id, row.item_id) for row in connection.execute(query))


def _whole(connection: Connection, vault: Vault, ente_id: str, ids: list[tuple[str, str]]) -> Iterator[OfNotice]:
    query = (
        select(
            _ITS.citizen_id,
            _ITS.item_id,
            _ITS.collection,
            _ITS.state,
            _ITS.notice_key,
            _ITS.version,
            item_versions.c.payload_sealed,
            citizens.c.data_key_sealed,
        )
        .join(
            item_versions,
            and_(
                item_versions.c.ente_id == _ITS.ente_id,
                item_versions.c.item_id == _ITS.item_id,
                item_versions.c.version == _ITS.version,
                item_versions.c.citizen_id == _ITS.citizen_id,
            ),
        )
        .join(citizens, and_(citizens.c.ente_id == _ITS.ente_id, citizens.c.citizen_id == _ITS.citizen_id))
    )
    for start in range(0, len(ids), _AT_ONCE):
        piece = ids[start : start + _AT_ONCE]
        here = and_(
            _ITS.ente_id == ente_id,
            _ITS.citizen_id.in_({citizen_id for citizen_id, _ in piece}),
            _ITS.item_id.in_([item_id for _, item_id in piece]),
        )
        for row in connection.execute(query.where(here)):
            if not row.data_key_sealed or row.notice_key is None:
                continue  # erased meanwhile
            key = vault.open(row.data_key_sealed, key_place(ente_id, row.citizen_id))
            place = payload_place(ente_id, row.item_id, row.version)
            payload = vault.open_with(key, row.payload_sealed, place)
            yield OfNotice(row.item_id, row.collection, row.state, row.notice_key, payload)
