"""Giving up claims: what a worker that must stop does with the deliveries that it has not begun to send."""

from collections.abc import Sequence

from sqlalchemy import bindparam, update

from .database import Tx
from .outbox import Claim, close_attempt
from .tables import deliveries


def hand_back(tx: Tx, claims: Sequence[Claim]) -> list[bool]:
    """A Committer handler: the delivery is due again, and the attempt was none. False where the claim was lost, or
    bears the mark "about to send": then its worker alone may say what became of it."""
    return [_hand_back(tx, each) for each in claims]


def _hand_back(tx: Tx, claim: Claim) -> bool:
    mine = (
        (deliveries.c.ente_id == bindparam("my_ente"))
        & (deliveries.c.delivery_id == bindparam("my_delivery"))
        & (deliveries.c.claim_id == bindparam("my_claim"))
        & deliveries.c.about_to_send_at.is_(None)
    )
    values = {
        "claim_id": None,
        "lease_until": None,
        "attempts": claim.attempts if claim.accepted else claim.attempts - 1,
        "claims": deliveries.c.claims - 1,
        "updated_at": tx.now,
    }
    names = {"my_ente": claim.ente_id, "my_delivery": claim.delivery_id, "my_claim": claim.claim_id}
    if tx.connection.execute(update(deliveries).where(mine).values(values), names).rowcount != 1:
        return False
    close_attempt(tx, claim, "handed_back", None)
    return True
