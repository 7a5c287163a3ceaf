"""What a reader leaves behind: the access log, and the citizen's own marks on items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from contracts.identifiers import new_uuid7
from hub.errors import HubError, ItemUnknown, PreconditionFailed, TokenReplayed

from .database import Tx, upsert
from .ports import UsedToken
from .replay import consume_tokens
from .rows import Batch, item_key, lock_items
from .tables import clipped, items, user_states


@dataclass(frozen=True, slots=True)
class Access:
    """One read or change of a citizen's data: who, whose, what, how it ended."""

    request_id: str
    ente_id: str
    portal_id: str
    pseudonym: str
    acr: str
    operation: str
    outcome: str
    citizen_id: str | None = None
    item_id: str | None = None


@dataclass(frozen=True, slots=True)
class UserStateChange:
    """A merge patch on one item's user state. `if_match` is the state's version the reader saw, None for any."""

    access: Access
    signer: str
    used: tuple[UsedToken, ...]
    level: int
    patch: Mapping[str, bool]
    if_match: str | None = None
    refusal: HubError | None = None
    """Already decided: only the token is consumed and the access recorded."""


def record_access(tx: Tx, accesses: Sequence[Access]) -> list[None]:
    """A Committer handler: the access log goes through group commit (`settled` 24)."""
    tx.access_rows += [access_row(tx, access) for access in accesses]
    return [None] * len(accesses)


def change_user_state(tx: Tx, changes: Sequence[UserStateChange]) -> list[Any]:
    """A Committer handler: None, or why not. The token is consumed first, whatever follows."""
    results: list[HubError | None] = []
    fresh = consume_tokens(tx, [(c.access.ente_id, c.signer, c.used) for c in changes])
    lock_items(tx, {(a.ente_id, a.citizen_id or "", a.item_id or "") for a in (change.access for change in changes)})
    for change, unused in zip(changes, fresh, strict=True):
        try:
            if not unused:
                raise TokenReplayed
            if change.refusal is not None:
                raise change.refusal
            _apply(tx, change)
            results.append(None)
        except HubError as refusal:
            results.append(refusal)
    for change, result in zip(changes, results, strict=True):
        row = access_row(tx, change.access)
        tx.access_rows.append(row | {"outcome": result.code if result else change.access.outcome})
    return list(results)


def user_state_tag(item: Mapping[str, Any]) -> str:
    """What changes whenever the item or the citizen's marks on it change: the ETag of `items/{item_id}`."""
    return f"{item['sequence']:x}"


def _apply(tx: Tx, change: UserStateChange) -> None:
    access = change.access
    key = {"ente_id": access.ente_id, "citizen_id": access.citizen_id, "item_id": access.item_id}
    row = (
        tx.connection.execute(
            select(items).where(
                *(items.c[name] == value for name, value in key.items()),
                items.c.lifecycle == "active",
                items.c.min_loa <= change.level,
                items.c.hidden.is_(False),
            )
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise ItemUnknown
    item = dict(row)
    # What changed in this very transaction gets its number at the end: nobody can have seen it yet.
    stale = item_key(item) in tx.changed_items or change.if_match != user_state_tag(item)
    if change.if_match is not None and stale:
        raise PreconditionFailed
    values: dict[str, Any] = {"updated_at": tx.now}
    for name, column in (("read", "read_at"), ("archived", "archived_at"), ("starred", "starred_at")):
        if name in change.patch:
            values[column] = tx.now if change.patch[name] else None
    if change.patch.get("read"):
        values["seen_version"] = item["version"]
    if change.patch.get("confirmed"):
        values["confirmed_at"] = tx.now
    statement = upsert(user_states).values(**key, **values)
    statement = statement.on_conflict_do_update(index_elements=list(key), set_=values)
    tx.connection.execute(statement)
    batch = Batch()
    if change.patch.get("confirmed") and item["turn"] == "citizen" and item["collection"] == "messages":
        item["turn"] = "none"
        batch.event(item, tx.now, "confirmed")
    batch.change(item)
    batch.write(tx)


def access_row(tx: Tx, access: Access) -> dict[str, Any]:
    """The record, as it goes into the access log with the commit."""
    return {
        "ente_id": access.ente_id,
        "access_id": new_uuid7(),
        "at": tx.now,
        "request_id": access.request_id,
        "portal_id": access.portal_id,
        "citizen_id": access.citizen_id,
        "pseudonym": clipped(access.pseudonym, 200),
        "acr": clipped(access.acr, 100),
        "operation": access.operation,
        "outcome": access.outcome,
        "item_id": access.item_id,
    }
