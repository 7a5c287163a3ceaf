"""Documents that a provider made of what was delivered become the citizen's, linked to the item delivered.

They are silent: of the matter the citizen was told already. Vendor and source are those of the item, as a link leads
to nobody else's items; the evidence names the connector. What is kept twice is kept once; what there is no more is
taken back.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from contracts.base import rfc3339
from contracts.inbound import Found, ProviderDocument
from contracts.items import Item, rel_of
from hub.store.citizens import Citizens
from hub.store.configuration import ConnectorConfig
from hub.store.database import Database
from hub.store.directory import HUB_VENDOR
from hub.store.opening import opened
from hub.store.outbox import Claim
from hub.store.ports import Vault
from hub.store.taking import records

from .sources import Source
from .taking import Taker

_SHARED: Final = {"recipient", "service_id", "sensitivity", "min_loa", "language", "visible_from"}
_TAKEN_BACK: Final = "chi l'aveva emesso non ce l'ha più / whoever made it has it no more"


@dataclass(frozen=True, slots=True)
class ProviderDocuments:
    """Keeps them by the way that what sources bring takes."""

    database: Database
    citizens: Citizens
    vault: Vault
    taker: Taker
    configs: Callable[[], Mapping[tuple[str, str], ConnectorConfig]]

    def keep(self, claim: Claim, documents: Sequence[ProviderDocument]) -> None:
        """Nothing for a citizen who was erased, and nothing of an item of the hub's own.

        Raises:
            StoreUnavailable: they are not kept now; the question is to be asked again.
            Misconfigured: the item's vendor is not registered any more, or suspended.
        """
        config = self.configs().get((claim.ente_id, claim.connector_id))
        if config is None:
            return
        with self.database.read() as connection:
            try:
                citizen = self.citizens.by_id(connection, claim.ente_id, claim.citizen_id)
            except LookupError:
                return
            row, item = opened(connection, self.vault, citizen, claim.message_id)
            if row["vendor_id"] == HUB_VENDOR:
                return
            missed = [each.name for each in documents if each.content is None]
            kept = records(connection, claim.ente_id, claim.connector_id, missed)
        found = [
            _found(each, item, row["collection"]) for each in documents if each.content is not None or each.name in kept
        ]
        if not found:
            return
        # What was kept on trial is taken back though its vendor is in production by now.
        is_test = config.environment == "test" and any(each.content is not None for each in documents)
        source = Source(claim.ente_id, claim.connector_id, row["vendor_id"], is_test)
        self.taker.take(source, found)


def _found(made: ProviderDocument, about: Item, collection: str) -> Found:
    if made.content is None:
        return Found(made.name, b"", withdrawn=_TAKEN_BACK)
    item: dict[str, Any] = {
        "external_id": made.name,
        "source": about.source,
        "title": made.title,
        "occurred_at": rfc3339(made.issued_at),
        "issued_at": rfc3339(made.issued_at),
        "doc_type": made.doc_type,
        "form": "pdf" if made.media_type == "application/pdf" else "other",
        "filename": made.filename,
        "media_type": made.media_type,
        "size": len(made.content),
        "sha256": hashlib.sha256(made.content).hexdigest(),
        "links": [{"rel": rel_of(collection), "external_id": about.external_id}],
        "notify": {"channels": []},
    }
    item |= about.model_dump(mode="json", include=_SHARED, exclude_none=True)
    return Found(made.name, orjson.dumps(item), "documents", item, content=made.content)
