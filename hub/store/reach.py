"""Whom a channel surely does not reach, as its provider says in bulk (`contracts.inbound.Reach`)."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, select

from contracts.inbound import Reach

from .bulk import pieces
from .database import Tx, upsert
from .ports import Vault
from .standing import Lane
from .tables import unreached

FRESH: Final = timedelta(days=2)
"""What is known only until longer ago than this is not relied upon: somebody may want to be reached again."""
_EVERYBODY = ""
"""In the place of a person: until when it is known."""


@dataclass(frozen=True, slots=True)
class Known:
    """A `Reach` of one connector, its people by our own keyed hash."""

    lane: Lane
    scope: str
    until: datetime
    unreached: tuple[str, ...] = field(repr=False)
    reached: tuple[str, ...] | None = field(repr=False)


def reach_of(vault: Vault, ente_id: str, connector_id: str, reach: Reach) -> Known:
    """What a connector told, as it is kept."""
    reached = None if reach.reached is None else tuple(_key(vault, each) for each in reach.reached)
    people = tuple(_key(vault, each) for each in reach.unreached)
    return Known(Lane(ente_id, connector_id), reach.scope, reach.until, people, reached)


def note_reach(tx: Tx, told: Sequence[Known]) -> list[None]:
    """A Committer handler. Told again, it changes nothing."""
    for each in told:
        its = unreached.c
        where = (its.ente_id == each.lane.ente_id) & (its.connector_id == each.lane.connector_id)
        where &= its.scope == each.scope
        if each.reached is None:
            tx.connection.execute(delete(unreached).where(where))
        for part in pieces(each.reached or ()):
            tx.connection.execute(delete(unreached).where(where, its.person_hash.in_(part)))
        names = {"ente_id": each.lane.ente_id, "connector_id": each.lane.connector_id, "scope": each.scope}
        for part in pieces((*each.unreached, _EVERYBODY)):
            rows = [names | {"person_hash": person, "until": each.until} for person in dict.fromkeys(part)]
            kept = upsert(unreached)
            keys = ["ente_id", "connector_id", "scope", "person_hash"]
            kept = kept.on_conflict_do_update(index_elements=keys, set_={"until": kept.excluded.until})
            tx.connection.execute(kept, rows)
    return [None] * len(told)


def unreached_scopes(
    connection: Connection, vault: Vault, lane: Lane, tax_code: str, scopes: Collection[str], now: datetime
) -> frozenset[str]:
    """The scopes in which the person is known not to be reached, as far as that is known until lately."""
    its = unreached.c
    person = _key(vault, hashlib.sha256(tax_code.encode()).hexdigest())
    query = select(its.scope, its.person_hash, its.until).where(
        its.ente_id == lane.ente_id,
        its.connector_id == lane.connector_id,
        its.scope.in_(sorted(scopes)),
        its.person_hash.in_((_EVERYBODY, person)),
    )
    rows = connection.execute(query).all()
    fresh = {row.scope for row in rows if row.person_hash == _EVERYBODY and now - row.until < FRESH}
    return frozenset(row.scope for row in rows if row.person_hash == person and row.scope in fresh)


def _key(vault: Vault, provider_hash: str) -> str:
    return vault.keyed_hash("reach", provider_hash)
