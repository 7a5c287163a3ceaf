"""From stored rows to what the portal sees. Content comes from the item's canonical JSON, never from elsewhere."""

from datetime import datetime
from typing import Any

import orjson

from contracts.base import rfc3339
from hub.store.reading import Row


def row_view(row: Row, now: datetime) -> dict[str, Any]:
    """One row of the feed (contracts.feed.FeedItem)."""
    item, content = row.item, orjson.loads(row.payload)
    return {
        "item_id": item["item_id"],
        "collection": item["collection"],
        "state": shown_state(item, now),
        "lifecycle": item["lifecycle"],
        "version": item["version"],
        "title": content["title"],
        "summary": content.get("summary"),
        "service_id": item["service_id"],
        "source": item["source"],
        "vendor_id": item["vendor_id"],
        "turn": item["turn"],
        "occurred_at": rfc3339(item["occurred_at"]),
        "received_at": rfc3339(item["received_at"]),
        "updated_at": rfc3339(item["updated_at"]),
        "due_at": None if item["due_at"] is None else rfc3339(item["due_at"]),
        "sensitivity": item["sensitivity"],
        "user_state": user_state_view(item),
    }


def user_state_view(item: dict[str, Any]) -> dict[str, bool]:
    """contracts.feed.UserState: a newer version than the one seen is unread again; the archive flag stays."""
    seen = item["read_at"] is not None and (item["seen_version"] or 0) >= item["version"]
    return {
        "read": seen or item["collection"] == "deadlines",
        "archived": item["archived_at"] is not None,
        "starred": item["starred_at"] is not None,
        "confirmed": item["confirmed_at"] is not None,
    }


def shown_state(item: dict[str, Any], now: datetime) -> str:
    """The state, or `expired` once `expires_at` has passed."""
    over = item["expires_at"] is not None and item["expires_at"] <= now
    return "expired" if over else str(item["state"])


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
