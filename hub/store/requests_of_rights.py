"""Requests of data subjects with the day by which each is to be answered (GDPR art. 12(3); P10)."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from contracts.identifiers import new_uuid7
from contracts.rights_administration import RightsKind, RightsOutcome

from .database import Tx
from .directory import NotThere
from .retention import months_before
from .tables import rights_requests


class AlreadyClosed(Exception):
    """The request was answered before."""


def due(received: date) -> date:
    """A month later (art. 12(3)): the same day, or the last one of that month (Reg. 1182/71, art. 3(2)(c))."""
    return months_before(received, -1)


def add_request(tx: Tx, ente_id: str, kind: RightsKind, citizen_id: str | None, received: date) -> dict[str, Any]:
    """Note a request; `citizen_id` is None where nothing is held about whoever asks."""
    row = {
        "ente_id": ente_id,
        "request_id": new_uuid7(),
        "kind": kind,
        "citizen_id": citizen_id,
        "received_on": received.isoformat(),
        "due_on": due(received).isoformat(),
    }
    tx.connection.execute(insert(rights_requests), row)
    return row


def list_requests(connection: Connection, ente_id: str, *, closed: bool) -> Sequence[RowMapping]:
    """Those that are open, the most urgent first; with `closed` the others too."""
    its = rights_requests.c
    query = select(rights_requests).where(its.ente_id == ente_id)
    if not closed:
        query = query.where(its.closed_at.is_(None))
    return connection.execute(query.order_by(its.due_on, its.request_id)).mappings().all()


def close_request(tx: Tx, ente_id: str, request_id: str, outcome: RightsOutcome) -> RowMapping:
    """The request was answered. Raises NotThere, AlreadyClosed."""
    its = rights_requests.c
    where = (its.ente_id == ente_id) & (its.request_id == request_id)
    row = tx.connection.execute(select(rights_requests).where(where)).mappings().one_or_none()
    if row is None:
        raise NotThere(request_id)
    if row["closed_at"] is not None:
        raise AlreadyClosed(request_id)
    tx.connection.execute(update(rights_requests).where(where).values(closed_at=tx.now, outcome=outcome))
    return row
