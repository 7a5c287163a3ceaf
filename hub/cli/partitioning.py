"""`raccordo partition`: the large tables of a PostgreSQL in hash partitions."""

from typing import Annotated

import typer

from hub.store.partitioning import MOST, AlreadyPartitioned
from hub.store.partitioning import partition as divide

from .console import Failed, WrongUsage, told
from .options import HOME, AsJson, HomeFolder, opened
from .revealing import on_record


def partition(
    parts: Annotated[int, typer.Option("--parts", min=2, max=MOST, help="How many; by hash of the citizen.")] = 4,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Hash-partition the large tables of a PostgreSQL, rows included; whoever serves it waits meanwhile."""
    with opened(home) as one:
        if not one.database.is_shared:
            raise WrongUsage("only PostgreSQL has partitions: set RACCORDO_DATABASE_URL")
        try:
            with on_record(one, "partition_database", None, "database"), one.database.write() as tx:
                moved = divide(tx.connection, parts)
        except AlreadyPartitioned as exc:
            raise Failed(f"these tables have partitions already: {exc}") from None
    lines = (f"{name}: {parts} partitions, {rows} rows moved" for name, rows in moved.items())
    told({"parts": parts, "rows": moved}, as_json=as_json, text="\n".join(lines))
