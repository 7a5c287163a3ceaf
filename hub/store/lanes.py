"""Lanes: one connector of one ente each, with its circuit breaker and its rate (GCRA).

They are rows, locked by whoever claims: they hold for any number of workers, and over restarts. What may be begun, and
what an outcome means, is decided in `standing`.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)

from contracts.connector import Limits

from .database import Tx, upsert
from .order import somebody_before
from .standing import BULK, NORMAL, URGENT, Lane, LimitsOf, Standing, Verdict, allowance, beside, judged
from .tables import EPOCH, QUEUED, WAITING, claimable, connectors, deliveries, lanes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """A lane with something due: the priorities of its queued and of its waiting deliveries."""

    lane: Lane
    connector_version: int
    limits: Limits
    queued: tuple[int, ...]
    waiting: tuple[int, ...]
    standing: Standing | None
    """None: nothing was ever claimed in it."""


_CANDIDATES = 20
_PRIORITIES = (URGENT, NORMAL, BULK)
_STATES = {"queued": QUEUED, "waiting": WAITING}
_CLASSES = tuple((state, priority) for state in _STATES for priority in _PRIORITIES)
_STANDING = tuple(lanes.c[name] for name in Standing.__dataclass_fields__)


def _due(state: str, priority: int) -> ColumnElement[bool]:
    """Deliveries of that state and priority which may be claimed `now`, as far as their own rows say."""
    its = deliveries.c
    return and_(
        claimable,
        its.state == _STATES[state],
        its.priority == literal_column(str(priority)),
        its.due_at <= bindparam("now"),
        or_(its.order_key.is_(None), its.state == WAITING, ~somebody_before()),
    )


def due_lanes(connection: Connection, now: datetime, limits: LimitsOf) -> list[Lane]:
    """The lanes that have something due and may begin it, as far as breaker and rate say: for doorbells."""
    return [each.lane for each in ready(connection, now, limits)]


def ready(connection: Connection, now: datetime, limits: LimitsOf, lane: Lane | None = None) -> list[Ready]:
    """Lanes of active connectors that have something due and may begin it: the most urgent and least served first."""
    query, its_name = (_READY, {}) if lane is None else (_READY_ONE, lane._asdict())
    found = []
    for row in connection.execute(query, {"now": now} | its_name):
        key = Lane(row.ente_id, row.connector_id)
        classes = {state: tuple(p for p in _PRIORITIES if getattr(row, f"{state}_{p}")) for state in _STATES}
        its = limits.get(key) or Limits()
        standing = None if row.claimed is None else _standing(row)
        if any(classes.values()) and allowance(standing or Standing(), its, under_way=0, now=now):
            found.append(Ready(key, row.version, its, **classes, standing=standing))
    return sorted(found, key=_turn)


def _of_lane(table: Table) -> ColumnElement[bool]:
    """The table's rows of the lane that the parameters name."""
    return and_(table.c.ente_id == bindparam("ente_id"), table.c.connector_id == bindparam("connector_id"))


def _turn(each: Ready) -> tuple[int, datetime]:
    served_at = each.standing.served_at if each.standing else None
    return min(each.queued + each.waiting), served_at or EPOCH


_READY = (
    select(
        connectors.c.ente_id,
        connectors.c.connector_id,
        connectors.c.version,
        *_STANDING,
        *(
            exists()
            .where(
                deliveries.c.ente_id == connectors.c.ente_id,
                deliveries.c.connector_id == connectors.c.connector_id,
                _due(state, priority),
            )
            .label(f"{state}_{priority}")
            for state, priority in _CLASSES
        ),
    )
    .outerjoin(lanes, and_(lanes.c.ente_id == connectors.c.ente_id, lanes.c.connector_id == connectors.c.connector_id))
    .where(connectors.c.status == "active")
)
_READY_ONE = _READY.where(_of_lane(connectors))
_OLDEST = {
    (state, priority): select(deliveries)
    .where(_of_lane(deliveries), _due(state, priority))
    .order_by(deliveries.c.due_at, deliveries.c.delivery_id)
    .limit(bindparam("count"))
    .with_for_update(skip_locked=True, of=deliveries)
    for state, priority in _CLASSES
}
_ONE = select(*_STANDING).where(_of_lane(lanes))
_IF_FREE, _ALONE = _ONE.with_for_update(skip_locked=True), _ONE.with_for_update()
_UNDER_WAY = select(func.count()).where(
    _of_lane(deliveries), deliveries.c.lease_until.is_not(None), deliveries.c.lease_until >= bindparam("now")
)


def oldest(tx: Tx, each: Ready, state: str, count: int, *, fair: int = 0) -> list[Row[Any]]:
    """The most urgent deliveries of a lane in that state, and of those the ones due longest; nobody else takes them.
    `fair` of them are those due longest, urgent or not."""
    rows: list[Row[Any]] = []
    for priority in each.queued if state == "queued" else each.waiting:
        if len(rows) < count or fair:
            wanted = each.lane._asdict() | {"now": tx.now, "count": count}
            rows += tx.connection.execute(_OLDEST[state, priority], wanted).all()
    longest = sorted(range(len(rows)), key=lambda n: (rows[n].due_at, rows[n].delivery_id))[:fair]
    taken = {*longest, *[n for n in range(len(rows)) if n not in longest][: count - len(longest)]}
    return [rows[n] for n in sorted(taken)]


