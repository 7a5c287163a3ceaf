"""`request`: what citizens ask for as data subjects, and by when it is to be answered (GDPR art. 12(3))."""

from datetime import date
from typing import Annotated

import typer

from hub.store.citizens import Citizens, Subject
from hub.store.directory import NotThere
from hub.store.requests_of_rights import (
    KINDS,
    OUTCOMES,
    AlreadyClosed,
    Kind,
    Outcome,
    add_request,
    close_request,
    list_requests,
)

from .citizens import subject_on_input
from .console import Failed, WrongUsage, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, ente_of, opened

group = typer.Typer(name="request", help="Requests of data subjects, with the day by which to answer.")


@group.command("add")
def add(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help=", ".join(KINDS))],
    received: Annotated[str | None, typer.Option("--received", metavar="DAY", help="Default: today.")] = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Note a request of the citizen whose tax code comes on standard input; it is due a month later."""
    subject = subject_on_input()
    with opened(home) as one:
        today = one.clock.now().date()
        day = today if received is None else _day(received)
        if day > today:
            raise WrongUsage("--received: the day is still to come")
        with one.database.read() as connection:
            ente_id = ente_of(connection, ente).ente_id
            citizen = Citizens(one.vault).find(connection, Subject(ente_id, *subject))
        with one.database.write() as tx:
            row = add_request(tx, ente_id, kind, None if citizen is None else citizen.citizen_id, day)
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
        found = list_requests(connection, ente_of(connection, ente).ente_id, closed=everything)
        today = one.clock.now().date().isoformat()
    rows = [
        {str(name): value for name, value in row.items() if name != "ente_id"}
        | {"late": row["closed_at"] is None and row["due_on"] < today}
        for row in found
    ]
    table(rows, as_json=as_json, empty="no request is open")


@group.command("close")
def close(
    request_id: Annotated[str, typer.Argument(metavar="ID")],
    outcome: Annotated[Outcome, typer.Option("--outcome", help=", ".join(OUTCOMES))],
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """The request was answered."""
    with opened(home) as one:
        with one.database.read() as connection:
            ente_id = ente_of(connection, ente).ente_id
        try:
            with one.database.write() as tx:
                close_request(tx, ente_id, request_id, outcome)
        except NotThere:
            raise Failed(f"there is no request {request_id!r}") from None
        except AlreadyClosed:
            raise Failed(f"request {request_id} was closed before") from None
    told({"request_id": request_id, "outcome": outcome}, as_json=as_json, text=f"request {request_id} is closed")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUsage("--received: a day such as 2026-11-26") from None
