"""Finding evidence, and what proves of a record that it stands where it was written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, select, tuple_

from .tables import EPOCH, access_log, chain_roots, evidence, item_identities

_AT_ONCE: Final = 400
_SKEW: Final = timedelta(days=1)
"""An id bears the time of the process that made it, a record that of the database."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which records; what is None does not matter."""

    ente_id: str | None = None
    evidence_ids: Sequence[str] = ()
    vendor_id: str | None = None
    item_id: str | None = None
    external_id: str | None = None
    message_id: str | None = None
    request_id: str | None = None
    verdict: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Not included."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands in the hash chain."""

    writer_id: str
    root_number: int
    root: str
    previous_root: str | None
    """None for a writer's first: that one stands on the hash of the writer's id."""
    row_hashes: list[str]
    """Of every record of that commit, in the order in which the root is over them."""


def find(connection: Connection, wish: Wish, *, limit: int) -> Sequence[RowMapping]:
    """The newest records that fit, newest first."""
    query = select(evidence).where(*_conditions(wish)).order_by(evidence.c.evidence_id.desc()).limit(limit)
    return connection.execute(query).mappings().all()


def external_ids(connection: Connection, rows: Sequence[RowMapping]) -> dict[tuple[str, str], str]:
    """(ente_id, item_id) -> the vendor's own name of the item."""
    wanted = sorted({row["item_id"] for row in rows if row["item_id"]})
    found = {}
    for start in range(0, len(wanted), _AT_ONCE):
        of = item_identities.c
        query = select(of.ente_id, of.item_id, of.external_id).where(of.item_id.in_(wanted[start : start + _AT_ONCE]))
        found.update({(row.ente_id, row.item_id): row.external_id for row in connection.execute(query)})
    return found


def places(connection: Connection, rows: Sequence[RowMapping]) -> dict[tuple[str, int], Place]:
    """(writer, root number) -> the place of the records written there. Raises LookupError where a root is gone."""
    wanted = sorted({(row["writer_id"], row["root_number"]) for row in rows})
    before = [(writer, number - 1) for writer, number in wanted if number > 1]
    roots = {
        (row.writer_id, row.root_number): row.root
        for row in _standing_at(connection, chain_roots, sorted({*wanted, *before}))
    }
    hashes: dict[tuple[str, int], list[str]] = {}
    for table in (evidence, access_log):
        for row in _standing_at(connection, table, wanted):
            hashes.setdefault((row.writer_id, row.root_number), []).append(row.row_hash)
    found = {}
    for writer, number in wanted:
        missing = [n for n in (number, number - 1) if n > 0 and (writer, n) not in roots]
        if missing:
            raise LookupError(f"root {missing[0]} of writer {writer} is not kept")
        key = (writer, number)
        found[key] = Place(writer, number, roots[key], roots.get((writer, number - 1)), sorted(hashes[key]))
    return found


def _standing_at(connection: Connection, table: Any, wanted: Sequence[tuple[str, int]]) -> Iterator[Any]:
    columns = [table.c.writer_id, table.c.root_number, table.c.root if table is chain_roots else table.c.row_hash]
    for start in range(0, len(wanted), _AT_ONCE):
        where = tuple_(table.c.writer_id, table.c.root_number).in_(wanted[start : start + _AT_ONCE])
        yield from connection.execute(select(*columns).where(where))


def _conditions(wish: Wish) -> list[ColumnElement[bool]]:
    columns = evidence.c
    equal = ("ente_id", "vendor_id", "item_id", "message_id", "request_id", "verdict")
    found = [columns[name] == value for name in equal if (value := getattr(wish, name)) is not None]
    if wish.evidence_ids:
        found.append(columns.evidence_id.in_(wish.evidence_ids))
    if wish.external_id is not None:
        known = item_identities.c
        named = select(known.item_id).where(known.external_id == wish.external_id, known.ente_id == columns.ente_id)
        found.append(columns.item_id.in_(named))
    # Ids are in the order of time: through them, and not by reading everything, a time is found.
    if wish.since is not None:
        found += [columns.at >= wish.since, columns.evidence_id >= id_at(wish.since - _SKEW)]
    if wish.until is not None:
        found += [columns.at < wish.until, columns.evidence_id < id_at(wish.until + _SKEW)]
    return found


def id_at(moment: datetime) -> str:
    """The beginning of the ids of that millisecond (UUIDv7, RFC 9562 5.7)."""
    stamp = f"{max(0, (moment - EPOCH) // timedelta(milliseconds=1)):012x}"
    return f"{stamp[:8]}-{stamp[8:]}"
