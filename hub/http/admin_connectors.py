"""Connectors over HTTP: types, drafts, versions, checks, activation."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from contracts.connector import Connector
from contracts.connector import Operation as ProviderOperation
from contracts.connector_administration import ConnectorPatch, NewConnector, PauseWish, VersionWish
from contracts.failures import Failure
from contracts.faults import bilingual, pointer_of, sentence_of
from contracts.source_administration import OperationWish
from hub.admin.acting import Acted, Actor, Order, carry_out, may_be_run, record
from hub.admin.connector_views import Known, target_of
from hub.admin.connectors import Connectors
from hub.admin.errors import ConnectorVersionUnknown, OperationUnknown, none_such
from hub.admin.guidance import advice_on
from hub.dispatch.settings_form import schema_of
from hub.errors import ContractViolation, Fault, HubError
from hub.feed.parameters import once
from hub.query_strings import bad
from hub.security.left import EnteEnded
from hub.store.database import Tx
from hub.store.readers import record_access
from hub.store.tables import clipped

from .admin_access import AdminAccess, answered, body_of, changed, gone, made, matching
from .exchange import Exchange, Handler, json_response
from .operations import Operation

log = logging.getLogger(__name__)
_NEWEST_FIRST = 2**31


@dataclass(frozen=True, slots=True)
class ConnectorsApi:
    """Handlers of connectors and their types, by operation_id."""

    access: AdminAccess
    connectors: Connectors

    def handler(self, operation: Operation) -> Handler | None:
        """The handler of an operation; None for one that is not of connectors."""
        access = self.access
        handlers: Mapping[str, Handler] = {
            "list_connector_types": access.lists(operation, lambda *_: self.connectors.type_views()),
            "show_connector_type": access.shows(operation, self._type),
            "list_connectors": access.lists(operation, self._all),
            "show_connector": access.shows(operation, self._one),
            "list_connector_versions": access.lists(operation, self._versions),
            "show_connector_version": access.shows(operation, self._version),
            "show_connector_difference": access.reads(operation, self._difference),
            "add_connector": access.acts(operation, self._add, made("connectors", "connector_id")),
            "change_connector": access.acts(operation, self._change, changed),
            "remove_connector": access.acts(operation, self._remove, gone),
            "activate_connector": access.acts(operation, self._activate, changed),
            "pause_connector": access.acts(operation, self._pause, changed),
            "check_connector": access.acts(operation, self._check, answered),
            "list_connector_operations": access.lists(operation, self._operations),
            "run_connector_operation": self._running(operation),
        }
        return handlers.get(operation.operation_id)

    def _type(self, _connection: Connection, _actor: Actor, exchange: Exchange) -> dict[str, Any]:
        return self.connectors.type_view(exchange.request.path_params["connector_type"])

    def _all(self, connection: Connection, actor: Actor, _exchange: Exchange) -> list[tuple[str, dict[str, Any]]]:
        found = self.connectors.all_of(connection, actor.ente_id)
        return [(one.connector_id, self.connectors.view(one)) for one in found]

    def _one(self, connection: Connection, actor: Actor, exchange: Exchange) -> dict[str, Any]:
        return self.connectors.view(self._known(connection, actor, exchange))

    def _versions(self, connection: Connection, actor: Actor, exchange: Exchange) -> list[tuple[str, dict[str, Any]]]:
        one = self._known(connection, actor, exchange)
        in_turn = [(f"{_NEWEST_FIRST - version.version:010d}", version) for version in one.versions]
        return [(place, self.connectors.version_view(one, version)) for place, version in in_turn]

    def _version(self, connection: Connection, actor: Actor, exchange: Exchange) -> dict[str, Any]:
        one = self._known(connection, actor, exchange)
        number = _number(exchange.request.path_params["version"])
        if number is None:
            raise ConnectorVersionUnknown
        return self.connectors.version_view(one, one.version(number))

    def _difference(self, connection: Connection, actor: Actor, exchange: Exchange) -> dict[str, Any]:
        given = once(exchange.request.query_params.multi_items(), ("from", "to"))
        numbers = {}
        for name in ("from", "to"):
            number = _number(given.get(name, ""))
            if number is None:
                raise bad(name, bilingual("Il numero di una versione", "the number of a version"))
            numbers[name] = number
        one = self._known(connection, actor, exchange)
        before, after = one.version(numbers["from"]), one.version(numbers["to"])
        differences = self.connectors.differences(before, after)
        return {"from_version": before.version, "to_version": after.version, "differences": differences}

    def _known(self, connection: Connection, actor: Actor, exchange: Exchange) -> Known:
        return self.connectors.one_of(connection, actor.ente_id, exchange.request.path_params["connector_id"])

    def _add(self, actor: Actor, exchange: Exchange) -> Order:
        return self.connectors.add(actor, body_of(exchange, NewConnector))

    def _change(self, actor: Actor, exchange: Exchange) -> Order:
        patch = body_of(exchange, ConnectorPatch, patch=True)
        with self.access.database.read() as connection:
            found = self.connectors.configuration.versions.all_of(connection, actor.ente_id, _id(exchange))
        seen = found[0].content if found else None
        return self.connectors.change(actor, _id(exchange), patch, matching(exchange), seen)

    def _remove(self, actor: Actor, exchange: Exchange) -> Order:
        return self.connectors.remove(actor, _id(exchange), matching(exchange))

    def _activate(self, actor: Actor, exchange: Exchange) -> Order:
        wish = body_of(exchange, VersionWish)
        return self.connectors.activate(actor, _id(exchange), wish.version, matching(exchange))

    def _pause(self, actor: Actor, exchange: Exchange) -> Order:
        wish = body_of(exchange, PauseWish)
        return self.connectors.pause(actor, _id(exchange), wish.reason, matching(exchange))

    def _check(self, actor: Actor, exchange: Exchange) -> Order:
        """Call the provider, outside of any transaction; the order keeps what came of it."""
        wish, connector_id = body_of(exchange, VersionWish), _id(exchange)
        with self.access.database.read() as connection:
            one = self._known(connection, actor, exchange)
        version = one.newest if wish.version is None else one.version(wish.version)
        answer: dict[str, Any] = {"version": version.version, "outcome": "passed", "reason": None, "detail": None}
        try:
            connector = self.connectors.connector_of(one, version)
            try:
                sentence = connector.check()
            finally:
                connector.close()
        except ContractViolation as violation:
            places = "; ".join(f"{fault.pointer}: {fault.detail}" for fault in violation.faults)
            answer |= {
                "outcome": "failed",
                "reason": "settings.invalid",
                "detail": clipped(places, 500) or None,
                "it": "Le impostazioni non sono più valide per questo tipo di connettore: correggerle.",
                "en": "The settings no longer fit this type of connector: correct them.",
            }
        except Exception as fault:  # noqa: BLE001 - a connector's own bug too is told of, and stops nothing else
            answer |= _told(fault, connector_id)
        else:
            answer |= {
                "detail": clipped(sentence, 500) or None,
                "it": "Il fornitore risponde e accetta le impostazioni.",
                "en": "The provider answers and accepts the settings.",
            }
        return self.connectors.note_check(actor, connector_id, version, reason=answer["reason"], answer=answer)

    def _operations(self, connection: Connection, actor: Actor, exchange: Exchange) -> list[tuple[str, dict[str, Any]]]:
        connector = self.connectors.in_force(connection, actor.ente_id, _id(exchange))
        connector.close()
        return [
            (
                name,
                {
                    "operation": name,
                    "title": each.title,
                    "arguments_schema": schema_of(each.arguments),
                },
            )
            for name, each in sorted(connector.operations.items())
        ]

    def _running(self, operation: Operation) -> Handler:
        """Do something at the provider. That it begins is on record before it does, what came of it afterwards."""

        async def handle(exchange: Exchange) -> Response:
            caller = await self.access.sent(exchange, operation)
            wish = body_of(exchange, OperationWish, is_long=True)
            connector_id = _id(exchange)
            target = target_of(connector_id)
            submit = self.access.committer.submit
            try:
                connector, chosen, arguments = await run_in_threadpool(self._chosen, caller.actor, connector_id, wish)
            except EnteEnded as refusal:
                await submit(record_access, record(caller.actor, operation.operation_id, refusal.code, target))
                raise
            try:
                await submit(record_access, record(caller.actor, operation.operation_id, "begun", target))
                answer = await run_in_threadpool(_ran, chosen, arguments, wish.operation, connector_id)
            finally:
                await run_in_threadpool(connector.close)

            def do(_tx: Tx) -> Acted:
                after = {name: answer[name] for name in ("operation", "outcome", "reason")}
                outcome = "ok" if answer["outcome"] == "done" else "failed"
                return Acted(answer, target, after=after, outcome=outcome)

            return json_response(await submit(carry_out, Order(operation.operation_id, caller.actor, do)))

        return handle

    def _chosen(
        self, actor: Actor, connector_id: str, wish: OperationWish
    ) -> tuple[Connector, ProviderOperation, BaseModel]:
        with self.access.database.read() as connection:
            connector = self.connectors.in_force(connection, actor.ente_id, connector_id)
        try:
            chosen = connector.operations.get(wish.operation)
            if chosen is None:
                raise OperationUnknown(none_such("nessuna operazione", "operation", sorted(connector.operations)))
            arguments = arguments_of(chosen, wish.arguments)
            with self.access.database.read() as connection:
                may_be_run(connection, chosen, actor.ente_id)
        except HubError:
            connector.close()
            raise
        return connector, chosen, arguments


def arguments_of(operation: ProviderOperation, given: Any) -> BaseModel:
    """What is to be done with which arguments. Raises ContractViolation."""
    try:
        return operation.arguments.model_validate_json(orjson.dumps({} if given is None else given))
    except ValidationError as error:
        faults = [
            Fault(f"/arguments{pointer_of(one['loc'])}"[:500], "field.invalid", sentence_of(one))
            for one in error.errors(include_input=False, include_url=False)
        ]
        raise ContractViolation(faults=tuple(faults[:100])) from None


def _ran(chosen: ProviderOperation, arguments: BaseModel, name: str, connector_id: str) -> dict[str, Any]:
    told: dict[str, Any] = {"operation": name, "outcome": "done", "answer": None, "reason": None, "detail": None}
    try:
        found = dict(chosen.run(arguments))
    except Exception as fault:  # noqa: BLE001 - a connector's own bug too is told of, and stops nothing else
        return told | _told(fault, connector_id)
    done = {"it": "Il fornitore l'ha fatto.", "en": "The provider has done it."}
    return told | done | {"answer": found}


def _told(fault: Exception, connector_id: str) -> dict[str, Any]:
    """What went wrong at the provider, and what to do about it."""
    advice = advice_on(fault)
    answer = {"outcome": "failed", "it": advice.it, "en": advice.en}
    if isinstance(fault, Failure):
        return answer | {"reason": fault.reason, "detail": clipped(fault.detail, 500) or None}
    log.error("connector.call_failed connector=%s", connector_id, exc_info=fault)
    return answer | {"reason": f"bug.{type(fault).__name__}"[:100]}


def _number(text: str) -> int | None:
    """The number of a version that a text is; None where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def _id(exchange: Exchange) -> str:
    found: str = exchange.request.path_params["connector_id"]
    return found
