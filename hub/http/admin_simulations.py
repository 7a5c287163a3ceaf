"""Faults of simulated providers, switched on by an administrator where `serve --simulate` runs, and nowhere else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx
from starlette.responses import Response

from contracts.faults import Bilingual, bilingual
from contracts.simulation_administration import SimulationFaults
from hub.admin.acting import Acted, Actor, Order, carry_out
from hub.admin.errors import SimulationUnknown, none_such
from hub.errors import ContractViolation, Fault
from hub.store.database import Tx

from .admin_access import AdminAccess, body_of
from .exchange import Exchange, Handler, json_response
from .operations import Operation

_SCRIPT = "/_sim/faults"
_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class SimulationsApi:
    """Handlers of simulations. `simulated` has the address of each simulator that runs here, by connector."""

    access: AdminAccess
    simulated: Callable[[], Mapping[str, str]]

    def handler(self, operation: Operation) -> Handler | None:
        """The handler of an operation; None for one that is not of these."""
        methods: dict[str, Literal["GET", "POST", "DELETE"]] = {
            "show_simulation_faults": "GET",
            "switch_simulation_faults": "POST",
            "clear_simulation_faults": "DELETE",
        }
        method = methods.get(operation.operation_id)
        if method is None:
            return None

        async def handle(exchange: Exchange) -> Response:
            caller = await self.access.sent(exchange, operation)
            faults = None
            if method == "POST":
                faults = [*body_of(exchange, SimulationFaults).faults]
            connector_id = exchange.request.path_params["connector_id"]
            left = await self._scripted(connector_id, method, faults)
            if method != "GET":
                await self.access.committer.submit(carry_out, _order(caller.actor, operation, connector_id, left))
            return json_response({"faults": left})

        return handle

    async def _scripted(self, connector_id: str, method: str, faults: list[Any] | None) -> list[Any]:
        simulated = self.simulated()
        base = simulated.get(connector_id)
        if base is None:
            raise SimulationUnknown(
                none_such(
                    "nessun sistema simulato",
                    "provider simulated in this process",
                    sorted(simulated),
                )
            )
        async with httpx.AsyncClient(base_url=base, timeout=_WITHIN_S, trust_env=False) as client:
            try:
                answer = await client.request(method, _SCRIPT, json=faults)
                left = answer.json()
            except (httpx.HTTPError, ValueError):
                raise _not_taken(bilingual("Il simulatore non risponde", "the simulator does not answer")) from None
        if answer.status_code != 200:
            raise _not_taken(bilingual("Il simulatore li rifiuta", left["error"]))
        return list(left)


def _not_taken(why: Bilingual) -> ContractViolation:
    return ContractViolation(faults=(Fault("/faults", "fault.not_taken", why),))


def _order(actor: Actor, operation: Operation, connector_id: str, left: list[Any]) -> Order:
    def do(_tx: Tx) -> Acted:
        return Acted(None, f"simulations/{connector_id}", after={"faults": left})

    return Order(operation.operation_id, actor, do, f"simulations/{connector_id}")
