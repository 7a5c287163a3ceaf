"""What the hub does by itself when a moment of an item's agenda has come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.items import Application, CitizenItem, Payment
from hub.store.agenda import Happening

from .canonical import read
from .deadlines import dues_of
from .drafting import Route, told_by
from .rules import standard

REMIND = "remind"


@dataclass(frozen=True, slots=True)
class Occasions:
    """A `Happen` of the agenda."""

    route: Route

    def __call__(self, item: Mapping[str, Any], payload: bytes, occasion: str, now: datetime) -> Happening:
        """What the occasion does to the item as it is now; nothing where what it was for is done."""
        content = read(payload)
        assert content.collection != "services"
        what, _, rest = occasion.partition(".")
        kind = rest.partition(".")[0]
        if what == REMIND:
            return self._remind(item, content, kind, occasion)
        return self._due(item, content, kind)

    def _remind(self, item: Mapping[str, Any], content: CitizenItem, kind: str, occasion: str) -> Happening:
        at = _open_due(item, content, kind)
        rule = standard().reminding(content.collection, kind)
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
            case Application() if kind == "expiry":
                return self._expire(item, content, deadlines)
        if content.collection == "deadlines":
            return Happening("missed", "none", "missed")
        return Happening(event="missed", deadlines=deadlines)

    def _expire(self, item: Mapping[str, Any], draft: Application, deadlines: Mapping[str, str]) -> Happening:
        """A draft has been kept as long as was promised (S18)."""
        rule = standard().on_state(draft.collection, "expired")
        told = told_by(rule, draft, "expired", item["ente_id"], route=self.route, due=None) if rule else None
        tells = (told,) if told else ()
        return Happening("expired", "none", "expired", told=tells, deadlines=deadlines, audit="expire_draft")


def _open_due(item: Mapping[str, Any], content: CitizenItem, kind: str) -> datetime | None:
    """When what is still to be done is due; None where it is done."""
    if content.collection == "deadlines":
        moment: datetime = content.due_at
        return moment if item["state"] == "open" else None
    # How long a draft is kept the hub decided when it came: `due_at` is that moment.
    until = item["due_at"] if item["state"] == "draft" else None
    dues = dues_of(content, item["state"], kept_until=until)
    return next((due.at for due in dues if due.kind == kind and due.state == "open"), None)
