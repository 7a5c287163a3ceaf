"""`ranked-list`: the list of subscribers, in order and under pseudonyms, for anybody to read (S45-S47)."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any

import typer

from contracts.base import Code, Summary, Title
from contracts.identifiers import holds_tax_code
from hub.home import Home
from hub.ingest.ranking import LISTED, TooMany, ranked
from hub.ingest.subscribers import subscribers
from hub.ingest.wording import end_of
from hub.store.database import Tx
from hub.store.directory import NotThere
from hub.store.ranked_lists import (
    Frozen,
    NotSo,
    correct_list,
    draft_list,
    entries_of,
    list_lists,
    new_list_id,
    publish_list,
    show_list,
    withdraw_list,
)

from .console import Failed, WrongUsage, confirm, emit, record, say, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, checked, ente_of, opened
from .revealing import administer
from .subscription_services import ServiceCode, service_of

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
    _impersonal(checked(Title, title, name="--title"), name="--title")
    list_id = new_list_id()
    with opened(home) as one:
        frozen = _frozen(one, ente, code, title, list_id)
        _write(one, frozen.ente_id, "draft_ranked_list", lambda tx: draft_list(tx, one.vault, list_id, frozen))
    text = f"list {list_id} is drafted, with {len(frozen.entries)} entries; `ranked-list show {list_id}` shows it"
    told({"list_id": list_id, "entries": len(frozen.entries)}, as_json=as_json, text=text)


@group.command("publish")
def publish(list_id: ListId, until: Until, yes: Yes = False, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Let anybody read a draft, until the end of a day."""
    try:
        end = end_of(date.fromisoformat(until))
    except (ValueError, OverflowError):
        raise WrongUsage("--until: not a day such as 2026-12-31") from None
    with opened(home) as one:
        row = _found(one, list_id)
        if not _now(one) < end:
            raise WrongUsage("--until: that day is over")
        with one.database.read() as connection:
            _, service = service_of(connection, row["ente_id"], row["code"])
        if not service.list_policy.published:
            raise Failed(f"the lists of {row['code']} are not to be published (subscription-service set --list)")
        confirm(f"let anybody read the list {row['title']!r} until {until}?", yes=yes)
        _write(one, row["ente_id"], "publish_ranked_list", lambda tx: publish_list(tx, list_id, end))
    path = f"/public/v1/ranked-lists/{list_id}"
    told({"list_id": list_id, "path": path}, as_json=as_json, text=f"anybody can read it now: {path}")


@group.command("correct")
def correct(list_id: ListId, reason: Reason, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Freeze a published list anew, with a line in its public log. Pseudonyms stay."""
    _impersonal(checked(Summary, reason, name="--reason"), name="--reason")
    with opened(home) as one:
        row = _found(one, list_id)
        frozen = _frozen(one, row["ente_id"], row["code"], row["title"], list_id)
        changed = _write(
            one,
            row["ente_id"],
            "correct_ranked_list",
            lambda tx: correct_list(tx, one.vault, list_id, frozen, reason),
        )
    told({"list_id": list_id, "changed": changed}, as_json=as_json, text=f"{changed} entries are others now")


@group.command("withdraw")
def withdraw(list_id: ListId, yes: Yes = False, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Take a list back for good: its entries are deleted."""
    with opened(home) as one:
        row = _found(one, list_id)
        confirm(f"withdraw the list {row['title']!r} for good?", yes=yes)
        _write(one, row["ente_id"], "withdraw_ranked_list", lambda tx: withdraw_list(tx, list_id))
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


def _frozen(home: Home, ente: str | None, code: str, title: str, list_id: str) -> Frozen:
    """Raises Failed where the service's policy, or the number of its subscribers, allows no list."""
    with home.database.read() as connection:
        ente_id, service = service_of(connection, ente, code)
        now = home.database.now(connection)
    policy, smallest = service.list_policy, service.statistics.smallest
    if not policy.published:
        raise Failed(f"the lists of {code} are not to be published (subscription-service set --list)")
    if not policy.anonymise:
        raise Failed(f"{code} wants names in its list: the hub has none, and publishes pseudonyms (--anonymise)")
    if not policy.order_keys:
        raise Failed(f"{code} does not say what orders its list (subscription-service set --order-keys)")
    found = subscribers(home.database, home.vault, ente_id, code, LISTED, now)
    try:
        entries = ranked(found, policy.order_keys, home.vault, list_id)
    except TooMany:
        raise Failed(f"more are subscribed to {code} than a list holds") from None
    if len(entries) < smallest:
        raise Failed(f"fewer than {smallest} are subscribed to {code}: whoever knows one would know whose place it is")
    return Frozen(ente_id, code, title, policy.order_keys, entries)


def _write(home: Home, ente_id: str, operation: str, change: Callable[[Tx], Any]) -> Any:
    def act(tx: Tx) -> Any:
        try:
            return change(tx)
        except NotSo as state:
            return Failed(f"the list is {state}")

    return administer(home, operation, ente_id, act)


def _found(home: Home, list_id: str) -> dict[str, Any]:
    try:
        with home.database.read() as connection:
            return show_list(connection, list_id)
    except NotThere:
        raise Failed(f"there is no ranked list {list_id!r}") from None


def _now(home: Home) -> datetime:
    with home.database.read() as connection:
        return home.database.now(connection)


def _impersonal(text: str, *, name: str) -> None:
    if holds_tax_code(text):
        raise WrongUsage(f"{name}: must not contain a tax code: everybody is going to read it")
