"""`request`: what citizens ask for as data subjects, and by when it is to be answered (GDPR art. 12(3))."""

from datetime import date
from typing import Annotated, get_args

import typer

from contracts.rights_administration import NewRightsRequest, RightsKind, RightsOutcome
from hub.admin.rights import RightsDesk
from hub.errors import ContractViolation
from hub.home import Home
from hub.store.citizens import Citizens

from .citizens import subject_on_input
from .console import WrongUsage, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, ente_id_of, ente_of, opened
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
    """Open requests, the most urgent first; `late` says which should have been answered."""
    with opened(home) as one, one.database.read() as connection:
        found = _desk(one).all_of(connection, ente_of(connection, ente).ente_id, closed=everything)
    rows = [view for _, view in found]
    table(rows, as_json=as_json, empty="no request is open")


@group.command("close")
def close(
    request_id: Annotated[str, typer.Argument(metavar="ID")],
    outcome: Annotated[RightsOutcome, typer.Option("--outcome", help=", ".join(get_args(RightsOutcome)))],
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """The request was answered."""
    with opened(home) as one:
        perform(one, _desk(one).close(actor_of(ente_id_of(one, ente)), request_id, outcome))
    told({"request_id": request_id, "outcome": outcome}, as_json=as_json, text=f"request {request_id} is closed")


def _desk(home: Home) -> RightsDesk:
    return RightsDesk(home.database, Citizens(home.vault))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUsage("--received: a day such as 2026-11-26") from None
