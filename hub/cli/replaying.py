"""`delivery replay`: sending again what may be, after showing exactly what would go out and what differs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

from contracts.connector import CALLBACK, Preview
from contracts.failures import Failure, Skipped
from hub.admin.acting import Order
from hub.admin.deliveries import queued, target_of
from hub.admin.errors import DeliveryNotReplayable
from hub.dispatch.building import BadConfiguration, build
from hub.dispatch.pool import serving
from hub.dispatch.requests import Requests, claim_of, differences
from hub.home import Home
from hub.store.configuration import ConnectorConfig
from hub.store.connector_versions import Environment
from hub.store.drafts import CONNECTOR_UNKNOWN
from hub.store.operations import (
    REPLAYABLE,
    count_deliveries,
    list_deliveries,
    paused_connectors,
)
from hub.store.outbox import PENDING
from hub.store.vendor_records import is_on_trial

from .console import Failed, WrongUsage, complain, confirm, emit, record, say, shown, table, told
from .deliveries import (
    ConnectorOption,
    EnteOption,
    ReasonOption,
    SinceOption,
    StateOption,
    chosen,
    found_delivery,
)
from .options import HOME, AsJson, HomeFolder, opened
from .revealing import Reveal, actor_of, log_reveal, notices_of, perform

_TOLD_APART = ("requests", "difference", "last_request_at")


def replay(
    delivery_id: Annotated[str | None, typer.Argument(metavar="[ID]")] = None,
    state: StateOption = None,
    connector: ConnectorOption = None,
    ente: EnteOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 100,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go out.")] = False,
    reveal: Reveal = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, where citizens may be told twice.")] = False,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Queue an ended delivery, or those of a --state, again, from the first step; the connector must be active."""
    several = (state, connector, ente, reason, since) != (None,) * 5
    if (delivery_id is not None) == several:
        raise WrongUsage("give the ID of a delivery, or --state and what else narrows it down")
    with opened(home) as one:
        if delivery_id is None:
            if state not in REPLAYABLE:
                raise WrongUsage(f"--state: one of {', '.join(sorted(REPLAYABLE))}")
            wanted = chosen((state,), connector, ente, reason, since)
            with one.database.read() as connection:
                rows = list_deliveries(connection, wanted, limit=limit)
                more = count_deliveries(connection, wanted) - len(rows)
            doubtful = state == "unconfirmed" and bool(rows) and not dry_run
            confirm(f"send {len(rows)} again, whose citizens may have them already?", yes=yes or not doubtful)
            if more:
                complain(f"note: {more} more remain; --limit takes them too")
            _replay_many(one, rows, dry_run=dry_run, as_json=as_json)
        elif dry_run:
            _dry_run(one, delivery_id, reveal=reveal, as_json=as_json)
        else:
            value = _replay(one, delivery_id)
            text = (
                f"delivery {delivery_id} is queued again by connector {value['connector_id']} (it was {value['was']})"
            )
            told(value, as_json=as_json, text=text)


def _replay_many(home: Home, rows: Sequence[Mapping[str, Any]], *, dry_run: bool, as_json: bool) -> None:
    results = []
    for row in rows:
        values = {name: row[name] for name in ("delivery_id", "connector_id", "state", "reason")}
        try:
            if dry_run:
                _replayable(home, row["delivery_id"])
            else:
                _replay(home, row["delivery_id"])
            results.append(values | {"result": "would be queued" if dry_run else "queued", "problem": None})
        except Failed as problem:
            results.append(values | {"result": "stays", "problem": problem.format_message()})
    table(results, as_json=as_json, empty="no such delivery")
    stayed = sum(each["result"] == "stays" for each in results)
    if stayed:
        raise Failed(f"{stayed} of {len(results)} cannot be replayed now")


def _replay(home: Home, delivery_id: str) -> dict[str, Any]:
    row, config = _replayable(home, delivery_id)
    kind = home.types[config.type]
    actor, target = actor_of(row["ente_id"]), target_of(delivery_id)
    try:
        perform(home, Order("replay_delivery", actor, lambda tx: queued(tx, row, config, kind), target))
    except DeliveryNotReplayable:
        raise _not_replayable(home, found_delivery(home, delivery_id)[0]) from None
    return {"delivery_id": delivery_id, "state": "queued", "was": row["state"], "connector_id": config.connector_id}


def _replayable(home: Home, delivery_id: str) -> tuple[dict[str, Any], ConnectorConfig]:
    row, _ = found_delivery(home, delivery_id)
    if row["state"] not in REPLAYABLE or row["claim_id"] is not None:
        raise _not_replayable(home, row)
    return row, _connector(home, row)


def _not_replayable(home: Home, row: Mapping[str, Any]) -> Failed:
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


