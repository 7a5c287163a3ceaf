"""Many rows of one table in one statement, handed to the driver itself: the hot half of group commit (`settled` 22).

Core binds row by row and steps the database once a row, giving up the interpreter lock each time; at sixteen messages a
batch that was most of what a commit cost, and its execution around the driver's a fifth of the rest. Types are those of
the table all the same, and so are the errors.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError

from . import postgres, sqlite

_FORMS = {"sqlite": sqlite.insertions, "postgresql": postgres.insertions}


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, conflict: str = ""
) -> list[tuple[Any, ...]]:
    """Insert `rows`, each with every column of the table; `conflict` is SQL that follows the values, whose RETURNING
    is answered. Raises DBAPIError, as Core does."""
    if not rows:
        return []
    returned: list[tuple[Any, ...]] = []
    cursor = connection.connection.cursor()
    try:
        for statement, values in _FORMS[connection.dialect.name](table, rows, conflict):
            cursor.execute(statement, values)
            if cursor.description is not None:
                returned += cursor.fetchall()
    except connection.dialect.loaded_dbapi.Error as exc:
        raise _failed(connection, cursor, exc) from exc
    finally:
        cursor.close()
    return returned


def _failed(connection: Connection, cursor: Any, error: Exception) -> Exception:
    """The driver's error as Core tells it: what is known of the connection after it, and none of its values."""
    dialect = connection.dialect
    # Its types want the driver's own classes, which are known only when it is loaded.
    lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, cursor)  # type: ignore[arg-type]
    if lost:
        connection.invalidate(error)
    return DBAPIError.instance(
        None, None, error, dialect.loaded_dbapi.Error, True, connection_invalidated=lost, dialect=dialect
    )
