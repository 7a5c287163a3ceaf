"""`compliance`: which services fall short of the model of municipal services, from the hub's own data."""

from typing import Annotated

import typer

from hub.store.compliance import report
from hub.store.directory import load_registry

from .console import complain, table
from .options import HOME, AsJson, EnteCode, HomeFolder, ente_of, opened


def compliance(
    failing: Annotated[bool, typer.Option("--failing", help="Only what falls short.")] = False,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Which services fall short of C.SE.1.2 (a second channel), 1.9 (milestones) and 1.10 (when the answer comes)."""
    with opened(home) as one, one.database.read() as connection:
        every = report(connection, load_registry(connection), ente_of(connection, ente).ente_id)
        found = [row for row in every if row.fails or not failing]
    rows = [
        {
            "ente_id": row.ente_id,
            "service_id": row.service_id,
            "criterion": row.criterion,
            "fails": row.fails,
            "applications": row.examined,
            "failing": row.failing,
            "why": row.why,
        }
        for row in found
    ]
    table(rows, as_json=as_json, empty="nothing falls short" if failing else "no application was sent yet")
    if not as_json and rows:
        complain("note: each application is held against its service's card as it was when its last version came")
