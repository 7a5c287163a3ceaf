"""`delivery receipts`: what a provider signed about a delivery, as it came, for whoever has to prove it."""

from pathlib import Path
from typing import Annotated

import typer

from hub.store.citizens import Citizens
from hub.store.delivery_proofs import proofs_of

from .console import Failed, table
from .deliveries import DeliveryId, found_delivery
from .new_files import make_folder
from .options import HOME, AsJson, HomeFolder, opened
from .revealing import log_reveal


def receipts(
    delivery_id: DeliveryId,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="A new folder for the .eml files.")],
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Write the signed receipts of a delivery (PEC) into a folder; who did so is written to the access log."""
    with opened(home) as one:
        row, _ = found_delivery(one, delivery_id)
        log_reveal(one, row, "export_receipts")
        with one.database.read() as connection:
            try:
                citizen = Citizens(one.vault).by_id(connection, row["ente_id"], row["citizen_id"])
            except LookupError:
                raise Failed("the citizen was erased, and the receipts with him") from None
            found = proofs_of(connection, one.vault, citizen, delivery_id)
    make_folder(out)
    rows = []
    for number, proof in enumerate(found, 1):
        file = out / f"{number:02d}-{proof.event}.eml"
        file.write_bytes(proof.content)
        rows.append({"file": str(file), "event": proof.event, "at": proof.at, "sha256": proof.sha256})
    table(rows, as_json=as_json, empty="no receipt is on record")
