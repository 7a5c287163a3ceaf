"""What the last attempt of a delivery asked of its provider, kept while that may help a person to decide."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from .citizens import Citizen
from .database import Tx, upsert
from .ports import Vault
from .tables import delivery_requests, enti

KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class LastRequest:
    """The calls of an attempt, sealed under the citizen's key."""

    citizen: Citizen
    delivery_id: str
    sealed: bytes = field(repr=False)


def seal_request(vault: Vault, citizen: Citizen, delivery_id: str, request: bytes) -> LastRequest:
    place = _place(citizen, delivery_id)
    return LastRequest(citizen, delivery_id, vault.seal_with(citizen.data_key, request, place))


def keep_requests(tx: Tx, requests: Sequence[LastRequest]) -> list[None]:
    """A Committer handler: each is the last one of its delivery from now on."""
    for each in requests:
        values = {"citizen_id": each.citizen.citizen_id, "at": tx.now, "request_sealed": each.sealed}
        row = upsert(delivery_requests).values(ente_id=each.citizen.ente_id, delivery_id=each.delivery_id, **values)
        tx.connection.execute(row.on_conflict_do_update(index_elements=["ente_id", "delivery_id"], set_=values))
    return [None] * len(requests)


def last_request(
    connection: Connection, vault: Vault, citizen: Citizen, delivery_id: str
) -> tuple[datetime, bytes] | None:
    """When it was made, and its calls; None where none is on record."""
    row = connection.execute(
        select(delivery_requests.c.at, delivery_requests.c.request_sealed).where(
            delivery_requests.c.ente_id == citizen.ente_id, delivery_requests.c.delivery_id == delivery_id
        )
    ).one_or_none()
    if row is None:
        return None
    return row.at, vault.open_with(citizen.data_key, row.request_sealed, _place(citizen, delivery_id))


def forget_requests(tx: Tx) -> None:
    """Drop those that nobody will ask for any more."""
    its = delivery_requests.c
    everywhere = select(enti.c.ente_id)
    old = its.ente_id.in_(everywhere) & (its.at < tx.now - KEPT)
    tx.connection.execute(delete(delivery_requests).where(old))


def _place(citizen: Citizen, delivery_id: str) -> str:
    return f"delivery_requests|request|{citizen.ente_id}|{delivery_id}"
