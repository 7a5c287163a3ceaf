"""What citizens ask for as data subjects (GDPR art. 12-22), as those see it who answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from contracts.base import rfc3339
from contracts.faults import bilingual
from contracts.rights_administration import NewRightsRequest, RightsClosure
from hub.errors import ContractViolation, Fault
from hub.ingest.following import Route
from hub.ingest.rights_notice import KIND, answered_notice
from hub.store.citizens import Citizen, Citizens, Subject
from hub.store.database import Database, Tx
from hub.store.directory import NotThere
from hub.store.planning import know, rows_of
from hub.store.ports import Vault
from hub.store.publications import Publications
from hub.store.requests_of_rights import (
    AlreadyClosed,
    add_request,
    close_request,
    filed_by,
    is_late,
    list_requests,
    one_request,
    sealed,
    today,
    words_of,
)
from hub.store.rows import Batch

from .acting import Acted, Actor, Order
from .errors import RightsRequestClosed, RightsRequestUnknown


@dataclass(frozen=True, slots=True)
class RightsDesk:
    """The requests of all enti; each reading and each order is of one."""

    database: Database
    citizens: Citizens
    vault: Vault
    route: Route
    """The way of the notice that a request was answered."""

    def all_of(self, connection: Connection, ente_id: str, *, closed: bool) -> list[tuple[str, dict[str, Any]]]:
        """contracts.rights_administration.RightsRequest of each, the most urgent first."""
        now = self.database.now(connection)
        rows = list_requests(connection, ente_id, closed=closed)
        return [(f"{row['due_on']}|{row['request_id']}", view_of(row, now)) for row in rows]

    def add(self, actor: Actor, wish: NewRightsRequest) -> Order:
        """Note a request; it is due a month later. Whose it is stands in the record by the random id alone. Raises
        ContractViolation for a day that is still to come."""
        with self.database.read() as connection:
            day = today(self.database.now(connection))
            citizen = self.citizens.find(connection, subject_of(actor.ente_id, wish.tax_code))
        received = wish.received_on or day
        if received > day:
            detail = bilingual("Quel giorno deve ancora venire", "the day is still to come")
            raise ContractViolation(faults=(Fault("/received_on", "field.invalid", detail),))
        citizen_id = None if citizen is None else citizen.citizen_id

        def do(tx: Tx) -> Acted:
            view = view_of(add_request(tx, actor.ente_id, wish.kind, citizen_id, received), tx.now)
            return Acted(view, target_of(view["request_id"]), after=view, citizen_id=citizen_id)

        return Order("add_rights_request", actor, do, "rights-requests")

    def show(self, actor: Actor, request_id: str) -> Order:
        """Who asks, in which words: contracts.rights_administration.RightsRequestDetail. Looking is an act. The order
        raises RightsRequestUnknown."""
        target = target_of(request_id)

        def do(tx: Tx) -> Acted:
            row = one_of(tx.connection, actor.ente_id, request_id)
            who = self._who(tx.connection, row)
            known: dict[str, str | None] = {"tax_code": None, "text": None, "answer": None}
            if who is not None:
                known = {"tax_code": who[0], **words_of(self.vault, who[1], row)}
            return Acted(view_of(row, tx.now) | known, target, citizen_id=row["citizen_id"])

        return Order("show_rights_request", actor, do, target)

    def close(self, actor: Actor, request_id: str, closure: RightsClosure) -> Order:
        """The request was answered; the citizen is told so, once. The order raises RightsRequestUnknown,
        RightsRequestClosed, and ContractViolation for an answer that is missing, or that nobody is there to read, and
        for what is not done yet."""
        target = target_of(request_id)

        def do(tx: Tx) -> Acted:
            row = open_one(tx.connection, actor.ente_id, request_id)
            who = self._who(tx.connection, row)
            _must_fit(closure, row, who is not None)
            words = None if who is None else sealed(self.vault, who[1], request_id, "answer", closure.answer)
            try:
                close_request(tx, actor.ente_id, request_id, closure.outcome, words)
            except AlreadyClosed:
                raise _closed_before(request_id) from None
            if who is not None:
                self._tell(tx, *who, row, closure)
            told = {"closed_at": rfc3339(tx.now), "outcome": closure.outcome}
            answer = view_of(row, tx.now) | told | {"late": False}
            return Acted(answer, target, {"closed_at": None, "outcome": None}, told, citizen_id=row["citizen_id"])

        return Order("close_rights_request", actor, do, target)

    def export(self, actor: Actor, tax_code: str) -> Order:
        """Who is to be exported, and as of when: (Citizen or None, datetime). That it is asked for is an act."""

        def do(tx: Tx) -> Acted:
            citizen = self.citizens.find(tx.connection, subject_of(actor.ente_id, tax_code))
            return Acted((citizen, tx.now), "exports", citizen_id=None if citizen is None else citizen.citizen_id)

        return Order("export_citizen", actor, do, "exports")

    def _who(self, connection: Connection, row: Mapping[Any, Any]) -> tuple[str, Citizen] | None:
        """(tax code, citizen) of whoever asked; None where nothing is held of them, or no longer."""
        if row["citizen_id"] is None:
            return None
        try:
            return self.citizens.tax_code(connection, row["ente_id"], row["citizen_id"])
        except LookupError:
            return None

    def _tell(self, tx: Tx, tax_code: str, citizen: Citizen, row: Mapping[Any, Any], closure: RightsClosure) -> None:
        subject = subject_of(citizen.ente_id, tax_code)
        known = know(tx, self.vault, [citizen], [citizen])
        language = known.wishes_of(citizen).language or "it"
        draft = answered_notice(self.route, subject, row, closure, language, tx.now)
        batch = Batch()
        message = Publications(self.citizens, self.vault).versions.create(tx, batch, draft, citizen)
        batch.deliveries += rows_of(tx, message, draft.deliveries, citizen, known, kind=KIND)
        batch.write(tx)


def subject_of(ente_id: str, tax_code: str) -> Subject:
    """Who has that tax code: eleven digits are an organisation's."""
    return Subject(ente_id, "organization" if tax_code.isdigit() else "person", tax_code)


