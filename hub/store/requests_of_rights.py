"""Requests of data subjects with the day by which each is to be answered (GDPR art. 12(3); P10).

One list, whoever noted them: an administrator, or the citizen through a portal. What was asked in which words, and what
was answered, is sealed under the citizen's key.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, insert, or_, select, update

from contracts.base import ROME
from contracts.identifiers import new_uuid7
from contracts.rights import FiledBy, RightsKind, RightsOutcome

from .citizens import Citizen
from .database import Tx
from .directory import NotThere
from .ports import Vault
from .retention import months_before
from .tables import enti, rights_requests

TEXTS_KEPT: Final = 24
"""Months after a request was closed: as long as a message. That it was made, and when it was answered, stays."""

_ITS = rights_requests.c
_OF_THE_OFFICE: Final[Mapping[str, Any]] = MappingProxyType(dict.fromkeys(_ITS.keys()) | {"min_loa": 2})


class AlreadyClosed(Exception):
    """The request was answered before."""


def today(now: datetime) -> date:
    """The day on the wall of whoever answers: after midnight a request may have come today."""
    return now.astimezone(ROME).date()


def due(received: date) -> date:
    """A month later (art. 12(3)): the same day, or the last one of that month (Reg. 1182/71, art. 3(2)(c))."""
    return months_before(received, -1)


def is_late(row: Mapping[Any, Any], now: datetime) -> bool:
    """Whether it should have been answered."""
    return row["closed_at"] is None and bool(row["due_on"] < today(now).isoformat())


def filed_by(row: Mapping[Any, Any]) -> FiledBy:
    """Who noted it."""
    if row["portal_id"] is None:
        return "office"
    return "citizen" if row["delegation_id"] is None else "delegate"


def add_request(
    tx: Tx,
    ente_id: str,
    kind: RightsKind,
    citizen_id: str | None,
    received: date,
    filed: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Note a request; `citizen_id` is None where nothing is held about whoever asks. `filed` are the columns of one
    that came through a portal."""
    row = {
        **_OF_THE_OFFICE,
        "ente_id": ente_id,
        "request_id": new_uuid7(),
        "kind": kind,
        "citizen_id": citizen_id,
        "received_on": received.isoformat(),
        "due_on": due(received).isoformat(),
        **filed,
    }
    tx.connection.execute(insert(rights_requests), row)
    return row


def list_requests(connection: Connection, ente_id: str, *, closed: bool) -> Sequence[RowMapping]:
    """Those that are open, the most urgent first; with `closed` the others too."""
    query = select(rights_requests).where(_ITS.ente_id == ente_id)
    if not closed:
        query = query.where(_ITS.closed_at.is_(None))
    return connection.execute(query.order_by(_ITS.due_on, _ITS.request_id)).mappings().all()


def one_request(connection: Connection, ente_id: str, request_id: str) -> RowMapping:
    """One of the list. Raises NotThere."""
    where = (_ITS.ente_id == ente_id) & (_ITS.request_id == request_id)
    row = connection.execute(select(rights_requests).where(where)).mappings().one_or_none()
    if row is None:
        raise NotThere(request_id)
    return row


def own_requests(
    connection: Connection,
    citizen: Citizen,
    level: int,
    *,
    limit: int,
    before: str | None = None,
    request_id: str | None = None,
) -> Sequence[RowMapping]:
    """A citizen's own that a level of assurance may see, newest first: those `before` one, or that one alone."""
    query = select(rights_requests).where(*mine(citizen), _ITS.min_loa <= level)
    if before is not None:
        query = query.where(_ITS.request_id < before)
    if request_id is not None:
        query = query.where(_ITS.request_id == request_id)
    return connection.execute(query.order_by(_ITS.request_id.desc()).limit(limit)).mappings().all()


def close_request(
    tx: Tx, ente_id: str, request_id: str, outcome: RightsOutcome, answer_sealed: bytes | None = None
) -> None:
    """The request was answered. Raises AlreadyClosed, also for who comes second at the same moment."""
    still_open = (_ITS.ente_id == ente_id) & (_ITS.request_id == request_id) & _ITS.closed_at.is_(None)
    closed = {"closed_at": tx.now, "outcome": outcome, "answer_sealed": answer_sealed}
    if tx.connection.execute(update(rights_requests).where(still_open).values(closed)).rowcount == 0:
        raise AlreadyClosed(request_id)


def order_erasure(tx: Tx, ente_id: str, request_id: str, despite: str | None) -> None:
    """What the request asks for is to be done; ordered again, the newest reason counts."""
    where = (_ITS.ente_id == ente_id) & (_ITS.request_id == request_id)
    ordered = {"erasure_ordered_at": tx.now, "erasure_despite": despite}
    tx.connection.execute(update(rights_requests).where(where).values(ordered))


def forget_orders(tx: Tx) -> None:
    """What a back-up has as ordered and not carried out is to be ordered anew: it may have been taken back since."""
    waiting = _ITS.closed_at.is_(None) & _ITS.erased_at.is_(None) & _ITS.erasure_ordered_at.is_not(None)
    tx.connection.execute(update(rights_requests).where(waiting).values(erasure_ordered_at=None, erasure_despite=None))


def ordered_erasures(connection: Connection, ente_id: str) -> Sequence[RowMapping]:
    """The open requests whose erasure was ordered and is not carried out yet, oldest order first."""
    query = select(rights_requests).where(_ITS.ente_id == ente_id, _ITS.closed_at.is_(None), _ITS.erased_at.is_(None))
    ordered = query.where(_ITS.erasure_ordered_at.is_not(None)).order_by(_ITS.erasure_ordered_at, _ITS.request_id)
    return connection.execute(ordered).mappings().all()


def sealed(vault: Vault, citizen: Citizen, request_id: str, column: str, words: str | None) -> bytes | None:
    """The words of a column (`text` or `answer`) as they are kept."""
    if words is None:
        return None
    return vault.seal_with(citizen.data_key, words.encode(), _place(citizen, request_id, column))


def words_of(vault: Vault, citizen: Citizen, row: Mapping[Any, Any]) -> dict[str, str | None]:
    """What was asked (`text`) and answered (`answer`), each None where there is nothing, or is no longer."""

    def opened(column: str) -> str | None:
        kept = row[f"{column}_sealed"]
        if kept is None:
            return None
        return vault.open_with(citizen.data_key, kept, _place(citizen, row["request_id"], column)).decode()

    return {"text": opened("text"), "answer": opened("answer")}


def forget_texts(tx: Tx, wishes: Sequence[None]) -> list[None]:
    """A Committer handler: the words of what was closed long ago are dropped."""
    everywhere = _ITS.ente_id.in_(select(enti.c.ente_id))
    old = everywhere & (_ITS.closed_at < months_before(tx.now, TEXTS_KEPT))
    some = or_(_ITS.text_sealed.is_not(None), _ITS.answer_sealed.is_not(None))
    tx.connection.execute(update(rights_requests).where(old, some).values(text_sealed=None, answer_sealed=None))
    return [None for _ in wishes]


def mine(citizen: Citizen) -> tuple[Any, ...]:
    """Those of one citizen."""
    return (_ITS.ente_id == citizen.ente_id, _ITS.citizen_id == citizen.citizen_id)


def _place(citizen: Citizen, request_id: str, column: str) -> str:
    return f"rights_requests|{column}|{citizen.ente_id}|{request_id}"
