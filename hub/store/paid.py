"""Payments and receipts by the notice that they are about."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, select

from .bulk import pieces
from .citizens import Citizen
from .contents import with_contents
from .ports import Vault
from .tables import items

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
    for those in pieces(sorted(notice_keys)):
        yield from _whole(connection, vault, ente_id, _ids(connection, ente_id, _ITS.notice_key.in_(those)))


def same_notice(connection: Connection, citizen: Citizen, item: RowMapping) -> Sequence[RowMapping]:
    """The citizen's active items of the same notice as this one, itself among them."""
    if item["notice_key"] is None:
        return ()
    mine = and_(_ITS.ente_id == citizen.ente_id, _ITS.citizen_id == citizen.citizen_id)
    query = select(items).where(mine, _ITS.notice_key == item["notice_key"], _ITS.lifecycle == "active")
    return connection.execute(query.order_by(_ITS.item_id)).mappings().all()


def _ids(connection: Connection, ente_id: str, wanted: ColumnElement[bool]) -> list[tuple[str, str]]:
    query = select(_ITS.citizen_id, _ITS.item_id).where(
        _ITS.ente_id == ente_id,
        _ITS.notice_key.is_not(None),
        _ITS.lifecycle.in_(("active", "restricted")),
        wanted,
    )
    return sorted((row.citizen_id, row.item_id) for row in connection.execute(query))


def _whole(connection: Connection, vault: Vault, ente_id: str, ids: list[tuple[str, str]]) -> Iterator[OfNotice]:
    for those in pieces(ids):
        page = select(
            *(_ITS.citizen_id, _ITS.item_id, _ITS.version, _ITS.collection, _ITS.state, _ITS.notice_key)
        ).where(
            _ITS.ente_id == ente_id,
            _ITS.citizen_id.in_({citizen_id for citizen_id, _ in those}),
            _ITS.item_id.in_([item_id for _, item_id in those]),
        )
        for row, payload in with_contents(connection, vault, ente_id, page):
            # It may have been erased meanwhile, or have lost its number.
            if payload is not None and row.notice_key is not None:
                yield OfNotice(row.item_id, row.collection, row.state, row.notice_key, payload)
