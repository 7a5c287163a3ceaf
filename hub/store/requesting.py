"""Requests about a subscription (S34, S36): kept, relayed to its source as an event, followed until they are answered.

At most one waits at a time. While one does, the subscription does not end and its holder is reminded of nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, insert, select, update

from contracts.base import rfc3339
from contracts.faults import bilingual
from contracts.identifiers import new_uuid7
from contracts.items.subscription import RequestKind
from hub.errors import AnsweredRequestUnknown, HubError, ItemUnknown, TokenReplayed
from hub.reading_errors import RequestNotOffered, RequestPending

from .agenda import keep_agenda
from .citizens import Citizens
from .database import Tx
from .deadlines import close_deadlines
from .directory import HUB_VENDOR
from .drafts import Answer, Draft
from .item_history import version_payload
from .ports import UsedToken, Vault
from .readers import Access, access_row
from .replay import consume_tokens
from .request_rows import about, requests_of
from .rows import Batch, item_key, lock_items
from .tables import items, subscription_requests

_DONE: Mapping[str, frozenset[str]] = {
    "renew": frozenset({"renewed"}),
    "cancel": frozenset({"cancelled", "ended"}),
}
"""The states that say by themselves that a request was granted."""
_OVER = frozenset({"renewed", "cancelled", "ended"})
_PENDING, _UNANSWERED = "pending", "unanswered"


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to be made of a source, unless the same was made since a moment."""

    kind: RequestKind
    by: Literal["citizen", "rule"]
    answer_by: datetime
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """A request that the rules allow: what follows from the item meanwhile, and when its answer is due."""

    draft: Draft
    answer_by: datetime


Grant = Callable[[Mapping[str, Any], bytes, RequestKind, datetime], Granted]
"""(the item's columns, its canonical JSON, the kind, now) -> what follows. Raises HubError."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a citizen asks for through the portal."""

    access: Access
    signer: str
    used: tuple[UsedToken, ...]
    level: int
    kind: RequestKind | None
    refusal: HubError | None = None
    """Already decided: only the token is consumed and the access recorded."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The request as it is kept; not `new` where it was waiting already."""

    row: dict[str, Any]
    new: bool


class Requesting:
    """`ask` is a Committer handler: what a citizen asks is answered once it is durable and on its way."""

    def __init__(self, citizens: Citizens, vault: Vault, grant: Grant) -> None:
        self._citizens = citizens
        self._vault = vault
        self._grant = grant

    def ask(self, tx: Tx, wishes: Sequence[Wish]) -> list[Any]:
        """For each wish what was asked, or why not. The token is consumed first, whatever follows."""
        fresh = consume_tokens(tx, [(w.access.ente_id, w.signer, w.used) for w in wishes])
        accesses = [wish.access for wish in wishes]
        lock_items(tx, {(a.ente_id, a.citizen_id or "", a.item_id or "") for a in accesses})
        results: list[Asked | HubError] = []
        for wish, unused in zip(wishes, fresh, strict=True):
            try:
                if not unused:
                    raise TokenReplayed
                if wish.refusal is not None:
                    raise wish.refusal
                results.append(self._one(tx, wish))
            except HubError as refusal:
                results.append(refusal)
        for access, result in zip(accesses, results, strict=True):
            code = result.code if isinstance(result, HubError) else access.outcome
            tx.access_rows.append(access_row(tx, access) | {"outcome": code})
        return list(results)

    def _one(self, tx: Tx, wish: Wish) -> Asked:
        access, kind = wish.access, wish.kind
        assert kind is not None
        mine = (items.c.ente_id == access.ente_id) & (items.c.citizen_id == access.citizen_id)
        query = select(items).where(
            mine,
            items.c.item_id == access.item_id,
            items.c.collection == "subscriptions",
            items.c.lifecycle == "active",
            items.c.min_loa <= wish.level,
            items.c.hidden.is_(False),
        )
        row = tx.connection.execute(query).mappings().one_or_none()
        if row is None:
            raise ItemUnknown
        item = dict(row)
        if item["vendor_id"] == HUB_VENDOR:
            raise RequestNotOffered(
                bilingual(
                    f"L'iscrizione è {item['state']}; può chiederlo solo il titolare",
                    f"the subscription is {item['state']}; only its holder can ask for that",
                )
            )
        for waiting in open_requests(tx.connection, item):
            if waiting["kind"] == kind:
                return Asked(waiting, new=False)
            raise RequestPending(
                bilingual(
                    f"L'iscrizione è {item['state']}, e una richiesta ({waiting['kind']}) attende risposta",
                    f"the subscription is {item['state']}, and a request to {waiting['kind']} it waits",
                )
            )
        citizen = self._citizens.by_id(tx.connection, item["ente_id"], item["citizen_id"])
        payload = version_payload(tx.connection, self._vault, citizen, item_id=item["item_id"], version=item["version"])
        assert payload is not None
        granted = self._grant(item, payload, kind, tx.now)
        batch = Batch()
        keep_agenda(tx, batch, item, granted.draft.agenda, first=False)
        made = make_request(tx, batch, item, Ask(kind, "citizen", granted.answer_by))
        assert made is not None
        batch.write(tx)
        return Asked(made, new=True)


