"""What providers say later of deliveries that they had accepted: in the timeline, in the state of the delivery, and in
what is known of the address. Said twice, it changes nothing the second time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from contracts.connector import CALLBACK
from contracts.identifiers import new_uuid7
from contracts.inbound import Report
from contracts.items import SEND
from contracts.settling import SETTLED

from .database import Tx, lock_names, upsert
from .delivery_proofs import SealedProof, keep_proof
from .directory import HUB_VENDOR
from .falling_back import go_on
from .optouts import EVERYTHING, OptOut, record_opt_outs
from .rows import tell_vendor, vendor_event
from .tables import clipped, dead_addresses, deliveries, items, timeline
from .telling import note_outcome

SEEN = {"read": "read_on_channel", "paid": "paid_on_channel"}
"""The event in the timeline of what a person did there. It is for the citizen, and for vendors with `delivery-detail`
alone (`settled` 8)."""
STEP = "notification_step"
"""The event of a step on the way, for the citizen and such vendors likewise."""
REGISTERED = "pec"
OVER = frozenset({"rejected", "skipped", "expired", "closed"})
"""Ends of a delivery that did not arrive, with nothing left to decide."""
_OPEN = ("waiting", "unconfirmed", "queued", "held", "parked")
"""What is still to be decided, by whomever: that it has come decides it."""
_KEPT = timedelta(days=180)
"""For how long an address to which nothing got through is not tried again, unless its owner says that it is right."""
DEAD = "email.address_dead"


@dataclass(frozen=True, slots=True)
class Told:
    """A report of a connector. `address_hash`: the keyed hash of the address that was written to, where the connector's
    channel has one and it is known."""

    ente_id: str
    connector_id: str
    report: Report
    address_hash: str | None = None
    proof: SealedProof | None = None
    """What the provider signed about it, where the report has that."""


def take_reports(tx: Tx, ente_id: str, connector_id: str, reports: Sequence[Report]) -> None:
    """Reports of one connector, which concern its own deliveries alone."""
    note_reports(tx, [Told(ente_id, connector_id, each) for each in reports])


def note_reports(tx: Tx, told: Sequence[Told]) -> list[bool]:
    """A Committer handler: for each, whether there is such a delivery."""
    return [_note(tx, each) for each in told]


def delivery_of(
    connection: Connection, ente_id: str, connector_id: str, report: Report, *, locked: bool = False
) -> Row[Any] | None:
    """The connector's own delivery that a report is about; `locked` where it is about to be changed."""
    its = deliveries.c
    query = select(deliveries).where(its.ente_id == ente_id, its.connector_id == connector_id)
    if report.delivery_id is not None:
        query = query.where(its.delivery_id == report.delivery_id)
    elif report.provider_id is not None:
        # What it was told of a payment has the name of the notification too, and nothing is reported of that.
        query = query.where(its.provider_id == report.provider_id, its.channel != SETTLED)
    else:
        return None
    query = query.limit(1)
    return connection.execute(query.with_for_update() if locked else query).one_or_none()


def is_dead(connection: Connection, ente_id: str, address_hash: str, now: datetime) -> bool:
    """Whether nothing got through to that address lately."""
    its = dead_addresses.c
    query = select(its.at).where(its.ente_id == ente_id, its.address_hash == address_hash, its.at > now - _KEPT)
    return connection.execute(query).first() is not None


def _note(tx: Tx, told: Told) -> bool:
    found = delivery_of(tx.connection, told.ente_id, told.connector_id, told.report, locked=True)
    if found is None or found.channel == CALLBACK:
        return False
    if told.proof is not None:
        keep_proof(tx, found.ente_id, found.delivery_id, told.report, told.proof)
    if told.report.event in ("delivered", "failed") and _is_recalled(tx, found):
        return True  # whatever became of it, it is still to be cancelled
    match told.report.event:
        case "read" | "paid" as event:
            _seen(tx, found, told, SEEN[event])
        case "step" if told.report.step is not None:
            _seen(tx, found, told, STEP, step=told.report.step)
        case "delivered":
            _arrived(tx, found)
        case "failed":
            _failed(tx, found, told)
        case "complained":
            _seen(tx, found, told, "complained")
            if told.address_hash is not None:
                wish = OptOut(found.ente_id, found.citizen_id, found.channel, EVERYTHING, told.address_hash)
                record_opt_outs(tx, [wish])
    return True


