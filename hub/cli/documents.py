"""`document`: what an operator sees of documents, which is never whose they are."""

import typer

from contracts.base import rfc3339
from hub.store.references import bad_links

from .console import table
from .options import HOME, AsJson, EnteCode, HomeFolder, ente_of, opened

group = typer.Typer(name="document", help="Files that stay at their vendors.")


@group.callback()
def _several() -> None:
    """Keeps `links` a command of its own while it is the only one."""


@group.command("links")
def links(ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The links that lead to no file, or to another than was announced; oldest first."""
    with opened(home) as one, one.database.read() as connection:
        found = bad_links(connection, ente_of(connection, ente).ente_id)
    rows = [
        row | {name: rfc3339(row[name]) for name in ("failed_since", "checked_at") if row[name] is not None}
        for row in found
    ]
    table(rows, as_json=as_json, empty="every link that was looked at leads to its file")
