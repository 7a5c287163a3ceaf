"""Reporting flows as they are kept: part by part, each revision whole, and the highest of them read."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, update

from contracts.reporting import FlowPart, ReportedOutcome, ReportedPayment

from .bulk import pieces
from .database import Tx, lock_names, upsert
from .ports import Vault
from .tables import reported_payments, reporting_flows

_FLOWS, _PAID = reporting_flows.c, reported_payments.c


@dataclass(frozen=True, slots=True)
class Reported:
    """A payment in a flow that holds."""

    creditor_tax_code: str
    psp_id: str
    flow: str
    iuv: str = field(repr=False)
    iur: str = field(repr=False)
    transfer: int
    amount_cents: int
    outcome: ReportedOutcome
    paid_on: date


@dataclass(frozen=True, slots=True)
class KeptFlow:
    """A flow that holds: what it says of itself, and what is here of it."""

    psp_id: str
    flow: str
    revision: int
    creditor_tax_code: str
    regulation: str
    regulation_date: date
    total_count: int
    total_cents: int
    held_count: int
    held_cents: int

    @property
    def fault(self) -> str | None:
        """`incomplete`: parts are missing; `sum_differs`: all is here and does not add up; else None."""
        if self.held_count < self.total_count:
            return "incomplete"
        both = (self.held_count, self.held_cents) == (self.total_count, self.total_cents)
        return None if both else "sum_differs"


def names_place(ente_id: str, psp_id: str, flow: str, revision: int, number: int) -> str:
    """What the sealed names of a reported payment are bound to."""
    return f"reported_payments/names/{ente_id}/{psp_id}/{flow}/{revision}/{number}"


def iuv_hash(vault: Vault, creditor_tax_code: str, iuv: str) -> str:
    """A payment as flows know it: an IUV is unique at its creditor's alone (spec/pagopa.md)."""
    return vault.keyed_hash("iuv", f"{creditor_tax_code}\0{iuv}")


def keep_flow_part(tx: Tx, vault: Vault, ente_id: str, part: FlowPart) -> int:
    """Keep it; how many of its payments are new. What is told twice changes nothing.

    The same revision that was made later, which only the older XML knows, takes the place of the one before it, whole;
    one that was made earlier changes nothing.
    """
    lock_names(tx, [f"flow|{ente_id}|{part.psp_id}|{part.flow}"])
    its = _key(reporting_flows, ente_id, part)
    made_at = tx.connection.execute(select(_FLOWS.made_at).where(its)).scalar_one_or_none()
    head = {
        "creditor_tax_code": part.creditor_tax_code,
        "made_at": part.made_at,
        "regulation": part.regulation,
        "regulation_date": part.regulation_date.isoformat(),
        "total_count": part.total_count,
        "total_cents": part.total_cents,
        "received_at": tx.now,
    }
    key = {"ente_id": ente_id, "psp_id": part.psp_id, "flow": part.flow, "revision": part.revision}
    if made_at is None:
        tx.connection.execute(upsert(reporting_flows).values(key | head).on_conflict_do_nothing())
    elif made_at < part.made_at:
        tx.connection.execute(delete(reported_payments).where(_key(reported_payments, ente_id, part)))
        tx.connection.execute(update(reporting_flows).where(its).values(head))
    elif made_at > part.made_at:
        return 0
    held = select(_PAID.number).where(_key(reported_payments, ente_id, part))
    known = set(tx.connection.execute(held).scalars())
    fresh = [_row(vault, key, part.creditor_tax_code, one) for one in part.payments if one.index not in known]
    for piece in pieces(fresh):
        # A part that names a place twice is the provider's mistake; the flow's total then tells of it.
        tx.connection.execute(upsert(reported_payments).values(list(piece)).on_conflict_do_nothing())
    return len({row["number"] for row in fresh})


@dataclass(frozen=True, slots=True)
class KeepFlow:
    """A part of a flow, for an ente."""

    ente_id: str
    part: FlowPart


