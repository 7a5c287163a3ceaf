"""What the hub does by itself about a subscription when its moment has come, and what it lets the citizen ask for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from contracts.items import Subscription
from contracts.items.subscription import RequestKind
from contracts.states import MACHINES
from contracts.subscription_services import SubscriptionService
from hub.registry import Registry
from hub.store.agenda import Happening
from hub.store.directory import HUB_VENDOR
from hub.store.drafts import Draft, Told
from hub.store.requesting import Ask, Granted
from hub.store.subscription_services import REVIEW

from .canonical import read
from .drafting import KeyedHash, drafted_again, own_payment
from .following import Route, is_on_trial, route_of, told_by
from .rules import Rules
from .subscriptions import (
    ANSWER,
    END,
    INSTALLMENT,
    RENEWAL,
    Terms,
    in_force,
    is_offered,
    must_be_offered,
    payment_of,
    state_at,
    window_of,
)
from .wording import end_of

OWN = frozenset({RENEWAL, END, INSTALLMENT, ANSWER, REVIEW})
"""The occasions that are a subscription's alone."""

_MACHINE = MACHINES["subscriptions"]
_ANSWER_DAYS = 30
"""Where no service says how long a source has (L. 241/1990, art. 2)."""


@dataclass(frozen=True, slots=True)
class SubscriptionOccasions:
    """Decides from the item, the rules of its service and the moment; writes nothing."""

    route: Route
    keyed_hash: KeyedHash
    registry: Callable[[], Registry]
    rules: Callable[[str], Rules]
    """Those of an ente."""

    def happen(self, item: Mapping[str, Any], content: Subscription, occasion: str, now: datetime) -> Happening:
        """What an occasion of `OWN` does to the subscription as it is now."""
        what, _, rest = occasion.partition(".")
        service = self._service(item, content)
        known = in_force(content, service)
        if what == INSTALLMENT:
            return self._ask_for_payment(item, known, int(rest), now)
        if what == ANSWER:
            return self._unanswered(item, content, service, rest, now)
        state = self._state(item, known, what, now)
        event = state if state != item["state"] else None
        draft = self._again(item, content, service, state, now)
        # Who has to renew it may have changed within the window.
        draft = draft if event or state == "renewal_due" else _silent(draft)
        asked = self._asked(known, service, now) if what == RENEWAL and state == "renewal_due" else None
        return Happening(event=event, draft=draft, asks=asked)

    def in_force(self, item: Mapping[str, Any], content: Subscription) -> Subscription:
        """The subscription with what its service says."""
        return in_force(content, self._service(item, content))

    def offered(self, item: Mapping[str, Any], payload: bytes, now: datetime) -> tuple[RequestKind, ...]:
        """What the citizen may ask for now; nothing about a copy, which is its holder's to decide about."""
        content = read(payload)
        assert isinstance(content, Subscription)
        if item["vendor_id"] == HUB_VENDOR:
            return ()
        known = self.in_force(item, content)
        kinds: tuple[RequestKind, ...] = ("renew", "cancel")
        return tuple(kind for kind in kinds if is_offered(kind, known, item["state"], now))

    def grant(self, item: Mapping[str, Any], payload: bytes, kind: RequestKind, now: datetime) -> Granted:
        """What follows once the citizen's request is on its way. Raises HubError where it is not to be had."""
        content = read(payload)
        assert isinstance(content, Subscription)
        service = self._service(item, content)
        must_be_offered(kind, in_force(content, service), item["state"], now)
        draft = self._again(item, content, service, item["state"], now)
        return Granted(draft, _answer_by(service, now))

    def _service(self, item: Mapping[str, Any], content: Subscription) -> SubscriptionService | None:
        return self.registry().subscription_services.get((item["ente_id"], content.subscription_service))

    def _state(self, item: Mapping[str, Any], known: Subscription, what: str, now: datetime) -> str:
        """The state that the moment brings about; the machine binds the hub."""
        state, window = state_at(known, now), window_of(known)
        if what == END and window is not None and now >= window[1]:
            # A source that spoke after the last day knows better, and is not undone.
            spoke_later = item["updated_at"] > max(item["received_at"], window[1])
            state = item["state"] if spoke_later or known.cancellation != "auto" else "ended"
        before = str(item["state"])
        return state if _MACHINE.leads(before, state) else before

    def _again(
        self,
        item: Mapping[str, Any],
        content: Subscription,
        service: SubscriptionService | None,
        state: str,
        now: datetime,
    ) -> Draft:
        return drafted_again(
            content,
            item["ente_id"],
            item["vendor_id"],
            Terms(service, now),
            state,
            route=route_of(self.route, item["ente_id"], item["vendor_id"]),
            keyed_hash=self.keyed_hash,
            rules=self.rules(item["ente_id"]),
        )

    def _asked(self, known: Subscription, service: SubscriptionService | None, now: datetime) -> Ask | None:
        window = window_of(known)
        if known.renewal != "auto" or window is None or now >= window[1]:
            return None
        return Ask("renew", "rule", _answer_by(service, now), since=window[0])

    def _unanswered(
        self,
        item: Mapping[str, Any],
        content: Subscription,
        service: SubscriptionService | None,
        kind: str,
        now: datetime,
    ) -> Happening:
        rule = self.rules(item["ente_id"]).on_event("subscriptions", "request_unanswered")
        occasion = f"{kind}.{now:%Y%m%d}"
        told: tuple[Told, ...] = ()
        if rule is not None:
            route = route_of(self.route, item["ente_id"], item["vendor_id"])
            told = (told_by(rule, content, kind, item["ente_id"], route=route, due=None, occasion=occasion),)
        draft = _silent(self._again(item, content, service, item["state"], now))
        return Happening(event="request_unanswered", told=told, draft=draft, unanswered=kind)

    def _ask_for_payment(self, item: Mapping[str, Any], known: Subscription, n: int, now: datetime) -> Happening:
        part = next((part for part in known.payment_plan if part.n == n), None)
        # What was due before the hub looked at it is settled elsewhere, or the source asks for it.
        if part is None or known.creditor_tax_code is None or end_of(part.due_date) <= now:
            return Happening()
        theirs = part.payment_external_id
        external_id = theirs or f"{item['item_id']}.instalment.{n}"
        source = known.source if theirs else "hub"
        payment = payment_of(known, part, external_id, source)
        vendor_id = item["vendor_id"] if theirs else HUB_VENDOR
        version = 0 if theirs else known.version
        draft = own_payment(
            payment,
            item["ente_id"],
            vendor_id,
            version,
            on_trial=is_on_trial(self.route, item["ente_id"], item["vendor_id"]),
            route=route_of(self.route, item["ente_id"], item["vendor_id"]),
            keyed_hash=self.keyed_hash,
            rules=self.rules(item["ente_id"]),
        )
        return Happening(made=(draft,))


def _silent(draft: Draft) -> Draft:
    """The same, of which nobody is told: neither its holder nor who holds it as well."""
    return replace(draft, told=None, copies=tuple(replace(copy, told=None) for copy in draft.copies))


def _answer_by(service: SubscriptionService | None, now: datetime) -> datetime:
    return now + timedelta(days=_ANSWER_DAYS if service is None else service.answer_days)
