"""A source that the hub reads: whoever dies at whatever step of it, each of its records becomes one item in one
version, a changed one gets one more, and what cannot become an item waits in quarantine once.
"""

from collections.abc import Callable, Iterable
from typing import Any

import httpx

from connectors.mapped.simulator import sample_records

from ...harness import eventually
from ..evidence import Evidence
from ..lives import Life
from ..scenario import Scenario
from ..topology import Shared
from ..trades import READ

_RECORDS = 75
_SOMEBODY = "VRDGPP80A01H501U"
"""None of those whose messages are accounted for elsewhere."""
_NAMES = "SELECT count(DISTINCT external_id) AS n FROM item_identities WHERE vendor_id = 'beta'"
_ITEMS = """SELECT i.external_id AS name, count(v.version) AS versions FROM item_identities i
    JOIN item_versions v USING (ente_id, item_id) WHERE i.vendor_id = 'beta' GROUP BY i.external_id, i.item_id"""
_WAITING = "SELECT name, times FROM quarantine WHERE decided IS NULL"


def _records() -> list[dict[str, Any]]:
    return [record | {"contribuente": {"cf": _SOMEBODY}} for record in sample_records(_RECORDS)]


def _expected() -> dict[str, int]:
    """Each name with its versions: every tenth has an amount that nobody understands, every seventh is changed."""
    return {f"AVV-2026-{n:06d}": 1 + (n % 7 == 0) for n in range(1, _RECORDS + 1) if n % 10}


def _change(world: Shared, records: list[dict[str, Any]]) -> None:
    httpx.post(f"{world.url_of('source')}/_sim/records", json=records, trust_env=False).raise_for_status()


def _are_there(world: Shared, share: float, *, within_s: float) -> None:
    """Until so great a share of what is expected has been read."""
    wanted = share * len(_expected())
    eventually(lambda: world.count(_NAMES), lambda found: found >= wanted, within_s=within_s)


def _reading(meanwhile: Callable[[Shared], None]) -> Callable[[Shared], None]:
    """Records come, something happens as they are read, some are changed, and read again."""

    def play(world: Shared) -> None:
        records = _records()
        with world.loading(per_s=5):
            _change(world, records)
            meanwhile(world)
            _are_there(world, 1, within_s=90)
            changed = [
                record | {"importo": "999,00", "modificato": "2026-06-15T10:00:00Z"}
                for record in records
                if record["numero"] % 7 == 0 and record["numero"] % 10
            ]
            _change(world, changed)
            eventually(lambda: _versions(world.rows(_ITEMS)), lambda found: found == _expected(), within_s=90)

    return play


def _versions(rows: list[Any]) -> dict[str, int]:
    return {row["name"]: row["versions"] for row in rows}


def _each_once(world: Shared, _seen: Evidence) -> Iterable[str]:
    rows, expected = world.rows(_ITEMS), _expected()
    found = _versions(rows)
    if len(rows) != len(expected) or found != expected:
        wrong = {name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)}
        yield f"{len(rows)} items of {len(expected)}; lost, doubled or in other versions: {sorted(wrong)[:10]}"
    waiting = sorted(row["name"] for row in world.rows(_WAITING))
    if waiting != [f"payments/AVV-2026-{n:06d}" for n in range(10, _RECORDS + 1, 10)]:
        yield f"in quarantine: {waiting}"


def _killed_at_random(world: Shared) -> None:
    """Whoever reads is killed again and again, wherever it is."""
    for share in (0.1, 0.4, 0.7):
        _are_there(world, share, within_s=60)
        for name in ("api-1", "api-2"):
            world.parts[name].kill_all()
            world.start()


def _postgres_dies(world: Shared) -> None:
    world.takes(2)
    world.on.postgres.kill()
    world.on.postgres.start()


def _scenario(name: str, meanwhile: Callable[[Shared], None], topology: dict[str, Any], **more: Any) -> Scenario:
    return Scenario(
        f"source: {name}", _reading(meanwhile), {"trade": READ} | topology, also=_each_once, drain_within_s=40, **more
    )


SCENARIOS = [
    _scenario("in peace", lambda _: None, {}),
    *(
        _scenario(
            f"api killed at {step}", lambda world: world.dies_and_returns("api-1"), {}, lives={"api-1": Life(step, 2)}
        )
        for step in ("before_taking", "taken", "before_moving")
    ),
    _scenario("its readers killed in turn", _killed_at_random, {"apis": 2}),
    _scenario("PostgreSQL killed", _postgres_dies, {}),
]
