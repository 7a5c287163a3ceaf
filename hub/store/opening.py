"""One item of a citizen, opened: its row, and its content."""

from pydantic import TypeAdapter
from sqlalchemy import Connection, RowMapping, select

from contracts.items import Item

from .citizens import Citizen
from .item_history import version_payload
from .ports import Vault
from .tables import items

_ITEM: TypeAdapter[Item] = TypeAdapter(Item)


def opened(connection: Connection, vault: Vault, citizen: Citizen, item_id: str) -> tuple[RowMapping, Item]:
    """The item as it is now."""
    mine = (items.c.ente_id == citizen.ente_id) & (items.c.citizen_id == citizen.citizen_id)
    row = connection.execute(select(items).where(mine, items.c.item_id == item_id)).mappings().one()
    return row, content_of(connection, vault, citizen, row)


def content_of(connection: Connection, vault: Vault, citizen: Citizen, row: RowMapping) -> Item:
    """The newest content of an item, of which the row is at hand."""
    payload = version_payload(connection, vault, citizen, item_id=row["item_id"], version=row["version"])
    assert payload is not None
    return _ITEM.validate_json(payload)
