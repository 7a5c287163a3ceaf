"""`openapi`: the descriptions, written anew or compared."""

from pathlib import Path
from typing import Annotated

import typer

from .console import Failed, WrongUsage, told
from .options import AsJson


def openapi(
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail where the files differ.")] = False,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", file_okay=False, help="The folder that holds openapi/.")
    ] = Path(),
    as_json: AsJson = False,
) -> None:
    """Write the OpenAPI descriptions from the code."""
    from .openapi import FOLDER, drift, write

    if check:
        differing = drift(out)
        if differing:
            raise Failed(f"{out / FOLDER} is not what the code makes: {', '.join(differing)}; run `raccordo openapi`")
        told({"differing": []}, as_json=as_json, text=f"{out / FOLDER} is what the code makes")
        return
    if not out.is_dir():
        raise WrongUsage(f"--out: there is no folder {out}")
    written = write(out)
    told({"written": [str(path) for path in written]}, as_json=as_json, text=f"wrote {len(written)} files")
