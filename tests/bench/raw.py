"""The floors under everything: bare signature checks, and bare group commits by the raw driver."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from contracts.identifiers import new_uuid7

from ..harness import PUBLISH_AUDIENCE
from .corpus import Vendors, signed_headers
from .limit_server import Tokens, commit, connect

BATCH = 16


def per_second(run: Callable[[], object], *, seconds: float) -> float:
    """How often `run` runs in a second."""
    run()
    count, started = 0, time.perf_counter()
    while (taken := time.perf_counter() - started) < seconds:
        run()
        count += 1
    return count / taken


def signature_checks(vendors: Vendors, vendor: str, *, seconds: float) -> float:
    """Bare verifications of one signature in a second, with the key at hand: no JOSE, no claims."""
    key = vendors.of(vendor)
    compact = signed_headers(key, vendor, b"{}")["Agid-JWT-Signature"]
    tokens = Tokens(PUBLISH_AUDIENCE, {vendors.es.kid: vendors.es.private.public_key()})
    tokens.verify(compact, time.time())
    verify = tokens.bare(compact)
    return per_second(verify, seconds=seconds)


def group_commits(folder: Path, bodies: Iterable[bytes], *, commits: int) -> float:
    """Messages in a second: record and outbox row of the limit server, `BATCH` a durable transaction."""
    connection = connect(folder / f"floor-{new_uuid7()}.db")
    body = next(iter(bodies))
    batches = [
        [(new_uuid7(), new_uuid7(), f"citizen-{n}", "2026-11-23T09:00:00Z", body) for n in range(BATCH)]
        for _ in range(commits)
    ]
    started = time.perf_counter()
    for batch in batches:
        commit(connection, batch)
    taken = time.perf_counter() - started
    connection.close()
    return BATCH * commits / taken
