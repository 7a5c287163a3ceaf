"""The schema: from nothing to the newest migration, which is the tables of the code."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import String, inspect

from hub.store.database import Database
from hub.store.migrating import MIGRATIONS
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
