"""Erasing a citizen: the data key is destroyed, and with it all that was sealed under it, back-ups included.

What stays is what names nobody: that there were items, of which vendor and state, and the records that prove. A vendor
that repeats an erased item is refused; a new item for the same person begins a new, unconnected identity.
"""

from collections import Counter
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select, update

from . import postgres
from .copies import forget_copies
from .database import Tx
from .directory import NotThere
from .end_of_deliveries import OPEN, end_deliveries
from .retention import OPEN_STATES, is_over, periods
from .tables import (
    agenda,
    channel_opt_outs,
    citizen_attributes,
    citizen_contacts,
    citizens,
    delegations,
    deliveries,
    delivery_requests,
    findings,
    item_links,
    items,
    preferences,
    referenced_files,
    rights_requests,
    subscription_requests,
    user_states,
)

ERASED = "citizen.erased"
_GONE = "erased:"
"""Before the citizen_id, in the place of the hash of a tax code."""
_KEPT = ("documents", "receipts")
"""Collections that an ente must keep for their time."""
_OWN: tuple[Table, ...] = (
    delegations,
    delivery_requests,
    channel_opt_outs,
    citizen_attributes,
    citizen_contacts,
    preferences,
    user_states,
    agenda,
    findings,
    item_links,
    referenced_files,
    subscription_requests,
)


def erase_citizen(tx: Tx, ente_id: str, citizen_id: str) -> list[str]:
    """Erase; returns the keys of the citizen's files, to be removed once this is durable. Again changes nothing.

    Whoever keeps the citizen's data key in memory must be told, or not be running (`Citizens`).

    Raises:
        NotThere: nobody has that id.
    """
    mine = (citizens.c.ente_id == ente_id) & (citizens.c.citizen_id == citizen_id)
    gone = {"data_key_sealed": b"", "tax_code_sealed": b"", "subject_hash": f"{_GONE}{citizen_id}"}
    if tx.connection.execute(update(citizens).where(mine).values(gone)).rowcount == 0:
        raise NotThere(citizen_id)
    forget_copies(tx, ente_id, citizen_id)
    files = _of(items, ente_id, citizen_id) & items.c.content_key.is_not(None)
    keys = list(tx.connection.execute(select(items.c.content_key).where(files)).scalars())
    end_deliveries(tx, _deliveries(ente_id, citizen_id), ERASED)
    changes = {"lifecycle": "erased", "turn": "none", "content_key": None, "notice_key": None, "updated_at": tx.now}
    tx.connection.execute(update(items).where(_of(items, ente_id, citizen_id)).values(changes))
    for table in _OWN:
        tx.connection.execute(delete(table).where(_of(table, ente_id, citizen_id)))
    # That a right was exercised, and answered in time, is the ente's to prove; in which words is the citizen's.
    unsaid = {"text_sealed": None, "answer_sealed": None}
    asked = _of(rights_requests, ente_id, citizen_id)
    tx.connection.execute(update(rights_requests).where(asked).values(unsaid))
    ordered = asked & rights_requests.c.erasure_ordered_at.is_not(None)
    tx.connection.execute(update(rights_requests).where(ordered).values(erased_at=tx.now))
    return keys


def duties_to_keep(
    connection: Connection, now: datetime, ente_id: str, citizen_id: str, *, since: datetime | None = None
) -> dict[str, int]:
    """What speaks against an erasure (GDPR art. 17(3)(b)), each with how many items: payments that are open, documents
    and receipts that are within their retention, or whose retention nobody has set. With `since`, of the items alone
    that came from that moment on."""
    rules = periods(connection, ente_id)
    found: Counter[str] = Counter()
    query = select(items).where(_of(items, ente_id, citizen_id), items.c.lifecycle.in_(("active", "restricted")))
    if since is not None:
        query = query.where(items.c.received_at >= since)
    for item in connection.execute(query).mappings():
        collection = item["collection"]
        if collection == "payments" and item["state"] in OPEN_STATES["payments"]:
            found["open payments"] += 1
        elif collection in _KEPT and not is_over(dict(item) | {"lifecycle": "active"}, rules[collection], now):
            found[f"{collection} within retention"] += 1
    return dict(found)


def what_goes(connection: Connection, ente_id: str, citizen_id: str) -> dict[str, int]:
    """What an erasure would destroy or end, by name, each with how many: contents of items by collection, their files,
    deliveries that have not ended, and what is the citizen's own."""
    found: Counter[str] = Counter()
    mine = select(items.c.item_id, items.c.collection, items.c.content_key).where(
        _of(items, ente_id, citizen_id), items.c.lifecycle != "erased"
    )
    for item in connection.execute(mine):
        found[item.collection] += 1
        found["files"] += item.content_key is not None
    for name, query in (
        ("deliveries not ended", select(func.count()).where(_open_deliveries(ente_id, citizen_id))),
        *(
            (table.name.replace("_", " "), select(func.count()).where(_of(table, ente_id, citizen_id)))
            for table in _OWN
        ),
    ):
        found[name] += connection.execute(query).scalar_one()
    return dict(+found)


def erased_citizens(connection: Connection) -> set[tuple[str, str]]:
    """(ente_id, citizen_id) of everybody who was erased here."""
    query = select(citizens.c.ente_id, citizens.c.citizen_id).where(citizens.c.subject_hash.startswith(_GONE))
    return {(row.ente_id, row.citizen_id) for row in connection.execute(query)}


def others_at_work(connection: Connection) -> bool:
    """Whether other sessions of the hub are open on a database that several processes share."""
    return connection.dialect.name == "postgresql" and postgres.others_at_work(connection)


def _deliveries(ente_id: str, citizen_id: str) -> ColumnElement[bool]:
    messages = select(items.c.item_id).where(_of(items, ente_id, citizen_id))
    return (deliveries.c.ente_id == ente_id) & deliveries.c.message_id.in_(messages)


def _open_deliveries(ente_id: str, citizen_id: str) -> ColumnElement[bool]:
    return _deliveries(ente_id, citizen_id) & deliveries.c.state.in_(OPEN)


def _of(table: Table, ente_id: str, citizen_id: str) -> ColumnElement[bool]:
    return (table.c.ente_id == ente_id) & (table.c.citizen_id == citizen_id)
