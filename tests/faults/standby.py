"""A PostgreSQL with a standby that hears of each commit before it is one, and takes over when it is told to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from ..harness import eventually
from ..real.postgres import Postgres
from ..real.redis import Redis
from ..real.server import free_port
from .topology import SETTINGS, Servers


class Primary(Postgres):
    """The addresses of its databases name its standby's as well."""

    def __init__(self, standby_port: int) -> None:
        super().__init__(settings=SETTINGS)
        self._standby_port = standby_port

    def create_database(self, name: str, *, template: str = "template1") -> str:
        url = make_url(super().create_database(name, template=template))
        hosts = [f"127.0.0.1:{port}" for port in (self.port, self._standby_port)]
        both = url.set(host=None, port=None, query={"host": hosts, "target_session_attrs": "read-write"})
        return both.render_as_string(hide_password=False)

    def wait_for_its_standby(self) -> None:
        """From now on a commit is one where it is on both disks."""
        with self._connected() as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
            states = "SELECT sync_state FROM pg_stat_replication"
            eventually(lambda: connection.execute(states).fetchall(), lambda rows: rows == [("sync",)], within_s=30)


class Standby(Postgres):
    """A copy of a primary that runs, and follows it."""

    def __init__(self, primary: Primary, port: int) -> None:
        super().__init__(settings=SETTINGS)
        self.port, self.password = port, primary.password
        self._source = primary._url("postgresql", "postgres").rpartition("/")[0]

    def _making(self) -> list[str | Path]:
        return [
            *(self._programs / "pg_basebackup", "--pgdata", self._data, "--dbname", self._source),
            *("--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast"),
        ]

    def take_over(self) -> None:
        with self._connected() as connection:
            connection.execute("SELECT pg_promote(wait => true)")


@contextmanager
def pair() -> Iterator[Servers]:
    """`Servers.standby` is ready to take over."""
    port = free_port()
    with Primary(port) as primary, Standby(primary, port) as standby, Redis() as redis:
        primary.wait_for_its_standby()
        yield Servers(primary, redis, standby=standby)
