from collections.abc import Iterator
from pathlib import Path

import pytest

from .topology import Servers, servers
from .world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def shared_servers() -> Iterator[Servers]:
    with servers(durable=False) as both:
        yield both
