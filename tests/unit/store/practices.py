"""Applications on a store whose clock stands still: published as a vendor does, kept by the agenda."""

import json
from datetime import timedelta

from sqlalchemy import select

from hub.catalogue import Card
from hub.ingest.canonical import parse
from hub.ingest.drafting import draft_of
from hub.ingest.occasions import Occasions
from hub.ingest.practices import Terms
from hub.ingest.rules import standard
from hub.ingest.subscription_occasions import SubscriptionOccasions
from hub.registry import Registry
from hub.store.agenda import Agenda, Keep
from hub.store.intake import Submission
from hub.store.publications import Publications
from hub.store.tables import item_identities, items
from tests.flows.making import make_application
from tests.unit.store.making import ENTE, Store, make_vendor

CARD = Card("nido", "Nido", max_response_days=30)


def no_route(*_):
    return ()


class Practices:
    """What a test does with applications."""

    def __init__(self, store: Store):
        self.store = store
        publications = Publications(store.citizens, store.vault)
        none = SubscriptionOccasions(no_route, store.vault.keyed_hash, lambda: Registry(1), lambda _: standard())
        self.agenda = Agenda(store.citizens, store.vault, publications, Occasions(no_route, none, none.rules))

    def draft(self, external_id, *, draft_days=365, card=CARD, **fields):
        item = parse("applications", json.dumps(make_application(external_id, **fields)).encode())
        terms = Terms(self.store.clock.moment, card, draft_days)
        return draft_of(
            item, make_vendor(), route=no_route, keyed_hash=self.store.vault.keyed_hash, rules=standard(), terms=terms
        )

    def publish(self, external_id, **fields):
        """The answer: what was published, or the refusal."""
        (answer,) = self.store.publish(self.draft(external_id, **fields))
        return answer

    def act(self, act):
        (answer,) = self.store.run(self.store.intake.record, Submission(self.store.signed(), act=act))
        return answer

    def sweep(self):
        while self.store.write(self.agenda.keep, Keep()):
            pass

    def item(self, external_id):
        names = item_identities.c
        query = select(items).join(item_identities, names.item_id == items.c.item_id)
        query = query.where(names.ente_id == ENTE, names.external_id == external_id)
        with self.store.database.read() as connection:
            return dict(connection.execute(query).mappings().one())

    def made(self, item_id, collection):
        """What the hub made of the item: external_id without the item's own -> row."""
        names = item_identities.c
        query = select(items, names.external_id).join(item_identities, names.item_id == items.c.item_id)
        query = query.where(items.c.about_item_id == item_id, items.c.collection == collection)
        with self.store.database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return {row["external_id"].removeprefix(f"{item_id}."): dict(row) for row in rows}


def instant(moment):
    return moment.isoformat().replace("+00:00", "Z")


def days(count):
    return timedelta(days=count)
