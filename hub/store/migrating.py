"""What needs Alembic: changing the schema. Imported only where that is done: a server has no use for its 8 MB."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from . import sqlite_statistics

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine, to: str) -> None:
    """Bring the schema to a revision, or to `head`; a file's planner is told of the tables as they are then."""
    config = _config()
    config.attributes["engine"] = engine
    command.upgrade(config, to)
    if engine.dialect.name == "sqlite":
        with engine.connect().execution_options(writes=True) as connection:
            sqlite_statistics.tell(connection)
            connection.commit()


def oldest_served(newest: str) -> int:
    """The oldest revision whose code the newest schema still serves: the last that took away."""
    oldest = int(newest)
    for script in ScriptDirectory.from_config(_config()).walk_revisions():
        oldest = int(script.revision)
        if getattr(script.module, "contracts", False):
            break
    return oldest


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
