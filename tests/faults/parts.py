"""What runs in the processes of a shared hub: an API, a worker, a sweeper, the providers. Each is one of the real
commands, begun by a `Life`, in a session of its own and perhaps on a machine (network namespace) of its own.
"""

import ctypes
import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hub.worker.process as process
from contracts.connector import Simulation
from hub.home import Home
from hub.settings import Settings
from hub.stopping import Stopping

from ..real.guard import die_with_parent
from .hub_process import run_api
from .lives import Life, Place, begin
from .meddler import Meddler

Making = Callable[[Path, Sequence[int]], Mapping[str, tuple[str, Simulation]]]
_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Machine:
    """Where a part runs: `net` is the file of its network namespace, "" that of the tests."""

    net: str = ""
    address: str = "127.0.0.1"
    relays: tuple[tuple[int, str, int], ...] = ()
    """(port on this machine's loopback, address, port): providers that the connectors take only on loopback."""


HERE = Machine()


def api(settings: Mapping[str, Any], machine: Machine, port: int, place: Place, life: Life) -> None:
    _be(machine)
    begin(place, life)
    run_api(Settings.model_validate(settings), place, host=machine.address, port=port)


def worker(settings: Mapping[str, Any], machine: Machine, place: Place, life: Life) -> None:
    _be(machine)
    begin(place, life)
    home = Home(Settings.model_validate(settings))
    sweep = process.sweep

    def known(*args: Any, **kwargs: Any) -> None:
        place.pid(f"{place.name}.sweeper").write_text(str(os.getpid()))
        sweep(*args, **kwargs)

    process.sweep = known
    place.ready.write_text("")
    work = process.work if home.settings.redis_url else process.look
    work(home)


def provider(made: Making, folder: Path, machine: Machine, ports: Sequence[int], place: Place, life: Life) -> None:
    """Those that `made(folder, ports)` are. What they accepted before, they still know; how they are reached stands in
    `providers.json`."""
    _be(machine)
    begin(place, life)
    simulated = made(folder, ports)
    given = {name: (kind, one.start()) for name, (kind, one) in simulated.items()}
    # The simulators listen on loopback only; on a machine of their own they are reached through its address.
    outside = [Meddler(("127.0.0.1", port), listen=(machine.address, port)) for port in ports if machine.net]
    over = Stopping()
    over.on_signals()
    (folder / "providers.json").write_text(json.dumps(given))
    place.ready.write_text("")
    over.wait()
    for each in outside:
        each.close()
    for _, one in simulated.values():
        one.stop()


def _be(machine: Machine) -> None:
    os.setsid()
    # Whoever kills the tests ends their processes, too.
    die_with_parent()
    # A daemon of the tests' process, which ends with it; RQ's worker has children all the same.
    multiprocessing.current_process()._config["daemon"] = False
    if machine.net:
        enter(machine.net)
    for port, host, there in machine.relays:
        _relay(port, host, there)


def _relay(port: int, host: str, there: int) -> None:
    """In a process of its own: the worker must not have threads when it forks."""
    if os.fork() == 0:
        die_with_parent()
        Meddler((host, there), listen=("127.0.0.1", port))
        threading.Event().wait()


def enter(net: str) -> None:
    """This thread, and what it starts, is on that machine from now on."""
    descriptor = os.open(net, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(descriptor)
