"""The large tables of PostgreSQL in hash partitions by citizen (`settled` 19): one citizen's rows stay together.

The tables are those of `hub.store.tables`, so whatever a migration gave them the partitions have as well, and later
migrations change the parent alone. SQLite has no partitions; there a table is in the order of its keys already.
"""

from sqlalchemy import Connection, Index, MetaData, Table, func, select, text
from sqlalchemy.schema import CreateIndex, CreateTable

from .tables import agenda, item_versions, items, timeline, user_states

PARTITIONED: tuple[Table, ...] = (items, item_versions, timeline, user_states, agenda)
MOST = 64


class AlreadyPartitioned(Exception):
    """A table has partitions; their number is a matter of the database's own tools then."""


def partition(connection: Connection, parts: int) -> dict[str, int]:
    """Give each large table `parts` hash partitions and move its rows; the rows moved, by table.

    In the caller's transaction, which locks the tables: whoever reads or writes them waits.

    Raises:
        AlreadyPartitioned: nothing was changed.
        ValueError: `parts` is not from 2 to 64.
    """
    if not 2 <= parts <= MOST:
        raise ValueError(f"from 2 to {MOST} partitions")
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")  # moving many rows takes its time
    already = [table.name for table in PARTITIONED if partitions(connection, table.name)]
    if already:
        raise AlreadyPartitioned(", ".join(already))
    return {table.name: _partition(connection, table, parts) for table in PARTITIONED}


def partitions(connection: Connection, name: str) -> list[str]:
    """The partitions of a table, in their order."""
    found = connection.execute(
        text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(:name) ORDER BY 1"),
        {"name": name},
    )
    return list(found.scalars())


def _partition(connection: Connection, table: Table, parts: int) -> int:
    whole = f"{table.name}_whole"
    run = connection.exec_driver_sql
    run(f"ALTER TABLE {table.name} RENAME TO {whole}")
    # Names of constraints and indexes are the schema's: the new table's need them.
    run(f"ALTER TABLE {whole} DROP CONSTRAINT {table.primary_key.name}")
    for index in table.indexes:
        run(f"DROP INDEX {index.name}")
    parted = table.to_metadata(MetaData())
    parted.dialect_options["postgresql"]["partition_by"] = "HASH (citizen_id)"
    connection.execute(CreateTable(parted))
    for number in range(parts):
        run(
            f"CREATE TABLE {table.name}_{number:02} PARTITION OF {table.name} "
            f"FOR VALUES WITH (MODULUS {parts}, REMAINDER {number}){_storage(connection, whole)}"
        )
    names = ", ".join(column.name for column in table.columns)
    run(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {whole}")  # noqa: S608 - our own names
    for index in sorted(parted.indexes, key=_name):
        connection.execute(CreateIndex(index))
    run(f"DROP TABLE {whole}")
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _storage(connection: Connection, table: str) -> str:
    """The storage parameters that a migration gave to the table."""
    query = text("SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = to_regclass(:name)")
    options = connection.execute(query, {"name": table}).scalar()
    return f" WITH ({options})" if options else ""


def _name(index: Index) -> str:
    return str(index.name)
