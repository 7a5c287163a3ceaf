"""What is said of the operations on simulated providers."""

from contracts.simulation_administration import SimulationFaults
from hub import errors
from hub.admin import errors as admin_errors

from .admin_parts import BODILESS, WRITING
from .entries import Answer, Body, Entry, Errors, both

_BARE: Errors = (*BODILESS, errors.ContractViolation, admin_errors.SimulationUnknown)
"""Where no body is asked for."""
_FAULTS = Body(
    model=SimulationFaults,
    description="I guasti / The faults",
    examples={"slow": {"faults": [{"kind": "throttle", "retry_after": 1}, {"kind": "hang", "seconds": 5}]}},
)
_LEFT = Answer(description="I guasti ancora da usare / The faults still to be used up", body=_FAULTS)

ENTRIES: dict[str, Entry] = {
    "show_simulation_faults": Entry(
        tag="simulations",
        summary="I guasti di un fornitore simulato / The faults of a simulated provider",
        description=both("Quelli ancora da usare.", "Those still to be used up."),
        parameters=("CorrelationId",),
        answers={200: _LEFT},
        errors=_BARE,
    ),
    "switch_simulation_faults": Entry(
        tag="simulations",
        summary="Accendi guasti di un fornitore simulato / Switch on faults of a simulated provider",
        description=both(
            "Uno per richiesta, in ordine: lentezza, 429, 500, silenzio dopo aver accettato. Solo con `serve "
            "--simulate`.",
            "One a request, in order: slowness, 429, 500, silence after accepting. Only with `serve --simulate`.",
        ),
        parameters=("CorrelationId",),
        request=_FAULTS,
        answers={200: _LEFT},
        errors=(*WRITING, admin_errors.SimulationUnknown),
    ),
    "clear_simulation_faults": Entry(
        tag="simulations",
        summary="Spegni i guasti / Switch the faults off",
        description=both("Quelli non ancora usati.", "Those not used up yet."),
        parameters=("CorrelationId",),
        answers={200: _LEFT},
        errors=_BARE,
    ),
}
