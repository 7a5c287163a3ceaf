"""`delegation`: who may act for whom in the feed, from when and until when."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import typer

from hub.store.citizens import Citizens, Subject
from hub.store.database import Tx
from hub.store.delegations import add_delegation, end_delegation, list_delegations
from hub.store.directory import NotThere

from .citizens import subject_on_input
from .console import Failed, WrongUsage, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, ente_id_of, ente_of, instant, opened
from .revealing import administer

group = typer.Typer(name="delegation", help="Who may act for whom in the feed.")
_LONGEST = timedelta(days=3660)


@group.command("add")
def add(
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="End, RFC 3339, not included.")],
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Default: now.")] = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Two lines on standard input: the tax code of who gives it, then of who may act. It is in the access log."""
    principal = subject_on_input(name="the first tax code on standard input")
    delegate = subject_on_input(name="the second tax code on standard input")
    if "organization" in (principal[0], delegate[0]):
        raise WrongUsage("the tax codes on standard input: both are of persons")
    if principal == delegate:
        raise WrongUsage("the tax codes on standard input: nobody needs a delegation for himself")
    with opened(home) as one:
        end, begin = instant(until, name="--to"), one.clock.now() if since is None else instant(since, name="--from")
        if not begin < end <= begin + _LONGEST:
            raise WrongUsage("--to: later than --from, by ten years at most")
        ente_id = ente_id_of(one, ente)
        citizens = Citizens(one.vault)
        subjects = Subject(ente_id, *principal), Subject(ente_id, *delegate)

        def put(tx: Tx) -> dict[str, Any]:
            # Either may be somebody of whom nothing was published yet.
            found = citizens.resolve(tx, subjects)
            ids = [found[each].citizen_id for each in subjects]
            return add_delegation(tx, ente_id, principal=ids[0], delegate=ids[1], valid_from=begin, valid_to=end)

        row = administer(one, "add_delegation", ente_id, put, citizen_of=_principal)
    holds = (
        f"holds until {until}"
        if end > one.clock.now()
        else f"is on record; it was over on {until}, and lets nobody act"
    )
    told(row, as_json=as_json, text=f"delegation {row['delegation_id']} {holds}")


@group.command("list")
def list_(ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """All delegations, with the hub's own ids of the two."""
    with opened(home) as one, one.database.read() as connection:
        found = list_delegations(connection, ente_of(connection, ente).ente_id)
        now = one.clock.now()
    rows = [
        {str(name): value for name, value in row.items() if name != "ente_id"}
        | {"active": row["ended_at"] is None and row["valid_from"] <= now < row["valid_to"]}
        for row in found
    ]
    table(rows, as_json=as_json, empty="there is no delegation")


@group.command("end")
def end(
    delegation_id: Annotated[str, typer.Argument(metavar="ID")],
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """It holds no longer, at once."""
    with opened(home) as one:
        ente_id = ente_id_of(one, ente)

        def act(tx: Tx) -> Mapping[Any, Any] | Failed:
            try:
                return end_delegation(tx, ente_id, delegation_id)
            except NotThere:
                return Failed(f"there is no delegation {delegation_id!r}")

        administer(one, "end_delegation", ente_id, act, citizen_of=_principal)
    told({"delegation_id": delegation_id}, as_json=as_json, text=f"delegation {delegation_id} has ended")


def _principal(row: Mapping[Any, Any]) -> str:
    return str(row["citizen_id"])
