"""From stored rows to what the portal sees. Content comes from the item's canonical JSON, never from elsewhere.

The moments of rows are left as they are: `answers.as_json` writes them, in C.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from contracts.base import rfc3339
from contracts.inbound import TAKING_EFFECT
from contracts.items.payment import bare_of, cost_of
from hub.catalogue import Card
from hub.store.costs import Cost
from hub.store.reading import Listed, Next, Row
from hub.store.reports import STEP
from hub.store.tables import from_micros

Cards = Callable[[str], Card | None]
"""The card of a service by its id."""


def row_view(
    row: Listed,
    content: Mapping[str, Any],
    now: datetime,
    cards: Cards,
    folded: Sequence[dict[str, Any]] = (),
    offer: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One row of the feed (contracts.feed.FeedItem). `content`: what it says; `folded`: the payments that it is shown
    for, where several; `offer`: what of it may be in a cart."""
    # Fifty a page: taken apart at once, for by name each would be looked up anew.
    # Not formatted, which would give each name a line.
    # fmt: off
    (
        item_id, collection, state, lifecycle, version, service_id, source, vendor_id, turn, sensitivity,
        _folded_into, own_state, _sequence, occurred_at, received_at, updated_at, as_of, due_at, expires_at,
        _notice_key, cost_cents, cost_at, read_at, seen_version, archived_at, starred_at, confirmed_at, _payload,
    ) = row
    # fmt: on
    said = content.get
    card = None if service_id is None else cards(service_id)
    protocol, updated = said("protocol"), from_micros(updated_at)
    amount, fee = said("amount_cents"), said("notification_fee_cents")
    bare, cost = None if amount is None else bare_of(amount, fee), cost_of(fee, cost_cents)
    return {
        "item_id": item_id,
        "collection": collection,
        "state": state if expires_at is None else shown_state(state, from_micros(expires_at), now),
        "lifecycle": lifecycle,
        "version": version,
        "title": content["title"],
        "summary": said("summary"),
        "service_id": service_id,
        "service_name": None if card is None else card.name,
        "category": None if card is None else card.category,
        "number": said("reference_number") or said("notice_number") or said("receipt_number") or None,
        "protocol": protocol["number"] if protocol else None,
        "amount_cents": bare,
        "notification_cost": Cost(cost, from_micros(cost_at or as_of or updated_at)).added_to(bare)
        if cost and bare is not None
        else None,
        "cart": offer,
        "source": source,
        "vendor_id": vendor_id,
        "turn": turn,
        "occurred_at": from_micros(occurred_at),
        "received_at": from_micros(received_at),
        "updated_at": updated,
        "as_of": updated if as_of is None else from_micros(as_of),
        "due_at": None if due_at is None else from_micros(due_at),
        "sensitivity": sensitivity,
        "user_state": user_state_view(
            collection, version, read_at, seen_version, archived_at, starred_at, confirmed_at
        ),
        "published_by": [
            {"vendor_id": each["vendor_id"], "source": each["source"], "state": each["own_state"] or each["state"]}
            for each in folded
        ]
        if folded
        else [{"vendor_id": vendor_id, "source": source, "state": own_state or state}],
    }


def user_state_view(
    collection: str,
    version: int,
    read_at: int | None,
    seen_version: int | None,
    archived_at: int | None,
    starred_at: int | None,
    confirmed_at: int | None,
) -> dict[str, bool]:
    """contracts.feed.UserState: a newer version than the one seen is unread again; the archive flag stays."""
    # What the hub makes of another item is no news of its own.
    was_read = read_at is not None and (seen_version or 0) >= version
    return {
        "read": was_read or collection == "deadlines",
        "archived": archived_at is not None,
        "starred": starred_at is not None,
        "confirmed": confirmed_at is not None,
    }


def shown_state(state: str, expires_at: datetime | None, now: datetime) -> str:
    """The state, or `expired` once `expires_at` has passed."""
    return "expired" if expires_at is not None and expires_at <= now else state


def timeline_view(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """contracts.publishing.TimelineEntry, oldest first."""
    return [{"at": rfc3339(e["at"]), "event": e["event"], "data": e["data"]} for e in events]


def delivery_view(delivery: dict[str, Any], events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """contracts.feed.DeliveryView. `events` are those of the item."""
    effects = [
        each["at"]
        for each in events
        if each["event"] == STEP
        and each["data"].get("step") in TAKING_EFFECT
        and each["data"].get("channel") == delivery["channel"]
    ]
    return {
        "channel": delivery["channel"],
        "state": delivery["state"],
        "reason": delivery["reason"],
        "updated_at": rfc3339(delivery["updated_at"]),
        "effective_at": rfc3339(min(effects)) if effects else None,
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


def seen_as(row: Listed) -> str:
    """The lifecycle, as a reader of changes has to take it: what is shown as part of another item is there no more."""
    part = row.folded_into not in (None, row.item_id)
    return "withdrawn" if part and row.lifecycle == "active" else row.lifecycle


def change_view(row: Listed, shown: Mapping[str, Any] | None) -> dict[str, Any]:
    """contracts.feed.Change; `shown`: its row, while it is there."""
    return {"item_id": row.item_id, "collection": row.collection, "lifecycle": seen_as(row), "item": shown}


def deadline_view(row: Next) -> dict[str, Any]:
    """contracts.feed.NextDeadline."""
    return {
        "item_id": row.item_id,
        "collection": row.collection,
        "title": orjson.loads(row.payload)["title"],
        "due_at": from_micros(row.due_at),
    }


def source_view(heard: Mapping[str, Any]) -> dict[str, Any]:
    """contracts.feed.SourceFreshness."""
    return {
        "vendor_id": heard["vendor_id"],
        "source": heard["source"],
        "as_of": heard["as_of"],
        "stale": heard["stale"],
        "silent_since": heard["heard_at"] if heard["stale"] else None,
    }
