"""How a citizen's data was handled: who read or changed it, to whom it was forwarded. Rows of one citizen alone."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, literal, null, or_, select, union_all

from contracts.connector import CALLBACK
from contracts.positions import PAGOPA
from contracts.settling import SETTLED

from .citizens import Citizens
from .directory import HUB, HUB_VENDOR
from .drafts import CONNECTOR_UNKNOWN
from .reading import Reading
from .rows import OPEN_EVENTS
from .tables import access_log, delegations, deliveries, items, timeline

OPERATOR = "cli"
"""What stands for the portal in the access log where an administrator acted on the command line."""

ADMIN_API = "admin"
"""The same, over HTTP."""

ADMINISTRATORS = (OPERATOR, ADMIN_API)

_CART, _PRINT = "make_cart", "print_notice"
"""Operations, of the feed and of the command line, by which pagoPA is given what a payment says."""

_VENDORS_OWN = frozenset({"accepted", "updated", "superseded", "available", "withdrawn"})
"""Events that are an act of the item's vendor; the others are the hub's."""
_TELLING = frozenset({"notified", "notice_ended"})
"""Events about the telling: they stand in the sharing."""

Position = tuple[datetime, str]


def accesses(reading: Reading, *, after: Position | None, limit: int) -> Sequence[dict[str, Any]]:
    """Who read or changed, newest first: the access log, and the acts of vendors and of the hub on the items."""
    log, mine = access_log.c, reading.mine()
    by_operator, by_hub = log.portal_id.in_(ADMINISTRATORS), log.portal_id == HUB
    read = (
        select(
            log.access_id.label("entry_id"),
            log.at,
            case((by_operator, "administrator"), (by_hub, "hub"), else_="portal").label("actor"),
            case((or_(by_operator, by_hub), null()), else_=log.portal_id).label("actor_id"),
            log.operation,
            log.outcome,
            items.c.item_id,
            items.c.collection,
            log.delegation_id,
        )
        # What this level must not see, and what is another's, is not named.
        .outerjoin(items, and_(items.c.item_id == log.item_id, mine))
        .where(log.ente_id == reading.citizen.ente_id, log.citizen_id == reading.citizen.citizen_id)
    )
    by_vendor = and_(timeline.c.event.in_(_VENDORS_OWN), items.c.vendor_id != HUB_VENDOR)
    changed = _events(
        reading,
        timeline.c.event_id.label("entry_id"),
        timeline.c.at,
        case((by_vendor, "vendor"), else_="hub").label("actor"),
        case((by_vendor, items.c.vendor_id), else_=null()).label("actor_id"),
        timeline.c.event.label("operation"),
        literal("ok", String).label("outcome"),
        items.c.item_id,
        items.c.collection,
        cast(null(), String).label("delegation_id"),
    ).where(timeline.c.event.not_in(_TELLING))
    return _newest(reading, read, changed, after=after, limit=limit)


def delegates(reading: Reading, delegation_ids: Collection[str]) -> dict[str, str]:
    """The tax codes of those to whom the citizen gave these delegations, but for who was erased since."""
    its, found = delegations.c, {}
    mine = (its.ente_id == reading.citizen.ente_id, its.citizen_id == reading.citizen.citizen_id)
    query = select(its.delegation_id, its.delegate_id).where(*mine, its.delegation_id.in_(delegation_ids))
    for row in reading.connection.execute(query).all() if delegation_ids else ():
        with suppress(LookupError):
            tax_code, _ = Citizens(reading.vault).tax_code(reading.connection, reading.citizen.ente_id, row.delegate_id)
            found[row.delegation_id] = tax_code
    return found


def sharing(reading: Reading, *, after: Position | None, limit: int) -> Sequence[dict[str, Any]]:
    """To whom something went, newest first: deliveries of messages, the events that vendors are told, and what pagoPA
    was given to make a cart of or to print. It may have had no answer, or not have arrived: it was on its way."""
    its = deliveries.c
    sent = (
        select(
            its.delivery_id.label("entry_id"),
            its.updated_at.label("at"),
            literal("channel", String).label("recipient"),
            its.connector_id.label("recipient_id"),
            its.channel,
            case((its.channel == PAGOPA, "position"), (its.channel == SETTLED, "paid"), else_="message").label("what"),
            its.state,
            items.c.item_id,
            items.c.collection,
        )
        .join(items, and_(items.c.ente_id == its.ente_id, items.c.item_id == its.message_id))
        .where(
            its.citizen_id == reading.citizen.citizen_id,
            its.channel != CALLBACK,
            its.connector_id != CONNECTOR_UNKNOWN,  # there was nobody to forward it to
            reading.mine(),
        )
    )
    told = _events(
        reading,
        timeline.c.event_id.label("entry_id"),
        timeline.c.at,
        literal("vendor", String).label("recipient"),
        items.c.vendor_id.label("recipient_id"),
        cast(null(), String).label("channel"),
        timeline.c.event.label("what"),
        cast(null(), String).label("state"),
        items.c.item_id,
        items.c.collection,
    ).where(timeline.c.event.in_(OPEN_EVENTS), items.c.vendor_id != HUB_VENDOR)
    log = access_log.c
    given = (
        select(
            log.access_id.label("entry_id"),
            log.at,
            literal("channel", String).label("recipient"),
            literal(PAGOPA, String).label("recipient_id"),
            literal(PAGOPA, String).label("channel"),
            case((log.operation == _CART, "cart"), else_="notice").label("what"),
            cast(null(), String).label("state"),
            items.c.item_id,
            items.c.collection,
        )
        .join(items, and_(items.c.ente_id == log.ente_id, items.c.item_id == log.item_id))
        .where(
            log.ente_id == reading.citizen.ente_id,
            log.citizen_id == reading.citizen.citizen_id,
            log.operation.in_((_CART, _PRINT)),
            log.outcome == "ok",
            reading.mine(),
        )
    )
    return _newest(reading, sent, told, given, after=after, limit=limit)


def _events(reading: Reading, *columns: ColumnElement[Any]) -> Select[Any]:
    # Through the citizen's items: the timeline stands in the order of its items.
    return (
        select(*columns)
        .select_from(items)
        .join(
            timeline,
            and_(
                timeline.c.ente_id == items.c.ente_id,
                timeline.c.item_id == items.c.item_id,
                timeline.c.citizen_id == items.c.citizen_id,
            ),
        )
        .where(reading.mine())
    )


def _newest(reading: Reading, *parts: Select[Any], after: Position | None, limit: int) -> Sequence[dict[str, Any]]:
    found = union_all(*parts).subquery()
    query = select(found)
    if after is not None:
        moment, entry_id = after
        at = found.c.at
        query = query.where(or_(at < moment, and_(at == moment, found.c.entry_id < entry_id)))
    query = query.order_by(found.c.at.desc(), found.c.entry_id.desc()).limit(limit)
    # The names as plain strings: SQLAlchemy's own kind of them is no key of JSON.
    return [{str(name): value for name, value in row.items()} for row in reading.connection.execute(query).mappings()]
