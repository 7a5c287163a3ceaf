"""Items of many citizens, opened with their contents: for what goes through an ente's items and not one person's."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Row, and_, select

from .citizens import key_place
from .ports import Vault
from .rows import payload_place
from .tables import citizens, item_versions, items

_ITS = items.c
_WHOLE = (
    select(_ITS.citizen_id, _ITS.item_id, _ITS.version, item_versions.c.payload_sealed, citizens.c.data_key_sealed)
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


def with_contents(
    connection: Connection, vault: Vault, ente_id: str, places: Sequence[tuple[str, str]], *columns: Column[Any]
) -> Iterator[tuple[Row[Any], bytes]]:
    """Of each (citizen_id, item_id) its row, with these columns besides its names and its version, and its newest
    content: in this order, without those that were erased. Places of one citizen that follow each other open one key.
    """
    query = _WHOLE.add_columns(*columns).where(
        _ITS.ente_id == ente_id,
        _ITS.citizen_id.in_({citizen_id for citizen_id, _ in places}),
        _ITS.item_id.in_([item_id for _, item_id in places]),
    )
    rows = {(row.citizen_id, row.item_id): row for row in connection.execute(query)}
    whose, key = "", b""
    for place in places:
        row = rows.get(place)
        if row is None or not row.data_key_sealed:
            continue  # erased meanwhile
        if row.citizen_id != whose:
            whose, key = row.citizen_id, vault.open(row.data_key_sealed, key_place(ente_id, row.citizen_id))
        yield row, vault.open_with(key, row.payload_sealed, payload_place(ente_id, row.item_id, row.version))
