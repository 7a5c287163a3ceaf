"""Systems of the ente that follow the personal area: events of items, queued as deliveries of the one outbox.

A connector of this type is told of the events that its filter admits. The filter stands beside the sealed settings
(`connectors.follows`), so that a commit opens none and no delivery is queued only to be skipped.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import String, bindparam, cast, select

from contracts.following import Follows

from .bulk import Journey
from .configuration import REMOVED
from .database import Tx
from .pushing import push_at
from .tables import connectors, item_identities, items, same_item, vendors

_ITS = connectors.c
# Every commit asks: of all enti at once, whose followers are few, so that it is one statement, made once.
_FOLLOWERS = (
    select(_ITS.ente_id, _ITS.connector_id, cast(_ITS.follows, String), _ITS.environment)
    .where(_ITS.follows.is_not(None), _ITS.status != bindparam("removed"))
    .order_by(_ITS.ente_id, _ITS.connector_id)
)


def followers_of(events: Sequence[Mapping[str, Any]], journey: Journey) -> list[tuple[Any, ...]]:
    """Who follows the enti of these events, known once the journey was run; of other enti, too."""
    return journey.select(_FOLLOWERS, {"removed": REMOVED}) if events else []


def push_to_followers(tx: Tx, events: Sequence[Mapping[str, Any]], found: Sequence[tuple[Any, ...]]) -> None:
    """Queue numbered events for those who were found to follow their ente; a connector that is paused gets them
    later."""
    enti = {event["ente_id"] for event in events}
    followers = [
        (ente_id, connector_id, Follows.model_validate_json(follows), environment == "test")
        for ente_id, connector_id, follows, environment in found
        if ente_id in enti
    ]
    if not followers:
        return
    about = _about(tx, events)
    its = vendors.c
    sandbox = {
        tuple(row) for row in tx.connection.execute(select(its.ente_id, its.vendor_id).where(its.stage == "sandbox"))
    }
    told = []
    for event in events:
        item = about.get(event["item_id"])
        if item is None:
            continue  # nothing would be told of it later either
        due_at = max(tx.now, item["visible_from"] or tx.now)
        told += [
            (ente_id, connector_id, str(event["number"]), due_at)
            for ente_id, connector_id, follows, is_test in followers
            if event["ente_id"] == ente_id
            and is_test is ((ente_id, item["vendor_id"]) in sandbox)
            and follows.admits(event["event"], item["collection"], item["service_id"])
        ]
    push_at(tx, told)


def _about(tx: Tx, events: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Collection, service and embargo of each item: of those that this transaction wrote, and of others it tells of."""
    found: dict[str, Mapping[str, Any]] = {
        item["item_id"]: item for item in (*tx.new_items, *tx.changed_items.values())
    }
    others = sorted({event["item_id"] for event in events} - found.keys())
    if others:
        known = item_identities.c
        query = (
            select(items.c.item_id, items.c.vendor_id, items.c.collection, items.c.service_id, items.c.visible_from)
            .join(item_identities, same_item)
            .where(known.item_id.in_(others))
        )
        found |= {row["item_id"]: row for row in tx.connection.execute(query).mappings()}
    return found
