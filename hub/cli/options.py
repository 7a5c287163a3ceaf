"""Options that many commands share, and what they stand for: an open home, an ente of it, a checked value."""

import os
import pwd
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection

from contracts.faults import sentence_of
from hub.home import Home
from hub.registry import Ente
from hub.security.references import PREFIX
from hub.settings import Settings
from hub.store.directory import load_registry

from .console import Failed, WrongUsage, complain

HOME = Path(".raccordo")
HomeFolder = Annotated[
    Path,
    typer.Option("--home", envvar="RACCORDO_HOME", metavar="DIR", help="Folder with database, keys, files, mailbox."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
EnteCode = Annotated[
    str | None, typer.Option("--ente", metavar="CODE", help="IPA code of the ente; needed where there are several.")
]


def home_at(folder: Path) -> Home:
    """The home in `folder`, not yet opened."""
    _not_as_root(folder)
    _tell_unknown()
    try:
        return Home(Settings(home=folder))
    except ValidationError as error:
        faults = (f"RACCORDO_{'.'.join(map(str, e['loc'])).upper()}: {sentence_of(e)}" for e in error.errors())
        raise WrongUsage("; ".join(faults)) from None


def _not_as_root(folder: Path) -> None:
    """What root writes into the home of the hub's user, the hub cannot read. Raises WrongUsage."""
    if os.geteuid() == 0 and folder.exists() and (owner := folder.stat().st_uid) != 0:
        raise WrongUsage(
            f"--home: {folder} belongs to user {_name(owner)}, who could not read what root writes there: "
            "run this as that user (docs/deployment.md says how)"
        )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


_OF_TESTS = frozenset({"RACCORDO_PROVIDER_SPECS", "RACCORDO_WRITE_SAMPLES"})


def _tell_unknown() -> None:
    """A mistyped setting would be taken for none."""
    known = {f"RACCORDO_{name.upper()}" for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.startswith("RACCORDO_") and not name.startswith(PREFIX) and name not in known | _OF_TESTS:
            near = get_close_matches(name, known, 1, 0.8)
            complain(f"note: {name} is no setting{f'; did you mean {near[0]}?' if near else ''}")


@contextmanager
def opened(folder: Path) -> Iterator[Home]:
    """The home in `folder` with its database open, until the block ends. Raises HomeError."""
    home = home_at(folder)
    try:
        home.open_database()
        yield home
    finally:
        home.database.close()


def ente_of(connection: Connection, code: str | None) -> Ente:
    """The ente of that code, also one that has left; without a code, the only ente there is."""
    registry = load_registry(connection)
    if code is None and len(registry.served) == 1:
        return registry.served[0]
    names = ", ".join(ente.ente_id for ente in registry.served)
    if code is None:
        gone = ", ".join(sorted(registry.left))
        none = f"no ente any more: {gone} left" if gone else "no ente yet"
        raise WrongUsage(f"--ente is needed, as this hub serves {names or none}")
    found = [ente for ente in registry.enti if ente.ente_id == code]
    if not found:
        raise Failed(f"there is no ente {code!r} here; there is {names or 'none'}")
    return found[0]


def ente_id_of(home: Home, code: str | None) -> str:
    """The code of the ente of that code, likewise."""
    with home.database.read() as connection:
        return ente_of(connection, code).ente_id


def checked(kind: Any, value: Any, *, name: str) -> Any:
    """`value`, if it is a `kind`; else the fault of the setting `name`."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise WrongUsage(f"{name}: {sentence_of(error.errors(include_input=False)[0])}") from None


def word(text: str, *, most: int, name: str) -> str:
    """`text`, if it is one without blanks of at most so many characters; else the fault of the setting `name`."""
    if not 0 < len(text) <= most or not text.isprintable() or " " in text:
        raise WrongUsage(f"{name}: a text of 1 to {most} characters without blanks")
    return text


def listed(value: str | None) -> list[str]:
    """The parts of `a,b`."""
    return [part for part in (piece.strip() for piece in (value or "").split(",")) if part]


def subset(value: str | None, known: Sequence[str], *, name: str) -> frozenset[str]:
    """The parts of `a,b`, all of them known; everything where nothing is given."""
    parts = listed(value)
    unknown = [part for part in parts if part not in known]
    if unknown:
        raise WrongUsage(f"{name}: there is no {unknown[0]!r}; there are {', '.join(sorted(known))}")
    return frozenset(parts or known)


def instant(text: str, *, name: str) -> datetime:
    """An RFC 3339 instant with its zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUsage(f"{name}: not an RFC 3339 time such as 2026-11-23T09:00:00Z") from None
    if moment.tzinfo is None:
        raise WrongUsage(f"{name}: the time zone is missing; add Z for UTC")
    return moment


def read_bytes(path: Path, *, name: str) -> bytes:
    """The content of a file, or of standard input for `-`."""
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise WrongUsage(f"{name}: cannot read {path}: {error.strerror}") from None


def read_text(path: Path, *, name: str) -> str:
    """The same as text in UTF-8."""
    try:
        return read_bytes(path, name=name).decode("utf-8")
    except UnicodeDecodeError:
        raise WrongUsage(f"{name}: {path} is not text in UTF-8") from None
