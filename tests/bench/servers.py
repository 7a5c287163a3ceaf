"""The measured servers, each in a process of its own, and the process that loads them."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
import uvicorn

from .load import CONNECTIONS, Run, generate

_SPAWN = get_context("spawn")
PAGE = os.sysconf("SC_PAGE_SIZE")


class _Announced(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, pipe: Connection) -> None:
        super().__init__(config)
        self._pipe = pipe

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        assert sockets
        self._pipe.send(sockets[0].getsockname()[1])


def serve(app: Any, pipe: Connection, port: int = 0, http: Any = "httptools") -> None:
    """An application, until the process is told to end; the pipe is told its port."""
    listener = socket.create_server(("127.0.0.1", port), backlog=256, reuse_port=True)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=http,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    _Announced(config, pipe).run(sockets=[listener])


def serve_hub(
    folder: Path, settings: dict[str, Any], pipe: Connection, port: int = 0, profile: Path | None = None
) -> None:
    """The hub as `raccordo serve` runs it: its limits of a connection, and logs at INFO, into a file."""
    from hub.app import create_app
    from hub.cli.serving import spare_collections
    from hub.home import Home
    from hub.http import connections
    from hub.settings import Settings
    from hub.telemetry import configure

    configure(stream=(folder / "hub.log").open("w"))
    app = create_app(Home(Settings(home=folder, **settings)))
    spare_collections()
    run = partial(serve, app, pipe, port, connections.Connection)
    if profile is None:
        run()
        return
    _profiled(app.hub.committer, run, profile)


def _profiled(committer: Any, run: Callable[[], None], folder: Path) -> None:
    """Serve under cProfile: `loop.pstats` of the event loop, `committer.pstats` of the writing thread."""
    import cProfile
    import signal

    # uvicorn raises the signal that stopped it once more: the profiles must be written first.
    signal.signal(signal.SIGTERM, lambda *_: None)
    loop, writer = cProfile.Profile(), cProfile.Profile()
    committer._thread._target = lambda: writer.runcall(committer._run)
    loop.runcall(run)
    loop.dump_stats(folder / "loop.pstats")
    writer.dump_stats(folder / "committer.pstats")


def serve_limit(store: Path | str, audience: str, jwks: dict[str, Any], pipe: Connection, port: int = 0) -> None:
    """The limit server that verifies by hand, over a SQLite file or a PostgreSQL."""
    from joserfc.jwk import JWKRegistry

    from .limit_server import by_hand, create_app

    keys = {kid: JWKRegistry.import_key(jwk).public_key for kid, jwk in jwks.items()}  # type: ignore[union-attr]  # EC keys
    serve(create_app(_writing(store), by_hand(audience, keys)), pipe, port)


def serve_same(store: Path | str, settings: dict[str, Any], pipe: Connection, port: int = 0) -> None:
    """The limit server that verifies as the hub does."""
    from .limit_server import create_app, same

    serve(create_app(_writing(store), same(settings)), pipe, port)


def _writing(store: Path | str) -> Callable[[list[Any]], None]:
    from .limit_server import commit, connect, postgres_commit

    return postgres_commit(store) if isinstance(store, str) else partial(commit, connect(store))


class Server:
    """A running one; `others` are processes that share its port."""

    def __init__(self, process: Any, port: int, *others: Any) -> None:
        self._process = process
        self._processes = (process, *others)
        self.port = port

    def rss_mb(self) -> float:
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * PAGE / 1024 / 1024

    def cpu_s(self) -> float:
        """The processor's time that all of its processes took."""
        return sum(cpu_s(process.pid) for process in self._processes)


def cpu_s(pid: int) -> float:
    """The processor's time that a process took."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(target: Callable[..., None], *arguments: Any, **options: Any) -> Iterator[Server]:
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=target, args=(*arguments, theirs), kwargs=options, daemon=True)
    process.start()
    theirs.close()
    try:
        yield Server(process, ours.recv())
    finally:
        process.terminate()
        process.join(20)


@contextmanager
def running_two(target: Callable[..., None], *arguments: Any) -> Iterator[Server]:
    """Two processes on one port: the kernel deals the connections out."""
    with ExitStack() as stack:
        first = stack.enter_context(running(target, *arguments))
        second = stack.enter_context(running(target, *arguments, port=first.port))
        yield Server(first._process, first.port, second._process)


def own_mb() -> float:
    """What this process weighs."""
    return float(psutil.Process().memory_info().rss) / 1_048_576


class Generator:
    """The generating process; `drive` returns once every request has its answer."""

    def __init__(self, connections: int = CONNECTIONS) -> None:
        self._connections = connections
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=generate, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def drive(self, server: Server, requests: list[bytes]) -> Run:
        """Load a server. Exits when an answer is not a success: a rate of refusals is no rate."""
        before = server.cpu_s()
        self._pipe.send((server.port, requests, self._connections))
        found = self._pipe.recv()
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, Run)
        failed = {status: count for status, count in found.statuses.items() if not 200 <= status < 300}
        if failed or len(found.latencies) != len(requests):
            sys.exit(f"bench: {failed} of {len(requests)} answers; the first body: {found.sample[:300]!r}")
        found.cpu_us = (server.cpu_s() - before) / len(requests) * 1e6
        return found

    def close(self) -> None:
        self._pipe.close()
        self._process.join(5)
