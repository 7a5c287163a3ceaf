"""What is on the disk, and not only in the system's memory."""

import os
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex


def sync_all(folder: Path) -> None:
    """Bring everything in a folder to the disk, and the folder itself."""
    for path in (*folder.rglob("*"), folder):
        sync(path)


def sync(path: Path) -> None:
    """Bring a file to the disk, or a folder: the names in it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, write: Callable[[Path], None]) -> None:
    """Put what `write` writes into the place of a file, durably: after a crash the one or the other is there, whole."""
    unfinished = path.with_name(f".{path.name}.{token_hex(4)}")
    write(unfinished)
    sync(unfinished)
    unfinished.rename(path)
    sync(path.parent)