def target_of(request_id: str) -> str:
    """What stands in the record for the request."""
    return f"rights-requests/{request_id}"


def one_of(connection: Connection, ente_id: str, request_id: str) -> RowMapping:
    """One of the list. Raises RightsRequestUnknown."""
    try:
        return one_request(connection, ente_id, request_id)
    except NotThere:
        raise RightsRequestUnknown from None  # what was asked for may be anything, a tax code too


def open_one(connection: Connection, ente_id: str, request_id: str) -> RowMapping:
    """One that was not answered yet. Raises RightsRequestUnknown, RightsRequestClosed."""
    row = one_of(connection, ente_id, request_id)
    if row["closed_at"] is not None:
        raise _closed_before(request_id)
    return row


def _closed_before(request_id: str) -> RightsRequestClosed:
    return RightsRequestClosed(
        bilingual(f"La richiesta {request_id} è già chiusa", f"request {request_id} was closed before")
    )


def _must_fit(closure: RightsClosure, row: Mapping[Any, Any], somebody: bool) -> None:
    if closure.answer is not None and not somebody:
        detail = bilingual(
            "Di chi ha chiesto non si conserva nulla: la risposta non si può tenere né leggere",
            "nothing is held of whoever asked: the answer cannot be kept, nor read",
        )
        raise ContractViolation(faults=(Fault("/answer", "field.invalid", detail),))
    if closure.outcome == "refused" and closure.answer is None and somebody and row["portal_id"] is not None:
        detail = bilingual(
            "Chiesta tramite il portale: un rifiuto dice perché (GDPR art. 12, par. 4)",
            "asked through the portal: a refusal says why (GDPR art. 12(4))",
        )
        raise ContractViolation(faults=(Fault("/answer", "field.missing", detail),))
    if closure.outcome == "done" and row["erasure_ordered_at"] is not None and row["erased_at"] is None:
        detail = bilingual(
            "La cancellazione ordinata non è ancora eseguita; `refused` ritira l'ordine",
            "the erasure that was ordered is not carried out yet; `refused` takes the order back",
        )
        raise ContractViolation(faults=(Fault("/outcome", "field.invalid", detail),))


def view_of(row: Mapping[Any, Any], now: datetime) -> dict[str, Any]:
    """contracts.rights_administration.RightsRequest."""
    return {
        "request_id": row["request_id"],
        "kind": row["kind"],
        "citizen_id": row["citizen_id"],
        "received_on": row["received_on"],
        "due_on": row["due_on"],
        "late": is_late(row, now),
        "closed_at": _instant(row["closed_at"]),
        "outcome": row["outcome"],
        "filed_by": filed_by(row),
        "delegation_id": row["delegation_id"],
        "item_id": row["item_id"],
        "erasure_ordered_at": _instant(row["erasure_ordered_at"]),
        "erased_at": _instant(row["erased_at"]),
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)
