"""How a process of a fault test begins its life: where its words go, with which bug, and at which step who dies."""

import faulthandler
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import hub.bootstrap as bootstrap
import hub.inbound.polling as polling
from connectors.opencity.pulling import Source as Tenant
from hub.clock import SystemClock
from hub.dispatch.dispatcher import Dispatcher
from hub.dispatch.pool import ConnectorPool
from hub.telemetry import configure

from . import bugs, bugs_of_parties
from .steps import STEPS


@dataclass(frozen=True)
class Life:
    """How a process lives. At call number `times` of `step` (0: at each), counted over it and all that it forks, the
    victim is killed: whoever is there, unless a part is named (api-1, worker-1, worker-1.sweeper, redis, postgres).
    """

    step: str = ""
    times: int = 1
    victim: str = ""
    role: str = ""
    """Count only where this one passes: api, parent, horse or sweeper."""
    bug: str = ""
    lease_s: float | None = None
    ordered: bool = False
    """Every connector is one that keeps the order."""
    log_is_full: bool = False
    """No word that it logs finds room."""


PLAIN = Life()
"""No death arranged, no bug."""


@dataclass(frozen=True)
class Place:
    """Where a process writes down what the world must know: `name` is the part it plays."""

    folder: Path
    name: str
    number: int = 0
    """Which life of that part."""

    @property
    def log(self) -> Path:
        return self.folder / f"hub-{self.name}-{self.number}.log"

    @property
    def ready(self) -> Path:
        return self.folder / f"ready-{self.name}-{self.number}"

    @property
    def tally(self) -> Path:
        """A byte for each time that the step was passed."""
        return self.folder / f"tally-{self.name}-{self.number}"

    @property
    def victim(self) -> Path:
        """Whose death was arranged: its process id, once it is about to come."""
        return self.folder / f"victim-{self.name}-{self.number}"

    @property
    def skew(self) -> Path:
        """By how many seconds this part's clock is wrong."""
        return self.folder / f"skew-{self.name}"

    def pid(self, name: str = "") -> Path:
        return self.folder / f"{name or self.name}.pid"


def begin(place: Place, life: Life) -> None:
    """In the process, before the hub is wired."""
    log = Path("/dev/full") if life.log_is_full else place.log
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    faulthandler.register(signal.SIGUSR1)
    configure()
    place.pid().write_text(str(os.getpid()))
    Dispatcher.__init__.__kwdefaults__["poll_s"] = 0.05
    polling._FIRST_WAIT_S = 0.3
    _sweep_each_round()
    if life.bug:
        (bugs.BUGS | bugs_of_parties.BUGS)[life.bug]()
    if life.step:
        STEPS[life.step](_countdown(place, life, os.getpid()))
    if life.lease_s is not None:
        bootstrap.LEASE = timedelta(seconds=life.lease_s)
    if life.ordered:
        _keep_order()
    _set_the_clock(place)


def _countdown(place: Place, life: Life, main: int) -> Callable[[], None]:
    """Kills the victim, without any goodbye, at call number `times`."""

    def die() -> None:
        if life.role and life.role != _role(place, main):
            return
        if _count(place.tally) == life.times or not life.times:
            victim = int(place.pid(life.victim).read_text()) if life.victim else os.getpid()
            note = place.victim.with_suffix(f".{os.getpid()}")
            note.write_text(str(victim))
            note.rename(place.victim)  # read whole, or not at all
            os.kill(victim, signal.SIGKILL)

    return die


def _count(tally: Path) -> int:
    """Adds one; several processes count together, as each appended byte has a place of its own."""
    descriptor = os.open(tally, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(descriptor, b".")
        return os.lseek(descriptor, 0, os.SEEK_CUR)
    finally:
        os.close(descriptor)


def _role(place: Place, main: int) -> str:
    if place.name.startswith("api"):
        return "api"
    if os.getpid() == main:
        return "parent"
    return "sweeper" if multiprocessing.current_process().name == "sweeper" else "horse"


def _keep_order() -> None:
    original = ConnectorPool.outlets

    def outlets(self: ConnectorPool) -> Any:
        return {key: replace(outlet, ordered=True) for key, outlet in original(self).items()}

    ConnectorPool.outlets = outlets  # type: ignore[method-assign]  # in this process alone


def _sweep_each_round() -> None:
    """What OpenCity has no more shows in a sweep, and no setting asks for one more often than each ten minutes."""
    original = Tenant._begin

    def begin(self: Tenant, place: Any) -> Any:
        return original(self, place.model_copy(update={"swept_at": None}))

    Tenant._begin = begin  # type: ignore[method-assign]  # in this process alone


def _set_the_clock(place: Place) -> None:
    """The process's own clock is wrong by what the file says, if there is one; it may change under way."""
    now = SystemClock.now

    def wrong(self: SystemClock) -> datetime:
        off = place.skew.read_text() if place.skew.exists() else ""
        return now(self) + timedelta(seconds=float(off or 0))

    SystemClock.now = wrong  # type: ignore[method-assign]  # in this process alone
