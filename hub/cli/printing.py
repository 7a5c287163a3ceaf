"""`payment print` and `payment folder`: many notices on paper, printed by pagoPA meanwhile, fetched as one archive."""

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from contracts.paying import MOST_IN_A_FOLDER, Debtor, Paper
from hub.dispatch.owing import Owed

from .connector_settings import connected
from .connectors import config_of
from .console import Failed, WrongUsage, told
from .new_files import new_file
from .options import HOME, AsJson, EnteCode, HomeFolder, opened
from .paying import acting, log_owed, owed_by
from .revealing import committing, log_access

_ADDRESS = {
    "name": "full_name",
    "address": "address",
    "number": "building_number",
    "city": "city",
    "postal_code": "postal_code",
    "province": "province",
}
_STATES = {
    "waiting": "in stampa / being printed",
    "ready": "pronta / ready",
    "partly": "pronta, ma alcuni avvisi non sono riusciti / ready, but some notices failed",
    "failed": "non riuscita / failed",
}


def print_(
    file: Annotated[
        Path,
        typer.Option(
            "--file",
            metavar="CSV",
            help="Columns item_id (an instalment is ITEM_ID:N), "
            f"and {', '.join(_ADDRESS)} where the payment itself has no debtor_address. "
            f"Up to {MOST_IN_A_FOLDER} payments.",
        ),
    ],
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Have pagoPA print the notices of many payments of one creditor. The same file again is the same folder."""
    rows = list(_rows(file))
    if not 1 <= len(rows) <= MOST_IN_A_FOLDER:
        raise WrongUsage(f"--file: 1 to {MOST_IN_A_FOLDER} payments, and not {len(rows)}")
    with opened(home) as one:
        owed = owed_by(one, [row["item_id"] for row in rows])
        papers = [_paper(each, row, line) for line, (each, row) in enumerate(zip(owed, rows, strict=True), start=2)]
        if len({(each.payment.ente_id, each.notice.creditor_tax_code, each.environment) for each in owed}) > 1:
            raise Failed("a folder is of one ente and one creditor")
        with acting(one, owed[0], lambda connector: connector.printing) as printing:
            with committing(one) as committer:
                log_owed(committer, "print_notice", owed)
            folder = printing.ask(papers)
    told({"folder_id": folder, "notices": len(papers)}, as_json=as_json, text=folder)


def folder(
    folder_id: Annotated[str, typer.Argument(metavar="FOLDER_ID", help="As `payment print` gave it.")],
    connector_id: Annotated[str, typer.Option("--connector", metavar="ID", help="The connector of pagoPA.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="ZIP", help="Fetch it; a file that is there is not replaced.")
    ] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Delete it at pagoPA, after it was fetched.")] = False,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Say how far the printing of a folder is, and fetch it. Ends with 1 while it is not there, or where it failed."""
    with opened(home) as one:
        config = config_of(one, ente, connector_id)
        with connected(one.types, config) as connector:
            if connector.printing is None:
                raise WrongUsage(f"--connector: {connector_id} prints no notices")
            state = connector.printing.state(folder_id)
            there = state.state in ("ready", "partly")
            if there and out is not None:
                with new_file(out) as file:
                    log_access(one, "fetch_folder", ente_id=config.ente_id)
                    file.write(connector.printing.fetch(folder_id))
            if forget and (there or state.state == "failed"):
                connector.printing.forget(folder_id)
    value = {"state": state.state, "told": state.told, "printed": state.printed, "failed": state.failed}
    text = f"{_STATES[state.state]}: {state.printed} stampati / printed, {state.failed} non riusciti / failed"
    told(value, as_json=as_json, text=text)
    if not there:
        raise typer.Exit(1)


def _rows(file: Path) -> Iterator[Mapping[str, str]]:
    """Raises WrongUsage for what is no such file."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            if "item_id" not in (reader.fieldnames or ()):
                raise WrongUsage("--file: no column item_id")
            for row in reader:
                yield {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WrongUsage(f"--file: {getattr(error, 'strerror', None) or 'not a CSV file in UTF-8'}") from None


def _paper(owed: Owed, row: Mapping[str, str], line: int) -> Paper:
    """Raises WrongUsage without repeating what the file says of a person."""
    given = {field: row.get(column, "") for column, field in _ADDRESS.items()}
    if not any(given.values()):
        if (debtor := owed.debtor) is None:
            raise WrongUsage(f"--file: line {line}: no address, and the payment has none")
        return Paper(owed.notice, debtor, owed.payment.tax_code)
    try:
        return Paper(owed.notice, Debtor.model_validate(given), owed.payment.tax_code)
    except ValidationError as wrong:
        columns = sorted(column for column, field in _ADDRESS.items() if field in {e["loc"][0] for e in wrong.errors()})
        raise WrongUsage(f"--file: line {line}: {', '.join(columns)}") from None


commands: dict[str, Callable[..., None]] = {"print": print_, "folder": folder}