def probe(tx: Tx, each: Ready, state: str) -> list[Row[Any]]:
    """The one to try a provider with that was in trouble: the least tried, lest it be one's fault that all wait."""
    wanted = each.lane._asdict() | {"now": tx.now, "count": _CANDIDATES}
    rows = [
        row
        for priority in (each.queued if state == "queued" else each.waiting)
        for row in tx.connection.execute(_OLDEST[state, priority], wanted)
    ]
    return sorted(rows, key=lambda row: (row.attempts, row.due_at))[:1]


@dataclass(frozen=True, slots=True)
class Grant:
    """A lane that is ours until this transaction ends, and how much may be begun in it."""

    ready: Ready
    standing: Standing
    allowed: int


def grant(tx: Tx, each: Ready) -> Grant | None:
    """Lock the lane; None where another worker is claiming in it."""
    name = each.lane._asdict()
    if each.standing is None:
        _make(tx, each.lane)
    row = tx.connection.execute(_IF_FREE, name).one_or_none()
    if row is None:
        return None
    standing = _standing(row)
    under_way = tx.connection.execute(_UNDER_WAY, name | {"now": tx.now}).scalar_one()
    return Grant(each, standing, allowance(standing, each.limits, under_way=under_way, now=tx.now))


def alone(tx: Tx, lane: Lane) -> Standing:
    """Lock the lane, whoever else waits for it, and say how it stands."""
    row = tx.connection.execute(_ALONE, lane._asdict()).one_or_none()
    if row is None:
        _make(tx, lane)
        row = tx.connection.execute(_ALONE, lane._asdict()).one()
    return _standing(row)


def _make(tx: Tx, lane: Lane) -> None:
    empty = upsert(lanes).values(lane._asdict() | asdict(Standing()))
    tx.connection.execute(empty.on_conflict_do_nothing())


def shared_out(total: int, wishes: Sequence[int]) -> list[int]:
    """`total` among those who wish for so much: evenly, nobody more than he wishes, and one each from the first on
    where there is not one for each."""
    if total <= len(wishes):
        return [int(n < total) for n in range(len(wishes))]
    parts = [0] * len(wishes)
    # The modest first: what they leave is shared among the others.
    for served, n in enumerate(sorted(range(len(wishes)), key=wishes.__getitem__)):
        parts[n] = min(wishes[n], -(-total // (len(wishes) - served)))
        total -= parts[n]
    return parts


def save(tx: Tx, lane: Lane, standing: Standing) -> None:
    tx.connection.execute(update(lanes).where(_is(lane)).values(asdict(standing)))


def standings(connection: Connection, wanted: Sequence[Lane] | None = None) -> dict[Lane, Standing]:
    """How lanes stand, those that are wanted or all; one in which nothing was ever claimed is not there."""
    query = select(lanes)
    if wanted is not None:
        query = query.where(or_(*(_is(lane) for lane in sorted(set(wanted)))))
    return {Lane(row.ente_id, row.connector_id): _standing(row) for row in connection.execute(query)}


def judge(tx: Tx, verdicts: Sequence[Verdict], known: Mapping[Lane, Standing]) -> None:
    """What the ends of claims mean for the breakers of their lanes, in that order; `known` was read just before."""
    by_lane: dict[Lane, list[Verdict]] = {}
    for verdict in verdicts:
        by_lane.setdefault(verdict.lane, []).append(verdict)
    # In one order for all: two workers who wait for each other's lanes would wait for ever.
    for lane in sorted(by_lane):
        before = known.get(lane, Standing())
        if judged(before, by_lane[lane], tx.now) == before:
            continue  # the usual case: it answers as it did, and no row has to be locked
        row = tx.connection.execute(_ALONE, lane._asdict()).one_or_none()
        if row is None:
            continue
        before = _standing(row)
        after = judged(before, by_lane[lane], tx.now)
        save(tx, lane, after)
        tx.after_commit.append(partial(_tell, lane, before, after))


def reset(tx: Tx, lane: Lane) -> None:
    """Close the breakers: somebody has changed what failed, or says that it works again."""
    both = or_(_is(lane), _is(beside(lane)))
    tx.connection.execute(update(lanes).where(both).values(failures=0, opened=0, open_until=None))


def _tell(lane: Lane, before: Standing, after: Standing) -> None:
    if after.opened > before.opened:
        log.warning(
            "lane.opened ente_id=%s connector=%s failures=%d open_until=%s", *lane, after.failures, after.open_until
        )
    elif before.open_until is not None and after.open_until is None:
        log.info("lane.closed ente_id=%s connector=%s", *lane)


def _is(lane: Lane) -> ColumnElement[bool]:
    return and_(lanes.c.ente_id == lane.ente_id, lanes.c.connector_id == lane.connector_id)


def _standing(row: Row[Any]) -> Standing:
    return Standing(**{name: getattr(row, name) for name in Standing.__dataclass_fields__})
