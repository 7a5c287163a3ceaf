"""Which services fall short of C.SE.1.2, 1.9 and 1.10, from the hub's own data (`personal-area` B3)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from hub.registry import Registry

from .tables import deliveries, findings, items

CRITERIA = ("C.SE.1.2", "C.SE.1.9", "C.SE.1.10")
TOLD, _, ANSWER = CRITERIA
TERM_UNKNOWN = "card.max_response_days.missing"
NOT_CONFIRMED = "second_channel.missing"

_UNSENT = ("draft", "awaiting_payment", "expired")
_NOT_ON_ITS_WAY = ("skipped", "rejected", "expired")


@dataclass(frozen=True, slots=True)
class Row:
    """How a service stands with one criterion."""

    ente_id: str
    service_id: str | None
    """None: applications that name no service."""
    criterion: str
    examined: int
    """Applications that were sent and not withdrawn."""
    failing: int
    """Those that fall short."""
    why: dict[str, int] = field(default_factory=dict)
    """By code, how many applications; of `TERM_UNKNOWN` all, for it is the card that has no term."""

    @property
    def fails(self) -> bool:
        return bool(self.why)


def report(connection: Connection, registry: Registry, ente_id: str) -> Iterator[Row]:
    """A row a service and criterion, for every service that has had an application. It reads all of the ente's
    applications: for an administrator's terminal, not for a page."""
    its = items.c
    sent = (its.ente_id == ente_id) & (its.collection == "applications") & (its.lifecycle == "active")
    sent &= its.state.not_in(_UNSENT)
    counted = select(its.service_id, func.count().label("n")).where(sent).group_by(its.service_id)
    examined = {row.service_id: row.n for row in connection.execute(counted)}

    failing: Counter[tuple[str | None, str]] = Counter()
    why: dict[tuple[str | None, str], dict[str, int]] = {}
    same = (findings.c.ente_id == its.ente_id) & (findings.c.item_id == its.item_id)
    same &= findings.c.citizen_id == its.citizen_id
    found = select(its.service_id, findings.c.criterion, findings.c.code, func.count().label("n")).join(items, same)
    kinds = (its.service_id, findings.c.criterion, findings.c.code)
    for row in connection.execute(found.where(sent).group_by(*kinds)):
        why.setdefault((row.service_id, row.criterion), {})[row.code] = row.n
    distinct = func.count(findings.c.item_id.distinct()).label("n")
    several = select(its.service_id, findings.c.criterion, distinct).join(items, same).where(sent)
    for row in connection.execute(several.group_by(its.service_id, findings.c.criterion)):
        failing[row.service_id, row.criterion] = row.n

    message = items.alias("message")
    reached = (
        select(message.c.item_id)
        .join(deliveries, (deliveries.c.ente_id == message.c.ente_id) & (deliveries.c.message_id == message.c.item_id))
        .where(
            message.c.ente_id == its.ente_id,
            message.c.citizen_id == its.citizen_id,
            message.c.about_item_id == its.item_id,
            deliveries.c.state.not_in(_NOT_ON_ITS_WAY),
        )
    )
    silent = select(its.service_id, func.count().label("n")).where(sent, ~reached.exists()).group_by(its.service_id)
    for row in connection.execute(silent):
        failing[row.service_id, TOLD] = row.n
        why[row.service_id, TOLD] = {NOT_CONFIRMED: row.n}

    for service_id, count in sorted(examined.items(), key=lambda each: each[0] or ""):
        card = registry.card(ente_id, service_id) if service_id else None
        if card is None or card.max_response_days is None:
            why.setdefault((service_id, ANSWER), {})[TERM_UNKNOWN] = count
        for criterion in CRITERIA:
            key = (service_id, criterion)
            yield Row(ente_id, service_id, criterion, count, failing[key], why.get(key, {}))
