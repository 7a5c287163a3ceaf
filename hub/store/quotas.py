"""How much a vendor may ask for in a day of Rome: exact and durable, as it is counted with the commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import Connection, select, update

from contracts.base import ROME
from contracts.faults import bilingual
from hub.allowance import Allowance
from hub.errors import QuotaExceeded

from .database import Tx, upsert
from .tables import quota_usage


@dataclass(frozen=True, slots=True)
class Draw:
    """What a request takes of its vendor's quota."""

    ente_id: str
    vendor_id: str
    quota: int
    cost: int


def draw(tx: Tx, draws: Sequence[Draw]) -> list[QuotaExceeded | None]:
    """Count what each takes, in turn: None, or why it is not counted, as more is taken than is left."""
    day = _day(tx.now)
    # All their counters, in order: two processes that count for two vendors must not wait for each other.
    used = {whose: _held(tx, *whose, day) for whose in sorted({(each.ente_id, each.vendor_id) for each in draws})}
    before = dict(used)
    answers: list[QuotaExceeded | None] = []
    for each in draws:
        whose = (each.ente_id, each.vendor_id)
        if used[whose] + each.cost > each.quota:
            answers.append(_exceeded(each, used[whose], tx.now))
            continue
        used[whose] += each.cost
        answers.append(None)
    its = quota_usage.c
    for (ente_id, vendor_id), count in used.items():
        if count != before[ente_id, vendor_id]:
            counter = (its.ente_id == ente_id) & (its.vendor_id == vendor_id) & (its.day == day)
            tx.connection.execute(update(quota_usage).where(counter).values(used=count))
    return answers


def used_on_days(connection: Connection, ente_id: str, vendor_id: str) -> list[tuple[str, int]]:
    """(day, how much), of the days on which the vendor had a quota and asked for something, newest first."""
    its = quota_usage.c
    query = select(its.day, its.used).where(its.ente_id == ente_id, its.vendor_id == vendor_id)
    return [(row.day, row.used) for row in connection.execute(query.order_by(its.day.desc()))]


def used_today(connection: Connection, ente_id: str, vendor_id: str, now: datetime) -> int:
    """How much of the day's quota is used up."""
    return dict(used_on_days(connection, ente_id, vendor_id)).get(_day(now), 0)


def _day(now: datetime) -> str:
    return now.astimezone(ROME).date().isoformat()


def _exceeded(wish: Draw, used: int, now: datetime) -> QuotaExceeded:
    midnight = datetime.combine(now.astimezone(ROME).date() + timedelta(days=1), time(), ROME)
    left = max(0, wish.quota - used)
    allowance = Allowance(wish.quota, left, int((midnight - now).total_seconds()) + 1)
    return allowance.exceeded(
        bilingual(
            f"Della quota di oggi, {wish.quota}, restano {left}, e questa richiesta ne prende {wish.cost}; ricomincia a"
            " mezzanotte di Roma: attendere quanto dice Retry-After",
            f"{left} of today's quota of {wish.quota} are left, and this takes {wish.cost}; it begins anew at midnight"
            " in Rome: wait as Retry-After says",
        )
    )


def _held(tx: Tx, ente_id: str, vendor_id: str, day: str) -> int:
    """How much is used up. The counter is held until the commit, so that the quota stays exact."""
    counter = upsert(quota_usage).values(ente_id=ente_id, vendor_id=vendor_id, day=day, used=0)
    held = counter.on_conflict_do_update(
        index_elements=["ente_id", "vendor_id", "day"], set_={"used": quota_usage.c.used}
    )
    used: int = tx.connection.execute(held.returning(quota_usage.c.used)).scalar_one()
    return used
