"""`delivery list` and `show`: what went out, what did not and why. `replay` is in `replaying`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from contracts.feed import DeliveryState
from hub.home import Home
from hub.store.directory import NotThere
from hub.store.drafts import UNSERVED
from hub.store.lanes import standings
from hub.store.operations import (
    DEAD,
    Wanted,
    count_deliveries,
    count_reasons,
    delivery_timeline,
    list_deliveries,
    paused_connectors,
    show_delivery,
)
from hub.store.outbox import PENDING

from .console import Failed, WrongUsage, complain, record, say, shown, table
from .options import HOME, AsJson, HomeFolder, instant, opened
from .revealing import Reveal, log_reveal, notices_of, revealed

group = typer.Typer(name="delivery", help="Deliveries: look, and send again.")

State = DeliveryState
DeliveryId = Annotated[str, typer.Argument(metavar="ID")]
StateOption = Annotated[State | None, typer.Option("--state")]
ConnectorOption = Annotated[str | None, typer.Option("--connector", metavar="ID")]
EnteOption = Annotated[str | None, typer.Option("--ente", metavar="CODE")]
ReasonOption = Annotated[str | None, typer.Option("--reason", metavar="CODE")]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Made at or after this RFC 3339 time.")
]

_LISTED = ("delivery_id", "ente_id", "connector_id", "channel", "state", "reason", "attempts", "created_at", "due_at")
# Not `memo` and `citizen_id`: an operator has no business with either.
_SHOWN = (*_LISTED, "message_id", "claims", "expires_at", "updated_at", "provider_id")
_ATTEMPT = ("started_at", "ended_at", "outcome", "reason", "detail")


@group.command("list")
def list_(
    state: StateOption = None,
    dead: Annotated[
        bool, typer.Option("--dead", help=f"The dead letters: {', '.join(DEAD)}, skipped for {UNSERVED}.")
    ] = False,
    connector: ConnectorOption = None,
    ente: EnteOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    by_reason: Annotated[bool, typer.Option("--by-reason", help="Count them by state and reason.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 100,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """The newest deliveries, or how many ended why."""
    if dead and state is not None:
        raise WrongUsage("--dead and --state: give one of them")
    states = DEAD if dead else () if state is None else (state,)
    wanted = replace(chosen(states, connector, ente, reason, since), unserved=dead)
    more = 0
    with opened(home) as one, one.database.read() as connection:
        if by_reason:
            rows = count_reasons(connection, wanted)
        else:
            stopped = _stopped(one, connection)
            found = list_deliveries(connection, wanted, limit=limit)
            rows = [{name: row[name] for name in _LISTED} | {"blocked": _blocked(row, stopped)} for row in found]
            more = count_deliveries(connection, wanted) - len(found) if len(found) == limit else 0
    table(rows, as_json=as_json, empty="no such delivery")
    if more:
        complain(f"note: {more} more, older ones; --limit shows them")


@group.command("show")
def show(delivery_id: DeliveryId, reveal: Reveal = False, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """One delivery, its attempts, and what happened to its message."""
    with opened(home) as one:
        row, tries = found_delivery(one, delivery_id)
        with one.database.read() as connection:
            stopped = _stopped(one, connection)
            events = delivery_timeline(connection, row)
        personal = {}
        if reveal:
            log_reveal(one, row, "show_delivery")
            personal = revealed(notices_of(one), row)
    values = {name: row[name] for name in _SHOWN} | {"blocked": _blocked(row, stopped)} | personal
    attempts = [{name: each[name] for name in _ATTEMPT} for each in tries]
    if as_json:
        record(values | {"attempt_log": attempts, "timeline": events}, as_json=True)
        return
    record(values, as_json=False)
    say()
    table(attempts, as_json=False, empty="no attempt yet")
    say()
    table(events, as_json=False, empty="nothing happened yet")


def chosen(
    states: tuple[str, ...], connector: str | None, ente: str | None, reason: str | None, since: str | None
) -> Wanted:
    """The deliveries that a command's options name. Raises WrongUsage."""
    moment = None if since is None else instant(since, name="--since")
    return Wanted(states, connector_id=connector, ente_id=ente, reason=reason, since=moment)


def found_delivery(home: Home, delivery_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The delivery and its attempts. Raises Failed."""
    try:
        with home.database.read() as connection:
            return show_delivery(connection, delivery_id)
    except NotThere:
        raise Failed(f"there is no delivery {delivery_id!r}") from None


def _stopped(home: Home, connection: Connection) -> dict[tuple[str, str], str]:
    """Why nothing goes out by a connector, whatever the due times say."""
    now = home.database.now(connection)
    found = {
        (lane.ente_id, lane.connector_id): f"breaker open until {shown(standing.open_until)}"
        for lane, standing in standings(connection).items()
        if standing.breaker(now) == "open"
    }
    paused = paused_connectors(connection)
    return found | {key: f"connector paused: {reason}" for key, reason in paused.items()}


def _blocked(row: Mapping[str, Any], stopped: Mapping[tuple[str, str], str]) -> str | None:
    """What keeps a delivery that has not ended from going out."""
    reason = stopped.get((row["ente_id"], row["connector_id"]))
    return reason if row["state"] in (*PENDING, "held") else None
