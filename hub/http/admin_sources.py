"""Sources over HTTP: read now, files taken in, quarantine read anew, freshness, extracts of registers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from contracts.base import Code
from contracts.failures import Failure
from contracts.faults import bilingual
from contracts.source_administration import RegisterExtract, VendorSourcePatch
from hub.admin.acting import Acted, Actor, Order, carry_out
from hub.admin.errors import SourceFailed
from hub.admin.quarantine import retried
from hub.admin.quarantine import view as quarantined
from hub.admin.registers import import_extract
from hub.admin.sources import Sources, agree, counts_of, vendor_sources
from hub.errors import RequestInvalid
from hub.feed.parameters import nothing
from hub.inbound.taking import Tally
from hub.store.attributes import AttributeKeeper
from hub.store.database import Tx
from hub.store.quarantine import Entry

from .admin_access import AdminAccess, answered, body_of, changed, matching
from .exchange import Exchange, Handler, json_response, read_body
from .operations import Operation
from .turns import Turns

Listed = list[tuple[str, dict[str, Any]]]
_CODE = TypeAdapter[str](Code)


@dataclass(frozen=True, slots=True)
class SourcesApi:
    """Handlers of sources, by operation_id. `file_limit`, in bytes, is the largest file that is taken in; each is in
    memory whole for as long as it has one of the `turns`."""

    access: AdminAccess
    sources: Sources
    attributes: AttributeKeeper
    file_limit: int
    turns: Turns

    def handler(self, operation: Operation) -> Handler | None:
        """The handler of an operation; None for one that is not of these."""
        access = self.access
        handlers: Mapping[str, Handler] = {
            "list_source_readings": access.lists(operation, lambda c, a, _: self.sources.readings(c, a.ente_id)),
            "poll_source": access.acts(operation, self._poll, _begun),
            "upload_source_file": self._uploading(operation),
            "show_quarantine": access.shows(operation, self._entry),
            "retry_quarantine": self._retrying(operation),
            "list_sources": access.lists(operation, self._all),
            "change_source": access.acts(operation, self._agree, changed),
            "import_attributes": access.acts(operation, self._import, answered),
        }
        return handlers.get(operation.operation_id)

    def _poll(self, actor: Actor, exchange: Exchange) -> Order:
        with self.access.database.read() as connection:
            return self.sources.poll(connection, actor, exchange.request.path_params["connector_id"])

    def _uploading(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            caller = await self.access.caller(exchange, operation)
            nothing(exchange.request.query_params.multi_items())
            connector_id = exchange.request.path_params["connector_id"]
            async with self.turns.turn(caller.actor.ente_id):
                content = await read_body(exchange.request, self.file_limit)
                tally = await run_in_threadpool(self._taken_in, caller.actor.ente_id, connector_id, content)
            counts = counts_of(tally)

            def do(_tx: Tx) -> Acted:
                answer = {"connector_id": connector_id, **counts}
                return Acted(answer, f"connectors/{connector_id}", after=counts)

            order = Order(operation.operation_id, caller.actor, do)
            return json_response(await self.access.committer.submit(carry_out, order))

        return handle

    def _taken_in(self, ente_id: str, connector_id: str, content: bytes) -> Tally:
        try:
            return self.sources.take_in(ente_id, connector_id, content)
        except Failure as failure:
            raise _failed(failure) from None

    def _entry(self, _connection: Connection, actor: Actor, exchange: Exchange) -> dict[str, Any]:
        return quarantined(self.sources.entry_of(actor.ente_id, exchange.request.path_params["quarantine_id"]))

    def _retrying(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            caller = await self.access.sent(exchange, operation)
            quarantine_id = exchange.request.path_params["quarantine_id"]
            before, after = await run_in_threadpool(self._retried, caller.actor.ente_id, quarantine_id)
            return json_response(await self.access.committer.submit(carry_out, retried(caller.actor, before, after)))

        return handle

    def _retried(self, ente_id: str, quarantine_id: str) -> tuple[Entry, Entry]:
        try:
            return self.sources.retry(ente_id, quarantine_id)
        except Failure as failure:
            raise _failed(failure) from None

    def _all(self, connection: Connection, actor: Actor, _exchange: Exchange) -> Listed:
        return vendor_sources(connection, actor.ente_id, self.access.database.now(connection))

    def _agree(self, actor: Actor, exchange: Exchange) -> Order:
        patch = body_of(exchange, VendorSourcePatch, patch=True)
        names = exchange.request.path_params
        try:
            _CODE.validate_python(names["source"])  # it need not be known yet: whatever it is would be kept
        except ValidationError:
            raise RequestInvalid(
                bilingual(
                    "La fonte non è un nome: lettere, cifre, punti, trattini (- e _), al massimo 64",
                    "the source is no name: letters, digits, dots, dashes, underscores, at most 64",
                )
            ) from None
        return agree(actor, names["vendor_id"], names["source"], patch, matching(exchange))

    def _import(self, actor: Actor, exchange: Exchange) -> Order:
        return import_extract(self.attributes, actor, body_of(exchange, RegisterExtract, is_long=True))


def _begun(_exchange: Exchange, view: dict[str, Any]) -> Response:
    return json_response(view, status=202)


def _failed(failure: Failure) -> SourceFailed:
    text = f"{failure.reason}: {failure.detail}"
    return SourceFailed(bilingual(f"{SourceFailed.text_it.rstrip('.')} ({failure.reason})", text))