class KeepingFlows:
    """Keeps parts of flows."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def record(self, tx: Tx, wishes: Sequence[KeepFlow]) -> list[int | Exception]:
        """A Committer handler: how many payments of each part are new."""
        return [keep_flow_part(tx, self._vault, wish.ente_id, wish.part) for wish in wishes]


def reported_between(connection: Connection, vault: Vault, ente_id: str, since: date, until: date) -> list[Reported]:
    """What was paid in these days, the last included, as the flows that hold say."""
    days = _PAID.paid_on.between(since.isoformat(), until.isoformat())
    return _reported(connection, vault, ente_id, days)


def reported_of(
    connection: Connection, vault: Vault, ente_id: str, payments: Collection[tuple[str, str]]
) -> list[Reported]:
    """What the flows that hold say of these (creditor, IUV), whenever it was."""
    wanted = sorted({iuv_hash(vault, *one) for one in payments})
    return [
        found
        for piece in pieces(wanted)
        for found in _reported(connection, vault, ente_id, _PAID.iuv_hash.in_(list(piece)))
    ]


def flows_between(connection: Connection, ente_id: str, since: date, until: date) -> list[KeptFlow]:
    """The flows that hold whose money came in these days, or that report payments of them."""
    theirs = select(_PAID.psp_id, _PAID.flow).where(
        _PAID.ente_id == ente_id, _PAID.paid_on.between(since.isoformat(), until.isoformat())
    )
    reporting = {(row.psp_id, row.flow) for row in connection.execute(theirs.distinct())}
    held = (
        select(
            _PAID.psp_id,
            _PAID.flow,
            _PAID.revision,
            func.count().label("held_count"),
            func.sum(_PAID.amount_cents).label("held_cents"),
        )
        .where(_PAID.ente_id == ente_id)
        .group_by(_PAID.psp_id, _PAID.flow, _PAID.revision)
        .subquery()
    )
    query = (
        select(reporting_flows, held.c.held_count, held.c.held_cents)
        .join(
            held,
            and_(held.c.psp_id == _FLOWS.psp_id, held.c.flow == _FLOWS.flow, held.c.revision == _FLOWS.revision),
            isouter=True,
        )
        .where(_FLOWS.ente_id == ente_id, _holds())
        .order_by(_FLOWS.regulation_date, _FLOWS.psp_id, _FLOWS.flow)
    )
    first, last = since.isoformat(), until.isoformat()
    return [
        KeptFlow(
            psp_id=row.psp_id,
            flow=row.flow,
            revision=row.revision,
            creditor_tax_code=row.creditor_tax_code,
            regulation=row.regulation,
            regulation_date=date.fromisoformat(row.regulation_date),
            total_count=row.total_count,
            total_cents=row.total_cents,
            held_count=row.held_count or 0,
            # PostgreSQL sums large integers to a numeric.
            held_cents=int(row.held_cents or 0),
        )
        for row in connection.execute(query)
        if first <= row.regulation_date <= last or (row.psp_id, row.flow) in reporting
    ]


def _reported(connection: Connection, vault: Vault, ente_id: str, wanted: ColumnElement[bool]) -> list[Reported]:
    query = (
        select(reported_payments, _FLOWS.creditor_tax_code)
        .join(
            reporting_flows,
            and_(
                _FLOWS.ente_id == _PAID.ente_id,
                _FLOWS.psp_id == _PAID.psp_id,
                _FLOWS.flow == _PAID.flow,
                _FLOWS.revision == _PAID.revision,
            ),
        )
        .where(_PAID.ente_id == ente_id, wanted, _holds())
        .order_by(_PAID.psp_id, _PAID.flow, _PAID.number)
    )
    return [_found(vault, row) for row in connection.execute(query)]


def _holds() -> ColumnElement[bool]:
    """Of a row of `reporting_flows`: there is no higher revision of it."""
    other = reporting_flows.alias("other").c
    return ~(
        select(1)
        .where(
            other.ente_id == _FLOWS.ente_id,
            other.psp_id == _FLOWS.psp_id,
            other.flow == _FLOWS.flow,
            other.revision > _FLOWS.revision,
        )
        .exists()
    )


def _found(vault: Vault, row: Any) -> Reported:
    place = names_place(row.ente_id, row.psp_id, row.flow, row.revision, row.number)
    iuv, iur = orjson.loads(vault.open(row.names_sealed, place))
    return Reported(
        creditor_tax_code=row.creditor_tax_code,
        psp_id=row.psp_id,
        flow=row.flow,
        iuv=iuv,
        iur=iur,
        transfer=row.transfer,
        amount_cents=row.amount_cents,
        outcome=row.outcome,
        paid_on=date.fromisoformat(row.paid_on),
    )


def _row(vault: Vault, key: dict[str, Any], creditor_tax_code: str, one: ReportedPayment) -> dict[str, Any]:
    place = names_place(key["ente_id"], key["psp_id"], key["flow"], key["revision"], one.index)
    return key | {
        "number": one.index,
        "iuv_hash": iuv_hash(vault, creditor_tax_code, one.iuv),
        "names_sealed": vault.seal(orjson.dumps([one.iuv, one.iur]), place),
        "transfer": one.transfer,
        "amount_cents": one.amount_cents,
        "outcome": one.outcome,
        "paid_on": one.paid_on.isoformat(),
    }


def _key(table: Any, ente_id: str, part: FlowPart) -> ColumnElement[bool]:
    its = table.c
    return and_(its.ente_id == ente_id, its.psp_id == part.psp_id, its.flow == part.flow, its.revision == part.revision)
