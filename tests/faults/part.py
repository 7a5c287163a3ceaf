"""One process of a shared hub with all that it forks: started, killed, frozen, stopped and started again."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from ..harness import eventually
from ..real import guard
from .hub_process import CONTEXT
from .lives import PLAIN, Life, Place

STOP_WITHIN_S = 25


class Part:
    """`target(*arguments, place, life)` is what runs."""

    def __init__(self, folder: Path, name: str, target: Callable[..., None], *arguments: Any) -> None:
        self.name = name
        self._folder = folder
        self._target = target
        self._arguments = arguments
        self._number = 0
        self._process: Any = None
        self._life = PLAIN
        self._sessions: list[int] = []

    @property
    def place(self) -> Place:
        return Place(self._folder, self.name, self._number)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    def start(self, life: Life = PLAIN) -> None:
        """Returns once it serves, or is dead."""
        self.launch(life)
        self.await_ready()

    def launch(self, life: Life = PLAIN) -> None:
        """Begin; others may begin meanwhile."""
        assert not self.alive
        self._number += 1
        self._life = life
        self._process = CONTEXT.Process(target=self._target, args=(*self._arguments, self.place, life), daemon=True)
        self._process.start()
        self._sessions.append(self._process.pid)

    def await_ready(self) -> None:
        """Until it serves, or is dead."""
        place = self.place
        eventually(lambda: place.ready.exists() or not self.alive, bool, within_s=30)

    def family(self) -> list[psutil.Process]:
        """It and its descendants of all its lives, orphans included: they share a session."""
        found = []
        for pid in psutil.pids():
            with contextlib.suppress(OSError, psutil.NoSuchProcess):
                if os.getsid(pid) in self._sessions:
                    one = psutil.Process(pid)
                    if one.status() != psutil.STATUS_ZOMBIE:
                        found.append(one)
        return found

    def kill(self) -> None:
        """kill -9 to the process itself; what it forked lives on."""
        self._process.kill()
        self._process.join()

    def kill_all(self) -> None:
        """kill -9 to all of it, as when its machine goes dark."""
        for number in (signal.SIGSTOP, signal.SIGKILL):
            self._tell(number)
        if self._process is not None:
            self._process.join()

    def kill_children(self) -> None:
        """kill -9 to what it forked."""
        guard.tell([one for one in self.family() if one.pid != self._process.pid], signal.SIGKILL)

    def freeze(self) -> None:
        self._tell(signal.SIGSTOP)

    def thaw(self) -> None:
        self._tell(signal.SIGCONT)

    def stop(self) -> None:
        """As an operator would: SIGTERM, and time. What its earlier lives left behind is waited for as well."""
        self.thaw()
        if self.alive:
            self._process.terminate()
            self._process.join(STOP_WITHIN_S)
        deadline = time.monotonic() + STOP_WITHIN_S
        while left := self.family():
            if time.monotonic() > deadline:
                words = [f"{one.pid} {one.name()} {one.status()}" for one in left]
                self._tell(signal.SIGUSR1)  # each writes where its threads stand
                time.sleep(1)
                self.kill_all()
                raise AssertionError(f"{self.name} did not stop: {words}\n{self.place.log.read_text()[-9000:]}")
            time.sleep(0.05)

    @property
    def threatened(self) -> bool:
        """Whether a death was arranged that has not come."""
        return self.alive and bool(self._life.step) and not self.step_passed()

    def step_passed(self) -> bool:
        """Whether the arranged death has come: between the step and the death the victim still looks alive, and whoever
        starts what is dead would pass it over."""
        tally, victim = self.place.tally, self.place.victim
        passed = tally.exists() and tally.stat().st_size >= self._life.times and victim.exists()
        return passed and _is_dead(int(victim.read_text()))

    def _tell(self, number: signal.Signals) -> None:
        guard.tell(self.family(), number)


def _is_dead(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    return True
