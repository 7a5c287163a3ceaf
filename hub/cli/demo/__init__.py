"""`raccordo demo`: the tour. A real hub process, simulated providers, signed samples, and what became of them."""

from .tour import run

__all__ = ["run"]
