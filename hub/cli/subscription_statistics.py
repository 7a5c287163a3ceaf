"""`subscription-statistics`: how many are subscribed, by state, age, sex and area (S42-S44)."""

from pathlib import Path
from typing import Annotated

import typer

from contracts.base import rfc3339
from hub.admin.errors import AreasTooMany
from hub.admin.statistics import count
from hub.ingest.statistics import as_csv

from .console import Failed, WrongUsage, emit, say, table
from .options import HOME, AsJson, EnteCode, HomeFolder, opened
from .revealing import log_access
from .subscription_services import ServiceCode, service_of


def subscription_statistics(
    code: ServiceCode,
    csv_file: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="As CSV in UTF-8 (RFC 4180).")] = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Numbers of subscriptions; one that is so small that it speaks of a person is not told."""
    with opened(home) as one:
        with one.database.read() as connection:
            ente_id, _ = service_of(connection, ente, code)
        log_access(one, "show_subscription_statistics", ente_id=ente_id)
        try:
            counted = count(one.database, one.vault, ente_id, code)
        except AreasTooMany as refusal:
            raise Failed(refusal.detail) from None
    cells, smallest = counted.cells, counted.service.statistics.smallest
    if csv_file is not None:
        try:
            csv_file.write_bytes(as_csv(cells).encode())
        except OSError as error:
            raise WrongUsage(f"--csv: cannot write {csv_file}: {error.strerror}") from None
    if as_json:
        about = {"ente_id": ente_id, "code": code, "at": rfc3339(counted.at), "smallest": smallest}
        emit(about | {"cells": [cell._asdict() for cell in cells]})
    elif csv_file is not None:
        say(f"{len(cells)} rows in {csv_file}")
    else:
        table([cell._asdict() for cell in cells], as_json=False, empty="")
