"""What a command writes of persons: new files, which nobody but their owner reads and which replace none."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .console import WrongUsage


@contextmanager
def new_file(out: Path) -> Iterator[BinaryIO]:
    """The file `--out`, there from now on: what is to be in it is fetched or made within the block. Where that fails it
    is taken away again. Raises WrongUsage where it is there already, or cannot be made."""
    with _refused(out):
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(handle, "wb") as file:
            yield file
    except BaseException:
        out.unlink(missing_ok=True)
        raise


def make_folder(out: Path) -> None:
    """The folder `--out`. Raises WrongUsage as `new_file`."""
    with _refused(out):
        out.mkdir(mode=0o700)


@contextmanager
def _refused(out: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise WrongUsage(f"--out: {out} is already there") from None
    except OSError as problem:
        raise WrongUsage(f"--out: cannot make {out}: {problem.strerror}") from None
