"""A shared hub: PostgreSQL, Redis, API processes, workers and the providers, each of them a process to do things to."""

import itertools
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
from psycopg.rows import dict_row

from hub.clock import SystemClock
from hub.store.database import Database

from ..harness import HubUnderTest, eventually
from ..real import guard
from ..real.postgres import Postgres
from ..real.redis import Redis
from ..real.server import Server, free_port
from . import parts
from .balancer import Balancer
from .evidence import Evidence
from .ground import FAST, Ground
from .lives import PLAIN, Life
from .meddler import Meddler
from .part import Part
from .parts import HERE, Machine
from .post import behave
from .trades import MESSAGES, PORTS, Trade

SETTINGS = {"max_connections": "60", "shared_buffers": "32MB"}
"""A small PostgreSQL's."""
LEASE_S = 4.0
SWEEP_S = 0.5
ANSWER_WITHIN_S = 10.0
_A_WISH_S = 0.15
# A provider's time-out is shorter than the lease, as in operation.
LIMITS = FAST | {"timeout_s": 2, "concurrency": 8}
_numbers = itertools.count()


@dataclass
class Servers:
    postgres: Postgres
    redis: Redis
    machines: Mapping[str, Machine] = field(default_factory=dict)
    """Where the parts run, if not here."""
    network: Any = None
    standby: Any = None
    """A PostgreSQL that may take over."""
    template: str = ""
    """A database there with the hub's schema, to be copied; "" where each world has to make its own."""


@contextmanager
def servers(*, durable: bool = True) -> Iterator[Servers]:
    """For as many worlds as one likes, one after the other. What is not `durable` outlives kill -9 all the same."""
    with Postgres(durable=durable, settings=SETTINGS) as postgres, Redis() as redis:
        yield Servers(postgres, redis, template=_template(postgres))


def _template(postgres: Postgres) -> str:
    """Copying it takes a tenth of a second, all the migrations a whole one."""
    database = Database(postgres.create_database("faults_template"), SystemClock())
    try:
        database.migrate()
    finally:
        database.close()
    return "faults_template"


