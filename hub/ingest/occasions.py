"""What the hub does by itself when a moment of an item's agenda has come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.items import CitizenItem, Payment, Subscription
from hub.store.agenda import Happening

from .canonical import read
from .deadlines import dues_of
from .drafting import Route, told_by
from .rules import standard
from .subscription_occasions import OWN, SubscriptionOccasions

REMIND = "remind"


@dataclass(frozen=True, slots=True)
class Occasions:
    """A `Happen` of the agenda."""

    route: Route
    subscriptions: SubscriptionOccasions

    def __call__(self, item: Mapping[str, Any], payload: bytes, occasion: str, now: datetime) -> Happening:
        """What the occasion does to the item as it is now; nothing where what it was for is done."""
        content = read(payload)
        assert content.collection != "services"
        what, _, rest = occasion.partition(".")
        if isinstance(content, Subscription):
            if what in OWN:
                return self.subscriptions.happen(item, content, occasion, now)
            content = self.subscriptions.in_force(item, content)
        kind = rest.partition(".")[0]
        if what == REMIND:
            return self._remind(item, content, kind, occasion)
        return self._due(item, content, kind)

    def _remind(self, item: Mapping[str, Any], content: CitizenItem, kind: str, occasion: str) -> Happening:
        at = _open_due(item, content, kind)
        rule = standard().reminding(content.collection)
        if at is None or rule is None:
            return Happening()
        told = told_by(
            rule,
            content,
            item["state"],
            item["ente_id"],
            route=self.route,
            due=at,
            # With the day: what is due on another one is told of again.
            occasion=f"{kind}.{occasion.rpartition('.')[2]}.{at:%Y%m%d}",
        )
        return Happening(event="reminded", told=(told,))

    def _due(self, item: Mapping[str, Any], content: CitizenItem, kind: str) -> Happening:
        if _open_due(item, content, kind) is None:
            return Happening()
        deadlines = {kind: "missed"}
        match content:
            case Payment() if content.invalid_after_due:
                return Happening("expired", "none", "expired", deadlines=deadlines)
            case Payment():
                return Happening("overdue", "citizen", "overdue", deadlines=deadlines)
        if content.collection == "deadlines":
            return Happening("missed", "none", "missed")
        return Happening(event="missed", deadlines=deadlines)


def _open_due(item: Mapping[str, Any], content: CitizenItem, kind: str) -> datetime | None:
    """When what is still to be done is due; None where it is done."""
    if content.collection == "deadlines":
        moment: datetime = content.due_at
        return moment if item["state"] == "open" else None
    return next((due.at for due in dues_of(content, item["state"]) if due.kind == kind and due.state == "open"), None)
