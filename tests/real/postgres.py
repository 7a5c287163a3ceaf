"""A PostgreSQL server with its own superuser, reached by TCP and password."""

import contextlib
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import URL

from .programs import postgres_folders, reachable
from .server import Server
from .users import not_root

SUPERUSER = "raccordo"
_FIXED = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "dynamic_shared_memory_type": "mmap",  # in the data folder: kill -9 leaves nothing in /dev/shm
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Not synchronous_commit=off: a commit would wait in memory, and kill -9 would lose it.
_THROW_AWAY = {"fsync": "off", "full_page_writes": "off"}


class Postgres(Server):
    """`durable=False` gives up what a crash of the machine would lose, for speed; kill -9 loses nothing either way.
    `programs` is the folder of another version; `settings` are those of postgresql.conf."""

    _POLITE = signal.SIGINT

    def __init__(
        self, *, durable: bool = True, programs: Path | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        self._programs = programs or postgres_folders()[0]
        self._settings = ({} if durable else _THROW_AWAY) | dict(settings or {}) | _FIXED
        super().__init__(not_root())
        self._data = self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        """For SQLAlchemy."""
        return self._url("postgresql+psycopg", database)

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """A new database, perhaps a copy of another; its URL for SQLAlchemy."""
        self._run(sql.SQL("CREATE DATABASE {} TEMPLATE {}"), name, template)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Whoever uses it is thrown out."""
        self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)"), name)

    def _run(self, statement: sql.SQL, *names: str) -> None:
        with self._connected() as connection:
            connection.execute(statement.format(*map(sql.Identifier, names)))

    def _connected(self) -> psycopg.Connection:
        return psycopg.connect(self._url("postgresql", "postgres"), autocommit=True)

    def _url(self, scheme: str, database: str) -> str:
        address = URL.create(scheme, SUPERUSER, self.password, "127.0.0.1", self.port, database)
        return address.render_as_string(hide_password=False)

    def _prepare(self) -> None:
        self._programs = reachable(self._programs, self.user, self.folder)
        self.user.make_folder(self._data)
        made = subprocess.run(self._making(), capture_output=True, text=True, cwd=self.folder, **self.user.keywords())
        assert made.returncode == 0, made.stderr

    def _making(self) -> list[str | Path]:
        """What fills the folder of its data."""
        password = self.user.write_secret(self.folder / "password", self.password)
        return [
            *(self._programs / "initdb", "--pgdata", self._data, "--username", SUPERUSER, "--pwfile", password),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"),
        ]

    def _command(self) -> list[str]:
        settings = (part for name, value in self._settings.items() for part in ("-c", f"{name}={value}"))
        return [str(self._programs / "postgres"), "-D", str(self._data), "-p", str(self.port), *settings]

    def _ready(self) -> bool:
        """As pg_ctl sees it: line 8 of this file is the state, line 1 whose, so that a dead one's is not believed. A
        standby says that it is one."""
        lines: list[str] = []
        with contextlib.suppress(FileNotFoundError):
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        serves = len(lines) > 7 and lines[7].strip() in ("ready", "standby")
        return serves and int(lines[0]) in {one.pid for one in self.processes()}
