"""Secrets that are elsewhere and only named: `env:NAME` or `file:NAME`.

Whoever may configure a connector chooses where its secrets are sent. So a name reaches nothing but what the operator of
the machine put there for connectors: variables that begin with `RACCORDO_SECRET_`, and files of one folder. Those are
every ente's of the hub; what is of one alone stands in the subfolder of its code, where no other one's names reach.
"""

import os
import re
from pathlib import Path
from typing import Final

PREFIX: Final = "RACCORDO_SECRET_"
MOST_BYTES: Final = 64 * 1024
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Unresolved(ValueError):
    """A reference names nothing that may be read here; the text says what is missing, and never what was found."""


def content_of(reference: str) -> bytes:
    """What `file:/absolute/path` or `env:NAME` leads to: for the operator of the machine, who may name anything on it.
    Raises Unresolved."""
    kind, _, place = reference.partition(":")
    if kind == "env":
        if not (value := os.environ.get(place)):
            raise Unresolved(f"the environment variable {place} is not set")
        return value.encode()
    if kind != "file" or not place.startswith("/"):
        raise Unresolved("a reference is file:/absolute/path or env:NAME")
    try:
        with Path(place).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Unresolved(f"cannot read {place}: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise Unresolved(f"{place} is too large for a key")
    return content


def secret_of(ente_id: str, reference: str, folder: Path) -> str:
    """What the reference names for an ente, without the line end that editors add. Raises Unresolved."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        if not name.startswith(PREFIX):
            raise Unresolved(f"env: only variables that begin with {PREFIX}")
        value = os.environ.get(name)
        if not value:
            raise Unresolved(f"env: {name} is not set in this process")
        return value
    # A name and no path: nothing leads out of the folder but a link that the machine's operator put there.
    if not _FILE_NAME.fullmatch(name):
        raise Unresolved("file: the name of a file in RACCORDO_SECRETS_FOLDER, without a path")
    try:
        own = folder / ente_id / name if _FILE_NAME.fullmatch(ente_id) else folder / name
        raw = (own if own.is_file() else folder / name).read_bytes()
        if not 0 < len(raw) <= MOST_BYTES:
            raise Unresolved(f"file: {name} is empty or too large")
        return raw.decode("utf-8").rstrip("\r\n")
    except OSError:
        raise Unresolved(f"file: {name} cannot be read in RACCORDO_SECRETS_FOLDER") from None
    except UnicodeDecodeError:
        raise Unresolved(f"file: {name} is not text in UTF-8") from None
