"""Erasing a citizen: the data key is destroyed, and with it all that was sealed under it, back-ups included.

What stays is what names nobody: that there were items, of which vendor and state, and the records that prove. A vendor
that repeats an erased item is refused; a new item for the same person begins a new, unconnected identity.
"""

from sqlalchemy import ColumnElement, Connection, Table, delete, or_, select, update

from . import postgres
from .copies import forget_copies
from .database import Tx
from .directory import NotThere
from .outbox import CLOSED, UNCLAIMED, UNDECIDED
from .tables import (
    agenda,
    channel_opt_outs,
    citizens,
    deliveries,
    delivery_requests,
    items,
    subscription_requests,
    user_states,
)

ERASED = "citizen.erased"
_GONE = "erased:"
"""Before the citizen_id, in the place of the hash of a tax code."""
_OWN: tuple[Table, ...] = (delivery_requests, channel_opt_outs, user_states, agenda, subscription_requests)


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
    _end_deliveries(tx, ente_id, citizen_id)
    changes = {"lifecycle": "erased", "turn": "none", "content_key": None, "notice_key": None, "updated_at": tx.now}
    tx.connection.execute(update(items).where(_of(items, ente_id, citizen_id)).values(changes))
    for table in _OWN:
        tx.connection.execute(delete(table).where(_of(table, ente_id, citizen_id)))
    return keys


def erased_citizens(connection: Connection) -> set[tuple[str, str]]:
    """(ente_id, citizen_id) of everybody who was erased here."""
    query = select(citizens.c.ente_id, citizens.c.citizen_id).where(citizens.c.subject_hash.startswith(_GONE))
    return {(row.ente_id, row.citizen_id) for row in connection.execute(query)}


def others_at_work(connection: Connection) -> bool:
    """Whether other sessions of the hub are open on a database that several processes share."""
    return connection.dialect.name == "postgresql" and postgres.others_at_work(connection)


def _end_deliveries(tx: Tx, ente_id: str, citizen_id: str) -> None:
    """Nothing is sent any more; what may have arrived is not called unsent, and nobody is asked to decide about it."""
    messages = select(items.c.item_id).where(_of(items, ente_id, citizen_id))
    its = deliveries.c
    open_still = its.state.in_(("queued", "waiting", "held", *UNDECIDED))
    reached = or_(its.state.in_(("waiting", *UNDECIDED)), its.maybe_sent, its.about_to_send_at.is_not(None))
    ended = UNCLAIMED | {"reason": ERASED, "memo": {}, "updated_at": tx.now}
    its_own = (its.ente_id == ente_id) & its.message_id.in_(messages) & open_still
    for which, state in ((reached, CLOSED), (~reached, "skipped")):
        tx.connection.execute(update(deliveries).where(its_own, which).values(ended | {"state": state}))


def _of(table: Table, ente_id: str, citizen_id: str) -> ColumnElement[bool]:
    return (table.c.ente_id == ente_id) & (table.c.citizen_id == citizen_id)
