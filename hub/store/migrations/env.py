"""Alembic's entry: the engine comes from hub.store.database, never from a file."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from hub.store.tables import Instant, metadata


def _plain(kind: str, thing: Any, _context: AutogenContext) -> str | Literal[False]:
    # A migration stands alone: it must not change when our column types do.
    return "sa.BigInteger()" if kind == "type" and isinstance(thing, Instant) else False


with context.config.attributes["engine"].connect().execution_options(writes=True) as connection:
    context.configure(
        connection=connection, target_metadata=metadata, render_item=_plain, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
