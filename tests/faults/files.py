"""Append-only JSON lines that survive whoever writes them: what a test knows about the hub, it knows from these."""

import json
import os
import threading
from pathlib import Path
from typing import Any


class Lines:
    """A file of JSON lines. `append` returns once the line is on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def append(self, **entry: Any) -> None:
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]
