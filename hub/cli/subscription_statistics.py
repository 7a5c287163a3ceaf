"""`subscription-statistics`: how many are subscribed, by state, age, sex and area (S42-S44)."""

import csv
import io
from pathlib import Path
from typing import Annotated

import typer

from contracts.base import ROME, rfc3339
from hub.ingest.statistics import COUNTED, Cell, TooManyAreas, statistics
from hub.ingest.subscribers import subscribers

from .console import Failed, WrongUsage, emit, say, table
from .options import HOME, AsJson, EnteCode, HomeFolder, opened
from .revealing import log_access
from .subscription_services import ServiceCode, service_of

_COLUMNS = ("dimension", "value", "number")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


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
            ente_id, service = service_of(connection, ente, code)
            now = one.database.now(connection)
        log_access(one, "show_subscription_statistics", ente_id=ente_id)
        found = subscribers(one.database, one.vault, ente_id, code, COUNTED, now)
        try:
            cells = statistics(found, service.statistics, now.astimezone(ROME).date())
        except TooManyAreas as attribute:
            raise Failed(f"the attribute {attribute} has too many values: it is no area") from None
    if csv_file is not None:
        try:
            csv_file.write_bytes(as_csv(cells).encode())
        except OSError as error:
            raise WrongUsage(f"--csv: cannot write {csv_file}: {error.strerror}") from None
    if as_json:
        about = {"ente_id": ente_id, "code": code, "at": rfc3339(now), "smallest": service.statistics.smallest}
        emit(about | {"cells": [cell._asdict() for cell in cells]})
    elif csv_file is not None:
        say(f"{len(cells)} rows in {csv_file}")
    else:
        table([cell._asdict() for cell in cells], as_json=False, empty="")


def as_csv(cells: list[Cell]) -> str:
    """Stable columns; a number that is not told is empty; no cell is a formula to a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for cell in cells:
        writer.writerow([cell.dimension, inert(cell.value), "" if cell.number is None else cell.number])
    return out.getvalue()


def inert(text: str) -> str:
    """The text, quoted where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
