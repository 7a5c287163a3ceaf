"""`serve`: the API and, in the same process, dispatcher and sweeper."""

import gc
import ipaddress
import logging
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.home import Home, HomeError
from hub.http.connections import Connection
from hub.starting import described
from hub.stopping import on_signals
from hub.telemetry import configure

from .console import Failed, WrongUsage, emit, say
from .options import HOME, AsJson, HomeFolder, opened
from .outlets import unserved
from .revealing import on_record
from .simulated_pdnd import Playing, playing_pdnd, still_registered
from .simulating import FOLDER, addresses_of, is_simulating, simulated, simulating_alone, still_simulated

log = logging.getLogger(__name__)

DRAIN_S = 10
_NAMED = 10
"""Enti that a warning names, of a region's hundreds."""


def serve(
    host: Annotated[str, typer.Option("--host")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any free one.")] = 8000,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Also start the simulated providers, and point the connectors at them.")
    ] = False,
    behind_tls_proxy: Annotated[
        bool, typer.Option("--behind-tls-proxy", help="A proxy in front speaks TLS; needed beyond this machine.")
    ] = False,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Serve the APIs; logs are JSON lines on standard error. SIGTERM ends it in good order."""
    if not behind_tls_proxy and not _is_loopback(host):
        raise WrongUsage(
            f"--host {host}: plain http leaves this machine; put a TLS proxy in front and say --behind-tls-proxy"
        )
    from hub.app import create_app
    from hub.http.exchange import PEER

    with opened(home) as one, ExitStack() as stack:
        with one.taken():
            pass  # where another process serves this home, its connectors must not be turned to our providers
        listener = stack.enter_context(_listen(host, port))
        configure()
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        if simulate:
            stack.enter_context(simulating_alone(one))
            stack.enter_context(on_record(one, "simulate_providers", None, "connectors"))
        pdnd = stack.enter_context(playing_pdnd(one, one.folder / FOLDER / "pdnd")) if simulate else None
        providers = stack.enter_context(simulated(one)) if simulate else {}
        _warn(one, simulates=simulate)
        application = create_app(one)
        application.hub.simulated = addresses_of(providers)
        app = _Told(application)
        spare_collections()
        config = uvicorn.Config(
            _behind_proxy(app, PEER, one.settings.trusted_proxies) if behind_tls_proxy else app,
            http=Connection,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # ours is around the application, so that the address of the proxy itself is kept
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=DRAIN_S,
            ws="none",
            lifespan="on",
        )
        server = _Server(
            config,
            url=_url(host, listener),
            works_with=described(one),
            providers=providers,
            pdnd=pdnd,
            as_json=as_json,
        )
        server.end_on_signals(application.hub.streams.end_soon)
        try:
            server.run([listener])
        except SystemExit:  # uvicorn's way of saying that the application did not start
            raise app.problem or Failed("the hub did not start; the log says why") from None


MOST_CONNECTIONS = 1000


def spare_collections() -> None:
    """Modules, models and tables live as long as this process: the garbage collector need not look at them again, and
    what a request leaves is freed by its counts, so that collections may be rarer."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _warn(home: Home, *, simulates: bool) -> None:
    """Log what is set up so that citizens would not be told, though nothing fails."""
    beside = not simulates and is_simulating(home)
    if beside:
        problem = "another process of this home simulates the providers: when it ends, nothing is behind the connectors"
        names = ",".join(f"{ente_id}/{connector_id}" for ente_id, connector_id in still_simulated(home))
        log.warning("serve.simulated_beside connectors=%s problem=%s", names, problem)
    for ente_id, connector_id in () if simulates or beside else still_simulated(home):
        problem = f"connector {connector_id} still points at the simulator"
        log.warning("serve.simulated_connector ente=%s connector=%s problem=%s", ente_id, connector_id, problem)
    for ente_id in () if simulates or beside else still_registered(home):
        problem = "a simulation that was killed left it at its PDND: raccordo ente pdnd --remove"
        log.warning("serve.simulated_pdnd ente=%s problem=%s", ente_id, problem)
    for channels, enti in unserved(home).items():
        problem = "no connector: notices on these channels are skipped"
        which = ",".join(enti[:_NAMED]) + (f" and {len(enti) - _NAMED} more" if len(enti) > _NAMED else "")
        log.warning("serve.unserved_channels ente=%s channels=%s problem=%s", which, ",".join(channels), problem)


class _Server(uvicorn.Server):
    """Says on standard output where it serves, once it does."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        url: str,
        works_with: str,
        providers: Mapping[str, Path],
        pdnd: Playing | None,
        as_json: bool,
    ) -> None:
        super().__init__(config)
        self._url = url
        self._works_with = works_with
        self._providers = providers
        self._pdnd = pdnd
        self._as_json = as_json

    def end_on_signals(self, also: Callable[[], None]) -> None:
        """uvicorn raises the signal again when it is done; by then it must not kill what is still being closed. What it
        waits for, open streams, is to end `also`: while it serves, it takes the signals to its own `handle_exit`."""
        self._also = also
        on_signals(self._end)

    def _end(self, *_: Any) -> None:
        self.should_exit = True
        self._also()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._also()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        log.info("serve.started url=%s %s", self._url, self._works_with)
        if self._as_json:
            folders = {name: str(folder) for name, folder in self._providers.items()}
            told: dict[str, Any] = {"url": self._url, "simulated": folders}
            if self._pdnd is not None:
                told["pdnd"] = self._pdnd.shown()
            emit(told, one_line=True)
        else:
            say(f"serving {self._url}")
            for name, folder in self._providers.items():
                say(f"{name} is simulated; its ledger is in {folder}")
            for line in () if self._pdnd is None else self._pdnd.lines(self._url):
                say(line)
            sys.stdout.flush()


def _behind_proxy(app: ASGIApp, peer: str, trusted: str) -> ASGIApp:
    """The application as a `trusted` proxy calls it: `client` is whom the proxy speaks for, `peer` the proxy itself."""
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    spoken_for: Any = ProxyHeadersMiddleware(app, trusted.replace(" ", ""))  # type: ignore[arg-type]  # uvicorn has types of its own

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("client"):
            scope[peer] = scope["client"][0]
        await spoken_for(scope, receive, send)

    return call


class _Told:
    """The application; keeps the HomeError of a start that failed, which a server would only log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.problem: HomeError | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except HomeError as problem:
            self.problem = problem
            raise


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise Failed(f"--host {host} --port {port}: {error.strerror or error}") from None


def _url(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
