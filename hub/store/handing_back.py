"""Giving up claims: what a worker that must stop does with the deliveries that it has not begun to send."""

from collections.abc import Sequence

from sqlalchemy import update

from .database import Tx
from .outbox import MINE, UNCLAIMED, Claim, close_attempt, fence
from .tables import deliveries


def hand_back(tx: Tx, claims: Sequence[Claim]) -> list[bool]:
    """A Committer handler: the delivery is due again, and the attempt was none. False where the claim was lost, or
    bears the mark "about to send": then its worker alone may say what became of it."""
    return [_hand_back(tx, each) for each in claims]


def _hand_back(tx: Tx, claim: Claim) -> bool:
    unmarked = deliveries.c.about_to_send_at.is_(None)
    values = UNCLAIMED | {
        "attempts": claim.attempts if claim.accepted else claim.attempts - 1,
        "claims": deliveries.c.claims - 1,
        "updated_at": tx.now,
    }
    given_up = update(deliveries).where(MINE, unmarked).values(values)
    if tx.connection.execute(given_up, fence(claim)).rowcount != 1:
        return False
    close_attempt(
        tx, ente_id=claim.ente_id, delivery_id=claim.delivery_id, claim_id=claim.claim_id, outcome="handed_back"
    )
    return True
