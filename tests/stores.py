"""The databases under the tests: every test of the store runs on both kinds, each with a database of its own.

One PostgreSQL a test process, started by the first test that asks and ended with the process.
"""

import atexit
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import event, text

from hub.clock import SystemClock
from hub.store.database import Database
from tests.real.postgres import Postgres

KINDS = ("sqlite", "postgresql")
_SETTINGS = {"max_connections": "200", "shared_buffers": "32MB", "deadlock_timeout": "100ms"}

_numbers = count()


@cache
def postgres() -> Postgres:
    """The server of this process. A crash of the machine would lose its data, kill -9 does not."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(Postgres(durable=False, settings=_SETTINGS))


class Store:
    """A database for one test: empty, or as `prepare` (run once a kind and process) leaves it."""

    def __init__(self, kind: str, folder: Path, prepare: Callable[[str], None] | None = None) -> None:
        name = f"test_{next(_numbers)}"
        self._name = name if kind == "postgresql" else None
        if self._name:
            template = _template(prepare) if prepare else "template1"
            self.url = postgres().create_database(self._name, template=template)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{name}.db"
            self.url = f"sqlite:///{path}"
            if prepare:
                path.write_bytes(_file(prepare))

    def drop(self) -> None:
        if self._name:
            postgres().drop_database(self._name)


@cache
def _template(prepare: Callable[[str], None]) -> str:
    name = f"template_{next(_numbers)}"
    prepare(postgres().create_database(name))
    return name


@cache
def _file(prepare: Callable[[str], None]) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        prepare(f"sqlite:///{path}")
        return path.read_bytes()


_in_use: list[tuple[str, list[Store]]] = [("sqlite", [])]


@contextmanager
def in_use(kind: str) -> Iterator[None]:
    """New homes have their database there, until the block ends."""
    made: list[Store] = []
    _in_use.append((kind, made))
    try:
        yield
    finally:
        _in_use.pop()
        for store in made:
            store.drop()


def home_settings(folder: Path) -> dict[str, str]:
    """Gives a home that is to be made there a database with its schema alone; what the home's settings say of it:
    nothing where it is the file in the home."""
    kind, made = _in_use[-1]
    if kind == "sqlite":
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "raccordo.db").write_bytes(_file(_schema))
        return {}
    made.append(Store(kind, folder, _schema))
    return {"database_url": made[-1].url}


def not_durable(database: Database) -> Database:
    """Gives up in a file, too, what a crash of the machine would lose; kill -9 loses nothing either way."""
    if not database.is_shared:
        event.listen(database.engine, "connect", lambda opened, _: opened.execute("PRAGMA synchronous=OFF"))
        database.engine.dispose()  # with what was opened before
    return database


def waiting(database: Database) -> int:
    """How many sessions of a PostgreSQL's database wait for what another one holds."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with database.read() as connection:
        count: int = connection.execute(text(query)).scalar_one()
    return count


def _schema(url: str) -> None:
    with closing(Database(url, SystemClock())) as database:
        database.migrate()
