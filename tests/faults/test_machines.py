"""Several machines, each stopped, killed, frozen and cut off in turn under load: the ledger balances."""

from pathlib import Path

import pytest

from .machines import missing
from .matrix.several_machines import SCENARIOS
from .scenario import Scenario, perform

_IN_MAKE_TEST = ("killed", "cut off")
"""The others in `make faults`."""


@pytest.fixture(scope="session")
def _possible() -> None:
    if reason := missing():
        pytest.skip(f"NOT CHECKED on several machines: {reason}")


@pytest.mark.usefixtures("_possible")
@pytest.mark.xdist_group("machines")
@pytest.mark.parametrize(
    "scenario",
    [each for each in SCENARIOS if any(how in each.name for how in _IN_MAKE_TEST)],
    ids=lambda each: each.name,
)
def test_the_ledger_balances(scenario: Scenario, tmp_path: Path) -> None:
    assert scenario.on
    with scenario.on() as servers:
        assert perform(scenario, tmp_path, servers).violations == []