def _activate_first(row: Mapping[str, Any], connector_id: str, reason: str | None) -> Failed:
    return Failed(
        f"delivery {row['delivery_id']} is {row['state']} and its connector {connector_id} is paused ({reason}): "
        f"activate it first with `raccordo connector activate {connector_id} --ente {row['ente_id']}`"
    )


def _connector(home: Home, row: Mapping[str, Any]) -> ConnectorConfig:
    """The active connector that the delivery goes out by: its own, or today's of the channel if there was none."""
    with home.database.read() as connection:
        configs = home.configuration.load(connection)
        on_trial = row["channel"] != CALLBACK and is_on_trial(connection, row["ente_id"], row["message_id"])
    environment: Environment = "test" if on_trial else "production"
    if row["connector_id"] == CONNECTOR_UNKNOWN:
        config = serving(home.types, configs, row["ente_id"], row["channel"], environment)
        if config is None:
            one = "test connector" if on_trial else "connector"
            raise Failed(
                f"{row['ente_id']} still has no {one} for channel {row['channel']}: "
                "configure one with `raccordo connector set`, then replay"
            )
    else:
        config = configs.get((row["ente_id"], row["connector_id"]))
        if config is None or config.type not in home.types:
            raise Failed(f"connector {row['connector_id']} of this delivery is not configured any more")
    if on_trial and config.environment != "test":
        raise Failed(f"the vendor is in its sandbox, and connector {config.connector_id} is not for tests")
    if config.status != "active":
        raise _activate_first(row, config.connector_id, config.paused_reason)
    return config


def _dry_run(home: Home, delivery_id: str, *, reveal: bool, as_json: bool) -> None:
    """What would go out and how it differs from last time; values only with `reveal`."""
    row, config = _replayable(home, delivery_id)
    row["connector_id"] = config.connector_id
    if reveal:
        log_reveal(home, row, "preview_delivery")
    values = {name: row[name] for name in ("delivery_id", "channel", "connector_id", "state", "attempts")}
    values |= _preview(home, row, config, reveal=reveal)
    if as_json:
        emit(values)
        return
    record({name: value for name, value in values.items() if name not in _TOLD_APART}, as_json=False)
    for line in _lines(values):
        say(line)


def _preview(home: Home, row: Mapping[str, Any], config: ConnectorConfig, *, reveal: bool) -> dict[str, Any]:
    if row["channel"] == CALLBACK:
        return {"would_be": "queued", "kind": CALLBACK, "requests": None, "last_request_at": None, "difference": None}
    claim = claim_of(row)
    try:
        connector = build(home.types, config)
    except BadConfiguration as problem:
        raise Failed(f"connector {config.connector_id} cannot be made of its settings: {problem}") from None
    requests = Requests(notices_of(home), lambda *_: connector)
    try:
        kind = requests.notices.of(claim).kind
        calls = requests.of(claim)
    except Skipped as skipped:
        return {"would_be": f"skipped: {skipped.reason}"}
    except Failure as failure:
        return {"would_be": f"{type(failure).__name__.lower()}: {failure.reason}"}
    finally:
        connector.close()
    last = requests.last(claim)
    return {
        "would_be": "queued",
        "kind": kind,
        "requests": None if calls is None else [_call(each, reveal=reveal) for each in calls],
        "last_request_at": None if last is None else last[0],
        "difference": None if last is None or calls is None else _difference(last[1], calls, reveal=reveal),
    }


def _call(call: Preview, *, reveal: bool) -> dict[str, Any]:
    return {"call": call.call, "fields": {name: _value(value, reveal=reveal) for name, value in call.fields.items()}}


def _difference(before: Sequence[Preview], now: Sequence[Preview], *, reveal: bool) -> list[dict[str, Any]]:
    return [
        asdict(each) | {"before": _value(each.before, reveal=reveal), "now": _value(each.now, reveal=reveal)}
        for each in differences(before, now)
    ]


def _value(value: str | None, *, reveal: bool) -> str | None:
    return value if value is None or reveal else f"({len(value)} characters)"


def _lines(values: Mapping[str, Any]) -> Iterator[str]:
    if "requests" not in values:
        return
    if values["requests"] is None:
        yield "the connector cannot say what it would send"
    for call in values["requests"] or ():
        yield ""
        yield call["call"]
        for name, value in call["fields"].items():
            yield f"  {name}: {value}"
    yield ""
    yield from _told_difference(values["last_request_at"], values["difference"])


def _told_difference(at: datetime | None, found: Sequence[Mapping[str, Any]] | None) -> Iterator[str]:
    if at is None:
        yield "no earlier request is on record"
    elif not found:
        yield f"the same as the last request, of {shown(at)}"
    else:
        yield f"different from the last request, of {shown(at)}:"
        for each in found:
            yield f"  {each['change']} {each['field']}: {shown(each['before'])} -> {shown(each['now'])}"
