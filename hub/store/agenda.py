"""The agenda: items at which the hub looks again by itself. Whoever sweeps keeps it; several may."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, insert, select

from contracts.identifiers import new_uuid7
from hub.metrics import agenda_put_off

from .citizens import Citizen, Citizens
from .committer import Committer
from .database import Tx
from .deadlines import close_deadlines
from .directory import HUB, SERVED
from .drafts import Appointment, Draft, Told
from .given import GIVEN, given, is_given
from .item_history import version_payload
from .ports import Vault
from .readers import Access, record_access
from .references import want_check
from .rows import Batch, ItemKey, item_key, items_at, lock_items
from .tables import agenda

if TYPE_CHECKING:
    from .publications import Publications
    from .requesting import Ask

log = logging.getLogger(__name__)

_LIMIT = 100
_ROUNDS = 20
"""In one sweep: rules that have changed put every subscription on the agenda at once."""
_RESTRICTED_AGAIN = timedelta(hours=12)
"""When the occasion of a restricted item is looked at again."""
_PUT_OFF = timedelta(hours=1)
"""What cannot be done, for as long: it must not hold up the agenda of all others."""
_KEY = ("ente_id", "citizen_id", "item_id")
_THEIRS = (
    select(agenda)
    .select_from(GIVEN.join(agenda, is_given(*(agenda.c[name] for name in _KEY))))
    .where(agenda.c.at <= bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Happening:
    """What an occasion does to its item."""

    state: str | None = None
    turn: str | None = None
    event: str | None = None
    data: Mapping[str, str | int] = field(default_factory=dict)
    """What the timeline says of the event besides."""
    told: tuple[Told, ...] = ()
    deadlines: Mapping[str, str] = field(default_factory=dict)
    """The state that deadlines about the item come into, by kind."""
    agenda: tuple[Appointment, ...] | None = None
    """What is on its agenda from now on; None leaves the rest as it is."""
    audit: str | None = None
    """Under which operation it stands in the access log, which cannot be rewritten and which the citizen may read."""
    draft: Draft | None = None
    """Of a subscription: its state, and all that follows from it, as if its source had said so."""
    asks: "Ask | None" = None
    """What is asked of its source."""
    made: tuple[Draft, ...] = ()
    """Payments that are made of its plan."""
    unanswered: str | None = None
    """The kind of request whose answer is overdue; where it came after all, nothing happens."""
    due: "tuple[Draft, ...] | None" = None
    """All that is or was due of it, made anew; None leaves its deadlines as they are."""
    look_up: str | None = None
    """The host of its file, which is to be looked for there (`references`)."""


Happen = Callable[[Mapping[str, Any], bytes, str, datetime, Collection[str]], Happening]
"""(the item's columns, its canonical JSON, the occasion, now, all occasions of the item that are due) -> what it does.
"""


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
    """The wish that what is due on the agenda be done, perhaps of one item alone."""

    of: ItemKey | None = None


class Agenda:
    """Does what is due. `keep` is a Committer handler; it answers how many occasions there were."""

    def __init__(self, citizens: Citizens, vault: Vault, publications: "Publications", happen: Happen) -> None:
        self._citizens = citizens
        self._vault = vault
        self._publications = publications
        self._happen = happen

    def keep_all(self, committer: Committer) -> bool:
        """All that is due, a transaction at a time; whether there was anything. What is left the next sweep takes."""
        rounds = 0
        while rounds < _ROUNDS and self._kept(committer):
            rounds += 1
        return rounds > 0

    def _kept(self, committer: Committer) -> bool:
        try:
            return committer.write(self.keep, Keep()) > 0
        except Exception:  # noqa: BLE001 - each is tried alone, and those that fail so are told of
            keys = committer.write(self.due, None)
        for key in keys:
            try:
                committer.write(self.keep, Keep(key))
            except Exception:
                # Where the store is away this is not written either, and the sweep ends.
                committer.write(self.put_off, key)
                agenda_put_off.inc()
                log.exception("agenda.put_off ente=%s item=%s hours=%d", key[0], key[2], _PUT_OFF / timedelta(hours=1))
        return bool(keys)

    def due(self, tx: Tx, wishes: Sequence[None]) -> list[list[ItemKey]]:
        """A Committer handler: the items with something on the agenda, the longest due first."""
        return [list(dict.fromkeys(map(item_key, _due(tx)))) for _ in wishes]

    def put_off(self, tx: Tx, keys: Sequence[ItemKey]) -> list[None]:
        """A Committer handler: what is due of these items is due later."""
        for key in keys:
            theirs = [agenda.c[name] == value for name, value in zip(_KEY, key, strict=True)]
            later = agenda.update().where(*theirs, agenda.c.at <= tx.now).values(at=tx.now + _PUT_OFF)
            tx.connection.execute(later)
        return [None] * len(keys)

    def keep(self, tx: Tx, wishes: Sequence[Keep]) -> list[int]:
        return [self._keep(tx, wish.of) for wish in wishes]

    def _keep(self, tx: Tx, of: ItemKey | None) -> int:
        wanted = {item_key(row) for row in _due(tx)} if of is None else {of}
        if not wanted:
            return 0
        lock_items(tx, wanted)
        # Read again under the lock: another sweeper, or a new version, may have been here meanwhile.
        found = items_at(tx, wanted)
        still = tx.connection.execute(_THEIRS, given(wanted) | {"now": tx.now}).mappings()
        batch, held = Batch(), sorted(map(dict, still), key=itemgetter("at"))
        together: dict[ItemKey, set[str]] = {}
        for row in held:
            together.setdefault(item_key(row), set()).add(row["occasion"])
        for row in held:
            self._one(tx, batch, row, found.get(item_key(row)), together[item_key(row)])
        batch.write(tx)
        return len(held)

    def _one(
        self, tx: Tx, batch: Batch, row: dict[str, Any], item: dict[str, Any] | None, together: Collection[str]
    ) -> None:
        if item is None:
            return  # made in this very transaction, and written last: its turn comes
        tx.connection.execute(delete(agenda).where(*(agenda.c[name] == row[name] for name in (*_KEY, "occasion"))))
        if item["lifecycle"] == "restricted":
            tx.connection.execute(insert(agenda), row | {"at": tx.now + _RESTRICTED_AGAIN})
        if item["lifecycle"] != "active":
            return
        item = batch.changed_items.get(item["item_id"], item)  # as an occasion before this one left it
        citizen = self._citizens.by_id(tx.connection, item["ente_id"], item["citizen_id"])
        payload = version_payload(tx.connection, self._vault, citizen, item_id=item["item_id"], version=item["version"])
        if payload is None:
            return
        try:
            happening = self._happen(item, payload, row["occasion"], tx.now, together)
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
            batch.event(item, tx.now, happening.event, **happening.data)
        for told in happening.told:
            self._publications.tell(tx, batch, told, citizen, item)
        if happening.audit is not None:
            record_access(tx, [_by_the_hub(item, happening.audit)])
        if happening.due is not None:
            self._publications.keep_deadlines(tx, batch, happening.due, citizen, item)
        if happening.look_up is not None:
            want_check(tx, item, happening.look_up)
        for kind, state in happening.deadlines.items():
            close_deadlines(tx, batch, item, state, kind=kind)
        if happening.agenda is not None:
            keep_agenda(tx, batch, item, happening.agenda, first=False)


def _due(tx: Tx) -> list[dict[str, Any]]:
    query = select(agenda).where(agenda.c.ente_id.in_(SERVED), agenda.c.at <= tx.now).order_by(agenda.c.at)
    return [dict(row) for row in tx.connection.execute(query.limit(_LIMIT)).mappings()]


def _by_the_hub(item: Mapping[str, Any], operation: str) -> Access:
    return Access(
        request_id=new_uuid7(),
        ente_id=item["ente_id"],
        portal_id=HUB,
        pseudonym=HUB,
        acr="-",
        operation=operation,
        outcome="ok",
        citizen_id=item["citizen_id"],
        item_id=item["item_id"],
    )
