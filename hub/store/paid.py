"""Payments and receipts by the notice that they are about: for reconciliation, and for what is still to be paid."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, select

from contracts.states import PAID

from .bulk import pieces
from .citizens import Citizen
from .contents import with_contents
from .given import GIVEN, given, is_given
from .ports import Vault
from .rows import IN_ORDER
from .tables import items

_ITS = items.c
_PROOF = tuple(
    _ITS[name]
    for name in ("item_id", "notice_key", "vendor_id", "collection", "settles", "lifecycle", "state", "own_state")
)
_PAGE = select(
    *(_ITS.citizen_id, _ITS.item_id, _ITS.version, _ITS.collection, _ITS.state, _ITS.notice_key)
).select_from(GIVEN.join(items, is_given(*IN_ORDER)))


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
    return whole(connection, vault, ente_id, _ids(connection, ente_id, wanted))


def of_notices(connection: Connection, vault: Vault, ente_id: str, notice_keys: Collection[str]) -> Iterator[OfNotice]:
    """The payments and receipts of these notices."""
    for those in pieces(sorted(notice_keys)):
        yield from whole(connection, vault, ente_id, _ids(connection, ente_id, _ITS.notice_key.in_(those)))


@dataclass(frozen=True, slots=True)
class Paid:
    """Notices of a citizen of which the money was paid, as payments and receipts of theirs say."""

    by_anybody: frozenset[str] = frozenset()
    by_vendor: frozenset[tuple[str, str]] = frozenset()
    """(vendor, notice key): receipts that count for their own vendor's payments alone."""

    def knows(self, vendor_id: str, notice_key: str) -> bool:
        """Whether a payment of that vendor's and notice is paid."""
        return notice_key in self.by_anybody or (vendor_id, notice_key) in self.by_vendor


def proves(item: Mapping[str, Any] | RowMapping) -> bool:
    """Whether a payment or a receipt of a notice says that the money was paid, as `folding` takes it: a receipt while
    it is here, a payment for ever."""
    if item["collection"] == "receipts":
        return bool(item["lifecycle"] == "active")
    return (item["own_state"] or item["state"]) in PAID


def paid_among(
    connection: Connection,
    ente_id: str,
    citizen_id: str,
    notice_keys: Collection[str],
    held: Iterable[Mapping[str, Any]] = (),
) -> Paid:
    """Those of these notices of the citizen's that are paid. `held`: items as a transaction is to write them."""
    there: dict[str, Mapping[str, Any] | RowMapping] = {}
    for those in pieces(sorted(notice_keys)):
        query = select(*_PROOF).where(
            _ITS.ente_id == ente_id, _ITS.citizen_id == citizen_id, _ITS.notice_key.in_(those)
        )
        there |= {row["item_id"]: row for row in connection.execute(query).mappings()}
    there |= {item["item_id"]: item for item in held if (item["ente_id"], item["citizen_id"]) == (ente_id, citizen_id)}
    anybody, vendors = set(), set()
    for item in there.values():
        if item["notice_key"] not in notice_keys or not proves(item):
            continue
        if item["collection"] == "payments" or item["settles"]:
            anybody.add(item["notice_key"])
        else:
            vendors.add((item["vendor_id"], item["notice_key"]))
    return Paid(frozenset(anybody), frozenset(vendors))


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


def whole(connection: Connection, vault: Vault, ente_id: str, ids: Sequence[tuple[str, str]]) -> Iterator[OfNotice]:
    """These items (citizen_id, item_id), as far as they are of a notice still."""
    for those in pieces(ids):
        keys = given([(ente_id, *key) for key in those])
        for row, payload in with_contents(connection, vault, ente_id, _PAGE.params(keys)):
            # It may have been erased meanwhile, or have lost its number.
            if payload is not None and row.notice_key is not None:
                yield OfNotice(row.item_id, row.collection, row.state, row.notice_key, payload)
