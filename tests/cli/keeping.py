"""Items in a home that no hub serves."""

from collections.abc import Iterable

from contracts.items import Item
from hub.home import Home
from hub.ingest.drafting import draft_of
from hub.ingest.rules import standard
from hub.ingest.subscriptions import Terms
from hub.store.citizens import Citizens
from hub.store.database import Tx
from hub.store.publications import Publications
from hub.store.rows import Batch
from tests.unit.store.making import make_vendor


def keep(tx: Tx, home: Home, items: Iterable[Item], terms: Terms | None = None) -> None:
    """Written as if a vendor had published them."""
    citizens, batch = Citizens(home.vault), Batch()
    publications = Publications(citizens, home.vault)
    for item in items:
        draft = draft_of(
            item,
            make_vendor(),
            route=lambda *_: (),
            keyed_hash=home.vault.keyed_hash,
            rules=standard(),
            terms=terms,
        )
        citizen = citizens.resolve(tx, [draft.subject])[draft.subject]
        publications.versions.create(tx, batch, draft, citizen)
    batch.write(tx)
