"""Machines of their own for the parts of a hub: network namespaces on a bridge, which can be cut off from it."""

import contextlib
import os
import random
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

from ..real.postgres import Postgres
from ..real.redis import Redis
from .parts import Machine, enter
from .topology import SETTINGS, Servers

T = TypeVar("T")
_FILTERED = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
NAMES = ("postgres", "redis", "provider", "api-1", "api-2", "worker-1", "worker-2")


@cache
def missing() -> str:
    """Why no machines can be made here; "" where they can."""
    if os.getuid():
        return "network namespaces need root"
    if not shutil.which("ip"):
        return "network namespaces need the program `ip` (iproute2)"
    if _FILTERED.exists() and _FILTERED.read_text().strip() == "1":
        return "what passes a bridge goes through this machine's firewall (bridge-nf-call-iptables, as Docker sets it)"
    name = f"rc{secrets.token_hex(3)}"
    tried = subprocess.run(["ip", "link", "add", name, "type", "bridge"], capture_output=True, text=True, check=False)
    if tried.returncode:
        return f"no bridge can be made: {tried.stderr.strip()}"
    _ip("link", "del", name)
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if tried.returncode:
        return f"no network namespace can be made: {tried.stderr.strip()}"
    _ip("netns", "del", name)
    return ""


class Network:
    """A bridge, on which the tests are too, and a machine for each name."""

    def __init__(self, names: Sequence[str]) -> None:
        self._tag = f"rc{secrets.token_hex(3)}"
        self._names = list(names)
        self._subnet = f"10.{random.randrange(100, 250)}.{random.randrange(256)}"
        with self._undone():
            _ip("link", "add", self._tag, "type", "bridge")
            _ip("addr", "add", f"{self._subnet}.1/24", "dev", self._tag)
            _ip("link", "set", self._tag, "up")
            for name in names:
                self._make(name)

    def address(self, name: str) -> str:
        return f"{self._subnet}.{self._names.index(name) + 2}"

    def net(self, name: str) -> str:
        return f"/run/netns/{self._space(name)}"

    def cut(self, name: str) -> None:
        """Whatever is sent to that machine, or by it, is lost."""
        _ip("link", "set", self._wire(name), "down")

    def mend(self, name: str) -> None:
        _ip("link", "set", self._wire(name), "up")

    def close(self) -> None:
        for name in self._names:
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip("netns", "del", self._space(name))
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip("link", "del", self._tag)

    @contextmanager
    def _undone(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _make(self, name: str) -> None:
        space, wire = self._space(name), self._wire(name)
        _ip("netns", "add", space)
        _ip("link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", space)
        _ip("link", "set", wire, "master", self._tag, "up")
        _ip("-n", space, "addr", "add", f"{self.address(name)}/24", "dev", "eth0")
        _ip("-n", space, "link", "set", "eth0", "up")
        _ip("-n", space, "link", "set", "lo", "up")

    def _space(self, name: str) -> str:
        return f"{self._tag}-{name}"

    def _wire(self, name: str) -> str:
        return f"{self._tag}v{self._names.index(name)}"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def inside(net: str, do: Callable[[], T]) -> T:
    """Do something on a machine: what it starts is there, too."""

    def there() -> T:
        enter(net)
        return do()

    with ThreadPoolExecutor(1) as own_thread:
        return own_thread.submit(there).result()


class FarPostgres(Postgres):
    def __init__(self, network: Network) -> None:
        self._net, self._address = network.net("postgres"), network.address("postgres")
        super().__init__(durable=False, settings=SETTINGS | {"max_connections": "100"})

    def start(self) -> None:
        inside(self._net, super().start)

    def _prepare(self) -> None:
        super()._prepare()
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.0.0.0/8 scram-sha-256\n")

    def _command(self) -> list[str]:
        return [*super()._command(), "-c", "listen_addresses=*"]

    def _url(self, scheme: str, database: str) -> str:
        return super()._url(scheme, database).replace("127.0.0.1", self._address)


class FarRedis(Redis):
    def __init__(self, network: Network) -> None:
        self._net, self._address = network.net("redis"), network.address("redis")
        super().__init__()

    @property
    def url(self) -> str:
        return super().url.replace("127.0.0.1", self._address)

    def start(self) -> None:
        inside(self._net, super().start)

    def _prepare(self) -> None:
        super()._prepare()
        with (self.folder / "redis.conf").open("a") as settings:
            settings.write("bind *\n")

    def _ready(self) -> bool:
        return inside(self._net, super()._ready)


@contextmanager
def far_servers() -> Iterator[Servers]:
    """PostgreSQL and Redis on machines of their own, and machines for all the others."""
    with ExitStack() as stack:
        network = Network(NAMES)
        stack.callback(network.close)
        postgres = stack.enter_context(FarPostgres(network))
        redis = stack.enter_context(FarRedis(network))
        machines = {name: Machine(network.net(name), network.address(name)) for name in NAMES}
        yield Servers(postgres, redis, machines, network)
