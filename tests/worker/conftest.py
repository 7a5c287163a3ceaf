"""One Redis for all tests, emptied for each; a fresh hub on PostgreSQL for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis as Client

from .. import stores
from ..harness import running_hub
from ..real.redis import Redis
from .world import LIMITS, SWEEP_S, World, providers


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    with Redis() as server:
        yield server


@pytest.fixture
def client(redis_server: Redis) -> Iterator[Client]:
    with Client.from_url(redis_server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def world(tmp_path: Path, redis_server: Redis) -> Iterator[World]:
    settings = {"dispatch": "workers", "redis_url": redis_server.url, "sweep_s": SWEEP_S}
    with (
        stores.in_use("postgresql"),
        providers(tmp_path) as (connectors, io_url),
        running_hub(tmp_path / "home", connectors=connectors, limits=LIMITS, **settings) as hub,
    ):
        world = World(tmp_path, redis_server, hub, io_url)
        world.client.flushall()
        yield world
        world.client.close()
