"""The simulated SEND, for the tests of this folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.send.scripted_platform import Running


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts simulators, which end with the test."""
    running: list[Running] = []

    def start(**options: Any) -> Running:
        running.append(Running(tmp_path, **options).__enter__())
        return running[-1]

    yield start
    for each in running:
        each.__exit__()
