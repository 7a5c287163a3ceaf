"""The hub of an embedded fault test: the whole application, on a loopback port, in a process that may be told where to
die.

The processes are forked from a server that has imported everything (`CONTEXT`), so that a life costs no second of
start-up; they share nothing else with the test.
"""

import asyncio
import multiprocessing
import socket
from pathlib import Path

import uvicorn

from hub.app import create_app
from hub.home import Home
from hub.settings import Settings

from .lives import Life, Place, begin

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__, "tests.faults.parts", "tests.faults.trades", "tests.faults.warm"])


def serve(home: Path, place: Place, life: Life) -> None:
    """The process. `place.ready` is written, with the port in it, once the hub serves."""
    begin(place, life)
    sweep_s = 5.0 if life.lease_s is None else life.lease_s / 4
    run_api(Settings(home=home, sweep_s=sweep_s), place)


def run_api(settings: Settings, place: Place, *, host: str = "127.0.0.1", port: int = 0) -> None:
    """Serve until SIGTERM."""
    app = create_app(Home(settings))
    listener = socket.create_server((host, port), backlog=1024)
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5, ws="none")
    _Server(config, place.ready).run(sockets=[listener])


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
