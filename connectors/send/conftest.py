"""The simulated SEND, for the tests of this folder."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from connectors.send.scripted_platform import Running


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts simulators, which end with the test."""
    with ExitStack() as running:

        def start(**options: Any) -> Running:
            return running.enter_context(Running(tmp_path, **options))

        yield start
