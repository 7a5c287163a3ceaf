"""The end of a body that leaves the hub, and of a vendor that leaves a body.

Two steps, for other processes see the first one up to two seconds later: from the mark on nothing new is taken or
shown; then goes what makes the hub act, and the secrets with it. What citizens have, and what proves, stays for its
time (`hub.store.retention`): it is the municipality's, and an erasure of its own destroys it.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, inspect, literal, select, union, update

from .configuration import REMOVED, hold, withdraw
from .database import Tx
from .directory import NotThere, bump
from .end_of_deliveries import OPEN, end_deliveries
from .ports import Vault
from .pushing import connector_of
from .tables import (
    RUNNING,
    admin_sessions,
    administrators,
    agenda,
    batches,
    broadcasts,
    citizens,
    connector_versions,
    connectors,
    deliveries,
    enti,
    evidence,
    identity_providers,
    items,
    pdnd_clients,
    pdnd_vouchers,
    portals,
    provider_logins,
    quarantine,
    rights_requests,
    sources,
    subscription_requests,
    trust_keys,
    vendors,
)

ENTE_ENDED = "ente.ended"
VENDOR_ENDED = "vendor.ended"
"""Why a delivery is not made any more."""

Counts = dict[str, int]
_STOPPED = "stopped"
_PENDING = subscription_requests.c.state == "pending"
_UNANSWERED = rights_requests.c.closed_at.is_(None)


@dataclass(frozen=True, slots=True)
class Ending:
    """What an end would do, by name, each with how many."""

    waits: Counts
    """Accepted, and not brought to its end."""
    ends: Counts
    stays: Counts


def look_at_ente(connection: Connection, ente_id: str) -> Ending:
    """What the end of a body would do."""
    open_deliveries = select(deliveries.c.state, func.count().label("number")).where(_its(deliveries, ente_id))
    by_state = connection.execute(open_deliveries.where(deliveries.c.state.in_(OPEN)).group_by(deliveries.c.state))
    waits = {f"deliveries {row.state}": row.number for row in by_state}
    waits |= {
        "batches running": _count(connection, batches, ente_id, batches.c.state == RUNNING),
        "broadcasts running": _count(connection, broadcasts, ente_id, broadcasts.c.state == RUNNING),
        "records in quarantine": _count(connection, quarantine, ente_id, quarantine.c.decided.is_(None)),
        "citizens' requests to services unanswered": _count(connection, subscription_requests, ente_id, _PENDING),
        "requests of data subjects open": _count(connection, rights_requests, ente_id, _UNANSWERED),
    }
    ends = {
        "vendors": _count(connection, vendors, ente_id, vendors.c.ended_at.is_(None)),
        "portals": _count(connection, portals, ente_id, portals.c.active),
        "keys of vendors and portals": _count(connection, trust_keys, ente_id, _in_use(ente_id)),
        "connectors": _count(connection, connectors, ente_id, connectors.c.status != REMOVED),
        "clients at PDND": _count(connection, pdnd_clients, ente_id),
        "administrators": _count(connection, administrators, ente_id, administrators.c.active),
        "sources listened to": _count(connection, sources, ente_id, sources.c.every_s.is_not(None)),
        "reminders to come": _count(connection, agenda, ente_id),
    }
    stays = {
        "citizens": _count(connection, citizens, ente_id),
        "items": _count(connection, items, ente_id),
        "records of evidence": _count(connection, evidence, ente_id),
    }
    return Ending(_some(waits), _some(ends), stays)


def look_at_vendor(connection: Connection, ente_id: str, vendor_id: str, connector_ids: Collection[str]) -> Ending:
    """What the end of a vendor would do, whose sources these connectors read. Citizens are told all the same of what it
    published, so that their deliveries do not wait for it."""
    connector_ids = {*connector_ids, *_lanes(vendor_id)}
    told = deliveries.c.connector_id.in_(connector_ids) & deliveries.c.state.in_(OPEN)
    asked = select(func.count()).select_from(
        subscription_requests.join(
            items,
            and_(
                items.c.ente_id == subscription_requests.c.ente_id,
                items.c.citizen_id == subscription_requests.c.citizen_id,
                items.c.item_id == subscription_requests.c.item_id,
            ),
        )
    )
    requests = asked.where(_its(subscription_requests, ente_id), _PENDING, items.c.vendor_id == vendor_id)
    undecided = quarantine.c.connector_id.in_(connector_ids) & quarantine.c.decided.is_(None)
    mine, owner = batches.c.vendor_id == vendor_id, f"vendor:{vendor_id}"
    waits = {
        "deliveries to it, or by its connectors": _count(connection, deliveries, ente_id, told),
        "batches running": _count(connection, batches, ente_id, mine, batches.c.state == RUNNING),
        "records in quarantine": _count(connection, quarantine, ente_id, undecided),
        "citizens' requests unanswered": connection.execute(requests).scalar_one(),
    }
    there = connectors.c.connector_id.in_(connector_ids) & (connectors.c.status != REMOVED)
    listened = (sources.c.vendor_id == vendor_id) & sources.c.every_s.is_not(None)
    ends = {
        "keys": _count(connection, trust_keys, ente_id, trust_keys.c.owner == owner, _in_use(ente_id)),
        "connectors": _count(connection, connectors, ente_id, there),
        "sources listened to": _count(connection, sources, ente_id, listened),
    }
    stays = {"items": _count(connection, items, ente_id, items.c.vendor_id == vendor_id)}
    return Ending(_some(waits), _some(ends), stays)


def mark_ente(tx: Tx, ente_id: str) -> None:
    """From now on nothing is taken or shown for a body, on every process within two seconds. An earlier mark stays.
    Raises NotThere."""
    bump(tx, "trust")
    _mark(tx, enti, _its(enti, ente_id), ente_id)


def mark_vendor(tx: Tx, ente_id: str, vendor_id: str) -> None:
    """The same of a vendor. Raises NotThere."""
    bump(tx, "trust")
    _mark(tx, vendors, _its(vendors, ente_id) & (vendors.c.vendor_id == vendor_id), vendor_id)
    tx.connection.execute(
        update(vendors).where(_its(vendors, ente_id), vendors.c.vendor_id == vendor_id).values(active=False)
    )


def end_ente(tx: Tx, vault: Vault, ente_id: str) -> Counts:
    """End a body, and what of it was not delivered. Again changes nothing. Raises NotThere."""
    mark_ente(tx, ente_id)
    bump(tx, "pdnd_clients")
    there = select(connectors.c.connector_id).where(_its(connectors, ente_id), connectors.c.status != REMOVED)
    connector_ids = tx.connection.execute(there).scalars().all()
    hold(tx, [(ente_id, connector_id) for connector_id in connector_ids])
    moment = tx.now
    for table in (vendors, portals):
        tx.connection.execute(update(table).where(_its(table, ente_id)).values(active=False))
    still = _its(vendors, ente_id) & vendors.c.ended_at.is_(None)
    tx.connection.execute(update(vendors).where(still).values(ended_at=moment))
    done: Counter[str] = Counter()
    done["deliveries"] += end_deliveries(tx, _its(deliveries, ente_id), ENTE_ENDED)
    done["connectors"] += _withdraw(tx, vault, ente_id, connector_ids, ENTE_ENDED)
    done["records in quarantine"] += _discard(tx, _its(quarantine, ente_id))
    running = _its(broadcasts, ente_id) & (broadcasts.c.state == RUNNING)
    done["broadcasts"] += tx.connection.execute(update(broadcasts).where(running).values(state=_STOPPED)).rowcount
    tx.connection.execute(update(sources).where(_its(sources, ente_id)).values(every_s=None))
    for table in (administrators, identity_providers):
        tx.connection.execute(update(table).where(_its(table, ente_id)).values(active=False))
    vouching = update(identity_providers).where(_its(identity_providers, ente_id))
    tx.connection.execute(vouching.values(secret_sealed=None))
    # Of connectors that were never in force there are versions alone.
    for table in (agenda, admin_sessions, connector_versions, provider_logins, pdnd_clients, pdnd_vouchers):
        tx.connection.execute(delete(table).where(_its(table, ente_id)))
    tx.connection.execute(update(enti).where(_its(enti, ente_id)).values(pdnd=None))
    return dict(+done)


def end_vendor(tx: Tx, vault: Vault, ente_id: str, vendor_id: str, connector_ids: Collection[str]) -> Counts:
    """End a vendor, and what was still to be told to it or by the connectors of its sources. Again changes nothing.
    Raises NotThere."""
    mark_vendor(tx, ente_id, vendor_id)
    names = {*connector_ids, *_lanes(vendor_id)}
    hold(tx, [(ente_id, name) for name in names])
    its = _its(deliveries, ente_id) & deliveries.c.connector_id.in_(names)
    done: Counter[str] = Counter()
    done["deliveries"] += end_deliveries(tx, its, VENDOR_ENDED)
    done["connectors"] += _withdraw(tx, vault, ente_id, names, VENDOR_ENDED)
    done["records in quarantine"] += _discard(tx, _its(quarantine, ente_id) & quarantine.c.connector_id.in_(names))
    listened = _its(sources, ente_id) & (sources.c.vendor_id == vendor_id)
    tx.connection.execute(update(sources).where(listened).values(every_s=None))
    return dict(+done)


def ended(connection: Connection) -> set[tuple[str, str | None]]:
    """(ente_id, None) of each body that was ended here, (ente_id, vendor_id) of each vendor that was so by itself.
    None in the schema of an older version, which may be backed up before it is migrated."""
    if "ended_at" not in {column["name"] for column in inspect(connection).get_columns(vendors.name)}:
        return set()
    bodies = connection.execute(select(enti.c.ente_id).where(enti.c.ended_at.is_not(None))).scalars().all()
    own = select(vendors.c.ente_id, vendors.c.vendor_id).where(vendors.c.ended_at.is_not(None))
    of_others = [
        (row.ente_id, row.vendor_id) for row in connection.execute(own.where(vendors.c.ente_id.not_in(bodies)))
    ]
    return {*((ente_id, None) for ente_id in bodies), *of_others}


def _mark(tx: Tx, table: Table, which: ColumnElement[bool], name: str) -> None:
    marked = (
        update(table)
        .where(which)
        .values(ended_at=func.coalesce(table.c.ended_at, literal(tx.now, table.c.ended_at.type)))
    )
    if tx.connection.execute(marked).rowcount == 0:
        raise NotThere(name)


def _withdraw(tx: Tx, vault: Vault, ente_id: str, connector_ids: Iterable[str], reason: str) -> int:
    count = 0
    for connector_id in sorted(connector_ids):
        try:
            withdraw(tx, vault, ente_id, connector_id, reason=reason)
        except NotThere:
            continue
        count += 1
    return count


def _discard(tx: Tx, which: ColumnElement[bool]) -> int:
    """Nothing will become of these records; their content goes."""
    over = {"decided": "discarded", "raw_sealed": None, "last_at": tx.now}
    return tx.connection.execute(update(quarantine).where(which, quarantine.c.decided.is_(None)).values(over)).rowcount


def _in_use(ente_id: str) -> ColumnElement[bool]:
    """Of keys, which stay when their owner has left: those of who has not."""
    theirs = select(literal("vendor:") + vendors.c.vendor_id).where(
        _its(vendors, ente_id), vendors.c.ended_at.is_(None)
    )
    others = select(literal("portal:") + portals.c.portal_id).where(_its(portals, ente_id), portals.c.active)
    return trust_keys.c.owner.in_(union(theirs, others))


def _lanes(vendor_id: str) -> tuple[str, ...]:
    return connector_of("replies", vendor_id), connector_of("events", vendor_id)


def _its(table: Table, ente_id: str) -> ColumnElement[bool]:
    return table.c.ente_id == ente_id


def _count(connection: Connection, table: Table, ente_id: str, *which: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(table).where(_its(table, ente_id), *which)
    return int(connection.execute(query).scalar_one())


def _some(counts: Counts) -> Counts:
    return {name: count for name, count in counts.items() if count}
