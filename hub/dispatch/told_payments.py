"""A payment as a connector is told of it, and no citizen: opened for the moment of the delivery."""

from dataclasses import dataclass, field

from sqlalchemy import RowMapping

from contracts.connector import Notice
from contracts.items import Payment
from hub.store.citizens import Citizen
from hub.store.outbox import Claim


@dataclass(frozen=True, slots=True)
class ToldPayment:
    """The payment that a claimed delivery is about. `repr` shows nothing personal."""

    claim: Claim
    ente_name: str
    citizen: Citizen
    tax_code: str = field(repr=False)
    row: RowMapping = field(repr=False)
    item: Payment = field(repr=False)

    def notice(self, kind: str) -> Notice:
        """What all such notices have in common."""
        return Notice(
            delivery_id=self.claim.delivery_id,
            ente_name=self.ente_name,
            kind=kind,
            language=self.item.language,
            created_at=self.claim.created_at,
            deep_link="",
            tax_code=self.tax_code,
            email=None,
            title=self.item.reason,
            body_markdown="",
        )
