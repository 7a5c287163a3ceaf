"""Reads of items by the names that vendors gave them, or by the item_id alone: none of them is for a citizen's feed."""

from typing import Any

from sqlalchemy import Connection, select

from .tables import item_identities, items, same_item


def item_by_id(connection: Connection, item_id: str) -> dict[str, Any] | None:
    """The item of that id, whoever's it is: for those who hold what was sealed for them, never for a reader."""
    names = item_identities.c
    query = select(items).join(item_identities, same_item).where(names.item_id == item_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


def vendor_items(
    connection: Connection,
    *,
    ente_id: str,
    vendor_id: str,
    item_id: str | None = None,
    external_id: str | None = None,
    collection: str | None = None,
    source: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """A vendor's own items with their `external_id`, by item_id."""
    names = item_identities.c
    query = (
        select(items, names.external_id)
        .join(items, same_item)
        .where(names.ente_id == ente_id, names.vendor_id == vendor_id, items.c.lifecycle != "restricted")
    )
    for column, value in (
        (names.item_id, item_id),
        (names.external_id, external_id),
        (names.collection, collection),
        (names.source, source),
    ):
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(names.item_id > after)
    return [dict(row) for row in connection.execute(query.order_by(names.item_id).limit(limit)).mappings()]
