"""Subscribers in a home that no hub serves."""

from contextlib import closing
from pathlib import Path

import orjson

from contracts.items import Subscription
from contracts.party import Recipient
from hub.home import Home
from hub.ingest.subscriptions import Terms
from hub.settings import Settings
from tests.flows.making import fresh, make_subscription

from .keeping import keep


def subscribe(folder: Path, people: list[str], **fields: object) -> None:
    """Subscriptions of these people, written as if a vendor had published them."""
    home = Home(Settings(home=folder))
    made = [make_subscription(fresh(), recipient=Recipient(tax_code=each).model_dump(), **fields) for each in people]
    items = [Subscription.model_validate_json(orjson.dumps(raw)) for raw in made]
    with closing(home.open_database()) as database, database.write() as tx:
        keep(tx, home, items, Terms(None, tx.now))
