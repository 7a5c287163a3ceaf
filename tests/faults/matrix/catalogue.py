"""All scenarios, by subject."""

from ..scenario import Scenario
from . import (
    clock,
    crossings,
    disk_full,
    load_faults,
    order,
    postgres_faults,
    provider_faults,
    redis_faults,
    several_machines,
)

SUBJECTS: dict[str, list[Scenario]] = {
    "steps": crossings.SCENARIOS,
    "order": order.SCENARIOS,
    "redis": redis_faults.SCENARIOS,
    "postgres": postgres_faults.SCENARIOS,
    "provider": provider_faults.SCENARIOS,
    "load": load_faults.SCENARIOS,
    "clock": clock.SCENARIOS,
    "disk": disk_full.SCENARIOS,
    "machines": several_machines.SCENARIOS,
}
SCENARIOS = [scenario for scenarios in SUBJECTS.values() for scenario in scenarios]
