"""What citizens ask for as data subjects (GDPR art. 12-22), as those see it who answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from contracts.base import ROME, rfc3339
from contracts.rights_administration import NewRightsRequest, RightsOutcome
from hub.errors import ContractViolation, Fault
from hub.store.citizens import Citizens, Subject
from hub.store.database import Database, Tx
from hub.store.directory import NotThere
from hub.store.erasing import duties_to_keep
from hub.store.requests_of_rights import AlreadyClosed, add_request, close_request, list_requests

from .acting import Acted, Actor, Order
from .errors import RightsRequestClosed, RightsRequestUnknown


@dataclass(frozen=True, slots=True)
class RightsDesk:
    """The requests of all enti; each reading and each order is of one."""

    database: Database
    citizens: Citizens

    def all_of(self, connection: Connection, ente_id: str, *, closed: bool) -> list[tuple[str, dict[str, Any]]]:
        """contracts.rights_administration.RightsRequest of each, the most urgent first."""
        today = _today(self.database.now(connection))
        rows = list_requests(connection, ente_id, closed=closed)
        return [(f"{row['due_on']}|{row['request_id']}", _view(dict(row), today)) for row in rows]

    def add(self, actor: Actor, wish: NewRightsRequest) -> Order:
        """Note a request; it is due a month later. Whose it is stands in the record by the random id alone. Raises
        ContractViolation for a day that is still to come."""
        with self.database.read() as connection:
            today = _today(self.database.now(connection))
            citizen = self.citizens.find(connection, subject_of(actor.ente_id, wish.tax_code))
        received = wish.received_on or today
        if received > today:
            raise ContractViolation(faults=(Fault("/received_on", "field.invalid", "the day is still to come"),))
        citizen_id = None if citizen is None else citizen.citizen_id

        def do(tx: Tx) -> Acted:
            view = _view(add_request(tx, actor.ente_id, wish.kind, citizen_id, received), today)
            return Acted(view, target_of(view["request_id"]), after=view, citizen_id=citizen_id)

        return Order("add_rights_request", actor, do, "rights-requests")

    def close(self, actor: Actor, request_id: str, outcome: RightsOutcome) -> Order:
        """The request was answered. The order raises RightsRequestUnknown, RightsRequestClosed."""
        target = target_of(request_id)

        def do(tx: Tx) -> Acted:
            try:
                row = close_request(tx, actor.ente_id, request_id, outcome)
            except NotThere:
                raise RightsRequestUnknown(f"there is no request {request_id!r}") from None
            except AlreadyClosed:
                raise RightsRequestClosed(f"request {request_id} was closed before") from None
            before = _view(dict(row), _today(tx.now))
            after = before | {"closed_at": rfc3339(tx.now), "outcome": outcome, "late": False}
            told = {"closed_at": after["closed_at"], "outcome": outcome}
            return Acted(after, target, {"closed_at": None, "outcome": None}, told, citizen_id=row["citizen_id"])

        return Order("close_rights_request", actor, do, target)

    def erasure_preview(self, actor: Actor, tax_code: str) -> Order:
        """What speaks against an erasure: contracts.rights_administration.ErasurePreview. Looking is an act."""

        def do(tx: Tx) -> Acted:
            citizen = self.citizens.find(tx.connection, subject_of(actor.ente_id, tax_code))
            if citizen is None:
                return Acted({"concerns_somebody": False, "duties_to_keep": {}}, "erasures")
            duties = duties_to_keep(tx.connection, tx.now, actor.ente_id, citizen.citizen_id)
            answer = {"concerns_somebody": True, "duties_to_keep": duties}
            return Acted(answer, "erasures", citizen_id=citizen.citizen_id)

        return Order("preview_erasure", actor, do, "erasures")

    def export(self, actor: Actor, tax_code: str) -> Order:
        """Who is to be exported, and as of when: (Citizen or None, datetime). That it is asked for is an act."""

        def do(tx: Tx) -> Acted:
            citizen = self.citizens.find(tx.connection, subject_of(actor.ente_id, tax_code))
            return Acted((citizen, tx.now), "exports", citizen_id=None if citizen is None else citizen.citizen_id)

        return Order("export_citizen", actor, do, "exports")


def subject_of(ente_id: str, tax_code: str) -> Subject:
    """Who has that tax code: eleven digits are an organisation's."""
    return Subject(ente_id, "organization" if tax_code.isdigit() else "person", tax_code)


def target_of(request_id: str) -> str:
    """What stands in the record for the request."""
    return f"rights-requests/{request_id}"


def _today(now: datetime) -> date:
    """The day on the wall of whoever answers: after midnight a request may have come today."""
    return now.astimezone(ROME).date()


def _view(row: Mapping[Any, Any], today: date) -> dict[str, Any]:
    closed_at = row.get("closed_at")
    return {
        "request_id": row["request_id"],
        "kind": row["kind"],
        "citizen_id": row["citizen_id"],
        "received_on": row["received_on"],
        "due_on": row["due_on"],
        "late": closed_at is None and row["due_on"] < today.isoformat(),
        "closed_at": None if closed_at is None else rfc3339(closed_at),
        "outcome": row.get("outcome"),
    }
