"""An operator's command is killed in the middle of its work: the same command, once more, finishes it."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from hub.clock import SystemClock
from hub.home import Home
from hub.settings import Settings
from hub.store.database import Database

from .lives import Life, Place, begin
from .part import Part
from .topology import Servers


def migrate(settings: dict[str, Any], place: Place, life: Life) -> None:
    """The process of `raccordo migrate`."""
    begin(place, life)
    Home(Settings.model_validate(settings)).database.migrate()


def _schema(database: Database) -> dict[str, set[str]]:
    seen = inspect(database.engine)
    return {table: {column["name"] for column in seen.get_columns(table)} for table in seen.get_table_names()}


@pytest.mark.parametrize("statement", [3, 20, 40])
def test_a_migration_that_was_killed_is_finished_by_the_next(
    tmp_path: Path, shared_servers: Servers, statement: int
) -> None:
    whole = Database(shared_servers.postgres.create_database(f"whole_{statement}"), SystemClock())
    url = shared_servers.postgres.create_database(f"killed_{statement}")
    killed = Database(url, SystemClock())
    part = Part(tmp_path, "migrator", migrate, {"home": tmp_path, "database_url": url})
    part.start(Life("statement", statement))
    assert part.step_passed()
    try:
        whole.migrate()
        killed.migrate()
        assert killed.revision() == killed.newest_revision()
        assert _schema(killed) == _schema(whole)
    finally:
        for database in (killed, whole):
            database.close()
