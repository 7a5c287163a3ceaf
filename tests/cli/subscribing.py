"""Subscribers in a home that no hub serves."""

from pathlib import Path

import orjson

from contracts.items import Subscription
from contracts.party import Recipient
from hub.home import Home
from hub.ingest.drafting import draft_of
from hub.ingest.rules import standard
from hub.ingest.subscriptions import Terms
from hub.registry import Vendor
from hub.settings import Settings
from hub.store.citizens import Citizens
from hub.store.publications import Publications
from hub.store.rows import Batch
from tests.flows.making import fresh, make_subscription
from tests.harness import ENTE


def subscribe(folder: Path, people: list[str], **fields: object) -> None:
    """Subscriptions of these people, written as if a vendor had published them."""
    home = Home(Settings(home=folder))
    database = home.open_database()
    citizens = Citizens(home.vault)
    publications = Publications(citizens, home.vault)
    vendor = Vendor(ENTE, "acme", "acme", "jwk", True, (), "acme")
    with database.write() as tx:
        batch = Batch()
        for person in people:
            raw = make_subscription(fresh(), **fields) | {"recipient": Recipient(tax_code=person).model_dump()}
            item = Subscription.model_validate_json(orjson.dumps(raw))
            draft = draft_of(
                item,
                vendor,
                route=lambda *_: (),
                keyed_hash=home.vault.keyed_hash,
                rules=standard(),
                terms=Terms(None, tx.now),
            )
            citizen = citizens.resolve(tx, [draft.subject])[draft.subject]
            publications.versions.create(tx, batch, draft, citizen)
        batch.write(tx)
    database.close()
