"""The quick gate on a shared hub: the scenarios marked `quick`, each ending in a balanced ledger.

Those with servers of their own have a test of their own (`test_machines.py`).
"""

from pathlib import Path

import pytest

from .matrix.catalogue import SCENARIOS
from .scenario import Scenario, perform
from .topology import Servers


def test_every_scenario_has_a_name_of_its_own() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "scenario", [each for each in SCENARIOS if each.quick and not each.on], ids=lambda each: each.name
)
def test_the_ledger_balances(scenario: Scenario, tmp_path: Path, shared_servers: Servers) -> None:
    assert perform(scenario, tmp_path, shared_servers).violations == []
