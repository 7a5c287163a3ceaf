"""The production shape: two API processes over one durable PostgreSQL, against the limit servers in the same shape."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.real.postgres import Postgres

from ..harness import PUBLISH_AUDIENCE
from .corpus import Vendors
from .findings import Findings
from .limit_server import prepare_postgres
from .servers import Generator, Server, cpu_s, running_two, serve_hub, serve_limit, serve_same

_LOG_KEPT = "1GB"
_FILLING = "INSERT INTO filling SELECT repeat(md5(n::text), 60) FROM generate_series(1, 200000) AS n"
"""Some 400 MB, more than the server's memory and than a measurement writes."""


@contextmanager
def servers(folder: Path, vendors: Vendors, settings: dict[str, Any]) -> Iterator[tuple[Postgres, dict[str, Server]]]:
    """`limit` (by hand), `same` (with the hub's verification) and `hub`, two processes each, on one database server."""
    jwks = {vendors.es.kid: vendors.es.public_jwk()}
    with Postgres(settings={"min_wal_size": _LOG_KEPT}) as server:
        _use(server.create_database("filling"))
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
            yield server, {"limit": limit, "same": same, "hub": hub}


def _use(url: str) -> None:
    """Make of a new server one that has been at work: it has touched its memory, and its log has old files to write
    over, where a new one fills each with zeros first. Whoever writes most would pay most for that."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE TABLE filling (text text)")
        connection.execute(_FILLING)
        connection.execute("DROP TABLE filling")
        connection.execute("CHECKPOINT")


def publish(
    folder: Path,
    vendors: Vendors,
    settings: dict[str, Any],
    requests: list[bytes],
    generator: Generator,
    rounds: int,
    found: Findings,
) -> None:
    """Messages a second of each, `shared/NAME`, and the processor's time of one, `cpu/NAME/shared`, the database's with
    it; the first of the rounds' parts warms up."""
    part = len(requests) // (rounds + 1)
    with servers(folder, vendors, settings) as (server, each):
        for n in range(rounds + 1):
            for name in sorted(each, reverse=bool(n % 2)):
                before = _cpu_s(server)
                run = generator.drive(each[name], requests[n * part : (n + 1) * part])
                if n:
                    found.add(f"shared/{name}", run.rate)
                    found.add(f"cpu/{name}/shared", run.cpu_us + (_cpu_s(server) - before) / part * 1e6)


def _cpu_s(server: Postgres) -> float:
    return sum(cpu_s(process.pid) for process in server.processes())
