"""A simulator of the test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.pagopa.test_parts import Running


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def start(**options: Any) -> Running:
        running.append(Running(tmp_path, **options))
        return running[-1]

    yield start
    for each in running:
        each.stop()
