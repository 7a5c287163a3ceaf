"""What happened to one item and what it said, whoever asks: who may ask is looked at before."""

from typing import Any

from sqlalchemy import Connection, or_, select

from contracts.settling import UNTOLD

from .citizens import Citizen
from .ports import Vault
from .rows import payload_place
from .tables import deliveries, item_versions, items, timeline


def item_timeline(connection: Connection, item: dict[str, Any]) -> list[dict[str, Any]]:
    """The facts of one item, oldest first, at most the newest 500."""
    query = (
        select(timeline.c.at, timeline.c.event, timeline.c.data)
        .where(
            timeline.c.ente_id == item["ente_id"],
            timeline.c.citizen_id == item["citizen_id"],
            timeline.c.item_id == item["item_id"],
        )
        .order_by(timeline.c.at.desc(), timeline.c.event_id.desc())
        .limit(500)
    )
    return [dict(row) for row in connection.execute(query).mappings()][::-1]


def deliveries_about(connection: Connection, item: dict[str, Any]) -> list[dict[str, Any]]:
    """The deliveries of the item's message: its own, or those a rule made about it."""
    messages = select(items.c.item_id).where(
        items.c.ente_id == item["ente_id"],
        items.c.citizen_id == item["citizen_id"],
        or_(items.c.item_id == item["item_id"], items.c.about_item_id == item["item_id"]),
    )
    query = (
        select(deliveries.c.channel, deliveries.c.state, deliveries.c.reason, deliveries.c.updated_at)
        .where(
            deliveries.c.ente_id == item["ente_id"],
            deliveries.c.message_id.in_(messages),
            deliveries.c.channel.not_in(UNTOLD),
        )
        .order_by(deliveries.c.created_at, deliveries.c.delivery_id)
        .limit(50)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def version_payload(
    connection: Connection, vault: Vault, citizen: Citizen, *, item_id: str, version: int
) -> bytes | None:
    """The canonical JSON of one version of a citizen's item."""
    sealed = connection.execute(
        select(item_versions.c.payload_sealed).where(
            item_versions.c.ente_id == citizen.ente_id,
            item_versions.c.citizen_id == citizen.citizen_id,
            item_versions.c.item_id == item_id,
            item_versions.c.version == version,
        )
    ).scalar_one_or_none()
    if sealed is None:
        return None
    return vault.open_with(citizen.data_key, sealed, payload_place(citizen.ente_id, item_id, version))
