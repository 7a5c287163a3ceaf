"""Whether what an item asks for can still be done, the same behind every door: portal, e-mail, IO (S13)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, cast

from contracts.actions import actions_of
from contracts.items import Action, Application, CitizenItem, Document

ActionState = Literal["upcoming", "open", "done", "expired", "void"]
"""void: nobody needs it any more, or nobody may do it; expired: its time is over."""

ANY = "*"


def _states(**by_state: str) -> Mapping[str, ActionState]:
    return MappingProxyType(
        {item_state: cast("ActionState", fate) for fate, names in by_state.items() for item_state in names.split()}
    )


_GOES_ON = "submitted registered in_progress integration_requested integration_submitted suspended"

FATES: Mapping[str, Mapping[str, Mapping[str, ActionState]]] = {
    "payments": {
        "pay": _states(open="due started overdue", done="paid paid_elsewhere refunded", expired="expired"),
        ANY: _states(open="creating due started overdue paid paid_elsewhere refunded", expired="expired"),
    },
    "applications": {
        "complete": _states(open="draft", done=f"awaiting_payment {_GOES_ON} completed", expired="expired"),
        "pay": _states(open="draft awaiting_payment", done=f"{_GOES_ON} completed", expired="expired"),
        "integrate": _states(
            open="integration_requested",
            done="integration_submitted in_progress suspended completed",
            upcoming="draft awaiting_payment submitted registered",
        ),
        "cancel": _states(open=f"draft awaiting_payment {_GOES_ON}", done="withdrawn", expired="expired"),
        "inform": _states(open=f"draft awaiting_payment {_GOES_ON} completed withdrawn revoked expired"),
        "download": _states(open=f"draft awaiting_payment {_GOES_ON} completed"),
        ANY: _states(open=f"draft awaiting_payment {_GOES_ON}", done="completed", expired="expired"),
    },
    "subscriptions": {
        "renew": _states(
            upcoming="requested waitlisted active suspended", open="renewal_due", done="renewed", expired="ended"
        ),
        "cancel": _states(open="requested waitlisted active renewal_due suspended", done="cancelled"),
        ANY: _states(open="requested waitlisted active renewal_due suspended", expired="ended"),
    },
    "documents": {ANY: _states(upcoming="announced", open="available", expired="expired")},
    "deadlines": {ANY: _states(open="open", done="met", expired="missed")},
    "messages": {ANY: _states(open="published")},
    "receipts": {ANY: _states(open="available")},
}
"""collection -> kind of action -> state of the item -> state of the action; what is not here is void."""


def action_views(
    item: Mapping[str, Any], content: CitizenItem, linked: Sequence[tuple[str, Mapping[str, Any]]], now: datetime
) -> list[dict[str, Any]]:
    """contracts.feed.ActionView of each action of an item, given the columns of the items tied to it by their tie."""
    return [
        action.model_dump(mode="json") | {"state": action_state(action, item, content, linked, now)}
        for action in actions_of(content)
    ]


def action_state(
    action: Action,
    item: Mapping[str, Any],
    content: CitizenItem,
    linked: Sequence[tuple[str, Mapping[str, Any]]],
    now: datetime,
) -> ActionState:
    """How an action of the item stands. What a rule made of another item follows that one; what asks for a payment
    follows the payment that it is tied to."""
    fate = _fate(action.kind, item, content, linked)
    if fate in ("done", "void"):
        return fate
    ends = [end for end in (action.valid_to, item["expires_at"], _last_moment(action.kind, content)) if end is not None]
    if fate == "expired" or any(end <= now for end in ends):
        return "expired"
    return "upcoming" if action.valid_from is not None and action.valid_from > now else fate


def _fate(
    kind: str, item: Mapping[str, Any], content: CitizenItem, linked: Sequence[tuple[str, Mapping[str, Any]]]
) -> ActionState:
    if item["lifecycle"] != "active":
        return "void"
    if item["about_item_id"] is not None:
        origin = next((other for _, other in linked if other["item_id"] == item["about_item_id"]), None)
        return "void" if origin is None else _by_state(kind, origin)
    if kind == "pay" and item["collection"] != "payments":
        fates = [_by_state(kind, other) for _, other in linked if other["collection"] == "payments"]
        for fate in ("open", "done", "expired"):
            if fate in fates:
                return fate
    if kind == "confirm" and item.get("confirmed_at") is not None:
        return "done"
    if kind == "collect" and isinstance(content, Document) and content.delivery is not None:
        return "done" if content.delivery.state in ("collected", "delivered") else _by_state(kind, item)
    return _by_state(kind, item)


def _by_state(kind: str, item: Mapping[str, Any]) -> ActionState:
    if item["lifecycle"] != "active":
        return "void"
    kinds = FATES[item["collection"]]
    return kinds.get(kind, kinds[ANY]).get(item["state"], "void")


def _last_moment(kind: str, content: CitizenItem) -> datetime | None:
    """What is asked for until a moment cannot be done after it."""
    if kind == "integrate" and isinstance(content, Application) and content.integration is not None:
        return content.integration.due_at
    if kind == "collect" and isinstance(content, Document) and content.delivery is not None:
        return content.delivery.collect_by
    return None
