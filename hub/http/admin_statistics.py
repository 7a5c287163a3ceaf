"""Statistics of subscribers over HTTP: as JSON, or as CSV where that is asked for."""

from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from contracts.faults import bilingual
from hub.admin.acting import record
from hub.admin.statistics import count
from hub.errors import HubError, NotAcceptable
from hub.feed.parameters import nothing
from hub.ingest.statistics import as_csv
from hub.store.readers import record_access
from hub.store.tables import clipped

from .accepting import names_csv, takes_json
from .admin_access import AdminAccess
from .exchange import Exchange, Handler, json_response
from .operations import Operation

CSV = "text/csv; charset=utf-8; header=present"


@dataclass(frozen=True, slots=True)
class StatisticsApi:
    """The handler of statistics. Who looked at them stands in the access log: they are made of citizens' data."""

    access: AdminAccess

    def handler(self, operation: Operation) -> Handler | None:
        """The handler of an operation; None for one that is not of these."""
        return self._showing(operation) if operation.operation_id == "show_subscription_statistics" else None

    def _showing(self, operation: Operation) -> Handler:
        async def handle(exchange: Exchange) -> Response:
            actor = (await self.access.caller(exchange, operation)).actor
            nothing(exchange.request.query_params.multi_items())
            accepted = exchange.request.headers.get("accept")
            wants_csv = names_csv(accepted)
            if not wants_csv and not takes_json(accepted):
                raise NotAcceptable(
                    bilingual(
                        "Le statistiche sono application/json o text/csv", "statistics are application/json or text/csv"
                    )
                )
            code = exchange.request.path_params["subscription_service"]
            outcome, target = "ok", f"subscription-statistics/{clipped(code, 64)}"
            try:
                counted = await run_in_threadpool(count, self.access.database, self.access.vault, actor.ente_id, code)
            except HubError as refusal:
                outcome = refusal.code
                raise
            finally:
                line = record(actor, operation.operation_id, outcome, target)
                await self.access.committer.submit(record_access, line)
            # The name of a service has letters, digits, dots and dashes alone.
            name = f"{counted.service.code}.{'csv' if wants_csv else 'json'}"
            exchange.headers |= {"Vary": "Accept", "Content-Disposition": f'attachment; filename="{name}"'}
            return Response(as_csv(counted.cells), media_type=CSV) if wants_csv else json_response(counted.view())

        return handle
