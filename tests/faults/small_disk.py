"""Disks that can be filled: file systems in memory, for which it takes root."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Self

from ..real.postgres import Postgres
from ..real.redis import Redis
from ..real.server import Server
from .topology import SETTINGS, Servers


@cache
def missing() -> str:
    """Why no such disk can be made here; "" where it can."""
    if os.getuid():
        return "mounting a small disk needs root"
    with TemporaryDirectory() as folder:
        tried = subprocess.run(_mount(Path(folder), "1m"), capture_output=True, text=True, check=False)
        if tried.returncode:
            return f"no small disk can be mounted: {tried.stderr.strip()}"
        subprocess.run(["umount", folder], check=True)
    return ""


def _mount(folder: Path, size: str) -> list[str]:
    return ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0711", "raccordo-faults", str(folder)]


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """The folder is a disk of that size, until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(_mount(folder, size), check=True)
    try:
        yield folder
    finally:
        # Lazily: somebody may look into it a moment longer.
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """No byte is free there, until the block ends."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        piece = 1 << 20
        while piece:
            try:
                file.write(b"\0" * piece)
            except OSError:
                piece //= 2
    try:
        yield
    finally:
        ballast.unlink()


class _OnSmallDisk(Server):
    """Its folder is a disk of `_SIZE`."""

    _SIZE: ClassVar[str]

    def __enter__(self) -> Self:
        self._disk = mounted(self.folder, self._SIZE)
        self._disk.__enter__()
        return super().__enter__()

    def _close(self) -> None:
        self.kill()
        self._disk.__exit__(None, None, None)
        super()._close()


class _SmallRedis(_OnSmallDisk, Redis):
    _SIZE = "24m"


class _SmallPostgres(_OnSmallDisk, Postgres):
    _SIZE = "700m"


@contextmanager
def small_postgres() -> Iterator[Servers]:
    with _SmallPostgres(settings=SETTINGS | {"max_wal_size": "64MB"}) as postgres, Redis() as redis:
        yield Servers(postgres, redis)


@contextmanager
def small_redis() -> Iterator[Servers]:
    """What it is told, it writes down there."""
    with Postgres(settings=SETTINGS) as postgres, _SmallRedis(append_only=True) as redis:
        yield Servers(postgres, redis)
