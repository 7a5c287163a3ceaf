"""The production shape: two API processes over one durable PostgreSQL, against the limit servers in the same shape."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.real.postgres import Postgres

from ..harness import PUBLISH_AUDIENCE
from .corpus import Vendors
from .limit_server import prepare_postgres
from .servers import Generator, Server, running_two, serve_hub, serve_limit, serve_same


@contextmanager
def servers(folder: Path, vendors: Vendors, settings: dict[str, Any]) -> Iterator[dict[str, Server]]:
    """`limit` (by hand), `same` (with the hub's verification) and `hub`, two processes each."""
    jwks = {vendors.es.kid: vendors.es.public_jwk()}
    with Postgres() as server:
        limit_url, same_url, hub_url = (server.create_database(name) for name in ("limit", "same", "hub"))
        prepare_postgres(limit_url)
        prepare_postgres(same_url)
        own = {"database_url": hub_url, "dispatch": "workers"}
        vendors.home(folder / "shared", **own)
        with (
            running_two(serve_limit, limit_url, PUBLISH_AUDIENCE, jwks) as limit,
            running_two(serve_same, same_url, own | {"home": folder / "shared"}) as same,
            running_two(serve_hub, folder / "shared", settings | own) as hub,
        ):
            yield {"limit": limit, "same": same, "hub": hub}


def rates(
    folder: Path, vendors: Vendors, settings: dict[str, Any], requests: list[bytes], generator: Generator, rounds: int
) -> dict[str, list[float]]:
    """Messages a second of each, round by round; the first of the rounds' parts warms up."""
    part = len(requests) // (rounds + 1)
    found: dict[str, list[float]] = {"limit": [], "same": [], "hub": []}
    with servers(folder, vendors, settings) as both:
        for n in range(rounds + 1):
            for name in sorted(both, reverse=bool(n % 2)):
                run = generator.drive(both[name], requests[n * part : (n + 1) * part])
                if n:
                    found[name].append(run.rate)
    return found
