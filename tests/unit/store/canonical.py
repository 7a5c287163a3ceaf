"""Canonical items on a store whose clock stands still: published as vendors do, kept by the agenda."""

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from contracts.items import Application, Subscription
from hub.catalogue import Card
from hub.ingest import practices, subscriptions
from hub.ingest.canonical import parse
from hub.ingest.drafting import draft_of
from hub.ingest.occasions import Occasions
from hub.ingest.rules import standard
from hub.ingest.subscription_occasions import SubscriptionOccasions
from hub.registry import Registry
from hub.store.agenda import Agenda, Keep
from hub.store.citizens import Subject
from hub.store.drafts import Draft
from hub.store.intake import Submission
from hub.store.publications import Publications
from hub.store.tables import item_identities, items
from tests.unit.store.making import ENTE, Store, make_vendor

CARD = Card("nido", "Nido", max_response_days=30)


def no_route(*_: Any) -> tuple[()]:
    return ()


class Canonical:
    """What a test does with items of any collection."""

    def __init__(self, store: Store) -> None:
        self.store = store
        publications = Publications(store.citizens, store.vault)
        self.registry = Registry(1)
        decides = SubscriptionOccasions(no_route, store.vault.keyed_hash, lambda: self.registry, lambda _: standard())
        self.agenda = Agenda(store.citizens, store.vault, publications, Occasions(no_route, decides, decides.rules))

    def drafted(
        self,
        collection: str,
        item: dict[str, Any],
        *,
        vendor: str = "acme",
        rights: frozenset[str] = frozenset(),
        terms: Any = None,
    ) -> Draft:
        """The draft of an item as its JSON says it; under the usual `terms` if not others."""
        read = parse(collection, json.dumps(item).encode())
        if terms is None and isinstance(read, Application):
            terms = practices.Terms(self.store.clock.moment, CARD, 365)
        elif terms is None and isinstance(read, Subscription):
            terms = subscriptions.Terms(None, self.store.clock.moment)
        known = make_vendor(vendor, rights=rights)
        hashed = self.store.vault.keyed_hash
        return draft_of(read, known, route=no_route, keyed_hash=hashed, rules=standard(), terms=terms)

    def act(self, act: Any, *, vendor: str = "acme") -> Any:
        """The answer to what a vendor does: what was done, or the refusal."""
        (answer,) = self.store.run(self.store.intake.record, Submission(self.store.signed(vendor=vendor), act=act))
        return answer

    def sweep(self) -> None:
        while self.store.write(self.agenda.keep, Keep()):
            pass

    def item(self, external_id: str, *, vendor: str = "acme") -> dict[str, Any]:
        names = item_identities.c
        query = select(items).join(item_identities, names.item_id == items.c.item_id)
        query = query.where(names.ente_id == ENTE, names.vendor_id == vendor, names.external_id == external_id)
        with self.store.database.read() as connection:
            return dict(connection.execute(query).mappings().one())

    def made(self, item_id: str, collection: str) -> dict[str, dict[str, Any]]:
        """What the hub made of the item: external_id without the item's own -> row."""
        names = item_identities.c
        query = select(items, names.external_id).join(item_identities, names.item_id == items.c.item_id)
        query = query.where(items.c.about_item_id == item_id, items.c.collection == collection)
        with self.store.database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return {row["external_id"].removeprefix(f"{item_id}."): dict(row) for row in rows}

    def of(self, tax_code: str, collection: str) -> list[dict[str, Any]]:
        """A person's items of a collection."""
        with self.store.database.read() as connection:
            citizen = self.store.citizens.find(connection, Subject(ENTE, "person", tax_code))
        mine = citizen.citizen_id if citizen is not None else None
        return [row for row in self.store.rows(items) if (row["citizen_id"], row["collection"]) == (mine, collection)]


def instant(moment: Any) -> str:
    text: str = moment.isoformat().replace("+00:00", "Z")
    return text


def days(count: int) -> timedelta:
    return timedelta(days=count)
