"""The disk of the database is full: nobody hears 2xx, nothing is half there, and with room it goes on by itself."""

import time
from collections.abc import Iterable

from ..oracle import Evidence
from ..scenario import Scenario
from ..small_disk import filled, missing, small_servers
from ..topology import Shared


def _fill(world: Shared) -> None:
    with world.loading():
        time.sleep(0.5)
        with filled(world.on.postgres.folder):
            time.sleep(4)
        time.sleep(0.5)


def _was_felt(_world: Shared, seen: Evidence) -> Iterable[str]:
    if not any(line["event"] == "put_off" for line in seen.ledger):
        yield "nobody was put off: the disk was not full"


SCENARIOS = [
    Scenario("disk of PostgreSQL full", _fill, also=_was_felt, needs=missing, on=small_servers, drain_within_s=40),
]
