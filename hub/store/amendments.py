"""What a vendor does to an item that exists: upload its file, take it back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select, update

from contracts.faults import bilingual
from contracts.settling import SETTLED
from hub.errors import AlreadyWithdrawn, ContentMismatch, HubError, ItemUnknown

from .agenda import keep_agenda
from .changes import must_not_be_guaranteed
from .citizens import Citizens
from .database import Tx, among, keys
from .drafts import Draft
from .embargo import messages_about
from .folding import is_over, settle
from .identities import places
from .intake import Done, Signed
from .linking import replaced_by, settle_replaced
from .meeting import meet
from .notifying import may_be_there, recall
from .publications import Publications
from .references import forget_reference
from .registering import unregister
from .rows import Batch, ItemKey, item_key, lock_items
from .subscribing import withdraw_subscription
from .tables import deliveries, item_identities, items, same_item
from .telling import notifications


@dataclass(frozen=True, slots=True)
class Upload:
    """The file of a document, already kept under `content_key`. `draft` is the document, with its notice."""

    item_id: str
    version: int
    sha256: str
    content_key: str
    draft: Draft


@dataclass(frozen=True, slots=True)
class Uploaded:
    item_id: str
    state: str
    outcome: Literal["created", "unchanged"]
    received_at: datetime
    notification: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    item_id: str
    reason: str
    by_citizen: bool = False


@dataclass(frozen=True, slots=True)
class Withdrawn:
    item_id: str
    received_at: datetime


class Amendments:
    """Applies uploads and withdrawals. Both are an `ApplyActs` of the Intake."""

    def __init__(self, citizens: Citizens, publications: Publications) -> None:
        self._citizens = citizens
        self._publications = publications

    def upload(self, tx: Tx, acts: Sequence[tuple[Signed, Upload]]) -> list[Done | HubError]:
        hold(tx, acts)
        return [self._each(self._upload, tx, signed, act) for signed, act in acts]

    def withdraw(self, tx: Tx, acts: Sequence[tuple[Signed, Withdraw]]) -> list[Done | HubError]:
        hold(tx, acts)
        return [self._each(self._withdraw, tx, signed, act) for signed, act in acts]

    def _each(self, apply: Any, tx: Tx, signed: Signed, act: Any) -> Done | HubError:
        try:
            done: Done = apply(tx, signed, act)
        except HubError as refusal:
            return refusal
        return done

    def _upload(self, tx: Tx, signed: Signed, upload: Upload) -> Done:
        item = own_item(tx, signed, upload.item_id)
        must_be_active(item)
        if item["version"] != upload.version:
            raise ContentMismatch(
                bilingual(
                    "Intanto è stata pubblicata una versione più recente del documento",
                    "a newer version of the document was published meanwhile",
                )
            )
        citizen = self._citizens.by_id(tx.connection, item["ente_id"], item["citizen_id"])
        outcome: Literal["created", "unchanged"] = "unchanged"
        batch = Batch()
        if item["content_sha256"] != upload.sha256:
            outcome = "created"
            item |= {"content_sha256": upload.sha256, "content_key": upload.content_key, "updated_at": tx.now}
            if item["state"] == "announced":
                item["state"] = "available"
            batch.event(item, tx.now, "available")
            batch.change(item)
            replaced = replaced_by(tx, {item_key(item)})
            settle_replaced(tx, batch, {upload.draft.identity} | replaced, {upload.draft.identity: item})
            if is_over(upload.draft, item) is None:
                if upload.draft.told is not None:
                    self._publications.tell(tx, batch, upload.draft.told, citizen, item)
                if item["state"] == "available":  # its end may have passed while its file was awaited
                    keep_agenda(tx, batch, item, upload.draft.agenda, first=False)
            batch.write(tx)
        told = notifications(tx.connection, [(item["ente_id"], item["citizen_id"], item["item_id"])])
        # Of a message made just now the outbox cannot tell yet: items come last in a transaction.
        told |= dict.fromkeys(batch.items_with_pending_deliveries(), "pending")
        answer = Uploaded(item["item_id"], item["state"], outcome, tx.now, told.get(item["item_id"], "not_sent"))
        return Done(answer, citizen, item["item_id"], item["version"], f"content.{outcome}")

    def _withdraw(self, tx: Tx, signed: Signed, withdraw: Withdraw) -> Done:
        item = own_item(tx, signed, withdraw.item_id)
        must_be_active(item)
        if not withdraw.by_citizen:
            must_not_be_guaranteed(item, tx.now)
        citizen = self._citizens.by_id(tx.connection, item["ente_id"], item["citizen_id"])
        batch = Batch()
        # The reason is the vendor's free text: it stays in the sealed body of the evidence.
        asked: dict[str, str | int] = {"requested_by": "citizen"} if withdraw.by_citizen else {}
        batch.event(item, tx.now, "withdrawn", **asked)
        keep_agenda(tx, batch, item, (), first=False)
        gone = {"lifecycle": "withdrawn", "turn": "none", "updated_at": tx.now}
        if item["collection"] == "payments":
            unregister(tx, batch, [item])
        copies = withdraw_subscription(tx, batch, item) if item["collection"] == "subscriptions" else ()
        for changed in [item, *messages_about(tx, item)]:
            batch.change(changed | gone)
            _stop_deliveries(tx, changed)
        for copy in copies:
            _stop_deliveries(tx, copy)
        for message in tx.new_items:  # one that an upload made just now: it is written as it stands at the end
            if (message["ente_id"], message["about_item_id"]) == (item["ente_id"], item["item_id"]):
                message.update(gone)
                _stop_deliveries(tx, message)
        settle(tx, batch, self._publications.plans)
        if item["collection"] == "documents":
            forget_reference(tx, item)
            settle_replaced(tx, batch, replaced_by(tx, {item_key(item)}), {})
        batch.write(tx)
        return Done(Withdrawn(item["item_id"], tx.now), citizen, item["item_id"], item["version"], "item.withdrawn")


_NAMES = item_identities.c
_WHERE = select(_NAMES.ente_id, _NAMES.citizen_id, _NAMES.item_id)
_BY_ID = _WHERE.where(among("name", _NAMES.ente_id, _NAMES.item_id))


def hold(tx: Tx, acts: Sequence[tuple[Signed, Any]]) -> None:
    """Lock every item that the acts are about, in order, before the first of them is read; a batch is about none."""
    drafts = [act for _, act in acts if isinstance(act, Draft)]
    found: set[ItemKey] = set()
    if named := {(signed.ente_id, act.item_id) for signed, act in acts if isinstance(act, Upload | Withdraw)}:
        found |= {(*row,) for row in tx.connection.execute(_BY_ID, keys("name", named))}
    meet(tx, [*drafts, *(act.draft for _, act in acts if isinstance(act, Upload))], found)
    found |= places(tx, {name for draft in drafts for name in draft.names}).keys()
    lock_items(tx, found)


def own_item(tx: Tx, signed: Signed, item_id: str) -> dict[str, Any]:
    """The vendor's own item. Raises ItemUnknown, also for another vendor's: who may not see it learns nothing."""
    row = (
        tx.connection.execute(
            select(items)
            .join(item_identities, same_item)
            .where(
                item_identities.c.ente_id == signed.ente_id,
                item_identities.c.item_id == item_id,
                item_identities.c.vendor_id == signed.vendor_id,
            )
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise ItemUnknown
    return dict(row)


def must_be_active(item: Mapping[str, Any]) -> None:
    """Raises ItemUnknown for what was erased or is restricted, AlreadyWithdrawn for what was taken back."""
    if item["lifecycle"] in ("erased", "restricted"):
        raise ItemUnknown
    if item["lifecycle"] != "active":
        raise AlreadyWithdrawn


def _stop_deliveries(tx: Tx, message: dict[str, Any]) -> None:
    """What has not left need not leave. A delivery that someone works on now is past recall."""
    tx.connection.execute(
        update(deliveries)
        .where(
            deliveries.c.ente_id == message["ente_id"],
            deliveries.c.message_id == message["item_id"],
            deliveries.c.state.in_(("queued", "held")),
            deliveries.c.claim_id.is_(None),
            deliveries.c.channel != SETTLED,  # it was paid, whatever was taken back since
            ~may_be_there(),
        )
        .values(state="skipped", reason="item.withdrawn", updated_at=tx.now)
    )
    recall(tx, message)
