"""Items of many citizens, opened with their contents: for what goes through an ente's items and not one person's."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, select

from .citizens import key_place
from .ports import Vault
from .rows import payload_place
from .tables import citizens, item_versions


def with_contents(
    connection: Connection, vault: Vault, ente_id: str, page: Select[Any]
) -> Iterator[tuple[Row[Any], bytes | None]]:
    """Of each item that `page` selects its columns, and its newest content, None where it was erased: in the order of
    citizens and items. A page selects citizen_id, item_id and version of an ente's items, besides others, and no more
    of them than one holds at once. Items of one citizen open one key.
    """
    its = page.subquery("page")
    # Outer joins: item by item, by primary keys, whatever a database knows of its tables. To look for lists of citizens
    # and of items means to look for each item at each citizen.
    content = and_(
        item_versions.c.ente_id == ente_id,
        item_versions.c.citizen_id == its.c.citizen_id,
        item_versions.c.item_id == its.c.item_id,
        item_versions.c.version == its.c.version,
    )
    holder = and_(citizens.c.ente_id == ente_id, citizens.c.citizen_id == its.c.citizen_id)
    whole = (
        select(its, item_versions.c.payload_sealed, citizens.c.data_key_sealed)
        .select_from(its.outerjoin(item_versions, content).outerjoin(citizens, holder))
        .order_by(its.c.citizen_id, its.c.item_id)
    )
    whose, key = "", b""
    for row in connection.execute(whole).all():
        if row.payload_sealed is None or not row.data_key_sealed:
            yield row, None
            continue
        if row.citizen_id != whose:
            whose, key = row.citizen_id, vault.open(row.data_key_sealed, key_place(ente_id, row.citizen_id))
        yield row, vault.open_with(key, row.payload_sealed, payload_place(ente_id, row.item_id, row.version))
