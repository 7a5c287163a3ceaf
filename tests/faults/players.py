"""Who plays scenarios: processes with servers and ports of their own, so that several play side by side and what one
does to its servers hurts no other. Most of a scenario is waiting.
"""

import contextlib
import itertools
import multiprocessing
import shutil
import tempfile
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ..real import server
from .evidence import Violation
from .matrix.catalogue import SCENARIOS
from .matrix.random_kills import NAME, at_random
from .scenario import Outcome, Scenario, perform
from .topology import Servers, servers

_SPAWN = multiprocessing.get_context("spawn")
_OVER_WITHIN_S = 900.0
"""No scenario takes so long; one that does hangs."""
_END_WITHIN_S = 60.0


class Player:
    """One of `together`, by its number. It is there from its first scenario on; one that hangs or dies is replaced."""

    def __init__(self, folder: Path, number: int, together: int) -> None:
        self._folder = folder
        self._ports = server.PORTS[number::together]
        self._process: Any = None
        self._wire: Connection

    def play(self, name: str) -> Outcome:
        """The scenario of that name, in the matrix or at random."""
        if self._process is None:
            self._begin()
        started = time.monotonic()
        end = f"no end in {_OVER_WITHIN_S:.0f} s"
        with contextlib.suppress(EOFError, OSError):
            self._wire.send(name)
            if self._wire.poll(_OVER_WITHIN_S):
                outcome: Outcome = self._wire.recv()
                return outcome
        if not self._process.is_alive():
            end = f"its player died: {self._process.exitcode}"
        self._process.kill()
        self.close()
        return _broken_off(name, end, time.monotonic() - started)

    def close(self) -> None:
        """Its servers end in good order, else with it."""
        if self._process is None:
            return
        self._wire.close()  # the player sees no more to come
        self._process.join(_END_WITHIN_S)
        self._process.kill()
        self._process = None

    def _begin(self) -> None:
        self._wire, theirs = _SPAWN.Pipe()
        own = Path(tempfile.mkdtemp(prefix="player-", dir=self._folder))
        self._process = _SPAWN.Process(target=_player, args=(theirs, own, self._ports))
        self._process.start()
        theirs.close()


def _player(wire: Connection, folder: Path, ports: range) -> None:
    """The process. It ends when no more can come."""
    server.PORTS = ports
    with servers() as on, contextlib.suppress(EOFError):
        for number in itertools.count():
            name = wire.recv()
            wire.send(_played(_named(name), folder / str(number), on))


def _named(name: str) -> Scenario:
    if name.startswith(NAME):
        return at_random(int(name.removeprefix(NAME)))
    return next(each for each in SCENARIOS if each.name == name)


def _played(scenario: Scenario, folder: Path, on: Servers) -> Outcome:
    """What was played without a violation leaves nothing."""
    started = time.monotonic()
    try:
        outcome = perform(scenario, folder, on)
    except Exception as error:  # whatever it is, it is a finding, and the others are played
        return _broken_off(scenario.name, f"{type(error).__name__}: {error}", time.monotonic() - started)
    if not outcome.violations:
        shutil.rmtree(folder)
    return outcome


def _broken_off(name: str, why: str, seconds: float) -> Outcome:
    return Outcome(name, [Violation("broken off", why)], Counter(), 0, seconds)
