"""What is on the disk, and not only in the system's memory."""

import os
from pathlib import Path


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
