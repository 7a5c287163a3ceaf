"""What a simulated provider accepted: one JSON line each, on the disk before it answers."""

import json
import os
import weakref
from pathlib import Path
from typing import Any


class Ledger:
    """Lines of a file, known again after a restart. A half line of a crash is cut off: it was not answered either.

    A simulator that knows its entries by name inherits `take`, which is told of each, those of before included.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        # Tests make hundreds, and nobody tells a ledger that it is over.
        weakref.finalize(self, os.close, self._file).atexit = False
        whole, newline, _ = path.read_bytes().rpartition(b"\n")
        os.ftruncate(self._file, len(whole + newline))
        self.entries: list[dict[str, Any]] = []
        for line in whole.splitlines():
            self._keep(json.loads(line))

    def append(self, entry: dict[str, Any]) -> None:
        """Keep the entry; it is on the disk when this returns."""
        os.write(self._file, json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        os.fsync(self._file)
        self._keep(entry)

    def take(self, entry: dict[str, Any]) -> None:
        """What an entry changes in what the simulator knows."""

    def _keep(self, entry: dict[str, Any]) -> None:
        self.entries.append(entry)
        self.take(entry)
