"""The command line `raccordo`: one module a subject. Names, options and what `--json` prints are a promise."""

import os
import sys


def main() -> None:
    """The console script."""
    os.umask(0o077)  # whatever is written is for its owner
    from .application import run  # here, so that `hub.cli.openapi` is had without the whole

    sys.exit(run(sys.argv[1:]))
