"""The making of items and of their versions: the first, another, a late one, and where the thing itself is."""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select

from contracts.faults import bilingual
from contracts.identifiers import new_uuid7
from contracts.states import MACHINES
from hub.errors import StateTerminal, VersionConflict

from .changes import between, columns
from .citizens import Citizen
from .database import Tx
from .drafts import Draft, Identity
from .item_history import version_payload
from .ports import Vault
from .rows import Batch, payload_place
from .tables import item_versions


class Versions:
    """Makes them in a batch, their content sealed."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def create(
        self,
        tx: Tx,
        batch: Batch,
        draft: Draft,
        citizen: Citizen,
        about: dict[str, Any] | None = None,
        *,
        name: Identity | None = None,
        min_loa: int = 0,
        occurred_at: datetime | None = None,
    ) -> dict[str, Any]:
        """A new item, its identity, first version and first event. What is given takes the place of the draft's own;
        `min_loa` is the least that it has."""
        identity = name or draft.identity
        item = columns(tx, draft) | {
            "ente_id": citizen.ente_id,
            "citizen_id": citizen.citizen_id,
            "item_id": new_uuid7(),
            "lifecycle": "active",
            "min_loa": max(draft.min_loa, min_loa),
            "occurred_at": occurred_at or draft.occurred_at,
            "received_at": tx.now,
            "about_item_id": about["item_id"] if about else None,
            "content_sha256": None,
            "content_key": None,
            "folded_into": None,
            "own_state": None,
            "cost_cents": None,
            "cost_at": None,
        }
        batch.identities.append(identity._asdict() | {"item_id": item["item_id"], "citizen_id": citizen.citizen_id})
        batch.names.add(identity)
        batch.new_items[item["item_id"]] = item
        self.add(tx, batch, draft, citizen, item, "created")
        # Version 0 is a payment that the hub made of a plan, under the name that its source has for it.
        batch.event(item, tx.now, "accepted" if draft.version else "planned", version=draft.version)
        return item

    def revise(self, tx: Tx, batch: Batch, draft: Draft, citizen: Citizen, kept: dict[str, Any]) -> dict[str, Any]:
        """An item of the hub's own, made anew of what it is about; another version where its content is another."""
        lifecycle = "restricted" if kept["lifecycle"] == "restricted" else "active"
        changed = kept | columns(tx, draft) | {"version": kept["version"], "lifecycle": lifecycle}
        if draft.content_hash != kept["content_hash"]:
            changed["version"] = draft.version
            self.add(tx, batch, draft, citizen, changed, "updated")
        batch.event(changed, tx.now, "updated", version=changed["version"], state=changed["state"])
        batch.change(changed)
        return changed

    def hand_on(self, tx: Tx, batch: Batch, draft: Draft, citizen: Citizen, item: dict[str, Any], version: int) -> None:
        """Where the thing itself is on its way, kept in the history. Raises StateTerminal once it is handed over."""
        said = self.said(tx, batch, citizen, item["item_id"], version)
        before = (said.get("delivery") or {}).get("state")
        if before is None or before == draft.handover:
            return
        machine = MACHINES["handovers"]
        if not machine.reportable(before, str(draft.handover)):
            raise StateTerminal(
                bilingual(
                    f"Il documento è {before}: non può diventare {draft.handover}",
                    f"the document is {before}: it cannot be {draft.handover}",
                )
            )
        batch.event(item, tx.now, "handover", state=str(draft.handover), **between(machine, before, draft.handover))

    def said(self, tx: Tx, batch: Batch, citizen: Citizen, item_id: str, version: int) -> dict[str, Any]:
        """The content of a version that is kept, or is made in this batch."""
        ours = [v for v in batch.versions if (v["item_id"], v["version"]) == (item_id, version)]
        kept: bytes | None
        if ours:
            place = payload_place(citizen.ente_id, item_id, version)
            kept = self._vault.open_with(citizen.data_key, ours[0]["payload_sealed"], place)
        else:
            kept = version_payload(tx.connection, self._vault, citizen, item_id=item_id, version=version)
        found: dict[str, Any] = orjson.loads(kept or b"{}")
        return found

    def keep_late(self, tx: Tx, batch: Batch, draft: Draft, citizen: Citizen, item: dict[str, Any]) -> None:
        """A version older than the one there is. Raises VersionConflict where it was another when it came before."""
        kept = tx.connection.execute(
            select(item_versions.c.content_hash).where(
                item_versions.c.ente_id == item["ente_id"],
                item_versions.c.citizen_id == item["citizen_id"],
                item_versions.c.item_id == item["item_id"],
                item_versions.c.version == draft.version,
            )
        ).scalar_one_or_none() or batch.version_hash(item["item_id"], draft.version)
        if kept is None:
            self.add(tx, batch, draft, citizen, item, "superseded")
            batch.event(item, tx.now, "superseded", version=draft.version)
        elif kept != draft.content_hash:
            raise VersionConflict

    def add(self, tx: Tx, batch: Batch, draft: Draft, citizen: Citizen, item: dict[str, Any], outcome: str) -> None:
        """The version of the draft, sealed for its citizen."""
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
