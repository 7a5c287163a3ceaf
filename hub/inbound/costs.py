"""What a notification adds to the payments that it asks for: kept with them, whoever else owes the same notices."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from contracts.settling import NoticeCost
from hub.store.committer import Committer
from hub.store.configuration import ConnectorConfig
from hub.store.costs import Costs, note_costs
from hub.store.notice_keys import notice_key
from hub.store.outbox import Claim
from hub.store.ports import Vault


@dataclass(frozen=True, slots=True)
class NoticeCosts:
    """Keeps them; what is told again changes nothing."""

    committer: Committer
    vault: Vault
    configs: Callable[[], Mapping[tuple[str, str], ConnectorConfig]]

    def keep(self, claim: Claim, costs: Sequence[NoticeCost]) -> None:
        """What a connector for tests tells is of what is on trial alone. Raises StoreUnavailable: they are not kept
        now."""
        config = self.configs().get((claim.ente_id, claim.connector_id))
        on_trial = config is not None and config.environment == "test"
        named = {
            notice_key(self.vault.keyed_hash, each.creditor_tax_code, each.notice_number): each.cost_cents
            for each in costs
        }
        self.committer.write(note_costs, Costs(claim.ente_id, claim.channel, named, on_trial=on_trial))
