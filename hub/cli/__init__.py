"""The command line `raccordo`: one module a subject. What it prints for machines (`--json`) and its names are a promise."""

import sys


def main() -> None:
    """The console script."""
    from .application import run  # here, so that `hub.cli.openapi` is had without the whole

    sys.exit(run(sys.argv[1:]))
