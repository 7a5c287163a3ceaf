"""Secrets that are elsewhere and only named: `env:NAME` or `file:NAME`.

Whoever may configure a connector chooses where its secrets are sent. So a name reaches nothing but what the operator of
the machine put there for that ente: variables that begin with `RACCORDO_SECRET_` and its code, and files of the folder
of its code. What several enti may reach, the operator lists by name.
"""

import logging
import os
import re
from functools import cache
from pathlib import Path
from typing import Final

from contracts.faults import bilingual, led
from hub.security.keys import is_exposed

log = logging.getLogger(__name__)

PREFIX: Final = "RACCORDO_SECRET_"
MOST_BYTES: Final = 64 * 1024
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# Two codes that would be one in upper case, or in which the mark after the code could be part of it, have no variables.
_PLAIN_CODE: Final = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


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
        _tell_exposed(Path(place))
    except OSError as error:
        raise Unresolved(f"cannot read {place}: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise Unresolved(f"{place} is too large for a key")
    return content


def secret_of(ente_id: str, reference: str, folder: Path, shared: frozenset[str] = frozenset()) -> str:
    """What the reference names for an ente, without the line end that editors add; `shared` are the references that
    every ente of the hub may use. Raises Unresolved."""
    kind, _, name = reference.partition(":")
    is_shared = reference in shared
    if kind == "env":
        own = f"{PREFIX}{ente_id.upper()}__" if _PLAIN_CODE.fullmatch(ente_id) else None
        if not (name.startswith(PREFIX) if is_shared else own is not None and name.startswith(own)):
            own_it, own_ones = ("", "") if own is None else (f"che iniziano con {own} o ", f"that begin with {own} or ")
            raise _unresolved(
                "env",
                f"solo variabili {own_it}elencate in RACCORDO_SHARED_SECRETS",
                f"only variables {own_ones}listed in RACCORDO_SHARED_SECRETS",
            )
        value = os.environ.get(name)
        if not value:
            raise _unresolved("env", f"{name} non è impostata in questo processo", f"{name} is not set in this process")
        return value
    # A name and no path: nothing leads out of the folder but a link that the machine's operator put there.
    if not _FILE_NAME.fullmatch(name) or not _FILE_NAME.fullmatch(ente_id):
        raise _unresolved(
            "file",
            "solo il nome di un file in RACCORDO_SECRETS_FOLDER",
            "only the name of a file in RACCORDO_SECRETS_FOLDER",
        )
    where = name if is_shared else f"{ente_id}/{name}"
    try:
        raw = (folder / where).read_bytes()
        _tell_exposed(folder / where)
        if not 0 < len(raw) <= MOST_BYTES:
            raise _unresolved("file", f"{where} è vuoto o troppo grande", f"{where} is empty or too large")
        return raw.decode("utf-8").rstrip("\r\n")
    except OSError:
        raise _unresolved(
            "file",
            f"{where} non si legge in RACCORDO_SECRETS_FOLDER",
            f"{where} cannot be read in RACCORDO_SECRETS_FOLDER",
        ) from None
    except UnicodeDecodeError:
        raise _unresolved("file", f"{where} non è testo in UTF-8", f"{where} is not text in UTF-8") from None


def _unresolved(kind: str, italian: str, english: str) -> Unresolved:
    return Unresolved(led(kind, bilingual(italian, english)))


@cache
def _tell_exposed(path: Path) -> None:
    """Once in each process; it is no refusal, for whoever mounts secrets into a container may choose no mode."""
    if is_exposed(path):
        log.warning("secret.exposed path=%s", path)
