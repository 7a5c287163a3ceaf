"""What providers say later of deliveries, with the address that it was about where that matters."""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.inbound import Report
from contracts.items import Message
from hub.store.citizens import Citizens
from hub.store.committer import Committer
from hub.store.contacts import EMAIL, contact_of, email_hash
from hub.store.database import Database
from hub.store.delivery_proofs import SealedProof, seal_proof
from hub.store.opening import opened
from hub.store.ports import Vault
from hub.store.reports import Told, delivery_of, note_reports


@dataclass(frozen=True, slots=True)
class Reporter:
    """Takes reports in."""

    database: Database
    committer: Committer
    citizens: Citizens
    vault: Vault

    def report(self, ente_id: str, connector_id: str, reports: Sequence[Report]) -> int:
        """Note what a connector reports of its own deliveries; how many of those there are. Raises StoreUnavailable."""
        told = [
            Told(
                ente_id,
                connector_id,
                each,
                self._address(ente_id, connector_id, each),
                self._proof(ente_id, connector_id, each),
            )
            for each in reports
        ]
        results = self.committer.write_all(note_reports, told)
        for result in results:
            if isinstance(result, Exception):
                raise result
        return sum(bool(result) for result in results)

    def _proof(self, ente_id: str, connector_id: str, report: Report) -> SealedProof | None:
        """What the provider signed, under the citizen's key."""
        if report.evidence is None:
            return None
        with self.database.read() as connection:
            found = delivery_of(connection, ente_id, connector_id, report)
            if found is None:
                return None
            try:
                citizen = self.citizens.by_id(connection, ente_id, found.citizen_id)
            except LookupError:  # erased meanwhile
                return None
        return seal_proof(self.vault, citizen, found.delivery_id, report.evidence)

    def _address(self, ente_id: str, connector_id: str, report: Report) -> str | None:
        """The keyed hash of the mailbox that was written to."""
        if not (report.address_is_dead or report.event == "complained"):
            return None
        with self.database.read() as connection:
            found = delivery_of(connection, ente_id, connector_id, report)
            if found is None or found.channel != EMAIL:
                return None
            try:
                citizen = self.citizens.by_id(connection, ente_id, found.citizen_id)
            except LookupError:  # erased meanwhile
                return None
            _, message = opened(connection, self.vault, citizen, found.message_id)
            given = message.recipient.email if isinstance(message, Message) else None
            email = given or contact_of(connection, self.vault, citizen)
        return None if email is None else email_hash(self.vault, email)
