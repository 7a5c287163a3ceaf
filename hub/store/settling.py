"""Payments that go along with a legal notification and were paid, as deliveries of the one outbox: whoever notifies is
told of each once (`hub.dispatch.settling`), whichever of its sources said so.

Which messages enclose a payment stands in `item_links`, as those of the payment's own vendor and source.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, or_, select

from contracts.items import SEND
from contracts.settling import SETTLED

from .database import Tx, among, keys
from .queueing import delivery_row
from .reports import OVER
from .rows import Batch
from .tables import deliveries, item_identities, item_links

_MAX_AGE = timedelta(days=30)
"""Longer than a notification may take to be accepted."""
_NAMES, _LINKS, _ITS = item_identities.c, item_links.c, deliveries.c


def _notifying() -> Select[Any]:
    """The notifications of messages that enclose these payments, but for those that ended before they were accepted."""
    encloses = and_(
        _LINKS.ente_id == _NAMES.ente_id,
        _LINKS.citizen_id == _NAMES.citizen_id,
        _LINKS.vendor_id == _NAMES.vendor_id,
        _LINKS.source == _NAMES.source,
        _LINKS.external_id == _NAMES.external_id,
        _LINKS.rel == "payment",
    )
    notifies = and_(_ITS.ente_id == _LINKS.ente_id, _ITS.message_id == _LINKS.from_item_id, _ITS.channel == SEND)
    over = _ITS.state.in_(sorted(OVER))
    return (
        select(_NAMES.item_id, _ITS.connector_id, _ITS.provider_id)
        .select_from(item_identities.join(item_links, encloses).join(deliveries, notifies))
        .where(among("payment", _NAMES.ente_id, _NAMES.item_id), or_(_ITS.provider_id.is_not(None), ~over))
        .order_by(_ITS.delivery_id)
    )


_NOTIFYING = _notifying()
_TOLD = select(_ITS.message_id, _ITS.connector_id).where(
    among("payment", _ITS.ente_id, _ITS.message_id), _ITS.channel == SETTLED
)


def tell_settled(tx: Tx, batch: Batch, payments: Collection[Mapping[str, Any]]) -> None:
    """These payments are paid: whoever notifies what they go along with is to hear of it, unless that was asked for."""
    owed = {item["item_id"]: item for item in payments}
    if not owed:
        return
    wanted = keys("payment", {(item["ente_id"], item["item_id"]) for item in owed.values()})
    notifying = {(row.item_id, row.connector_id) for row in tx.connection.execute(_NOTIFYING, wanted)}
    if not notifying:
        return
    told = {(row.message_id, row.connector_id) for row in tx.connection.execute(_TOLD, wanted)}
    for item_id, connector_id in sorted(notifying - told):
        item = owed[item_id]
        batch.deliveries.append(
            delivery_row(
                tx.now,
                ente_id=item["ente_id"],
                citizen_id=item["citizen_id"],
                message_id=item_id,
                connector_id=connector_id,
                channel=SETTLED,
                due_at=tx.now,
                max_age=_MAX_AGE,
            )
        )


def notification_of(connection: Connection, ente_id: str, item_id: str, connector_id: str) -> str | None:
    """The provider's name of the newest notification, by that connector, that the payment goes along with; None while
    one is on its way and has none. Raises LookupError where there is none, or they ended before they were accepted."""
    rows = connection.execute(_NOTIFYING, keys("payment", {(ente_id, item_id)}))
    names = [row.provider_id for row in rows if row.connector_id == connector_id]
    if not names:
        raise LookupError
    return next((name for name in reversed(names) if name is not None), None)
