"""Publishing: one item, created, updated, unchanged or superseded (`settled` 11), with its message and deliveries."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import select

from contracts.identifiers import new_uuid7
from hub.errors import AlreadyWithdrawn, HubError, RecipientChanged, StateTerminal, VersionConflict
from hub.metrics import count_publications

from .citizens import Citizen, Citizens
from .database import Tx
from .drafts import Draft, PlannedDelivery, Published
from .embargo import move
from .folding import meet, settle_paid
from .identities import load_by_identity
from .intake import Done, Signed
from .order import order_key
from .ports import Vault
from .queueing import delivery_row
from .rows import Batch, payload_place
from .tables import item_versions
from .telling import notifications

# What a source may still report once it has reported these (`settled` 12): facts are not taken back.
_TERMINAL: dict[tuple[str, str], frozenset[str]] = {
    ("payments", "paid"): frozenset({"paid", "refunded"}),
    ("payments", "refunded"): frozenset({"refunded"}),
    ("documents", "revoked"): frozenset({"revoked"}),
}


class Publications:
    """Applies drafts. An `ApplyActs` of the Intake."""

    def __init__(self, citizens: Citizens, vault: Vault) -> None:
        self._citizens = citizens
        self._vault = vault

    def apply(self, tx: Tx, acts: Sequence[tuple[Signed, Draft]]) -> list[Done | HubError]:
        """Each draft's answer, in order; drafts of one identity in a batch follow each other."""
        drafts = [draft for _, draft in acts]
        meet(tx, ((draft.identity.ente_id, draft.notice_key) for draft in drafts))
        known = load_by_identity(tx, {draft.identity for draft in drafts}, lock=True)
        citizens = self._citizens.resolve(tx, (d.subject for d in drafts if d.identity not in known))
        batch = Batch()
        results: list[Done | HubError] = []
        changed: list[tuple[Draft, Citizen, bool]] = []
        tally: Counter[tuple[str, str]] = Counter()
        for draft in drafts:
            item = known.get(draft.identity)
            citizen = citizens.get(draft.subject) or self._citizens.find(tx.connection, draft.subject)
            try:
                if citizen is None or (item is not None and item["citizen_id"] != citizen.citizen_id):
                    raise RecipientChanged
                if item is None:
                    item, outcome = self.create(tx, batch, draft, citizen), "created"
                else:
                    item, outcome = self._repeat(tx, batch, draft, citizen, item)
            except HubError as refusal:
                results.append(refusal)
                continue
            known[draft.identity] = item
            tally[draft.identity.collection, outcome] += 1
            if outcome in ("created", "updated"):
                changed.append((draft, citizen, outcome == "created"))
            results.append(_done(tx, item, citizen, outcome, draft))
        settle_paid(tx, batch)
        for draft, citizen, created in changed:
            self.tell(tx, batch, draft, citizen, known[draft.identity], created=created)
        batch.write(tx)
        tx.after_commit.append(partial(count_publications, tally))
        return _with_notifications(tx, batch, results)

    def create(
        self, tx: Tx, batch: Batch, draft: Draft, citizen: Citizen, about: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """A new item, its identity, first version and first event."""
        item = _columns(tx, draft) | {
            "ente_id": citizen.ente_id,
            "citizen_id": citizen.citizen_id,
            "item_id": new_uuid7(),
            "lifecycle": "active",
            "received_at": tx.now,
            "about_item_id": about["item_id"] if about else None,
            "content_sha256": None,
            "content_key": None,
        }
        batch.identities.append(
            draft.identity._asdict() | {"item_id": item["item_id"], "citizen_id": citizen.citizen_id}
        )
        batch.new_items[item["item_id"]] = item
        self._add_version(tx, batch, draft, citizen, item, "created")
        batch.event(item, tx.now, "accepted", version=draft.version)
        return item

    def tell(
        self, tx: Tx, batch: Batch, draft: Draft, citizen: Citizen, item: dict[str, Any], *, created: bool
    ) -> None:
        """Notice -> message -> deliveries (`settled` 13). The message's identity is the guard: at most one a rule."""
        message = item
        if item["collection"] == "payments" and item["state"] == "paid":
            return  # its receipt was here first: there is nothing to ask for
        if draft.message is not None:
            rule = draft.message.identity.external_id
            identity = draft.message.identity._replace(external_id=f"{item['item_id']}.{rule}")
            if not created and (load_by_identity(tx, {identity}) or batch.has_identity(identity)):
                return
            message = self.create(tx, batch, replace(draft.message, identity=identity), citizen, about=item)
        elif not created or draft.identity.collection != "messages":
            return
        for delivery in draft.deliveries:
            batch.deliveries.append(_delivery_row(tx, delivery, message))

    def _repeat(
        self, tx: Tx, batch: Batch, draft: Draft, citizen: Citizen, item: dict[str, Any]
    ) -> tuple[dict[str, Any], str]:
        if draft.version == item["version"]:
            if draft.content_hash != item["content_hash"]:
                raise VersionConflict
            return item, "unchanged"
        if draft.version < item["version"]:
            self._keep_late(tx, batch, draft, citizen, item)
            return item, "superseded"
        if item["lifecycle"] == "withdrawn":
            raise AlreadyWithdrawn
        allowed = _TERMINAL.get((item["collection"], item["reported_state"]))
        if allowed is not None and draft.reported_state not in allowed:
            raise StateTerminal(f"the state {item['reported_state']} cannot be left for {draft.reported_state}")
        changed = item | _columns(tx, draft) | _facts_kept(draft, item)
        self._add_version(tx, batch, draft, citizen, changed, "updated")
        batch.event(changed, tx.now, "updated", version=draft.version, state=changed["state"])
        batch.change(changed)
        move(tx, batch, changed, item)
        return changed, "updated"

    def _keep_late(self, tx: Tx, batch: Batch, draft: Draft, citizen: Citizen, item: dict[str, Any]) -> None:
        kept = tx.connection.execute(
            select(item_versions.c.content_hash).where(
                item_versions.c.ente_id == item["ente_id"],
                item_versions.c.citizen_id == item["citizen_id"],
                item_versions.c.item_id == item["item_id"],
                item_versions.c.version == draft.version,
            )
        ).scalar_one_or_none() or batch.version_hash(item["item_id"], draft.version)
        if kept is None:
            self._add_version(tx, batch, draft, citizen, item, "superseded")
            batch.event(item, tx.now, "superseded", version=draft.version)
        elif kept != draft.content_hash:
            raise VersionConflict

    def _add_version(
        self, tx: Tx, batch: Batch, draft: Draft, citizen: Citizen, item: dict[str, Any], outcome: str
    ) -> None:
        place = payload_place(item["ente_id"], item["item_id"], draft.version)
        batch.versions.append(
            {
                "ente_id": item["ente_id"],
                "citizen_id": item["citizen_id"],
                "item_id": item["item_id"],
                "version": draft.version,
                "content_hash": draft.content_hash,
                "payload_sealed": self._vault.seal_with(citizen.data_key, draft.payload, place),
                "outcome": outcome,
                "received_at": tx.now,
            }
        )


def _columns(tx: Tx, draft: Draft) -> dict[str, Any]:
    return {
        "vendor_id": draft.identity.vendor_id,
        "source": draft.identity.source,
        "collection": draft.identity.collection,
        "version": draft.version,
        "content_hash": draft.content_hash,
        "state": draft.state,
        "reported_state": draft.reported_state,
        "turn": draft.turn,
        "service_id": draft.service_id,
        "sensitivity": draft.sensitivity,
        "min_loa": draft.min_loa,
        "hidden": draft.visible_from is not None and draft.visible_from > tx.now,
        "visible_from": draft.visible_from,
        "expires_at": draft.expires_at,
        "due_at": draft.due_at,
        "occurred_at": draft.occurred_at,
        "as_of": draft.as_of,
        "updated_at": tx.now,
        "notice_key": draft.notice_key,
        "settles": draft.settles,
    }


def _facts_kept(draft: Draft, item: dict[str, Any]) -> dict[str, Any]:
    """What the hub knows and a new version does not undo: a receipt, a file that is already here."""
    if draft.identity.collection == "payments" and item["state"] == "paid" and draft.state != "refunded":
        return {"state": "paid", "turn": "none"}
    if draft.identity.collection == "documents":
        if draft.file_sha256 is not None and item["content_sha256"] == draft.file_sha256:
            return {"state": "available"} if draft.state == "announced" else {}
        return {"content_sha256": None, "content_key": None}
    return {}


def _delivery_row(tx: Tx, planned: PlannedDelivery, message: dict[str, Any]) -> dict[str, Any]:
    return delivery_row(
        tx.now,
        ente_id=message["ente_id"],
        citizen_id=message["citizen_id"],
        message_id=message["item_id"],
        connector_id=planned.connector_id,
        channel=planned.channel,
        due_at=max(tx.now, message["visible_from"] or tx.now),
        max_age=planned.max_age,
        reason=planned.reason,
        priority=planned.priority,
        order_key=order_key(message) if planned.ordered else None,
    )


def _done(tx: Tx, item: dict[str, Any], citizen: Citizen, outcome: Any, draft: Draft) -> Done:
    answer = Published(
        item["item_id"], draft.identity.external_id, draft.version, item["lifecycle"], outcome, tx.now, "not_sent"
    )
    return Done(answer, citizen, item["item_id"], draft.version, f"item.{outcome}", outcome != "unchanged")


def _with_notifications(tx: Tx, batch: Batch, results: list[Done | HubError]) -> list[Done | HubError]:
    """Fill in `notification`: from the batch for what is new, from the outbox for what was there before."""
    pending = batch.items_with_pending_deliveries()
    old = [
        (result.citizen.ente_id, result.citizen.citizen_id, result.item_id)
        for result in results
        if isinstance(result, Done) and result.answer.outcome != "created"
    ]
    earlier = notifications(tx.connection, old)
    for result in results:
        if isinstance(result, Done):
            answer: Published = result.answer
            answer.notification = "pending" if result.item_id in pending else earlier.get(result.item_id, "not_sent")
    return results
