"""From stored rows to what the portal sees. Content comes from the item's canonical JSON, never from elsewhere.

The moments of rows are left as they are: `answers.as_json` writes them, in C.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from contracts.base import rfc3339
from hub.catalogue import Card
from hub.store.reading import Row

_NUMBERS = ("reference_number", "notice_number", "receipt_number")

Cards = Callable[[str], Card | None]
"""The card of a service by its id."""


def row_view(row: Row, now: datetime, cards: Cards, folded: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """One row of the feed (contracts.feed.FeedItem). `folded`: the payments that it is shown for, where several."""
    item, content = row.item, orjson.loads(row.payload)
    card = None if item["service_id"] is None else cards(item["service_id"])
    return {
        "item_id": item["item_id"],
        "collection": item["collection"],
        "state": shown_state(item, now),
        "lifecycle": item["lifecycle"],
        "version": item["version"],
        "title": content["title"],
        "summary": content.get("summary"),
        "service_id": item["service_id"],
        "service_name": None if card is None else card.name,
        "category": None if card is None else card.category,
        "number": next((content[name] for name in _NUMBERS if content.get(name)), None),
        "protocol": content["protocol"]["number"] if content.get("protocol") else None,
        "amount_cents": content.get("amount_cents"),
        "source": item["source"],
        "vendor_id": item["vendor_id"],
        "turn": item["turn"],
        "occurred_at": item["occurred_at"],
        "received_at": item["received_at"],
        "updated_at": item["updated_at"],
        "as_of": item["as_of"] or item["updated_at"],
        "due_at": item["due_at"],
        "sensitivity": item["sensitivity"],
        "user_state": user_state_view(item),
        "published_by": [
            {"vendor_id": each["vendor_id"], "source": each["source"], "state": each["own_state"] or each["state"]}
            for each in folded or (item,)
        ],
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


def _seen_as(item: dict[str, Any]) -> str:
    """The lifecycle, as a reader of changes has to take it: what is shown as part of another item is there no more."""
    part = item["folded_into"] not in (None, item["item_id"])
    return "withdrawn" if part and item["lifecycle"] == "active" else str(item["lifecycle"])


def change_view(
    row: Row, now: datetime, cards: Cards, folded: Mapping[str, Sequence[dict[str, Any]]]
) -> dict[str, Any]:
    """contracts.feed.Change."""
    item, lifecycle = row.item, _seen_as(row.item)
    names = {name: item[name] for name in ("item_id", "collection")} | {"lifecycle": lifecycle}
    shown = row_view(row, now, cards, folded.get(item["item_id"], ())) if lifecycle == "active" else None
    return names | {"item": shown}
