"""The one step: write the file, on the disk and whole, or not at all."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from connectors.base.previewing import fields_of
from contracts.connector import Continue, Done, Memo, Notice, Preview
from contracts.failures import Deferred, Misconfigured

from .mapping import content, file_name

# What the machine is short of may come back; anything else about a folder is for a person to put right.
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.EINTR})


@dataclass(frozen=True, slots=True)
class Folder:
    """The steps, over a folder."""

    path: Path

    def advance(self, notice: Notice, memo: Memo) -> Done | Continue:
        """Write the notice. The memo is not used: there is nothing to remember between steps.

        No step is announced as unsafe, because writing the same file again does no harm.
        """
        name = file_name(notice)
        with _failures():
            self._write(name, content(notice))
        return Done(name)

    def lookup(self, notice: Notice, memo: Memo) -> Done | None:
        """Whether the file is there: it is there whole or not at all."""
        name = file_name(notice)
        with _failures():
            self.path.stat()  # without the folder nothing can be said of a file
            return Done(name) if (self.path / name).exists() else None

    def preview(self, notice: Notice) -> tuple[Preview, ...]:
        """The file that would be written."""
        return (Preview(f"write {self.path / file_name(notice)}", fields_of(json.loads(content(notice)))),)

    def check(self) -> str:
        """Write and remove a file."""
        probe = self.path / f".check-{os.getpid()}"
        with _failures():
            _write_through(probe, b"")
            probe.unlink()
        return "The folder can be written to."

    def _write(self, name: str, data: bytes) -> None:
        # The name of a half-written file ends in something that no reader looks for.
        unfinished = self.path / f"{name}.{os.getpid()}.part"
        _write_through(unfinished, data)
        unfinished.replace(self.path / name)
        _sync_folder(self.path)


def _write_through(path: Path, data: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    # Without it the rename itself may be lost with the power.
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = errno.errorcode.get(error.errno or 0, "unknown")
        if error.errno in _PASSING:
            raise Deferred("loopback.not_now", what) from error
        raise Misconfigured("loopback.folder", what) from error
