"""`ranked-list`: the list of subscribers, in order and under pseudonyms, for anybody to read (S45-S47)."""

from datetime import date
from typing import Annotated, Any

import typer

from contracts.base import Code
from contracts.outreach_administration import PublicReason, PublicTitle
from hub.admin.ranked_lists import RankedListDesk
from hub.errors import ContractViolation
from hub.home import Home
from hub.store.directory import NotThere
from hub.store.ranked_lists import entries_of, list_lists, show_list

from .console import Failed, WrongUsage, confirm, emit, record, say, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, checked, ente_id_of, ente_of, opened
from .revealing import actor_of, perform
from .subscription_services import ServiceCode

group = typer.Typer(name="ranked-list", help="Lists of subscribers, published under pseudonyms.")

ListId = Annotated[str, typer.Argument(metavar="ID", help="Of the list.")]
ListTitle = Annotated[str, typer.Option("--title", help="What citizens read above it.")]
Until = Annotated[str, typer.Option("--until", metavar="DAY", help="The last day on which it can be read.")]
Reason = Annotated[str, typer.Option("--reason", help="Why it is corrected: everybody reads it.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@group.command("draft")
def draft(
    code: ServiceCode, title: ListTitle, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False
) -> None:
    """Freeze the list as the subscriptions stand now. Nobody reads it until it is published."""
    checked(Code, code, name="the service's code")
    checked(PublicTitle, title, name="--title")
    with opened(home) as one:
        view = perform(one, _desk(one).draft(actor_of(ente_id_of(one, ente)), code, title))
    list_id, entries = view["list_id"], view["size"]
    text = f"list {list_id} is drafted, with {entries} entries; `ranked-list show {list_id}` shows it"
    told({"list_id": list_id, "entries": entries}, as_json=as_json, text=text)


@group.command("publish")
def publish(list_id: ListId, until: Until, yes: Yes = False, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Let anybody read a draft, until the end of a day."""
    try:
        day = date.fromisoformat(until)
    except ValueError:
        raise WrongUsage("--until: not a day such as 2026-12-31") from None
    with opened(home) as one:
        row = _found(one, list_id)
        try:
            order = _desk(one).publish(actor_of(row["ente_id"]), list_id, day)
        except ContractViolation as over:
            raise WrongUsage(f"--until: {over.faults[0].detail}") from None
        confirm(f"let anybody read the list {row['title']!r} until {until}?", yes=yes)
        perform(one, order)
    path = f"/public/v1/ranked-lists/{list_id}"
    told({"list_id": list_id, "path": path}, as_json=as_json, text=f"anybody can read it now: {path}")


@group.command("correct")
def correct(list_id: ListId, reason: Reason, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Freeze a published list anew, with a line in its public log. Pseudonyms stay."""
    checked(PublicReason, reason, name="--reason")
    with opened(home) as one:
        row = _found(one, list_id)
        view = perform(one, _desk(one).correct(actor_of(row["ente_id"]), list_id, reason))
    changed = view["corrections"][-1]["changed"]
    told({"list_id": list_id, "changed": changed}, as_json=as_json, text=f"{changed} entries are others now")


@group.command("withdraw")
def withdraw(list_id: ListId, yes: Yes = False, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Take a list back for good: its entries are deleted."""
    with opened(home) as one:
        row = _found(one, list_id)
        confirm(f"withdraw the list {row['title']!r} for good?", yes=yes)
        perform(one, _desk(one).withdraw(actor_of(row["ente_id"]), list_id))
    told({"list_id": list_id, "state": "withdrawn"}, as_json=as_json, text="nobody can read it any more")


@group.command("show")
def show(list_id: ListId, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """A list as it is frozen, drafts included."""
    with opened(home) as one:
        row = _found(one, list_id)
        with one.database.read() as connection:
            entries = entries_of(connection, row["ente_id"], list_id)
    if as_json:
        emit(row | {"entries": entries})
        return
    record(row, as_json=False)
    say()
    table(entries, as_json=False, empty="no entry")


@group.command("list")
def list_(ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The lists, the newest first."""
    with opened(home) as one, one.database.read() as connection:
        rows = list_lists(connection, ente_of(connection, ente).ente_id if ente else None)
    table(rows, as_json=as_json, empty="there is no ranked list")


def _desk(home: Home) -> RankedListDesk:
    return RankedListDesk(home.database, home.vault)


def _found(home: Home, list_id: str) -> dict[str, Any]:
    try:
        with home.database.read() as connection:
            return show_list(connection, list_id)
    except NotThere:
        raise Failed(f"there is no ranked list {list_id!r}") from None
