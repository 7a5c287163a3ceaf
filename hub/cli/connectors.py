"""`connector`: the ways out, as an administrator configures them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from pydantic import ValidationError
from sqlalchemy import Connection

from contracts.base import Code
from contracts.faults import sentence_of
from hub.admin.acting import Acted, may_be_run
from hub.admin.catalogue_names import must_be_known, named_anew
from hub.admin.connector_views import ConnectorViews, Known, sides, standing, target_of
from hub.dispatch.settings_form import schema_of
from hub.errors import ContractViolation
from hub.home import Home
from hub.store.configuration import ConnectorConfig, StillPending, remove, set_status
from hub.store.connector_versions import Environment
from hub.store.database import Tx
from hub.store.lanes import standings
from hub.store.standing import Lane, Standing, beside

from .connector_settings import connect, connected, from_options, limits_from_options, masked, without
from .console import Failed, WrongUsage, complain, record, table, told
from .json_files import must_be_once
from .options import HOME, AsJson, EnteCode, HomeFolder, checked, ente_of, opened, read_text
from .revealing import act, on_record, operator
from .simulating import is_simulated

group = typer.Typer(name="connector", help="The ways out: App IO, e-mail, ...")

ConnectorId = Annotated[str, typer.Argument(metavar="ID")]


@group.command("list")
def list_(home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The connectors. Where the breaker is open, its provider failed again and again and is left alone for a while."""
    with opened(home) as one, one.database.read() as connection:
        configs, lanes, now = one.configuration.load(connection), standings(connection), one.database.now(connection)
    rows = [
        {
            "ente_id": config.ente_id,
            "connector_id": config.connector_id,
            "type": config.type,
            "status": config.status,
            "version": config.content_version,
            "environment": config.environment,
            "paused_reason": config.paused_reason,
            "breaker": lanes.get(Lane(*key), Standing()).breaker(now),
            "carts": lanes[beside(Lane(*key))].breaker(now) if beside(Lane(*key)) in lanes else None,
            "simulated": is_simulated(one, config),
        }
        for key, config in sorted(configs.items())
    ]
    table(rows, as_json=as_json, empty="no connector is configured")


