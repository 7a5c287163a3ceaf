"""Faults of a simulated provider, for trials of an installation (`serve --simulate`)."""

from typing import Annotated, Any

from pydantic import Field

from .base import Model


class SimulationFaults(Model):
    """Faults, one request each, in order, in the simulator's own words."""

    faults: Annotated[tuple[Any, ...], Field(max_length=1000, fail_fast=True)]
