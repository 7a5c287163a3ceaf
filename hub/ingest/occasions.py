"""What the hub does by itself when a moment of an item's agenda has come."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from contracts.items import Application, CitizenItem, Deadline, Document, Payment, Subscription
from hub.store.agenda import Happening
from hub.store.drafts import Told
from hub.store.folding import FOLLOW
from hub.store.references import CHECK

from .canonical import read
from .deadlines import dues_of
from .following import Route, agenda_of, deadlines_of, route_of, rule_for, told_by
from .rules import Rule, Rules
from .subscription_occasions import OWN, SubscriptionOccasions

REMIND = "remind"


@dataclass(frozen=True, slots=True)
class Occasions:
    """A `Happen` of the agenda; `rules` gives those of an ente."""

    route: Route
    subscriptions: SubscriptionOccasions
    rules: Callable[[str], Rules]

    def __call__(
        self, item: Mapping[str, Any], payload: bytes, occasion: str, now: datetime, together: Collection[str]
    ) -> Happening:
        """What the occasion does to the item as it is now; nothing where what it was for is done. `together` are all of
        the item's occasions that are due."""
        content = read(payload)
        assert content.collection != "services"
        if occasion == FOLLOW:
            return self._follow(item, content, now)
        if occasion == CHECK:
            return _check(content, item["state"])
        what, _, rest = occasion.partition(".")
        if isinstance(content, Subscription):
            if what in OWN:
                return self.subscriptions.happen(item, content, occasion, now)
            content = self.subscriptions.in_force(item, content)
        kind = rest.partition(".")[0]
        if what == REMIND:
            return self._remind(item, content, kind, occasion, now, together)
        return self._due(item, content, kind)

    def _remind(
        self,
        item: Mapping[str, Any],
        content: CitizenItem,
        kind: str,
        occasion: str,
        now: datetime,
        together: Collection[str],
    ) -> Happening:
        at = _open_due(item, content, kind)
        rule = self.rules(item["ente_id"]).reminding(content.collection, kind)
        if at is None or rule is None or not _still_wanted(rule, content, occasion):
            return Happening()
        days = _days(occasion)
        if at <= now:  # after a standstill: "due on the 10th", told on the 12th, would be no reminder
            return _skipped("too_late", days)
        nearer = [one for one in together if one.startswith(f"{REMIND}.{kind}.") and _days(one) < days]
        if any(_still_wanted(rule, content, one) for one in nearer):
            return _skipped("superseded", days)
        told = told_by(
            rule,
            content,
            item["state"],
            item["ente_id"],
            route=route_of(self.route, item["ente_id"], item["vendor_id"]),
            due=at,
            # With the day: what is due on another one is told of again.
            occasion=f"{kind}.{days}.{at:%Y%m%d}",
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
            case Application() if kind == "expiry":  # a draft has been kept as long as was promised (S18)
                told = self._told(item, content, "expired")
                return Happening("expired", "none", "expired", told=told, deadlines=deadlines, audit="expire_draft")
            case Document() if kind == "expiry" and item["state"] == "announced":
                return Happening()  # nobody ever had it: it ends once it is here (`Amendments.upload`)
            case Document() if kind == "expiry":
                deadlines["pick_up"] = "cancelled"
                told = self._told(item, content, "expired")
                return Happening("expired", "none", "expired", told=told, deadlines=deadlines)
        if content.collection == "deadlines":
            return Happening("missed", "none", "missed")
        return Happening(event="missed", deadlines=deadlines)

    def _follow(self, item: Mapping[str, Any], content: CitizenItem, now: datetime) -> Happening:
        """It is shown instead of another one, or valid again: all that follows from it is made anew."""
        state = item["state"]
        if isinstance(content, Document) and state == "available" and content.ends_at and content.ends_at <= now:
            return Happening("expired", "none", "expired", told=self._told(item, content, "expired"))
        dues = dues_of(content, state)
        return Happening(
            told=self._told(item, content, state),
            due=deadlines_of(content, dues, item["ente_id"]),
            agenda=agenda_of(content, state, dues, self.rules(item["ente_id"])),
        )

    def _told(self, item: Mapping[str, Any], content: CitizenItem, state: str) -> tuple[Told, ...]:
        rule = rule_for(content, state, self.rules(item["ente_id"]))
        if rule is None:
            return ()
        due = next((each.at for each in dues_of(content, state) if each.state == "open"), None)
        route = route_of(self.route, item["ente_id"], item["vendor_id"])
        return (told_by(rule, content, state, item["ente_id"], route=route, due=due),)


def _still_wanted(rule: Rule, content: CitizenItem, occasion: str) -> bool:
    """Whether a reminder is on a day that holds now: an administrator may have changed them since it was planned."""
    own = content.reminder_offsets if isinstance(content, Deadline) else None
    return _days(occasion) in (rule.days if own is None else own)


def _days(occasion: str) -> int:
    """How many days ahead a reminder is, of the name of its occasion."""
    return int(occasion.rpartition(".")[2])


def _skipped(reason: str, days: int) -> Happening:
    """A reminder that nobody gets: after a standstill only the nearest goes out, and only while there is time."""
    return Happening(event="reminder_skipped", data={"reason": reason, "days": days})


def _check(content: CitizenItem, state: str) -> Happening:
    """Its file is looked for where the vendor keeps it."""
    if not isinstance(content, Document) or content.content_url is None or state not in ("available", "expired"):
        return Happening()
    return Happening(look_up=urlsplit(content.content_url).hostname or "")


def _open_due(item: Mapping[str, Any], content: CitizenItem, kind: str) -> datetime | None:
    """When what is still to be done is due; None where it is done."""
    if content.collection == "deadlines":
        moment: datetime = content.due_at
        return moment if item["state"] == "open" else None
    # How long a draft is kept the hub decided when it came: `due_at` is that moment.
    until = item["due_at"] if item["state"] == "draft" else None
    dues = dues_of(content, item["state"], kept_until=until)
    return next((due.at for due in dues if due.kind == kind and due.state == "open"), None)
