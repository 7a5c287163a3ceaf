"""Disks that can be filled: file systems in memory, for which it takes root."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from ..real.postgres import Postgres
from ..real.redis import Redis
from .topology import Servers


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


class SmallRedis(Redis):
    """It writes down what it is told, in a folder that is a small disk."""

    def __init__(self) -> None:
        super().__init__(append_only=True)
        self._disk = mounted(self.folder, "24m")

    def _prepare(self) -> None:
        self._disk.__enter__()
        super()._prepare()

    def _close(self) -> None:
        self.kill()
        self._disk.__exit__(None, None, None)
        super()._close()


class SmallPostgres(Postgres):
    """Its folder is a small disk."""

    def __init__(self) -> None:
        super().__init__(settings={"max_connections": "60", "shared_buffers": "32MB", "max_wal_size": "64MB"})
        self._disk = mounted(self.folder, "700m")

    def _prepare(self) -> None:
        self._disk.__enter__()
        super()._prepare()

    def _close(self) -> None:
        self.kill()
        self._disk.__exit__(None, None, None)
        super()._close()


@contextmanager
def small_postgres() -> Iterator[Servers]:
    with SmallPostgres() as postgres, Redis() as redis:
        yield Servers(postgres, redis)


@contextmanager
def small_redis() -> Iterator[Servers]:
    with Postgres(settings={"max_connections": "60", "shared_buffers": "32MB"}) as postgres, SmallRedis() as redis:
        yield Servers(postgres, redis)
