"""`request`: what citizens ask for as data subjects, and by when it is to be answered (GDPR art. 12(3))."""

from datetime import date
from pathlib import Path
from typing import Annotated, get_args

import typer

from contracts.rights import RightsKind, RightsOutcome, RightsText
from contracts.rights_administration import NewRightsRequest, RightsClosure
from hub.admin.rights import RightsDesk
from hub.dispatch.pool import ConnectorPool
from hub.dispatch.routing import Outlets, router
from hub.errors import ContractViolation
from hub.home import Home
from hub.store.citizens import Citizens
from hub.store.snapshot import Snapshot

from .citizens import subject_on_input
from .console import WrongUsage, record, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, checked, ente_id_of, ente_of, opened, read_text
from .revealing import actor_of, perform

group = typer.Typer(name="request", help="Requests of data subjects, with the day by which to answer.")


@group.command("add")
def add(
    kind: Annotated[RightsKind, typer.Argument(metavar="KIND", help=", ".join(get_args(RightsKind)))],
    received: Annotated[str | None, typer.Option("--received", metavar="DAY", help="Default: today.")] = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Note a request of the citizen whose tax code comes on standard input; it is due a month later."""
    _, tax_code = subject_on_input()
    day = None if received is None else _day(received)
    with opened(home) as one:
        wish = NewRightsRequest(kind=kind, tax_code=tax_code, received_on=day)
        ente_id = ente_id_of(one, ente)
        try:
            order = _desk(one).add(actor_of(ente_id), wish)
        except ContractViolation as violation:
            raise WrongUsage(f"--received: {violation.faults[0].detail}") from None
        row = perform(one, order)
    told(row, as_json=as_json, text=f"request {row['request_id']} is due on {row['due_on']}")


@group.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Also those that were answered.")] = False,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Open requests, the most urgent first; `late` says which should have been answered, `filed_by` who asked."""
    with opened(home) as one, one.database.read() as connection:
        found = _desk(one).all_of(connection, ente_of(connection, ente).ente_id, closed=everything)
    rows = [view for _, view in found]
    table(rows, as_json=as_json, empty="no request is open")


@group.command("show")
def show(
    request_id: Annotated[str, typer.Argument(metavar="ID")],
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Who asks and in which words, in clear; who looked is written to the access log, which the citizen reads."""
    with opened(home) as one:
        found = perform(one, _desk(one).show(actor_of(ente_id_of(one, ente)), request_id))
    record(found, as_json=as_json)


@group.command("close")
def close(
    request_id: Annotated[str, typer.Argument(metavar="ID")],
    outcome: Annotated[RightsOutcome, typer.Option("--outcome", help=", ".join(get_args(RightsOutcome)))],
    answer: Annotated[
        Path | None,
        typer.Option("--answer", metavar="FILE", help="What the citizen reads, such as why not; `-`: standard input."),
    ] = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """The request was answered. The citizen is told that it was, and reads the answer in the personal area."""
    words = None if answer is None else checked(RightsText, read_text(answer, name="--answer").strip(), name="--answer")
    with opened(home) as one:
        desk, actor = _desk(one, _outlets(one)), actor_of(ente_id_of(one, ente))
        try:
            perform(one, desk.close(actor, request_id, RightsClosure(outcome=outcome, answer=words)))
        except ContractViolation as violation:
            raise WrongUsage(f"--answer: {violation.faults[0].detail}") from None
    told({"request_id": request_id, "outcome": outcome}, as_json=as_json, text=f"request {request_id} is closed")


def _desk(home: Home, outlets: Outlets | None = None) -> RightsDesk:
    """The list, with the connectors that a notice goes by, where one may have to go."""
    return RightsDesk(home.database, Citizens(home.vault), home.vault, router(lambda: outlets or {}))


def _outlets(home: Home) -> Outlets:
    pool = ConnectorPool(home.types, Snapshot(home.database, "connectors", home.configuration.load))
    try:
        return pool.outlets()
    finally:
        pool.close()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUsage("--received: a day such as 2026-11-26") from None