def make_request(tx: Tx, batch: Batch, item: dict[str, Any], ask: Ask) -> dict[str, Any] | None:
    """Keep the request and relay it; None where another waits, or the same was made since."""
    earlier = requests_of(tx.connection, item)
    if any(row["state"] == _PENDING for row in earlier):
        return None
    if ask.since is not None and any(row["kind"] == ask.kind and row["asked_at"] >= ask.since for row in earlier):
        return None
    row: dict[str, Any] = dict(zip(("ente_id", "citizen_id", "item_id"), item_key(item), strict=True)) | {
        "request_id": new_uuid7(),
        "kind": ask.kind,
        "asked_by": ask.by,
        "state": _PENDING,
        "asked_at": tx.now,
        "answer_by": ask.answer_by,
        "answered_at": None,
    }
    tx.connection.execute(insert(subscription_requests), row)
    told = {"request_id": row["request_id"], "kind": ask.kind, "answer_by": rfc3339(ask.answer_by)}
    batch.event(item, tx.now, "requested", **told)
    item["updated_at"] = tx.now
    _wait(tx, batch, item, row)
    return row


def follow_requests(tx: Tx, batch: Batch, item: dict[str, Any], answer: Answer | None) -> dict[str, Any] | None:
    """What a version means for the requests about its item: it answers one, grants it by its state, or lets it wait.
    Gives the request that it answers in so many words."""
    answered = None
    for row in requests_of(tx.connection, item):
        if answer is not None and row["request_id"] == answer.request_id and row["state"] in (_PENDING, _UNANSWERED):
            _settle(tx, batch, item, row, answer.outcome)
            answered = row
        elif row["state"] == _PENDING:
            if item["state"] in _OVER:
                _settle(tx, batch, item, row, "accepted" if item["state"] in _DONE[row["kind"]] else "closed")
            else:
                _wait(tx, batch, item, row)
    return answered


def close_requests(tx: Tx, batch: Batch, item: dict[str, Any]) -> None:
    """The item was taken back: nobody waits any more."""
    for row in open_requests(tx.connection, item):
        _settle(tx, batch, item, row, "closed")


def give_up(tx: Tx, batch: Batch, item: dict[str, Any], kind: str) -> bool:
    """The time for an answer is over. False where it has come, or is not over."""
    over = [row for row in open_requests(tx.connection, item) if row["kind"] == kind and row["answer_by"] <= tx.now]
    for row in over:
        _settle(tx, batch, item, row, _UNANSWERED, event=None)
    return bool(over)


def must_be_known(tx: Tx, item: Mapping[str, Any], answer: Answer) -> None:
    """Raises AnsweredRequestUnknown unless that request is about this item; what was answered may be said again."""
    if answer.request_id not in {row["request_id"] for row in requests_of(tx.connection, item)}:
        raise AnsweredRequestUnknown


def open_requests(connection: Connection, item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those that wait for an answer."""
    return [row for row in requests_of(connection, item) if row["state"] == _PENDING]


def _settle(
    tx: Tx, batch: Batch, item: dict[str, Any], row: Mapping[str, Any], state: str, event: str | None = "request_ended"
) -> None:
    this = about(item) & (subscription_requests.c.request_id == row["request_id"])
    tx.connection.execute(update(subscription_requests).where(this).values(state=state, answered_at=tx.now))
    if event is not None:
        batch.event(item, tx.now, event, request_id=row["request_id"], kind=row["kind"], outcome=state)


def _wait(tx: Tx, batch: Batch, item: dict[str, Any], row: Mapping[str, Any]) -> None:
    """It is the source's turn: what is on the agenda of an item waits for the answer, and so does what is due of it."""
    key, renewal = item_key(item), row["kind"] == "renew"
    kept = [one for one in batch.agenda.get(key, []) if not (renewal and _answers(one["occasion"]))]
    mine = {"ente_id": key[0], "citizen_id": key[1], "item_id": key[2]}
    occasion = {"occasion": f"answer.{row['kind']}", "at": row["answer_by"]}
    batch.agenda[key] = [*kept, mine | occasion]
    batch.agenda_before.add(key)
    if renewal:
        close_deadlines(tx, batch, item, "met", kind="renewal_window")
    item["turn"] = "body"
    batch.change(item)


def _answers(occasion: str) -> bool:
    """Whether what the occasion is for may be done by the answer to a request to renew."""
    return occasion in ("end", "renewal") or occasion.endswith(".renewal_window") or ".renewal_window." in occasion
