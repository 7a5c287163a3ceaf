"""A hundred thousand deliveries are due when a provider comes back: it gets them at its rate, and no process grows."""

import json

from ...harness import eventually
from ..accounts import io_moments, most_in_a_second
from ..scenario import Scenario
from ..topology import LIMITS, Shared

_DUE = 100_000
_RATE, _BURST = 40, 10
_WATCHED = 500
_MOST_MB = 60
"""By so much may a process grow meanwhile: far less than the rows that are due."""
_COLUMNS = "SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'deliveries'"
_COPIES = """INSERT INTO deliveries ({columns}) SELECT {values} FROM deliveries, generate_series(1, {many})
    WHERE delivery_id = '{one}'"""


def _come_back(world: Shared) -> None:
    world.parts["provider"].kill_all()
    world.load(4)
    one = world.rows("SELECT delivery_id FROM deliveries WHERE channel = 'io' LIMIT 1")[0]["delivery_id"]
    _copy(world, one, _DUE)
    ledger = world.folder / "io" / "app_io.jsonl"
    before = world.resident()
    world.start()
    most = dict(before)

    def come_in() -> int:
        for name, size in world.resident().items():
            most[name] = max(size, most[name])
        return len(ledger.read_text().splitlines()) if ledger.exists() else 0

    eventually(come_in, lambda sent: sent > _WATCHED, within_s=180)
    at = io_moments(world.folder)
    _forget_copies(world)
    grown = {name: round(most[name] - before[name]) for name in before}
    assert max(grown.values()) < _MOST_MB, f"grown by MB: {grown}"
    burst = most_in_a_second(at)
    # What was claimed in its time may reach the provider a little later, as many as there are hands.
    allowed = _RATE + _BURST + LIMITS["concurrency"]
    assert burst <= allowed, f"{burst} within a second, {allowed} are allowed"
    assert len(at) <= _BURST + _RATE * (at[-1] - at[0]) + LIMITS["concurrency"], "it came faster than its rate"


def _copy(world: Shared, one: str, many: int) -> None:
    """That delivery so many times, due since an hour ago; of the oracle's account they are not."""
    columns = [row["name"] for row in world.rows(_COLUMNS)]
    values = {
        "delivery_id": "'c0000000-0000-4000-8000-' || lpad(generate_series::text, 12, '0')",
        "state": "'queued'",
        **dict.fromkeys(("claim_id", "lease_until", "about_to_send_at", "provider_id", "reason"), "NULL"),
        **dict.fromkeys(("maybe_sent", "unsafe"), "false"),
        **dict.fromkeys(("claims", "attempts"), "0"),
        "memo": "'{}'",
    }
    chosen = ", ".join(values.get(name, name) for name in columns)
    with world.connect() as connection:
        connection.execute(_COPIES.format(columns=", ".join(columns), values=chosen, many=many, one=one).encode())
        connection.execute(b"ANALYZE deliveries")


def _forget_copies(world: Shared) -> None:
    """They are neither to be sent on, nor in the oracle's account: not in the tables, and not at the provider."""
    world.parts["provider"].kill_all()
    with world.connect() as connection:
        with connection.transaction():  # whole, or a worker at its end and this would each hold what the other wants
            connection.execute(b"LOCK TABLE deliveries IN EXCLUSIVE MODE")
            connection.execute(b"DELETE FROM deliveries WHERE delivery_id LIKE 'c0000000-%'")
        its = connection.execute(b"SELECT provider_id FROM deliveries WHERE provider_id IS NOT NULL").fetchall()
    known = {row["provider_id"] for row in its}
    ledger = world.folder / "io" / "app_io.jsonl"
    kept = [line for line in ledger.read_text().splitlines() if json.loads(line)["message_id"] in known]
    ledger.write_text("".join(f"{line}\n" for line in kept))
    world.start()


SCENARIOS = [
    Scenario(
        "a hundred thousand due after an outage",
        _come_back,
        {"limits": LIMITS | {"rate_per_s": float(_RATE), "burst": _BURST}},
        drain_within_s=60,
    ),
]
