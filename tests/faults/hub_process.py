"""The hub of a fault test: the whole application, on a loopback port, in a process that may be told where to die.

The processes are forked from a server that has imported everything (`CONTEXT`), so that a life costs no second of
start-up; they share nothing else with the test.
"""

import asyncio
import multiprocessing
import os
import socket
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import uvicorn

import hub.bootstrap as bootstrap
from hub.app import create_app
from hub.dispatch.dispatcher import Dispatcher
from hub.settings import Settings
from hub.telemetry import configure

from .bugs import BUGS
from .steps import STEPS, countdown

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class Life:
    """How a hub process lives: where it dies (`step`, at its call number `times`), with which bug, which lease."""

    step: str = ""
    times: int = 1
    bug: str = ""
    lease_s: float | None = None


PLAIN = Life()
"""No death arranged, no bug."""


def serve(home: Path, ready: Path, log: Path, life: Life) -> None:
    """The process. `ready` is written, with the port in it, once the hub serves."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    configure()
    Dispatcher.__init__.__kwdefaults__["poll_s"] = 0.05
    if life.bug:
        BUGS[life.bug]()
    if life.step:
        STEPS[life.step](countdown(life.times))
    if life.lease_s is not None:
        bootstrap.LEASE = timedelta(seconds=life.lease_s)
        Dispatcher.__init__.__kwdefaults__["sweep_s"] = life.lease_s / 4
    app = create_app(bootstrap.Home(Settings(home=home)))
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5, ws="none")
    _Server(config, ready).run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Path) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            assert sockets
            draft = self._ready.with_suffix(".part")
            await asyncio.to_thread(draft.write_text, str(sockets[0].getsockname()[1]))
            draft.rename(self._ready)
