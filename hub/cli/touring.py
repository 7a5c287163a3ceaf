"""`demo`: the tour."""

from importlib import import_module
from typing import Annotated

import typer

from .console import Failed


def demo(
    once: Annotated[bool, typer.Option("--once", help="Assert every outcome and end.")] = False,
) -> None:
    """The tour: a hub, simulated providers, signed samples."""
    try:
        tour = import_module("hub.cli.demo")
    except ModuleNotFoundError as error:
        raise Failed(f"the tour is not part of this installation ({error.name} is missing)") from None
    outcome = tour.run(once=once)
    if outcome:
        raise typer.Exit(int(outcome))
