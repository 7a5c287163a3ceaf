"""The kit as a hub: puts a vendor's client through the scenarios, by running it or while somebody does."""

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from .listener import Listener, Stretch
from .report import Report, called
from .scenarios import Observed, Scenario

_LOOK_S: Final = 0.05
IDLE_S: Final = 10.0
"""By hand: how long nothing may arrive after the last scenario's answer, or in the middle of one, before it counts."""


@contextmanager
def serving(listener: ASGIApp, door: socket.socket) -> Iterator[str]:
    """Its base URL, until the block ends."""
    config = uvicorn.Config(listener, log_config=None, access_log=False, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([door],), name="conformance-hub", daemon=True)
    thread.start()
    try:
        while thread.is_alive() and not server.started:
            time.sleep(_LOOK_S)
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        door.close()


def chosen(only: str, scenarios: Sequence[Scenario]) -> list[Scenario]:
    return [one for one in scenarios if called(one.group, one.name, only)]


def by_running(listener: Listener, command: Sequence[str], scenarios: Sequence[Scenario], *, within_s: float) -> Report:
    """The client is run once for each scenario, and stopped where it takes longer than `within_s`."""
    results = []
    for scenario in scenarios:
        started = time.monotonic()
        listener.spoil(scenario.pdnd)
        (stretch,) = listener.begin(scenario.script)
        try:
            done = subprocess.run(command, capture_output=True, timeout=within_s, check=False)  # noqa: S603 - the vendor's own command
            observed = Observed(tuple(stretch.seen), done.returncode, no_voucher=listener.no_voucher())
        except subprocess.TimeoutExpired:
            observed = Observed(tuple(stretch.seen), None, ended=False)
        results.append(scenario.result(observed, took_s=time.monotonic() - started))
    return Report(" ".join(command), results)


def by_hand(
    listener: Listener, scenarios: Sequence[Scenario], tell: Callable[[Scenario], None], *, idle_s: float = IDLE_S
) -> Report:
    """Each scenario ends when its answers are given, or when nothing more comes of it; Ctrl-C ends them all."""
    stretches = listener.begin(*(one.script for one in scenarios))
    reached: list[tuple[Scenario, Stretch]] = []
    with suppress(KeyboardInterrupt):
        for scenario, stretch in zip(scenarios, stretches, strict=True):
            tell(scenario)
            listener.spoil(scenario.pdnd)
            reached.append((scenario, stretch))
            while not stretch.used_up and not _idle(stretch, idle_s):
                time.sleep(_LOOK_S)
            if not stretch.used_up:
                listener.advance()
    return Report("by hand", [one.result(Observed(tuple(stretch.seen)), took_s=0) for one, stretch in reached])


def _idle(stretch: Stretch, idle_s: float) -> bool:
    return bool(stretch.seen) and time.monotonic() - stretch.seen[-1].at > idle_s
