"""Papers that a provider made of a delivery become documents of the citizen's, linked to the message delivered.

They are silent: the provider has told the citizen itself. Vendor and source are those of the message, as a link leads
to nobody else's items; the evidence names the connector. What is asked for twice is kept once.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from contracts.base import rfc3339
from contracts.inbound import Attested, Found
from contracts.items import Item
from hub.store.citizens import Citizens
from hub.store.database import Database
from hub.store.directory import HUB_VENDOR
from hub.store.opening import opened
from hub.store.outbox import Claim
from hub.store.ports import Vault

from .taking import Source, Taker


@dataclass(frozen=True, slots=True)
class Attesting:
    """Keeps papers by the way that what sources bring takes."""

    database: Database
    citizens: Citizens
    vault: Vault
    taker: Taker

    def keep(self, claim: Claim, papers: Sequence[Attested]) -> None:
        """Nothing for a citizen who was erased, and nothing for a message of the hub's own.

        Raises:
            StoreUnavailable: they are not kept; the question is to be asked again.
            Misconfigured: the vendor of the message is not registered any more, or suspended.
        """
        with self.database.read() as connection:
            try:
                citizen = self.citizens.by_id(connection, claim.ente_id, claim.citizen_id)
            except LookupError:
                return
            row, message = opened(connection, self.vault, citizen, claim.message_id)
        if row["vendor_id"] != HUB_VENDOR:
            source = Source(claim.ente_id, claim.connector_id, row["vendor_id"], is_test=False)
            self.taker.take(source, [_found(each, message) for each in papers])


def _found(paper: Attested, message: Item) -> Found:
    item: dict[str, Any] = {
        "external_id": paper.name,
        "source": message.source,
        "title": paper.title,
        "occurred_at": rfc3339(paper.issued_at),
        "issued_at": rfc3339(paper.issued_at),
        "doc_type": paper.doc_type,
        "form": "pdf" if paper.media_type == "application/pdf" else "other",
        "filename": paper.filename,
        "media_type": paper.media_type,
        "size": len(paper.content),
        "sha256": hashlib.sha256(paper.content).hexdigest(),
        "links": [{"rel": "message", "external_id": message.external_id}],
        "notify": {"channels": []},
    }
    shared = {"recipient", "service_id", "sensitivity", "min_loa"}
    item |= message.model_dump(mode="json", include=shared, exclude_none=True)
    return Found(paper.name, orjson.dumps(item), "documents", item, content=paper.content)