class Shared(Ground):
    """Parts by name: api-1 ..., worker-1 ..., provider; servers: postgres, redis."""

    drain_within_s = 25.0

    def __init__(
        self,
        folder: Path,
        on: Servers,
        *,
        apis: int = 1,
        workers: int = 1,
        lease_s: float = LEASE_S,
        limits: Mapping[str, Any] = LIMITS,
        meddled: str = "",
        trade: Trade = MESSAGES,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.on = on
        self._revive()
        on.redis.clear()  # a worker killed in the scenario before leaves its job as one that is being done
        self.lease_s = lease_s
        self._ports = ports = tuple(free_port() for _ in range(PORTS))
        behind = {"io": ports[0], "postgres": on.postgres.port}
        self.meddler = Meddler(("127.0.0.1", behind[meddled])) if meddled else None
        provider = Part(folder, "provider", parts.provider, trade.providers, folder, self._machine("provider"), ports)
        self.parts = {"provider": provider}
        provider.launch()
        self._database = f"faults_{next(_numbers)}"
        url = on.postgres.create_database(self._database, template=on.template or "template1")
        provider.await_ready()
        reached = (folder / "providers.json").read_text()
        if self.meddler and meddled == "io":
            reached = reached.replace(f":{ports[0]}/", f":{self.meddler.port}/")
        super().__init__(
            folder,
            trade.tuned(json.loads(reached)),
            trade=trade,
            limits=limits,
            migrated=bool(on.template),
            database_url=url,
        )
        if self.meddler and meddled == "postgres":
            url = url.replace(f":{on.postgres.port}/", f":{self.meddler.port}/")
        self.io_url = f"http://{self._machine('provider').address}:{ports[0]}"
        given = {"home": self.home.folder, "database_url": url, "dispatch": "workers", "redis_url": on.redis.url}
        self._settings = given | {"sweep_s": SWEEP_S}
        self._addresses = {}
        for name in (f"api-{n}" for n in range(1, apis + 1)):
            port, machine = free_port(), self._machine(name)
            self.parts[name] = Part(folder, name, parts.api, self._settings, machine, port)
            self._addresses[name] = f"http://{machine.address}:{port}"
        addresses = list(self._addresses.values())
        self._balancer = Balancer(addresses)
        for name in (f"worker-{n}" for n in range(1, workers + 1)):
            self.parts[name] = Part(folder, name, parts.worker, self._settings, self._machine(name))
        client = httpx.Client(base_url=addresses[0], transport=self._balancer, timeout=ANSWER_WITHIN_S)
        self.hub = self.under_test(addresses[0], client)

    def _machine(self, name: str) -> Machine:
        machine = self.on.machines.get(name, HERE)
        if not (name.startswith("worker") and machine.net):
            return machine
        far = self._machine("provider").address
        return replace(machine, relays=tuple((port, far, port) for port in self._ports))

    def url_of(self, connector_id: str) -> str:
        return super().url_of(connector_id).replace("127.0.0.1", self._machine("provider").address)

    # --- the lives of its parts

    def start(self, lives: Mapping[str, Life] | None = None, *, every: Life = PLAIN) -> HubUnderTest:
        """All that does not run: each with its own life, or that of `every`one."""
        for name, server in self._servers.items():
            self.folder.joinpath(f"{name}.pid").write_text(str(server.processes()[0].pid))
        begun = {name: part for name, part in self.parts.items() if not part.alive}
        for name, part in begun.items():
            life = (lives or {}).get(name, every)
            part.launch(life if life.lease_s else replace(life, lease_s=self.lease_s))
        for part in begun.values():
            part.await_ready()
        return self.hub

    def post_office(self, **told: Any) -> None:
        """The mail server begins anew and behaves as it is told (`post.behave`)."""
        behave(self.folder / "mail", **told)
        self.parts["provider"].stop()
        self.start()

    def deploy(self, name: str) -> None:
        """That part ends in good order and begins anew, as in a roll-out."""
        spared = self._balancer.resting(self._addresses[name]) if name in self._addresses else nullcontext()
        with spared:
            self.parts[name].stop()
        self.start()

    def died(self, name: str, *, within_s: float = 60) -> None:
        """Wait until the death arranged in that part's life has come, to whomever."""
        eventually(self.parts[name].step_passed, bool, within_s=within_s)

    def dies_and_returns(self, name: str) -> None:
        """The death arranged for that part comes to itself; then it lives on, and in peace."""
        self.died(name)
        eventually(lambda: self.parts[name].alive, lambda alive: not alive)
        self.start()

    def repair(self, life: Life = PLAIN) -> None:
        """Everything runs again."""
        for part in self.parts.values():
            part.thaw()
            if part.threatened:  # or it comes while everybody looks whether all is well again
                part.kill_all()
        self._revive()
        self.start(every=life)
        self.eventually_up()

    def _revive(self) -> None:
        """The servers run. What was arranged in the scenario before may have come true at its very end."""
        for server in self._servers.values():
            # Killed by a step, it takes its guard a moment to notice.
            while server.alive and not _at_work(server):
                time.sleep(0.02)
            if server.alive:
                server.thaw()
            else:
                server.start()

    def eventually_up(self) -> None:
        def up() -> bool:
            with suppress(httpx.HTTPError):
                return self.hub.client.get("/publish/v1/status").is_success
            return False

        eventually(up, bool, within_s=20)

    @property
    def _servers(self) -> dict[str, Server]:
        return {"postgres": self.on.postgres, "redis": self.on.redis}

    # --- load, and the end

    @contextmanager
    def loading(self, *, per_s: float = 15, threads: int = 3) -> Iterator[None]:
        """Messages at a steady pace, and a wish of each party in turn, until the block ends."""
        over = threading.Event()

        def send() -> None:
            while not over.wait(threads / per_s):
                self.generator.one(self.hub)

        def ask() -> None:
            for party in itertools.cycle(self.parties):
                if over.wait(_A_WISH_S):
                    return
                party.one(self.hub)

        senders = [threading.Thread(target=send) for _ in range(threads)]
        senders.append(threading.Thread(target=ask))
        for each in senders:
            each.start()
        try:
            yield
        finally:
            over.set()
            for each in senders:
                each.join()

    def delivers(self, more: int, *, within_s: float = 60) -> None:
        """Until so many more deliveries have come to their end."""
        wanted = self._delivered() + more
        eventually(self._delivered, lambda found: found >= wanted, within_s=within_s)

    def _delivered(self) -> int:
        return self.count("SELECT count(*) AS n FROM deliveries WHERE state = 'delivered'")

    def load(self, count: int, *, threads: int = 4) -> None:
        self.generator.load(self.hub, count, threads=threads)

    def recover(self, life: Life = PLAIN, *, fresh: int = 4) -> Evidence:
        self.repair(life)
        shown, drain_s = self.settle_up(self.hub, fresh)
        self.stop()
        return self.evidence(shown, drain_s)

    def stop(self) -> None:
        """Everybody ends in good order, the providers last."""
        for part in reversed(self.parts.values()):
            part.stop()

    def close(self) -> None:
        for part in self.parts.values():
            part.thaw()
            part.kill_all()
        if self.meddler:
            self.meddler.close()
        self.hub.client.close()
        super().close()
        with suppress(psycopg.Error):
            self.on.postgres.drop_database(self._database)

    def __enter__(self) -> "Shared":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- looking

    def rows(self, query: str) -> list[Any]:
        with self.connect() as connection:
            return connection.execute(query.encode()).fetchall()

    def connect(self) -> psycopg.Connection[dict[str, Any]]:
        """Straight to the database."""
        address = self.on.postgres.url(self._database).replace("+psycopg", "")
        return psycopg.connect(address, connect_timeout=5, autocommit=True, row_factory=dict_row)

    def resident(self) -> dict[str, float]:
        """The memory of the largest process of each part, in MB."""
        found = {}
        for name in self.parts.keys() - {"provider"}:
            sizes = [0.0]
            for each in self.parts[name].family():
                with suppress(psutil.NoSuchProcess):
                    sizes.append(each.memory_info().rss / 1e6)
            found[name] = max(sizes)
        return found

    def integrity(self) -> list[str]:
        """Each index agrees with itself; nothing where the server has no amcheck."""
        indexes = (
            "SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'btree' "
        )
        with self.connect() as connection:
            try:
                connection.execute("CREATE EXTENSION IF NOT EXISTS amcheck")
            except psycopg.Error:
                return []
            found = []
            for row in connection.execute(f"{indexes} AND c.relkind = 'i'".encode()).fetchall():
                try:
                    connection.execute("SELECT bt_index_check(%s::regclass)", (row["name"],))
                except psycopg.Error as error:
                    found.append(f"{row['name']}: {error}")
            return found

    def secrets(self) -> list[str]:
        return [*super().secrets(), self.on.postgres.password, self.on.redis.password]


def _at_work(server: Server) -> bool:
    """Whether its first process is there and answers, or is frozen."""
    family = server.processes()
    return bool(family) and (server._ready() or any(guard.status(one) == psutil.STATUS_STOPPED for one in family))
