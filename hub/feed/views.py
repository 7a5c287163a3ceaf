"""From stored rows to what the portal sees. Content comes from the item's canonical JSON, never from elsewhere.

The moments of rows are left as they are: `answers.as_json` writes them, in C.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from contracts.base import rfc3339
from hub.catalogue import Card
from hub.store.reading import Listed, Marks, Row

Cards = Callable[[str], Card | None]
"""The card of a service by its id."""


def row_view(row: Listed, now: datetime, cards: Cards, folded: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """One row of the feed (contracts.feed.FeedItem). `folded`: the payments that it is shown for, where several."""
    content, service_id = orjson.loads(row.payload), row.service_id
    card = None if service_id is None else cards(service_id)
    number = content.get("reference_number") or content.get("notice_number") or content.get("receipt_number")
    return {
        "item_id": row.item_id,
        "collection": row.collection,
        "state": row.state if row.expires_at is None else shown_state(row.state, row.expires_at, now),
        "lifecycle": row.lifecycle,
        "version": row.version,
        "title": content["title"],
        "summary": content.get("summary"),
        "service_id": service_id,
        "service_name": None if card is None else card.name,
        "category": None if card is None else card.category,
        "number": number or None,
        "protocol": content["protocol"]["number"] if content.get("protocol") else None,
        "amount_cents": content.get("amount_cents"),
        "source": row.source,
        "vendor_id": row.vendor_id,
        "turn": row.turn,
        "occurred_at": row.occurred_at,
        "received_at": row.received_at,
        "updated_at": row.updated_at,
        "as_of": row.as_of or row.updated_at,
        "due_at": row.due_at,
        "sensitivity": row.sensitivity,
        "user_state": user_state_view(row.collection, row.marks),
        "published_by": [
            {"vendor_id": each["vendor_id"], "source": each["source"], "state": each["own_state"] or each["state"]}
            for each in folded
        ]
        if folded
        else [{"vendor_id": row.vendor_id, "source": row.source, "state": row.own_state or row.state}],
    }


def user_state_view(collection: str, marks: Marks) -> dict[str, bool]:
    """contracts.feed.UserState: a newer version than the one seen is unread again; the archive flag stays."""
    read, archived, starred, confirmed = marks
    # What the hub makes of another item is no news of its own.
    return {
        "read": read or collection == "deadlines",
        "archived": archived,
        "starred": starred,
        "confirmed": confirmed,
    }


def shown_state(state: str, expires_at: datetime | None, now: datetime) -> str:
    """The state, or `expired` once `expires_at` has passed."""
    return "expired" if expires_at is not None and expires_at <= now else state


def timeline_view(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """contracts.publishing.TimelineEntry, oldest first."""
    return [{"at": rfc3339(e["at"]), "event": e["event"], "data": e["data"]} for e in events]


def delivery_view(delivery: dict[str, Any]) -> dict[str, Any]:
    """contracts.feed.DeliveryView."""
    return {
        "channel": delivery["channel"],
        "state": delivery["state"],
        "reason": delivery["reason"],
        "updated_at": rfc3339(delivery["updated_at"]),
    }


def request_view(request: dict[str, Any]) -> dict[str, Any]:
    """contracts.feed.SubscriptionRequestView."""
    plain = {name: request[name] for name in ("request_id", "kind", "asked_by", "state")}
    moments = {name: request[name] for name in ("asked_at", "answer_by", "answered_at")}
    return plain | {name: None if at is None else rfc3339(at) for name, at in moments.items()}


def link_view(rel: str, row: Row) -> dict[str, Any]:
    """contracts.feed.LinkedItem."""
    return {
        "rel": rel,
        "item_id": row.item["item_id"],
        "collection": row.item["collection"],
        "title": orjson.loads(row.payload)["title"],
    }


def _seen_as(row: Listed) -> str:
    """The lifecycle, as a reader of changes has to take it: what is shown as part of another item is there no more."""
    part = row.folded_into not in (None, row.item_id)
    return "withdrawn" if part and row.lifecycle == "active" else row.lifecycle


def change_view(
    row: Listed, now: datetime, cards: Cards, folded: Mapping[str, Sequence[dict[str, Any]]]
) -> dict[str, Any]:
    """contracts.feed.Change."""
    lifecycle = _seen_as(row)
    shown = row_view(row, now, cards, folded.get(row.item_id, ())) if lifecycle == "active" else None
    return {"item_id": row.item_id, "collection": row.collection, "lifecycle": lifecycle, "item": shown}
