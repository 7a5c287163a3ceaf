"""`demo`: the tour."""

import os
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from .console import Failed
from .options import HOME


def demo(
    once: Annotated[bool, typer.Option("--once", help="Assert every outcome and end.")] = False,
    home: Annotated[
        Path | None, typer.Option("--home", metavar="DIR", help="Made anew; by default demo/ in the usual home.")
    ] = None,
) -> None:
    """The tour: a hub, simulated providers, signed samples."""
    try:
        tour = import_module("hub.cli.demo")
    except ModuleNotFoundError as error:
        raise Failed(f"the tour is not part of this installation ({error.name} is missing)") from None
    outcome = tour.run(once=once, home=home or Path(os.environ.get("RACCORDO_HOME", HOME)) / "demo")
    if outcome:
        raise typer.Exit(int(outcome))
