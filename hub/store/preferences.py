"""How a citizen wishes to be told (S62): language, quiet hours, which topics on which channels.

What is switched off is one kind of row wherever it was said: in the personal area for every address, or by the link of
an e-mail for the address it was sent to (`optouts`).
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, delete, insert, select

from contracts.base import ROME

from .bulk import select_rows
from .changing import OwnChange, change_each
from .citizens import Citizen, Citizens
from .database import Tx, upsert
from .given import GIVEN, given, is_given
from .optouts import ANY_ADDRESS, EVERYTHING
from .ports import Vault
from .tables import channel_opt_outs, preferences

_OFF = channel_opt_outs.c
_KEPT = preferences.c
_WHOSE_OFF = select(_OFF.ente_id, _OFF.citizen_id, _OFF.channel, _OFF.topic, _OFF.address_hash).select_from(
    GIVEN.join(channel_opt_outs, is_given(_OFF.ente_id, _OFF.citizen_id))
)
_WHOSE_KEPT = select(_KEPT.ente_id, _KEPT.citizen_id, _KEPT.record_sealed).select_from(
    GIVEN.join(preferences, is_given(_KEPT.ente_id, _KEPT.citizen_id))
)


class Quiet(NamedTuple):
    """Hours of Italy's day in which nothing is sent but alarms; they may go over midnight."""

    start: time
    end: time


class Off(NamedTuple):
    """A topic on a channel: a service_id, `optouts.NO_SERVICE` or `optouts.EVERYTHING`."""

    channel: str
    topic: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """All of one citizen's; the default is that of whoever said nothing."""

    language: str | None = None
    quiet: Quiet | None = None
    off: frozenset[Off] = frozenset()
    """For every address."""
    by_link: frozenset[Off] = frozenset()
    """For some address alone, by the link of an e-mail."""

    @property
    def tag(self) -> str:
        """What changes whenever they do."""
        parts = (self.language, self.quiet, sorted(self.off), sorted(self.by_link))
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]

    def switched_off(self, channel: str, topic: str) -> bool:
        """Whether the topic is off on that channel whatever the address."""
        return not self.off.isdisjoint({Off(channel, topic), Off(channel, EVERYTHING)})


NONE = Wishes()


def quiet_until(quiet: Quiet | None, now: datetime) -> datetime | None:
    """The end of the quiet hours that `now` is in; None where it is in none."""
    if quiet is None:
        return None
    local = now.astimezone(ROME)
    moment = local.time().replace(tzinfo=None)
    over_midnight = quiet.start > quiet.end
    begun, going_on = moment >= quiet.start, moment < quiet.end
    if not (begun or going_on if over_midnight else begun and going_on):
        return None
    day = local.date() + timedelta(days=1 if over_midnight and begun else 0)
    # Where the clocks change this is the end by the wall's clock, whose hour may then come once more.
    return max(datetime.combine(day, quiet.end, ROME).astimezone(now.tzinfo), now + timedelta(seconds=1))


def load_wishes(connection: Connection, vault: Vault, citizens: Iterable[Citizen]) -> dict[tuple[str, str], Wishes]:
    """By (ente_id, citizen_id), those of the citizens who said something."""
    wanted = {(each.ente_id, each.citizen_id): each for each in citizens}
    if not wanted:
        return {}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    whose = given(wanted)
    for ente_id, citizen_id, sealed in select_rows(connection, _WHOSE_KEPT, whose):
        key = (ente_id, citizen_id)
        record = orjson.loads(vault.open_with(wanted[key].data_key, sealed, _place(*key)))
        quiet = record.get("quiet")
        own = {"language": record.get("language")}
        found[key] = own | {"quiet": Quiet(*map(time.fromisoformat, quiet)) if quiet else None}
    for ente_id, citizen_id, channel, topic, address_hash in select_rows(connection, _WHOSE_OFF, whose):
        name = "off" if address_hash == ANY_ADDRESS else "by_link"
        found.setdefault((ente_id, citizen_id), {}).setdefault(name, set()).add(Off(channel, topic))
    return {
        key: Wishes(
            own.get("language"),
            own.get("quiet"),
            frozenset(own.get("off", ())),
            frozenset(own.get("by_link", ())),
        )
        for key, own in found.items()
    }


def wishes_of(connection: Connection, vault: Vault, citizen: Citizen) -> Wishes:
    """One citizen's."""
    return load_wishes(connection, vault, [citizen]).get((citizen.ente_id, citizen.citizen_id), NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class WishesChange(OwnChange):
    """A citizen changes them: `change` gives the new ones, or raises HubError."""

    change: Callable[[Wishes], Wishes]


@dataclass(frozen=True, slots=True)
class WishesKeeper:
    """Changes wishes."""

    citizens: Citizens
    vault: Vault

    def change(self, tx: Tx, changes: Sequence[WishesChange]) -> list[Any]:
        """A Committer handler: the wishes as they are now, or why not."""
        held = partial(wishes_of, tx.connection, self.vault)
        return change_each(tx, self.citizens, changes, lock=_lock, held=held, apply=self._change)

    def _change(self, tx: Tx, change: WishesChange, citizen: Citizen, before: Wishes) -> None:
        now = change.change(before)
        where = {"ente_id": citizen.ente_id, "citizen_id": citizen.citizen_id}
        quiet = [each.isoformat("minutes") for each in now.quiet] if now.quiet else None
        record = orjson.dumps({"language": now.language, "quiet": quiet})
        own = {
            "record_sealed": self.vault.seal_with(citizen.data_key, record, _place(*where.values())),
            "updated_at": tx.now,
        }
        kept = upsert(preferences).values(**where, **own)
        tx.connection.execute(kept.on_conflict_do_update(index_elements=list(where), set_=own))
        for again in sorted((before.off - now.off) | (before.by_link - now.by_link)):
            # Switched on by the citizen is on for every address, whatever a link of one said.
            tx.connection.execute(delete(channel_opt_outs).where(*_is(where | again._asdict())))
        everywhere = {"address_hash": ANY_ADDRESS, "at": tx.now}
        rows = [{**where, **each._asdict(), **everywhere} for each in sorted(now.off - before.off)]
        if rows:
            tx.connection.execute(insert(channel_opt_outs), rows)


def _is(names: Mapping[str, str]) -> list[Any]:
    return [channel_opt_outs.c[name] == value for name, value in names.items()]


def _lock(citizen: Citizen) -> str:
    return f"preferences|{citizen.ente_id}|{citizen.citizen_id}"


def _place(ente_id: str, citizen_id: str) -> str:
    """Where a citizen's own wishes are sealed for."""
    return f"preferences|record|{ente_id}|{citizen_id}"
