"""Start a worker from a checkout: `python worker.py` is `raccordo worker`."""

import sys

from hub.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "worker")
    main()