@group.command("show")
def show(connector_id: ConnectorId, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """One connector; its secrets are never shown."""
    with opened(home) as one:
        config = config_of(one, ente, connector_id)
        record(_shown(one, config), as_json=as_json)


@group.command("set")
def set_(
    connector_id: ConnectorId,
    type_: Annotated[str | None, typer.Option("--type", help="Connector type; needed the first time.")] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting; JSON scalar or text; repeatable.")
    ] = None,
    secret_files: Annotated[
        list[str] | None,
        typer.Option("--secret-file", metavar="KEY=FILE", help="A secret from a file, or - for standard input."),
    ] = None,
    limits: Annotated[
        list[str] | None, typer.Option("--limit", metavar="KEY=VALUE", help="A limit such as retry_base_s=1.")
    ] = None,
    unset: Annotated[list[str] | None, typer.Option("--unset", metavar="KEY", help="Back to the default.")] = None,
    environment: Annotated[
        str | None, typer.Option("--environment", help="`test`: for vendors in their sandbox alone; for good.")
    ] = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Make a connector, active at once, or give it a new version: what is not named stays, a pause too."""
    checked(Code, connector_id, name="the connector's id")
    with opened(home) as one:
        found, present = _present(one, ente, connector_id, type_, environment)
        kind = one.types.get(present.type)
        if kind is None:
            raise WrongUsage(f"--type: there is no connector type {present.type!r}; there are {', '.join(one.types)}")
        settings = from_options(kind, present.settings, sets=sets or (), secret_files=secret_files or ())
        settings = without(kind, settings, unset or ())
        config = replace(present, settings=settings, limits=limits_from_options(present.limits, limits or ()))
        connect(one.types, config).close()
        _know_names(one, config, found)
        _save(one, config, found)
        saved = config_of(one, config.ente_id, connector_id)
        told(
            _shown(one, saved),
            as_json=as_json,
            text=f"connector {connector_id} of {saved.ente_id} is {saved.status} at version {saved.content_version}",
        )
        if saved.status == "paused":
            complain(
                f"note: it stays paused ({saved.paused_reason or 'no reason given'}) until "
                f"`raccordo connector activate {connector_id} --ente {saved.ente_id}`"
            )


@group.command("check")
def check(connector_id: ConnectorId, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Really call the provider."""
    with opened(home) as one:
        config = config_of(one, ente, connector_id)
        with (
            connected(one.types, config) as connector,
            on_record(one, "check_connector", config.ente_id, target_of(connector_id)),
        ):
            sentence = connector.check()  # which may read on: vouchers are in the database
        ends = min((one.ends for one in connector.certificates), default=None)
    value = {"connector_id": connector_id, "ok": True, "detail": sentence, "client_certificate_ends": ends}
    text = sentence if ends is None else f"{sentence}; its client certificate ends on {ends:%Y-%m-%d}"
    told(value, as_json=as_json, text=text)


@group.command("run")
def run(
    connector_id: ConnectorId,
    operation: Annotated[str | None, typer.Argument(metavar="OPERATION", help="None: show what there is.")] = None,
    arguments: Annotated[
        Path | None, typer.Option("--arguments", help="A JSON file, or - for standard input; none: no arguments.")
    ] = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Do something at the provider besides deliveries, such as making a service at IO or a key anew.

    What the provider answers is printed, a new key too: nothing of it is kept here.
    """
    with opened(home) as one:
        config = config_of(one, ente, connector_id)
        with connected(one.types, config) as connector:
            if operation is None:
                operations = [
                    {"operation": name, "what": each.title, "arguments": ", ".join(each.arguments.model_fields)}
                    for name, each in connector.operations.items()
                ]
                table(operations, as_json=as_json, empty="this connector can do nothing besides its deliveries")
                return
            chosen = connector.operations.get(operation)
            if chosen is None:
                raise WrongUsage(f"there is no operation {operation!r}; there are {', '.join(connector.operations)}")
            text = "{}" if arguments is None else read_text(arguments, name="--arguments")
            try:
                wanted = chosen.arguments.model_validate_json(text)
            except ValidationError as fault:
                problems = (f"{'.'.join(map(str, each['loc']))}: {sentence_of(each)}" for each in fault.errors())
                schema = json.dumps(schema_of(chosen.arguments))
                raise WrongUsage(f"--arguments: {'; '.join(problems)}; its JSON Schema is {schema}") from None
            must_be_once(text, name="--arguments")

            def may(connection: Connection) -> None:
                may_be_run(connection, chosen, config.ente_id)

            with on_record(one, "run_connector_operation", config.ente_id, target_of(connector_id), may=may) as after:
                after["operation"] = operation
                answer = chosen.run(wanted)
    record(answer or {"done": True}, as_json=as_json)


@group.command("activate")
def activate(
    connector_id: ConnectorId, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False
) -> None:
    """Let a connector work again; what waited for it goes out."""
    _status(connector_id, ente, home, status="active", reason=None, as_json=as_json)


@group.command("pause")
def pause(
    connector_id: ConnectorId,
    reason: Annotated[str | None, typer.Option("--reason", help="For the colleagues.")] = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Let nothing out by a connector: its pending deliveries stay queued until it is activated."""
    _status(connector_id, ente, home, status="paused", reason=(reason or "by an administrator")[:200], as_json=as_json)


@group.command("remove")
def remove_(connector_id: ConnectorId, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Take a connector away, with its secrets: only where no delivery waits for it. What has ended stays on record."""
    with opened(home) as one:
        config = config_of(one, ente, connector_id)

        def put(tx: Tx) -> Acted | Failed:
            before = standing(_known(one, tx, config))
            try:
                remove(tx, one.vault, config.ente_id, connector_id)
            except StillPending as count:
                return Failed(
                    f"{count} deliveries of connector {connector_id} have not ended: let them go out, or end them with "
                    f"`raccordo delivery close --connector {connector_id}`"
                )
            return Acted(None, target_of(connector_id), before)

        act(one, "remove_connector", config.ente_id, put)
    value = {"ente_id": config.ente_id, "connector_id": connector_id, "status": "removed"}
    told(value, as_json=as_json, text=f"connector {connector_id} of {config.ente_id} is removed")


def _status(connector_id: str, ente: str | None, home: Path, *, status: str, reason: str | None, as_json: bool) -> None:
    with opened(home) as one:
        config = config_of(one, ente, connector_id)

        def put(tx: Tx) -> Acted:
            before = standing(_known(one, tx, config))
            set_status(tx, config.ente_id, connector_id, status=status, reason=reason)
            return Acted(None, target_of(connector_id), before, standing(_known(one, tx, config)))

        act(one, "pause_connector" if status == "paused" else "activate_connector", config.ente_id, put)
    value = {"connector_id": connector_id, "status": status, "paused_reason": reason}
    told(value, as_json=as_json, text=f"connector {connector_id} of {config.ente_id} is {status}")


def _know_names(one: Home, config: ConnectorConfig, found: ConnectorConfig | None) -> None:
    """Raises WrongUsage where the settings name anew what is in none of the ente's lists."""
    named = named_anew(one.types, config, found)
    try:
        with one.database.read() as connection:
            must_be_known(connection, config.ente_id, named)
    except ContractViolation as violation:
        places = "; ".join(f"{fault.pointer}: {fault.detail}" for fault in violation.faults)
        raise WrongUsage(f"connector {config.connector_id}: {places}") from None


def _save(one: Home, config: ConnectorConfig, found: ConnectorConfig | None) -> None:
    """Let it hold at once, as a version of its own, and put on record what differs from what was in force, which need
    not be the version before. Raises Failed where that is no longer what was `found`."""
    views = ConnectorViews(one.types, one.configuration)
    key = (config.ente_id, config.connector_id)

    def put(tx: Tx) -> Acted | Failed:
        one.configuration.adopt(tx, *key)
        replaced = one.configuration.load(tx.connection).get(key)
        if (replaced and replaced.content) != (found and found.content):
            return Failed(f"connector {config.connector_id} was changed meanwhile: look at it, and set it again")
        one.configuration.save(
            tx,
            ente_id=config.ente_id,
            connector_id=config.connector_id,
            type=config.type,
            settings=config.settings,
            limits=config.limits,
            overrides=config.overrides,
            environment=config.environment,
            author=operator(),
        )
        known = _known(one, tx, config)
        if replaced is None or replaced.content_version is None:
            return Acted(None, target_of(config.connector_id), after=views.shown(known.newest.content))
        told = views.differences(known.version(replaced.content_version), known.newest)
        return Acted(None, target_of(config.connector_id), *sides(told))

    act(one, "add_connector" if found is None else "change_connector", config.ente_id, put)


def _known(one: Home, tx: Tx, config: ConnectorConfig) -> Known:
    one.configuration.adopt(tx, config.ente_id, config.connector_id)
    return ConnectorViews(one.types, one.configuration).one_of(tx.connection, config.ente_id, config.connector_id)


def config_of(home: Home, ente: str | None, connector_id: str) -> ConnectorConfig:
    """The configuration of a connector. Raises Failed where there is none."""
    with home.database.read() as connection:
        code = ente_of(connection, ente).ente_id
        found = home.configuration.load(connection).get((code, connector_id))
    if found is None:
        raise Failed(f"there is no connector {connector_id!r} in {code}")
    return found


def _present(
    home: Home, ente: str | None, connector_id: str, type_: str | None, environment: str | None
) -> tuple[ConnectorConfig | None, ConnectorConfig]:
    """What is in force, and what the new version begins with: that, or an empty one where there is nothing, or
    something of another type. Its environment stays: what it has under way would reach citizens."""
    known: dict[str, Environment] = {each: each for each in get_args(Environment)}
    if environment is not None and environment not in known:
        raise WrongUsage(f"--environment: {' or '.join(known)}")
    with home.database.read() as connection:
        code = ente_of(connection, ente).ente_id
        found = home.configuration.load(connection).get((code, connector_id))
    if found is not None and environment not in (None, found.environment):
        raise WrongUsage(f"--environment: {connector_id} is of {found.environment}; make another connector beside it")
    if found is not None and type_ in (None, found.type):
        return found, found
    if type_ is None:
        raise WrongUsage(f"--type is needed, as there is no connector {connector_id!r} in {code} yet")
    its = found.environment if found is not None else known[environment or "production"]
    return found, ConnectorConfig(code, connector_id, type_, "active", 0, {}, {}, environment=its)


def _shown(home: Home, config: ConnectorConfig) -> dict[str, Any]:
    return {
        "ente_id": config.ente_id,
        "connector_id": config.connector_id,
        "type": config.type,
        "status": config.status,
        "paused_reason": config.paused_reason,
        "version": config.content_version,
        "environment": config.environment,
        "settings": masked(home.types.get(config.type), config.settings),
        "limits": dict(config.limits),
        "service_overrides": sorted(config.overrides),
    }
