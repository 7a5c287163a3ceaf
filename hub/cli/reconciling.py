"""`payment`: what pagoPA says of payments, against what the hub holds of them."""

from datetime import date
from typing import Annotated, Any

import typer

from contracts.base import ROME
from hub.ingest.reconciling import Days, Line, as_json, missing, reconcile
from hub.store.reporting import KeptFlow

from .console import WrongUsage, emit, say, table
from .options import HOME, AsJson, EnteCode, HomeFolder, ente_id_of, opened
from .revealing import log_access

group = typer.Typer(name="payment", help="Payments: carts and notices of pagoPA, receipts against reporting flows.")


@group.callback()
def _group() -> None:
    """Payments: receipts against reporting flows."""


@group.command("reconcile")
def reconcile_payments(
    since: Annotated[str, typer.Option("--from", metavar="DAY", help="The first day of payments.")],
    until: Annotated[str, typer.Option("--to", metavar="DAY", help="The last day, included.")],
    grace: Annotated[
        int, typer.Option("--grace-days", min=0, max=90, help="Days that providers have until a report is missing.")
    ] = 5,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json_: AsJson = False,
) -> None:
    """What is paid, what is reported and what is missing. Exit code 1 where something is missing or does not add up."""
    first, last = _day(since, name="--from"), _day(until, name="--to")
    if last < first:
        raise WrongUsage("--to: must not be before --from")
    with opened(home) as one:
        ente_id = ente_id_of(one, ente)
        log_access(one, "reconcile_payments", ente_id=ente_id)
        with one.database.read() as connection:
            today = one.database.now(connection).astimezone(ROME).date()
            found = reconcile(connection, one.vault, ente_id, Days(first, last, today, grace))
    if as_json_:
        emit({"ente_id": ente_id, "from": since, "to": until, "whole": found.is_whole} | as_json(found))
    else:
        rows = [{"": name} | _money(**total) for name, total in found.totals().items()]
        table(rows, as_json=False, empty="")
        say()
        table([_line(line) for line in missing(found.lines)], as_json=False, empty="no payment is missing")
        say()
        table([_flow(flow) for flow in found.flows], as_json=False, empty="no flow is here for these days")
    if not found.is_whole:
        raise typer.Exit(1)


def _day(text: str, *, name: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUsage(f"{name}: not a day such as 2026-12-31") from None


def _money(count: int, cents: int) -> dict[str, Any]:
    return {"count": count, "euro": _euro(cents)}


def _line(line: Line) -> dict[str, Any]:
    return {
        "status": line.status,
        "creditor": line.creditor_tax_code,
        "iuv": line.iuv,
        "paid_on": line.paid_on,
        "paid": _euro(line.paid_cents),
        "reported": _euro(line.reported_cents),
        "flow": line.flows,
        "receipt": line.receipts,
        "payment": line.payment,
        "payment_state": line.payment_state,
    }


def _flow(flow: KeptFlow) -> dict[str, Any]:
    return {
        "flow": flow.flow,
        "psp": flow.psp_id,
        "revision": flow.revision,
        "transfer": flow.regulation,
        "on": flow.regulation_date,
        "euro": _euro(flow.total_cents),
        "held": f"{flow.held_count} of {flow.total_count}",
        "fault": flow.fault,
    }


def _euro(cents: int | None) -> str | None:
    return None if cents is None else f"{cents // 100}.{cents % 100:02d}"
