"""What a reader leaves behind: the access log, and the citizen's own marks on items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from contracts.identifiers import new_uuid7
from hub.errors import HubError, ItemUnknown, PreconditionFailed, TokenReplayed

from .database import Tx, upsert
from .filters import SHOWN
from .ports import UsedToken
from .replay import consume_tokens
from .rows import Batch, item_key, lock_items
from .tables import clipped, items, user_states

_STATE_KEY = ("ente_id", "citizen_id", "item_id")


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
    delegation_id: str | None = None
    """Where somebody acted for the citizen."""
    act: Mapping[str, Any] | None = None
    """Of an administrator: what was changed, without secrets and personal data, as JSON values."""


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


@dataclass(frozen=True, slots=True)
class UserStateChanges:
    """Merge patches on the user states of many items of one citizen, by item_id."""

    access: Access
    signer: str
    used: tuple[UsedToken, ...]
    level: int
    patches: Mapping[str, Mapping[str, bool]]
    refusal: HubError | None = None
    """Already decided: only the token is consumed and the access recorded."""


@dataclass(frozen=True, slots=True)
class Handing:
    """Items of a citizen whose data is about to be given to somebody else."""

    access: Access
    signer: str
    used: tuple[UsedToken, ...]
    item_ids: Sequence[str]
    """The citizen's own, as the caller has looked, unless there is a `refusal`."""
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


def change_user_states(tx: Tx, requests: Sequence[UserStateChanges]) -> list[Any]:
    """A Committer handler: for each request what refuses each of its items, None where it was changed; or what refuses
    it whole. The token is consumed first, whatever follows; each item leaves an access record."""
    results: list[list[HubError | None] | HubError] = []
    fresh = consume_tokens(tx, [(one.access.ente_id, one.signer, one.used) for one in requests])
    wanted = [(one.access.ente_id, one.access.citizen_id or "", item_id) for one in requests for item_id in one.patches]
    lock_items(tx, set(wanted))
    for request, unused in zip(requests, fresh, strict=True):
        refusal = request.refusal if unused else TokenReplayed()
        if refusal is not None:
            results.append(refusal)
            tx.access_rows.append(access_row(tx, replace(request.access, outcome=refusal.code)))
            continue
        found = _items(tx, request.access, list(request.patches), request.level)
        _mark(tx, [(item, request.patches[item_id]) for item_id, item in found.items()])
        refused: list[HubError | None] = [None if item_id in found else ItemUnknown() for item_id in request.patches]
        results.append(refused)
        for item_id, refusal in zip(request.patches, refused, strict=True):
            access = replace(request.access, item_id=item_id, outcome=refusal.code if refusal else "ok")
            tx.access_rows.append(access_row(tx, access))
    return list(results)


def hand_over(tx: Tx, handings: Sequence[Handing]) -> list[Any]:
    """A Committer handler: None, or why not. The token is consumed first, whatever follows; each item that is given
    leaves an access record, a refusal leaves one."""
    fresh = consume_tokens(tx, [(one.access.ente_id, one.signer, one.used) for one in handings])
    results: list[HubError | None] = []
    for one, unused in zip(handings, fresh, strict=True):
        refusal = one.refusal if unused else TokenReplayed()
        if refusal is not None:
            accesses = [replace(one.access, outcome=refusal.code)]
        else:
            accesses = [replace(one.access, item_id=item_id) for item_id in one.item_ids]
        record_access(tx, accesses)
        results.append(refusal)
    return results


def user_state_tag(item: Mapping[str, Any]) -> str:
    """What changes whenever the item or the citizen's marks on it change: the ETag of `items/{item_id}`."""
    return f"{item['sequence']:x}"


def _apply(tx: Tx, change: UserStateChange) -> None:
    item_id = change.access.item_id or ""
    item = _items(tx, change.access, [item_id], change.level).get(item_id)
    if item is None:
        raise ItemUnknown
    # What changed in this very transaction gets its number at the end: nobody can have seen it yet.
    stale = item_key(item) in tx.changed_items or change.if_match != user_state_tag(item)
    if change.if_match is not None and stale:
        raise PreconditionFailed
    _mark(tx, [(item, change.patch)])


def _items(tx: Tx, access: Access, item_ids: Sequence[str], level: int) -> dict[str, dict[str, Any]]:
    """Those of the items that the citizen sees at that level."""
    query = select(items).where(
        items.c.ente_id == access.ente_id,
        items.c.citizen_id == access.citizen_id,
        items.c.item_id.in_(item_ids),
        items.c.lifecycle == "active",
        items.c.min_loa <= level,
        items.c.hidden.is_(False),
        SHOWN,
    )
    return {row["item_id"]: dict(row) for row in tx.connection.execute(query).mappings()}


def _mark(tx: Tx, patched: Sequence[tuple[dict[str, Any], Mapping[str, bool]]]) -> None:
    """Write what the citizen did with each item, with one statement for all whose patches name the same things."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    batch = Batch()
    for item, patch in patched:
        values: dict[str, Any] = {"updated_at": tx.now}
        for name, column in (("read", "read_at"), ("archived", "archived_at"), ("starred", "starred_at")):
            if name in patch:
                values[column] = tx.now if patch[name] else None
        if patch.get("read"):
            values["seen_version"] = item["version"]
        if patch.get("confirmed"):
            values["confirmed_at"] = tx.now
        key = {name: item[name] for name in _STATE_KEY}
        alike.setdefault(tuple(values), []).append(key | values)
        if patch.get("confirmed") and item["turn"] == "citizen" and item["collection"] == "messages":
            item["turn"] = "none"
            batch.event(item, tx.now, "confirmed")
        batch.change(item)
    for names, rows in alike.items():
        statement = upsert(user_states)
        given = {name: statement.excluded[name] for name in names}
        tx.connection.execute(statement.on_conflict_do_update(index_elements=_STATE_KEY, set_=given), rows)
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
        "delegation_id": access.delegation_id,
        "act": None if access.act is None else dict(access.act),
    }
