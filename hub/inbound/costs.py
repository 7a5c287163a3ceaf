"""What a notification adds to the payments that it asks for: kept with them, whoever else owes the same notices."""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.settling import NoticeCost
from hub.store.committer import Committer
from hub.store.costs import Costs, note_costs
from hub.store.numbering import notice_key
from hub.store.outbox import Claim
from hub.store.ports import Vault


@dataclass(frozen=True, slots=True)
class NoticeCosts:
    """Keeps them; what is told again changes nothing."""

    committer: Committer
    vault: Vault

    def keep(self, claim: Claim, costs: Sequence[NoticeCost]) -> None:
        """Raises StoreUnavailable: they are not kept now."""
        named = {
            notice_key(self.vault.keyed_hash, each.creditor_tax_code, each.notice_number): each.cost_cents
            for each in costs
        }
        self.committer.write(note_costs, Costs(claim.ente_id, claim.channel, named))
