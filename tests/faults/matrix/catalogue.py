"""All scenarios, by subject."""

from ..scenario import Scenario
from . import (
    clock,
    crossings,
    disk_full,
    load_faults,
    mail_faults,
    new_connectors,
    order,
    outage,
    parties,
    postgres_faults,
    provider_faults,
    redis_faults,
    several_machines,
    soak,
    source_faults,
)

SUBJECTS: dict[str, list[Scenario]] = {
    "steps": crossings.SCENARIOS,
    "order": order.SCENARIOS,
    "redis": redis_faults.SCENARIOS,
    "postgres": postgres_faults.SCENARIOS,
    "provider": provider_faults.SCENARIOS,
    "mail": mail_faults.SCENARIOS,
    "connectors": new_connectors.SCENARIOS,
    "sources": source_faults.SCENARIOS,
    "parties": parties.SCENARIOS,
    "load": load_faults.SCENARIOS,
    "clock": clock.SCENARIOS,
    "disk": disk_full.SCENARIOS,
    "machines": several_machines.SCENARIOS,
    "outage": outage.SCENARIOS,
    "soak": soak.SCENARIOS,
}
SCENARIOS = [scenario for scenarios in SUBJECTS.values() for scenario in scenarios]
