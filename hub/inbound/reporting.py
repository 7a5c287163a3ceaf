"""What providers say later of deliveries, with the address that it was about where that matters."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from contracts.inbound import Report
from contracts.items import Message
from hub.store.citizens import Citizen, Citizens
from hub.store.committer import Committer
from hub.store.contacts import EMAIL, contact_of, email_hash
from hub.store.database import Database
from hub.store.delivery_proofs import seal_proof
from hub.store.opening import opened
from hub.store.outbox import Claim
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
        told = [self._told(Told(ente_id, connector_id, each)) for each in reports]
        results = self.committer.write_all(note_reports, told)
        for result in results:
            if isinstance(result, Exception):
                raise result
        return sum(bool(result) for result in results)

    def dead(self, claim: Claim, reason: str) -> None:
        """Note that nothing gets through to the address of a delivery that was refused. Raises StoreUnavailable."""
        found = Report("failed", datetime.now(UTC), delivery_id=claim.delivery_id, reason=reason, address_is_dead=True)
        self.report(claim.ente_id, claim.connector_id, [found])

    def _told(self, told: Told) -> Told:
        """With the keyed hash of the mailbox that was written to, where that matters, and what the provider signed,
        under the citizen's key."""
        report = told.report
        about_address = report.address_is_dead or report.event == "complained"
        if not about_address and report.evidence is None:
            return told
        with self.database.read() as connection:
            found = delivery_of(connection, told.ente_id, told.connector_id, report)
            if found is None:
                return told
            try:
                citizen = self.citizens.by_id(connection, told.ente_id, found.citizen_id)
            except LookupError:  # erased meanwhile
                return told
            if about_address and found.channel == EMAIL:
                told = replace(told, address_hash=self._address(connection, citizen, found.message_id))
        if report.evidence is not None:
            told = replace(told, proof=seal_proof(self.vault, citizen, found.delivery_id, report.evidence))
        return told

    def _address(self, connection: Connection, citizen: Citizen, message_id: str) -> str | None:
        _, message = opened(connection, self.vault, citizen, message_id)
        given = message.recipient.email if isinstance(message, Message) else None
        email = given or contact_of(connection, self.vault, citizen)
        return None if email is None else email_hash(self.vault, email)
