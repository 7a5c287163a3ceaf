"""What providers report of deliveries that they had accepted (`contracts.inbound.Report`)."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, insert, select

from contracts.identifiers import new_uuid7
from contracts.inbound import Report

from .database import Tx
from .directory import HUB_VENDOR
from .rows import tell_vendor, vendor_event
from .tables import deliveries, items, timeline

NOTED = {"read": "notice_read", "paid": "notice_paid"}
"""Of these the timeline tells. A vendor sees them only with the right `delivery-detail` (`settled` 8)."""


def take_reports(tx: Tx, ente_id: str, connector_id: str, reports: Sequence[Report]) -> None:
    """Keep what was reported of a connector's deliveries, each thing once. A report of what is not its own is none."""
    for report in reports:
        if report.event in NOTED:
            _note(tx, ente_id, connector_id, report)


def _note(tx: Tx, ente_id: str, connector_id: str, report: Report) -> None:
    its = deliveries.c
    query = select(its.citizen_id, its.message_id, its.channel).where(
        its.ente_id == ente_id, its.connector_id == connector_id, _named(report)
    )
    delivery = tx.connection.execute(query.with_for_update()).first()
    if delivery is None:
        return
    mine = (items.c.ente_id == ente_id) & (items.c.citizen_id == delivery.citizen_id)
    of = select(items.c.item_id, items.c.about_item_id, items.c.vendor_id)
    message = tx.connection.execute(of.where(mine, items.c.item_id == delivery.message_id)).one_or_none()
    event, past = NOTED[report.event], timeline.c
    once = (past.ente_id == ente_id) & (past.citizen_id == delivery.citizen_id) & (past.item_id == delivery.message_id)
    if message is None or tx.connection.execute(select(past.event).where(once, past.event == event)).first():
        return
    row = {
        "ente_id": ente_id,
        "citizen_id": delivery.citizen_id,
        "at": report.at,
        "event": event,
        "data": {"channel": delivery.channel},
    }
    named = [each for each in (message.item_id, message.about_item_id) if each is not None]
    rows = [row | {"item_id": item_id, "event_id": new_uuid7()} for item_id in named]
    tx.connection.execute(insert(timeline), rows)
    vendor_id = message.vendor_id
    if message.about_item_id is not None:
        about = tx.connection.execute(of.where(mine, items.c.item_id == message.about_item_id)).one_or_none()
        vendor_id = HUB_VENDOR if about is None else about.vendor_id
    if vendor_id != HUB_VENDOR:
        tell_vendor(tx, [vendor_event(rows[-1], vendor_id, detail=True)])


def _named(report: Report) -> ColumnElement[bool]:
    if report.delivery_id is not None:
        return deliveries.c.delivery_id == report.delivery_id
    return deliveries.c.provider_id == report.provider_id
