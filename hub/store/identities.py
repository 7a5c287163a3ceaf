"""The items of the names that vendors gave them."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import select

from .bulk import select_rows
from .database import Tx
from .drafts import Identity
from .given import GIVEN, given, is_given
from .rows import ItemKey, items_at
from .tables import item_identities

_NAMES = item_identities.c
_NAMED = select(
    _NAMES.ente_id,
    _NAMES.citizen_id,
    _NAMES.item_id,
    _NAMES.vendor_id,
    _NAMES.source,
    _NAMES.external_id,
    _NAMES.collection,
).select_from(
    GIVEN.join(
        item_identities,
        is_given(_NAMES.ente_id, _NAMES.vendor_id, _NAMES.source, _NAMES.external_id, _NAMES.collection),
    )
)


def places(tx: Tx, identities: Collection[Identity]) -> dict[ItemKey, Identity]:
    """Where the items of these names stand, those that exist."""
    if not identities:
        return {}
    rows = select_rows(tx.connection, _NAMED, given(identities))
    return {(ente_id, citizen_id, item_id): Identity(ente_id, *name) for ente_id, citizen_id, item_id, *name in rows}


def load_by_identity(tx: Tx, identities: set[Identity], *, lock: bool = False) -> dict[Identity, dict[str, Any]]:
    """The items that exist under these names; with `lock` held until the commit, to be changed."""
    names = places(tx, identities)
    if not names:  # most are new, and there is no item to look for
        return {}
    return {names[key]: item for key, item in items_at(tx, names.keys(), lock=lock).items()}
