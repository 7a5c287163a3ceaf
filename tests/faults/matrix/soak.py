"""Nothing happens to anybody, for a while: all goes through, and no process grows."""

import time

from ..scenario import Scenario, nobody_was_put_off
from ..topology import Shared

_PIECES, _PIECE_S = 3, 50
_MOST_MB = 12
"""So much may the last piece need more than the first."""


def _soak(world: Shared) -> None:
    most: list[dict[str, float]] = []
    with world.loading(per_s=20):
        for _ in range(_PIECES):
            most.append(world.resident())
            ends = time.monotonic() + _PIECE_S
            while time.monotonic() < ends:
                most[-1] = {name: max(size, most[-1][name]) for name, size in world.resident().items()}
                time.sleep(0.5)
    grown = {name: round(most[-1][name] - size, 1) for name, size in most[0].items()}
    assert max(grown.values()) < _MOST_MB, f"grown by MB: {grown}"


SCENARIOS = [Scenario("a soak", _soak, {"apis": 2, "workers": 2}, also=nobody_was_put_off, drain_within_s=40)]
