"""Several machines, each stopped, killed, frozen and cut off in turn under load: the ledger balances."""

from pathlib import Path

import pytest

from .matrix.several_machines import SCENARIOS
from .scenario import Scenario, perform


@pytest.mark.xdist_group("machines")
@pytest.mark.parametrize("scenario", [each for each in SCENARIOS if each.quick], ids=lambda each: each.name)
def test_the_ledger_balances(scenario: Scenario, tmp_path: Path) -> None:
    if reason := scenario.needs():
        pytest.skip(f"NOT CHECKED on several machines: {reason}")
    assert perform(scenario, tmp_path).violations == []
