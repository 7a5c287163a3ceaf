"""`delivery`: what went out, what did not, and sending again what may be."""

from typing import Annotated, Any, Literal

import typer

from contracts.connector import Limits
from contracts.failures import Skipped
from hub.bootstrap import Home
from hub.dispatch.notices import Notices
from hub.store.citizens import Citizens
from hub.store.configuration import ConnectorConfig
from hub.store.directory import NotThere, load_registry
from hub.store.operations import (
    REPLAYABLE,
    NotReplayable,
    list_deliveries,
    paused_connectors,
    replay_delivery,
    show_delivery,
)
from hub.store.outbox import CONNECTOR_UNKNOWN, PENDING, Claim

from .console import Failed, record, say, shown, table, told
from .options import HOME, AsJson, HomeFolder, opened
from .outlets import pick

group = typer.Typer(name="delivery", help="Deliveries: look, and send again.")

State = Literal["queued", "waiting", "delivered", "rejected", "skipped", "unconfirmed", "held", "expired", "parked"]
DeliveryId = Annotated[str, typer.Argument(metavar="ID")]
_LISTED = ("delivery_id", "ente_id", "connector_id", "channel", "state", "reason", "attempts", "created_at", "due_at")
# Not `memo` and `citizen_id`: an operator has no business with either.
_SHOWN = (*_LISTED, "message_id", "claims", "expires_at", "updated_at", "provider_id")
_ATTEMPT = ("started_at", "ended_at", "outcome", "reason", "detail")


@group.command("list")
def list_(
    state: Annotated[State | None, typer.Option("--state")] = None,
    connector: Annotated[str | None, typer.Option("--connector", metavar="ID")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 100,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """The newest deliveries."""
    with opened(home) as one, one.database.read() as connection:
        found = list_deliveries(connection, state=state, connector_id=connector, limit=limit)
        paused = paused_connectors(connection)
    rows = [{name: row[name] for name in _LISTED} | {"blocked": _blocked(row, paused)} for row in found]
    table(rows, as_json=as_json, empty="no such delivery")


@group.command("show")
def show(delivery_id: DeliveryId, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """One delivery and its attempts."""
    with opened(home) as one:
        row, tries = _found(one, delivery_id)
        with one.database.read() as connection:
            paused = paused_connectors(connection)
    values = {name: row[name] for name in _SHOWN} | {"blocked": _blocked(row, paused)}
    attempts = [{name: each[name] for name in _ATTEMPT} for each in tries]
    if as_json:
        record(values | {"attempt_log": attempts}, as_json=True)
        return
    record(values, as_json=False)
    say()
    table(attempts, as_json=False, empty="no attempt yet")


@group.command("replay")
def replay(
    delivery_id: DeliveryId,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go out.")] = False,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Queue an ended delivery again, from its first step; its connector must be active."""
    with opened(home) as one:
        row, _ = _found(one, delivery_id)
        if row["state"] not in REPLAYABLE or row["claim_id"] is not None:
            raise _not_replayable(one, row)
        was, config = row["state"], _connector(one, row)
        row["connector_id"], expires_in_s = config.connector_id, _max_age_s(one, config)
        if dry_run:
            record(_preview(one, row), as_json=as_json)
            return
        try:
            with one.database.write() as tx:
                replay_delivery(tx, delivery_id, expires_in_s=expires_in_s, connector_id=config.connector_id)
        except NotReplayable:
            row, _ = _found(one, delivery_id)
            raise _not_replayable(one, row) from None
    value = {"delivery_id": delivery_id, "state": "queued", "was": was, "connector_id": config.connector_id}
    text = f"delivery {delivery_id} is queued again by connector {config.connector_id} (it was {was})"
    told(value, as_json=as_json, text=text)


def _found(home: Home, delivery_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    try:
        with home.database.read() as connection:
            return show_delivery(connection, delivery_id)
    except NotThere:
        raise Failed(f"there is no delivery {delivery_id!r}") from None


def _blocked(row: dict[str, Any], paused: dict[tuple[str, str], str]) -> str | None:
    """What keeps a delivery that has not ended from going out, whatever its due time says."""
    reason = paused.get((row["ente_id"], row["connector_id"]))
    stays = row["state"] in (*PENDING, "held")
    return f"connector paused: {reason}" if reason is not None and stays else None


def _not_replayable(home: Home, row: dict[str, Any]) -> Failed:
    delivery_id, state = row["delivery_id"], row["state"]
    if state in PENDING:
        with home.database.read() as connection:
            paused = paused_connectors(connection).get((row["ente_id"], row["connector_id"]))
        if paused is not None:
            return _activate_first(row, row["connector_id"], paused)
        return Failed(f"delivery {delivery_id} is {state}: it is under way and due at {shown(row['due_at'])}")
    return Failed(
        f"delivery {delivery_id} is {state}; sending it again could tell the citizen twice, "
        f"so only these can be replayed: {', '.join(sorted(REPLAYABLE))}"
    )


def _activate_first(row: dict[str, Any], connector_id: str, reason: str | None) -> Failed:
    return Failed(
        f"delivery {row['delivery_id']} is {row['state']} and its connector {connector_id} is paused ({reason}): "
        f"activate it first with `raccordo connector activate {connector_id} --ente {row['ente_id']}`"
    )


def _connector(home: Home, row: dict[str, Any]) -> ConnectorConfig:
    """The active connector that the delivery goes out by: its own, or today's of the channel if there was none."""
    with home.database.read() as connection:
        configs = home.configuration.load(connection)
    if row["connector_id"] == CONNECTOR_UNKNOWN:
        config = pick(home.types, configs, row["ente_id"], row["channel"])
        if config is None:
            raise Failed(
                f"{row['ente_id']} still has no connector for channel {row['channel']}: "
                "configure one with `raccordo connector set`, then replay"
            )
    else:
        config = configs.get((row["ente_id"], row["connector_id"]))
        if config is None or config.type not in home.types:
            raise Failed(f"connector {row['connector_id']} of this delivery is not configured any more")
    if config.status != "active":
        raise _activate_first(row, config.connector_id, config.paused_reason)
    return config


def _max_age_s(home: Home, config: ConnectorConfig) -> int:
    limits = home.types[config.type].manifest.limits.model_dump()
    return Limits.model_validate({**limits, **config.limits}).max_age_s


def _preview(home: Home, row: dict[str, Any]) -> dict[str, Any]:
    """What would go out: the notice is made as for the delivery, and only its kind is told."""
    values = {name: row[name] for name in ("delivery_id", "channel", "connector_id", "state", "attempts")}
    try:
        return values | {"kind": _kind(home, row), "would_be": "queued"}
    except Skipped as skipped:
        return values | {"kind": None, "would_be": f"skipped: {skipped.reason}"}


def _kind(home: Home, row: dict[str, Any]) -> str:
    with home.database.read() as connection:
        registry = load_registry(connection)
    notices = Notices(home.database, home.vault, Citizens(home.vault), lambda: registry, lambda *_: "")
    claim = Claim(
        ente_id=row["ente_id"],
        delivery_id=row["delivery_id"],
        claim_id="",
        citizen_id=row["citizen_id"],
        message_id=row["message_id"],
        connector_id=row["connector_id"],
        connector_version=0,
        maybe_sent=False,
        channel=row["channel"],
        attempts=row["attempts"],
        memo={},
        unsafe=False,
        accepted=False,
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )
    return notices.of(claim).kind
