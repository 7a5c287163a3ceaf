"""What the ente answers for: the report on its services, and all that the hub holds of a citizen who asks for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from contracts.base import rfc3339
from contracts.rights_administration import ExportWish
from hub.admin.acting import Actor, carry_out
from hub.admin.rights import RightsDesk
from hub.feed.export import Exports
from hub.feed.parameters import nothing
from hub.store.compliance import report
from hub.store.directory import load_registry
from hub.store.exporting import ALL_LEVELS

from .admin_access import AdminAccess, body_of
from .content import export_media, export_response
from .exchange import Exchange, Handler
from .operations import Operation
from .turns import Slots


@dataclass(frozen=True, slots=True)
class ExportsApi:
    """Handlers of reports and exports, by operation_id."""

    access: AdminAccess
    rights: RightsDesk
    exports: Exports
    slots: Slots

    def handler(self, operation: Operation) -> Handler | None:
        """The handler of an operation; None for one that is not of these."""
        if operation.operation_id == "show_compliance_report":
            return self.access.reads(operation, self._report)
        return self._exporting(operation) if operation.operation_id == "export_citizen" else None

    def _report(self, connection: Connection, actor: Actor, exchange: Exchange) -> dict[str, Any]:
        nothing(exchange.request.query_params.multi_items())
        rows = [
            {
                "service_id": row.service_id,
                "criterion": row.criterion,
                "fails": row.fails,
                "applications": row.examined,
                "failing": row.failing,
                "why": [{"code": code, "applications": count} for code, count in sorted(row.why.items())],
            }
            for row in report(connection, load_registry(connection), actor.ente_id)
        ]
        return {"reported_at": rfc3339(self.access.database.now(connection)), "rows": rows}

    def _exporting(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            actor = (await self.access.sent(exchange, operation)).actor
            export_media(exchange)
            wish = body_of(exchange, ExportWish)
            slot = self.slots.take(actor.ente_id)
            order = self.rights.export(actor, wish.tax_code)
            # On record before the first byte leaves, and whatever becomes of the rest.
            citizen, now = await self.access.committer.submit(carry_out, order)

            def export(zipped: bool) -> Iterator[bytes]:
                make = self.exports.zip if zipped else self.exports.json
                return make(actor.ente_id, citizen, now, level=ALL_LEVELS, evidence=True)

            return export_response(exchange, slot, export)

        return handle
