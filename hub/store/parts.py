"""What hangs on a record of a source (`contracts.inbound.Parts`): the items of records of the same connector that link
to its item. Documents and payments are found by their ties, which lead to those of other citizens too, as of a parent
who pays; messages, of which no ties are kept, among those of the item's own citizen."""

from collections.abc import Iterator
from typing import Any, Final

import orjson
from sqlalchemy import Connection, RowMapping, select

from contracts.inbound import Parts
from contracts.items import rel_of
from contracts.states import PAID

from .contents import with_contents
from .ports import Vault
from .tables import item_identities, item_links, items, same_item
from .taking import records

_NAMES, _ITS, _TIES = item_identities.c, items.c, item_links.c
_COLUMNS: Final = (_ITS.citizen_id, _ITS.item_id, _ITS.version, _ITS.state, _NAMES.collection, _NAMES.external_id)


def parts_of(
    connection: Connection, vault: Vault, ente_id: str, connector_id: str, name: str, parts: Parts
) -> list[str]:
    """The records whose items hang on that of the record `name` and are in force, by name: of payments those that were
    not paid, as what was paid stays a fact."""
    its_parts = next((each for beginning, each in parts.items() if name.startswith(beginning)), {})
    known = records(connection, ente_id, connector_id, [name]).get(name) if its_parts else None
    if known is None or known.item_id is None:
        return []
    whole = select(item_identities).where(_NAMES.ente_id == ente_id, _NAMES.item_id == known.item_id)
    of = connection.execute(whole).mappings().one_or_none()
    if of is None:
        return []
    tied = {
        f"{its_parts[row.collection]}{row.external_id}": row.item_id
        for row in (*_tied(connection, of), *_told(connection, vault, of))
        if row.collection in its_parts and not (row.collection == "payments" and row.state in PAID)
    }
    # Of that name and source there may be one that came another way: it is not this connector's to take back.
    own = records(connection, ente_id, connector_id, tied)
    return sorted(name for name, record in own.items() if record.item_id == tied[name])


def _tied(connection: Connection, of: RowMapping) -> Iterator[Any]:
    """Those that keep a tie to it."""
    place = (_TIES.ente_id == _ITS.ente_id) & (_TIES.citizen_id == _ITS.citizen_id)
    query = (
        select(*_COLUMNS)
        .join(item_identities, same_item)
        .join(item_links, place & (_TIES.from_item_id == _ITS.item_id))
        .where(*(_TIES[name] == of[name] for name in ("ente_id", "vendor_id", "source", "external_id")))
        .where(_TIES.rel == rel_of(of["collection"]), _ITS.lifecycle == "active")
    )
    yield from connection.execute(query)


def _told(connection: Connection, vault: Vault, of: RowMapping) -> Iterator[Any]:
    """The messages that link to it."""
    page = (
        select(*_COLUMNS)
        .join(item_identities, same_item)
        .where(_ITS.ente_id == of["ente_id"], _ITS.citizen_id == of["citizen_id"], _ITS.lifecycle == "active")
        .where(*(_NAMES[name] == of[name] for name in ("vendor_id", "source")), _NAMES.collection == "messages")
    )
    tie = (rel_of(of["collection"]), of["external_id"])
    for row, content in with_contents(connection, vault, of["ente_id"], page):
        links = orjson.loads(content).get("links", ()) if content is not None else ()
        if tie in {(each["rel"], each["external_id"]) for each in links}:
            yield row
