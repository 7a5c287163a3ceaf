"""The schema: from nothing to the newest migration, which is the tables of the code."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, String, Table, insert, inspect

from hub.store.database import Database
from hub.store.migrating import MIGRATIONS, upgrade
from hub.store.tables import metadata
from tests import stores
from tests.unit.store.making import FakeClock


@pytest.fixture
def empty(kind, tmp_path):
    made = stores.Store(kind, tmp_path)
    database = Database(made.url, FakeClock())
    yield database
    database.close()
    made.drop()


def test_an_empty_file_is_brought_to_the_newest_migration(empty):
    assert empty.migrate() == (None, empty.newest_revision())
    assert set(metadata.tables) <= set(inspect(empty.engine).get_table_names())


def test_migrating_again_changes_nothing(empty):
    empty.migrate()
    newest = empty.newest_revision()
    assert empty.migrate() == (newest, newest)


def test_the_revisions_are_those_that_alembic_finds_in_the_files(empty):
    scripts = list(ScriptDirectory(MIGRATIONS).walk_revisions())
    assert empty.newest_revision() == scripts[0].revision
    assert all(empty.knows(script.revision) for script in scripts)


def differs(context, _column, _metadata_column, there, here):
    """None for Alembic's own judgement. SQLite holds no text to a length, so no migration copies a table for one."""
    lengthless = context.dialect.name == "sqlite" and isinstance(there, String) and isinstance(here, String)
    return False if lengthless else None


def test_the_migrations_make_exactly_the_tables_of_the_code(empty):
    empty.migrate()
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": differs})
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_every_table_leads_with_the_ente_where_it_has_one(table):
    columns = [column.name for column in metadata.tables[table].primary_key]
    assert table in ("versions", "chain_roots", "jose_headers", "key_material", "hub_keys") or columns[0] == "ente_id"


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize("setting", [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)])
def test_every_connection_to_sqlite_is_durable_and_checks_its_keys(empty, setting):
    name, value = setting
    with empty.engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() == value


@pytest.mark.parametrize("kind", ["postgresql"])
def test_every_connection_to_postgresql_is_durable_whatever_the_server_was_told(kind, empty):
    with empty.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
    empty.engine.dispose()
    with empty.engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"


def kept_before(connection, table, rows):
    """Rows as a version of that time left them; what is not given is nothing."""
    there = Table(table, MetaData(), autoload_with=connection)
    nothing = {column.name: "" if isinstance(column.type, String) else 0 for column in there.c if not column.nullable}
    connection.execute(insert(there), [nothing | row for row in rows])


def test_the_newest_cost_of_each_payment_is_taken_over_however_many_were_heard(empty):
    """It once read all of them at once; an item's may begin on one page and end on another."""
    upgrade(empty.engine, "0032")
    heard = {"a": 700, "b": 1, "c": 900, "d": 800}
    owned = {name: {"ente_id": "c_h501", "citizen_id": f"of-{name}", "item_id": name} for name in (*heard, "e")}
    told = [
        owned[name]
        | {"event_id": f"{at:04}", "at": at, "event": "notification_cost", "data": {"cost_cents": 1_000 + at}}
        for name, times in heard.items()
        for at in range(times)
    ]
    later = [its | {"event_id": "9999", "at": 9_999, "event": "updated", "data": {}} for its in owned.values()]
    with empty.engine.connect().execution_options(writes=True) as connection:
        kept_before(connection, "items", owned.values())
        kept_before(connection, "timeline", told + later)
        connection.commit()
    upgrade(empty.engine, "0036")
    with empty.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT item_id, cost_cents, cost_at FROM items ORDER BY item_id").all()
    newest = [(name, 999 + times, times - 1) for name, times in heard.items()]
    assert [tuple(row) for row in found] == [*newest, ("e", None, None)]
