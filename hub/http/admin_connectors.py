"""Connectors over HTTP: types, drafts, versions, checks, activation."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from contracts.connector_administration import ConnectorPatch, NewConnector, PauseWish, VersionWish
from contracts.failures import Failure
from hub.admin.acting import Actor, Order
from hub.admin.connector_views import Known
from hub.admin.connectors import Connectors
from hub.admin.errors import ConnectorVersionUnknown
from hub.admin.guidance import advice_on
from hub.errors import ContractViolation
from hub.feed.cursor import bad
from hub.feed.parameters import nothing, once
from hub.store.tables import clipped

from .admin_access import AdminAccess, body_of, changed, gone, made, matching
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
            "check_connector": access.acts(operation, self._check, _found),
        }
        return handlers.get(operation.operation_id)

    def _type(self, _connection: Connection, _actor: Actor, exchange: Exchange) -> dict[str, Any]:
        nothing(exchange.request.query_params.multi_items())
        return self.connectors.type_view(exchange.request.path_params["connector_type"])

    def _all(self, connection: Connection, actor: Actor, _exchange: Exchange) -> list[tuple[str, dict[str, Any]]]:
        found = self.connectors.all_of(connection, actor.ente_id)
        return [(one.connector_id, self.connectors.view(one)) for one in found]

    def _one(self, connection: Connection, actor: Actor, exchange: Exchange) -> dict[str, Any]:
        nothing(exchange.request.query_params.multi_items())
        return self.connectors.view(self._known(connection, actor, exchange))

    def _versions(self, connection: Connection, actor: Actor, exchange: Exchange) -> list[tuple[str, dict[str, Any]]]:
        one = self._known(connection, actor, exchange)
        in_turn = [(f"{_NEWEST_FIRST - version.version:010d}", version) for version in one.versions]
        return [(place, self.connectors.version_view(one, version)) for place, version in in_turn]

    def _version(self, connection: Connection, actor: Actor, exchange: Exchange) -> dict[str, Any]:
        nothing(exchange.request.query_params.multi_items())
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
                raise bad(name, "the number of a version")
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
        except Failure as failure:
            advice = advice_on(failure)
            told = {"reason": failure.reason, "detail": clipped(failure.detail, 500) or None}
            answer |= {"outcome": "failed", "it": advice.it, "en": advice.en} | told
        except ContractViolation as violation:
            places = "; ".join(f"{fault.pointer}: {fault.detail}" for fault in violation.faults)
            answer |= {
                "outcome": "failed",
                "reason": "settings.invalid",
                "detail": clipped(places, 500) or None,
                "it": "Le impostazioni non sono più valide per questo tipo di connettore: correggerle.",
                "en": "The settings no longer fit this type of connector: correct them.",
            }
        except Exception as bug:
            log.exception("connector.check_failed connector=%s", connector_id)
            advice = advice_on(bug)
            name = f"bug.{type(bug).__name__}"[:100]
            answer |= {"outcome": "failed", "reason": name, "it": advice.it, "en": advice.en}
        else:
            answer |= {
                "detail": clipped(sentence, 500) or None,
                "it": "Il fornitore risponde e accetta le impostazioni.",
                "en": "The provider answers and accepts the settings.",
            }
        return self.connectors.note_check(actor, connector_id, version, reason=answer["reason"], answer=answer)


def _found(_exchange: Exchange, answer: dict[str, Any]) -> Response:
    return json_response(answer)


def _number(text: str) -> int | None:
    """The number of a version that a text is; None where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def _id(exchange: Exchange) -> str:
    found: str = exchange.request.path_params["connector_id"]
    return found