def _is_recalled(tx: Tx, found: Row[Any]) -> bool:
    """Whether it waits for its cancellation (`notifying.recall`), which ending it here would lose."""
    if found.channel != SEND or found.state != "waiting":
        return False
    # Not held as `is_taken_back` holds it: a withdrawal takes the message first, and then what we hold already.
    mine = (items.c.ente_id == found.ente_id) & (items.c.citizen_id == found.citizen_id)
    query = select(items.c.lifecycle).where(mine, items.c.item_id == found.message_id)
    return tx.connection.execute(query).scalar_one_or_none() == "withdrawn"


def _arrived(tx: Tx, found: Row[Any]) -> None:
    """The final word. What failed before stays failed: the person was told otherwise then. But a PEC delivery receipt
    wins over whatever warning came before it."""
    failed = ("rejected",) if found.channel == REGISTERED else ()
    if found.state in (*_OPEN, *failed) and _end(tx, found, "delivered", None):
        note_outcome(tx, found.ente_id, found.citizen_id, found.message_id, found.channel, "delivered")


def _failed(tx: Tx, found: Row[Any], told: Told) -> None:
    reason = clipped(told.report.reason or "provider.failed", 100)
    if told.report.address_is_dead and told.address_hash is not None:
        row = {"ente_id": found.ente_id, "address_hash": told.address_hash, "reason": reason, "at": tx.now}
        changed = {"reason": reason, "at": tx.now}
        tx.connection.execute(
            upsert(dead_addresses)
            .values(row)
            .on_conflict_do_update(index_elements=["ente_id", "address_hash"], set_=changed)
        )
    if found.channel == REGISTERED and found.state == "delivered":
        return  # a receipt said so: nothing moves that back
    if found.state not in OVER and _end(tx, found, "rejected", reason):
        note_outcome(tx, found.ente_id, found.citizen_id, found.message_id, found.channel, "rejected")
        names = {name: getattr(found, name) for name in ("ente_id", "message_id", "delivery_id", "channel")}
        go_on(tx, **names, reason=reason)


def _end(tx: Tx, found: Row[Any], state: str, reason: str | None) -> bool:
    """Whoever works on it at this moment has lost it: the provider's word is the later one."""
    own = (deliveries.c.ente_id == found.ente_id) & (deliveries.c.delivery_id == found.delivery_id)
    values: dict[str, Any] = {
        "state": state,
        "reason": reason,
        "claim_id": None,
        "lease_until": None,
        "about_to_send_at": None,
        "unsafe": False,
        "updated_at": tx.now,
    }
    if found.channel != SEND:  # which attests a failure as well
        values["follow_up_at"] = None
    return tx.connection.execute(update(deliveries).where(own).values(values)).rowcount == 1


def _seen(tx: Tx, found: Row[Any], told: Told, event: str, **more: str) -> None:
    lock_names(tx, {f"seen|{found.ente_id}|{found.message_id}"})
    its = items.c
    mine = (its.ente_id == found.ente_id) & (its.citizen_id == found.citizen_id)
    message = tx.connection.execute(
        select(its.item_id, its.about_item_id, its.vendor_id).where(mine, its.item_id == found.message_id)
    ).one_or_none()
    if message is None:
        return
    names = [name for name in (message.item_id, message.about_item_id) if name is not None]
    data = {"channel": found.channel} | more
    rows = [
        {
            "ente_id": found.ente_id,
            "citizen_id": found.citizen_id,
            "item_id": name,
            "event_id": new_uuid7(),
            "at": min(told.report.at, tx.now),
            "event": event,
            "data": data,
        }
        for name in names
        if not _said(tx, found, name, event, data)
    ]
    if not rows:
        return
    tx.connection.execute(insert(timeline), rows)
    owners = select(its.item_id, its.vendor_id).where(mine, its.item_id == rows[-1]["item_id"])
    owner = tx.connection.execute(owners).one_or_none()
    if owner is not None and owner.vendor_id != HUB_VENDOR:
        tell_vendor(tx, [vendor_event(rows[-1], owner.vendor_id, detail=True)])


def _said(tx: Tx, found: Row[Any], item_id: str, event: str, data: dict[str, str]) -> bool:
    its = timeline.c
    where = (its.ente_id == found.ente_id) & (its.citizen_id == found.citizen_id) & (its.item_id == item_id)
    query = select(its.data).where(where, its.event == event)
    return any(data.items() <= row.data.items() for row in tx.connection.execute(query))
