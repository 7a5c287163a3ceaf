"""The schema: from nothing to the newest migration, which is the tables of the code."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from hub.store.database import Database
from hub.store.tables import metadata
from tests.unit.store.making import FakeClock


@pytest.fixture
def empty(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'new.db'}", FakeClock())
    yield database
    database.close()


def test_an_empty_file_is_brought_to_the_newest_migration(empty):
    assert empty.migrate() == (None, empty.newest_revision())
    assert set(metadata.tables) <= set(inspect(empty.engine).get_table_names())


def test_migrating_again_changes_nothing(empty):
    empty.migrate()
    newest = empty.newest_revision()
    assert empty.migrate() == (newest, newest)


def test_the_migrations_make_exactly_the_tables_of_the_code(empty):
    empty.migrate()
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_every_table_leads_with_the_ente_where_it_has_one(table):
    columns = [column.name for column in metadata.tables[table].primary_key]
    assert table in ("versions", "chain_roots") or columns[0] == "ente_id"


@pytest.mark.parametrize("setting", [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)])
def test_every_connection_is_durable_and_checks_its_keys(empty, setting):
    name, value = setting
    with empty.engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() == value
