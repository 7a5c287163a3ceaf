"""What a notification adds to the payments that it asks for: kept with the payments of the citizen it went to."""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.settling import NoticeCost
from hub.store.citizens import Citizens
from hub.store.committer import Committer
from hub.store.costs import Costs, note_costs
from hub.store.database import Database
from hub.store.numbering import notice_key
from hub.store.outbox import Claim
from hub.store.ports import Vault


@dataclass(frozen=True, slots=True)
class NoticeCosts:
    """Keeps them; what is told again changes nothing."""

    database: Database
    committer: Committer
    citizens: Citizens
    vault: Vault

    def keep(self, claim: Claim, costs: Sequence[NoticeCost]) -> None:
        """Nothing for a citizen who was erased. Raises StoreUnavailable: they are not kept now."""
        with self.database.read() as connection:
            try:
                citizen = self.citizens.by_id(connection, claim.ente_id, claim.citizen_id)
            except LookupError:
                return
        named = {
            notice_key(self.vault.keyed_hash, each.creditor_tax_code, each.notice_number): each.cost_cents
            for each in costs
        }
        self.committer.write(note_costs, Costs(citizen, claim.channel, named))
