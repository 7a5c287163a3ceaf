"""Many rows of one table in one statement, handed to the driver itself: the hot half of group commit (`settled` 22).

Core binds row by row and steps the database once a row, giving up the interpreter lock each time; at sixteen messages a
batch that was most of what a commit cost, and its execution around the driver's a fifth of the rest. Types are those of
the table all the same, and so are the errors.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import CompoundSelect, Connection, Dialect, Select, Table
from sqlalchemy.exc import DBAPIError

from . import postgres, sqlite
from .tables import to_micros

T = TypeVar("T")
Query = Select[Any] | CompoundSelect[Any]
_AT_ONCE = 500

_FORMS = {"sqlite": sqlite.insertions, "postgresql": postgres.insertions}
_TOGETHER = {"sqlite": sqlite.together, "postgresql": postgres.together}
_RUN = {"sqlite": sqlite.run, "postgresql": postgres.run}
_GLANCE = {"sqlite": sqlite.glance, "postgresql": postgres.glance}

Rows = Sequence[Mapping[str, Any]]
"""Of one table, each with every column of it."""


def pieces(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """A long list in parts, each short enough for one statement."""
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]


class Journey:
    """Statements that travel together, in the order in which they were added, and are waited for once. What is added
    answers with its rows, which are there after `run`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._statements: list[tuple[str, Any]] = []
        self._answers: list[list[tuple[Any, ...]]] = []

    def insert_all(self, rows: Sequence[tuple[Table, Rows]]) -> None:
        """Rows of several tables at once."""
        some = [each for each in rows if each[1]]
        if some:
            self._add(_TOGETHER[self._connection.dialect.name](some))

    def insert(self, table: Table, rows: Rows, conflict: str = "") -> list[tuple[Any, ...]]:
        """Rows of one table; `conflict` is SQL that follows the values, and may return some."""
        return self._add(_FORMS[self._connection.dialect.name](table, rows, conflict) if rows else ())

    def select(self, query: Query, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a query, as `select_rows` gives them."""
        return self._add([_with_values(self._connection, query, parameters)])

    def say(self, statement: str) -> None:
        """A statement without values or rows."""
        self._add([(statement, ())])

    def run(self) -> None:
        """Go. Raises DBAPIError, as Core does."""
        for answer, rows in zip(self._answers, run(self._connection, self._statements), strict=True):
            answer += rows

    def _add(self, statements: Iterable[tuple[str, Any]]) -> list[tuple[Any, ...]]:
        answer: list[tuple[Any, ...]] = []
        for each in statements:
            self._statements.append(each)
            self._answers.append(answer)
        return answer


def insert_all(connection: Connection, rows: Sequence[tuple[Table, Rows]]) -> None:
    """Insert into several tables at once. Raises DBAPIError, as Core does."""
    journey = Journey(connection)
    journey.insert_all(rows)
    journey.run()


def insert_rows(connection: Connection, table: Table, rows: Rows, *, conflict: str = "") -> list[tuple[Any, ...]]:
    """The same for one table; what its RETURNING gave."""
    journey = Journey(connection)
    returned = journey.insert(table, rows, conflict)
    journey.run()
    return returned


def select_rows(connection: Connection, query: Query, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a query as the driver gives them: of an Instant its microseconds, of a Boolean what is true or not.
    For queries that are made once, or seldom: each is compiled the first time. Raises DBAPIError."""
    if not connection.in_transaction():
        connection.begin()  # which what goes past Core does not do: a reader's picture is of one moment
    return run(connection, [_with_values(connection, query, parameters)])[0]


def glance_rows(connection: Connection, query: Query, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The same in no transaction: one statement sees the database of one moment anyway."""
    statement = _with_values(connection, query, parameters)
    try:
        return _GLANCE[connection.dialect.name](connection.connection.driver_connection, statement)
    except connection.dialect.loaded_dbapi.Error as exc:
        raise _failed(connection, exc) from exc


def run(connection: Connection, statements: Sequence[tuple[str, Any]]) -> list[list[tuple[Any, ...]]]:
    """Run statements with their values in this order, waiting once for all; the rows of each. Raises DBAPIError."""
    if not statements:
        return []
    try:
        return _RUN[connection.dialect.name](connection.connection.driver_connection, statements)
    except connection.dialect.loaded_dbapi.Error as exc:
        raise _failed(connection, exc) from exc


def _with_values(connection: Connection, query: Query, parameters: Mapping[str, Any]) -> tuple[str, Any]:
    statement, constants, names = _compiled(query, connection.dialect)
    given = {**constants, **{name: _bound(value) for name, value in parameters.items()}}
    return statement, given if names is None else tuple([given[name] for name in names])


@lru_cache(maxsize=192)
def _compiled(query: Query, dialect: Dialect) -> tuple[str, dict[str, Any], Sequence[str] | None]:
    """The statement, the values that stand in the query itself, and the order of all where they go by it."""
    compiled = query.compile(dialect=dialect)
    unknown = {name: None for name, each in compiled.binds.items() if each.required}
    state = compiled.construct_expanded_state(unknown)
    constants = {name: _bound(value) for name, value in state.parameters.items() if name not in unknown}
    return state.statement, constants, state.positiontup


def _bound(value: Any) -> Any:
    return to_micros(value) if isinstance(value, datetime) else value


def _failed(connection: Connection, error: Exception) -> Exception:
    """The driver's error as Core tells it: what is known of the connection after it, and none of its values."""
    dialect = connection.dialect
    # Its types want the driver's own classes, which are known only when it is loaded.
    lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)  # type: ignore[arg-type]
    if lost:
        connection.invalidate(error)
    return DBAPIError.instance(
        None, None, error, dialect.loaded_dbapi.Error, True, connection_invalidated=lost, dialect=dialect
    )
