"""`export`: everything the hub holds of one citizen, for whoever answers a request under GDPR art. 15."""

from pathlib import Path
from typing import Annotated

import typer

from hub.feed.export import Exports
from hub.store.citizens import Citizens
from hub.store.exporting import ALL_LEVELS
from hub.store.files import Files

from .citizens import citizen_of, subject_on_input
from .console import WrongUsage, told
from .new_files import new_file
from .options import HOME, AsJson, EnteCode, HomeFolder, ente_of, opened
from .revealing import log_access


def export(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A new file: .json, or .zip with the files.")],
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Write everything held of the citizen whose tax code comes on standard input. It is in the access log."""
    if out.suffix not in (".json", ".zip"):
        raise WrongUsage("--out: a name that ends in .json or .zip")
    subject = subject_on_input()
    with opened(home) as one:
        with one.database.read() as connection:
            ente_id = ente_of(connection, ente).ente_id
        citizen = citizen_of(one, ente_id, subject)
        with new_file(out) as file:
            log_access(one, "export_citizen", ente_id=ente_id, citizen_id=citizen.citizen_id)
            exports = Exports(one.database, one.vault, Citizens(one.vault), Files(one.folder / "files", one.vault))
            make = exports.zip if out.suffix == ".zip" else exports.json
            for piece in make(ente_id, citizen, one.clock.now(), level=ALL_LEVELS, evidence=True):
                file.write(piece)
    value = {"ente_id": ente_id, "citizen_id": citizen.citizen_id, "file": str(out), "bytes": out.stat().st_size}
    told(value, as_json=as_json, text=f"{out} holds everything about that citizen, in clear: handle it accordingly")
