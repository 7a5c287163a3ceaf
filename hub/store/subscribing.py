"""What follows from a subscription, by whatever door its state came: requests, renewals, instalments, copies."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete

from contracts.states import MACHINES

from .agenda import Happening
from .citizens import Citizen, Citizens
from .copies import Copies, set_copies, withdraw_copies
from .database import Tx
from .deadlines import close_deadlines
from .drafts import Draft
from .identities import load_by_identity
from .instalments import cancel_what_is_to_come, is_own
from .notice_keys import placed
from .requesting import close_requests, follow_requests, give_up, make_request
from .rows import Batch, item_key
from .tables import agenda

if TYPE_CHECKING:
    from .publications import Publications

_MACHINE = MACHINES["subscriptions"]
_OPEN_PAYMENT = ("due", "overdue")


class Subscribing:
    """Applies what was decided; all of it goes into the subscription's own commit."""

    def __init__(self, citizens: Citizens, publications: "Publications") -> None:
        self._publications = publications
        self._copies = Copies(citizens, publications)

    def follow(
        self,
        tx: Tx,
        batch: Batch,
        draft: Draft,
        citizen: Citizen,
        item: dict[str, Any],
        before: str | None,
        renewed: dict[str, Any] | None = None,
    ) -> None:
        """After a version of its source, or a state that the hub gave it. `renewed` is that of the period before."""
        if before is not None:
            answered = follow_requests(tx, batch, item, draft.answer)
            if answered is not None and draft.answer is not None:
                told = draft.answer.told.get(answered["kind"])
                # A state that is news has its own message.
                if told is not None and (draft.answer.outcome == "refused" or before == item["state"]):
                    self._publications.tell(tx, batch, told, citizen, item)
            if item["state"] == "cancelled":
                cancel_what_is_to_come(tx, batch, item)
        if renewed is not None and renewed["citizen_id"] == item["citizen_id"]:
            self._renew(tx, batch, renewed, item)
        if draft.copies or before is not None:
            self._copies.follow(tx, batch, draft, item)

    def happen(self, tx: Tx, batch: Batch, happening: Happening, citizen: Citizen, item: dict[str, Any]) -> bool:
        """What a moment of its agenda brings, besides what it brings to any item. False where it has passed already."""
        if happening.unanswered is not None and not give_up(tx, batch, item, happening.unanswered):
            return False
        draft = happening.draft
        if draft is not None:
            before = item["state"]
            if draft.state != before:
                item.update(state=draft.state, updated_at=tx.now)
            item.update(turn=draft.turn, due_at=draft.due_at)
            batch.change(item)
            self._publications.follow(tx, batch, draft, citizen, item, before)
        if happening.asks is not None:
            make_request(tx, batch, item, happening.asks)
        for payment in happening.made:
            self._plan(tx, batch, payment, citizen, item)
        return True

    def _renew(self, tx: Tx, batch: Batch, old: dict[str, Any], new: dict[str, Any]) -> None:
        """The source has made the subscription of the next period: the old one is renewed (S35)."""
        if old["lifecycle"] != "active" or not _MACHINE.leads(old["state"], "renewed"):
            return
        old.update(state="renewed", turn="none", due_at=None, updated_at=tx.now)
        batch.event(old, tx.now, "renewed", item_id=new["item_id"])
        batch.change(old)
        close_deadlines(tx, batch, old, "met")
        follow_requests(tx, batch, old, None)
        self._strike_out(tx, batch, old)
        set_copies(tx, batch, old)

    def _strike_out(self, tx: Tx, batch: Batch, item: dict[str, Any]) -> None:
        """Nothing is left on its agenda but instalments of the period that still runs."""
        key, its = item_key(item), agenda.c
        mine = (its.ente_id == key[0]) & (its.citizen_id == key[1]) & (its.item_id == key[2])
        tx.connection.execute(delete(agenda).where(mine, its.occasion.not_like("instalment.%")))
        if key in batch.agenda:
            batch.agenda[key] = [row for row in batch.agenda[key] if row["occasion"].startswith("instalment.")]

    def _plan(self, tx: Tx, batch: Batch, wanted: Draft, citizen: Citizen, item: dict[str, Any]) -> None:
        """The payment of an instalment, unless its source asks for it already."""
        kept = load_by_identity(tx, {wanted.identity}, lock=True).get(wanted.identity)
        wanted = placed(wanted, kept)
        if kept is None:
            if not batch.has_identity(wanted.identity):
                made = self._publications.versions.create(tx, batch, wanted, citizen, about=item)
                self._publications.follow(tx, batch, wanted, citizen, made, None)
            return
        changed = kept["content_hash"] != wanted.content_hash and wanted.version > kept["version"]
        if is_own(kept) and changed and kept["lifecycle"] == "active" and kept["state"] in _OPEN_PAYMENT:
            before = kept["state"]
            made = self._publications.versions.revise(tx, batch, wanted, citizen, kept)
            self._publications.follow(tx, batch, wanted, citizen, made, before)


def withdraw_subscription(tx: Tx, batch: Batch, item: dict[str, Any]) -> Sequence[dict[str, Any]]:
    """It was taken back: instalments to come are not owed, and copies go with it. Gives the copies, with what tells of
    them."""
    close_requests(tx, batch, item)
    cancel_what_is_to_come(tx, batch, item)
    return withdraw_copies(tx, batch, item)
