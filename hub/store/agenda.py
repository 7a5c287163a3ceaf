"""The agenda: items at which the hub looks again by itself. Whoever sweeps keeps it; several may."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, Table, delete, select

from .citizens import Citizen, Citizens
from .database import Tx, among, keys
from .deadlines import close_deadlines
from .drafts import Appointment, Draft, Told
from .ports import Vault
from .reading import version_payload
from .rows import Batch, ItemKey, item_key, lock_items
from .tables import agenda, enti, items

if TYPE_CHECKING:
    from .publications import Publications
    from .requesting import Ask

log = logging.getLogger(__name__)

_LIMIT = 100
_KEY = ("ente_id", "citizen_id", "item_id")
_ALL = select(enti.c.ente_id)


@dataclass(frozen=True, slots=True)
class Happening:
    """What an occasion does to its item."""

    state: str | None = None
    turn: str | None = None
    event: str | None = None
    told: tuple[Told, ...] = ()
    deadlines: Mapping[str, str] = field(default_factory=dict)
    """The state that deadlines about the item come into, by kind."""
    agenda: tuple[Appointment, ...] | None = None
    """What is on its agenda from now on; None leaves the rest as it is."""
    draft: Draft | None = None
    """Of a subscription: its state, and all that follows from it, as if its source had said so."""
    asks: "Ask | None" = None
    """What is asked of its source."""
    made: tuple[Draft, ...] = ()
    """Payments that are made of its plan."""
    unanswered: str | None = None
    """The kind of request whose answer is overdue; where it came after all, nothing happens."""


Happen = Callable[[Mapping[str, Any], bytes, str, datetime], Happening]
"""(the item's columns, its canonical JSON, the occasion, now) -> what it does."""


def keep_agenda(
    tx: Tx, batch: Batch, item: Mapping[str, Any], appointments: Sequence[Appointment], *, first: bool
) -> None:
    """These, and no others, are on the item's agenda."""
    key = item_key(item)
    if not first:
        batch.agenda_before.add(key)
    batch.agenda[key] = [
        {"ente_id": key[0], "citizen_id": key[1], "item_id": key[2], "occasion": each.occasion, "at": each.at}
        for each in appointments
        if each.late or each.at > tx.now
    ]


@dataclass(frozen=True, slots=True)
class Keep:
    """The wish that what is due on the agenda be done."""


class Agenda:
    """Does what is due. `keep` is a Committer handler; it answers how many occasions there were."""

    def __init__(self, citizens: Citizens, vault: Vault, publications: "Publications", happen: Happen) -> None:
        self._citizens = citizens
        self._vault = vault
        self._publications = publications
        self._happen = happen

    def keep(self, tx: Tx, wishes: Sequence[Keep]) -> list[int]:
        return [self._keep(tx) for _ in wishes]

    def _keep(self, tx: Tx) -> int:
        due = select(agenda).where(agenda.c.ente_id.in_(_ALL), agenda.c.at <= tx.now).order_by(agenda.c.at)
        rows = [dict(row) for row in tx.connection.execute(due.limit(_LIMIT)).mappings()]
        if not rows:
            return 0
        wanted = {item_key(row) for row in rows}
        lock_items(tx, wanted)
        # Read again under the lock: another sweeper, or a new version, may have been here meanwhile.
        found = {item_key(item): item for item in _at(tx, select(items), items, wanted)}
        still = _at(tx, select(agenda).where(agenda.c.at <= tx.now).order_by(agenda.c.at), agenda, wanted)
        batch, done = Batch(), 0
        for row in still:
            self._one(tx, batch, row, found.get(item_key(row)))
            done += 1
        batch.write(tx)
        return done

    def _one(self, tx: Tx, batch: Batch, row: dict[str, Any], item: dict[str, Any] | None) -> None:
        if item is None:
            return  # made in this very transaction, and written last: its turn comes
        tx.connection.execute(delete(agenda).where(*(agenda.c[name] == row[name] for name in (*_KEY, "occasion"))))
        if item["lifecycle"] != "active":
            return
        citizen = self._citizens.by_id(tx.connection, item["ente_id"], item["citizen_id"])
        payload = version_payload(tx.connection, self._vault, citizen, item_id=item["item_id"], version=item["version"])
        if payload is None:
            return
        try:
            happening = self._happen(item, payload, row["occasion"], tx.now)
        except Exception:
            # One item that cannot be understood must not hold up the agenda of all others.
            log.exception("agenda.failed item=%s occasion=%s", item["item_id"], row["occasion"])
            return
        self._apply(tx, batch, item, citizen, happening)

    def _apply(self, tx: Tx, batch: Batch, item: dict[str, Any], citizen: Citizen, happening: Happening) -> None:
        if happening.state is not None and happening.state != item["state"]:
            item |= {"state": happening.state, "turn": happening.turn or item["turn"], "updated_at": tx.now}
            batch.change(item)
        if not self._publications.subscribing.happen(tx, batch, happening, citizen, item):
            return
        if happening.event is not None:
            batch.event(item, tx.now, happening.event)
        for told in happening.told:
            self._publications.tell(tx, batch, told, citizen, item)
        for kind, state in happening.deadlines.items():
            close_deadlines(tx, batch, item, state, kind=kind)
        if happening.agenda is not None:
            keep_agenda(tx, batch, item, happening.agenda, first=False)


def _at(tx: Tx, query: Select[Any], table: Table, wanted: set[ItemKey]) -> list[dict[str, Any]]:
    its = table.c
    where = among("item", its.ente_id, its.citizen_id, its.item_id)
    return [dict(row) for row in tx.connection.execute(query.where(where), keys("item", wanted)).mappings()]
