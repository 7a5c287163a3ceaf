"""Notices of pagoPA that a connector had printed, kept as documents of their payments (`contracts.connector.Done`).

A notice is its payment's: of the same vendor and source, of the same service, and linked to it. It goes the way of a
file that a source brings with its document, under a name by which it is replaced and taken back.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.base import rfc3339
from contracts.failures import Deferred
from contracts.inbound import Found
from contracts.items import Payment
from hub.errors import StoreUnavailable
from hub.store.citizens import Citizens
from hub.store.configuration import ConnectorConfig
from hub.store.database import Database
from hub.store.opening import opened
from hub.store.outbox import Claim
from hub.store.ports import Vault
from hub.store.taking import records

from .taking import Source, Taker

DOC_TYPE = "avviso_pagopa"
_WORDS = {"it": "Avviso pagoPA: {}", "en": "pagoPA notice: {}"}
_TAKEN_BACK = "non è più da pagare con questo avviso"


@dataclass(frozen=True, slots=True)
class Papers:
    """Keeps and takes back."""

    database: Database
    citizens: Citizens
    vault: Vault
    taker: Taker
    configs: Callable[[], Mapping[tuple[str, str], ConnectorConfig]]

    def keep(self, claim: Claim, content: bytes | None) -> None:
        """The notice of a registered payment as it was printed; without content there is none any more.

        Raises:
            Deferred: the store does not take it now.
            Misconfigured: the payment's vendor is suspended.
        """
        config = self.configs().get((claim.ente_id, claim.connector_id))
        if config is None:
            return
        name = f"notice/{claim.message_id}"
        with self.database.read() as connection:
            try:
                tax_code, citizen = self.citizens.tax_code(connection, claim.ente_id, claim.citizen_id)
            except LookupError:
                return  # erased meanwhile
            row, payment = opened(connection, self.vault, citizen, claim.message_id)
            known = records(connection, claim.ente_id, claim.connector_id, [name])
        assert isinstance(payment, Payment)
        if content is None:
            if name not in known:
                return
            found = Found(name, b"", withdrawn=_TAKEN_BACK)
        else:
            item = _document(claim.message_id, payment, tax_code, content)
            found = Found(name, b"-", "documents", item, content=content)
        source = Source(claim.ente_id, claim.connector_id, row["vendor_id"], config.environment == "test")
        try:
            self.taker.take(source, [found])
        except StoreUnavailable:
            raise Deferred("store.unavailable", about="message") from None


def _document(item_id: str, payment: Payment, tax_code: str, content: bytes) -> dict[str, Any]:
    """As the payment's vendor would publish it. Silent: of the payment the citizen is told already."""
    title = _WORDS.get(payment.language[:2], _WORDS["it"]).format(payment.title)
    made: dict[str, Any] = {
        "external_id": f"avviso-{item_id}",
        "source": payment.source,
        "title": title[:200].rstrip(),
        "occurred_at": rfc3339(payment.occurred_at),
        "language": payment.language,
        "recipient": {"tax_code": tax_code, "subject_kind": payment.recipient.subject_kind},
        "sensitivity": payment.sensitivity,
        "min_loa": payment.min_loa,
        "doc_type": DOC_TYPE,
        "form": "pdf",
        "filename": f"avviso-{payment.notice_number}.pdf",
        "media_type": "application/pdf",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "links": [{"rel": "payment", "external_id": payment.external_id}],
        "notify": {"channels": []},
    }
    if payment.service_id is not None:
        made["service_id"] = payment.service_id
    if payment.visible_from is not None:
        made["visible_from"] = rfc3339(payment.visible_from)
    return made
