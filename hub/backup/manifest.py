"""What a back-up says of itself: versions, counts, the hash of each part, the hub's signature over all of it."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from hub.security.causes import Refusal
from hub.security.sign import SigningKey
from hub.security.signed_lines import open_line, signed_line

NAME = "manifest.json"
FORMAT = 1
_BLOCK = 1 << 20


class BadBackup(Exception):
    """It is no whole back-up of this hub; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the back-up."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """`files` is itself a part: the hashes of the documents' files, one a line, as `sha256sum -c` reads them."""

    at: str
    version: str
    revision: str
    kind: str
    columns: dict[str, list[str]]
    rows: dict[str, int]
    files: int
    missing_files: int
    erasures: int
    with_keys: bool
    parts: list[Part]
    format: int = FORMAT
    vault: int | None = None
    """Which vault opens it: its fingerprint."""
    vault_keys: list[str] | None = None
    """Which of its keys are needed: they rotate, the fingerprint stays."""

    def write(self, folder: Path, key: SigningKey) -> None:
        (folder / NAME).write_bytes(signed_line(asdict(self), key))

    @classmethod
    def read(cls, folder: Path, key: SigningKey) -> "Manifest":
        """The manifest, if it is the hub's own. Raises BadBackup."""
        content = _content(folder, key)
        if content.get("format") != FORMAT:
            raise BadBackup(f"its format is {content.get('format')}, this version reads {FORMAT}")
        try:
            return cls(**content | {"parts": [Part(**each) for each in content["parts"]]})
        except (TypeError, KeyError):
            raise BadBackup(f"{NAME} lacks a member or has an unknown one") from None


def claims_keys(folder: Path) -> bool:
    """Whether the back-up says that the keys are in it; not yet verified. Raises BadBackup."""
    try:
        return bool(json.loads(_raw(folder))["with_keys"])
    except (ValueError, KeyError, TypeError):
        raise BadBackup(f"{NAME} cannot be read") from None


def part_of(folder: Path, path: str) -> Part:
    """The part at `path` as it stands on disk."""
    digest, size = hashlib.sha256(), 0
    with (folder / path).open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return Part(path, digest.hexdigest(), size)


def check_part(folder: Path, wanted: Part) -> None:
    """Raises BadBackup where the file is not the one that was written."""
    if not is_inside(wanted.path):
        raise BadBackup(f"a part lies outside of it: {wanted.path}")
    try:
        found = part_of(folder, wanted.path)
    except OSError:
        raise BadBackup(f"{wanted.path} is missing") from None
    if found != wanted:
        raise BadBackup(f"{wanted.path} was changed or cut: its hash is not that of the manifest")


def is_inside(path: str) -> bool:
    pure = PurePosixPath(path)
    return not pure.is_absolute() and ".." not in pure.parts


def read_sums(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """(path, hash) of each line of a `sha256sum` list. Raises BadBackup."""
    for line in lines:
        digest, _, path = line.rstrip("\n").partition("  ")
        if len(digest) != 64 or not is_inside(path):
            raise BadBackup("the list of files cannot be read")
        yield path, digest


def _content(folder: Path, key: SigningKey) -> dict[str, Any]:
    try:
        return open_line(_raw(folder), key)
    except Refusal:
        raise BadBackup(f"the signature of {NAME} is not of this hub's key: another hub's, or it was changed") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadBackup(f"{NAME} cannot be read") from None


def _raw(folder: Path) -> bytes:
    try:
        return (folder / NAME).read_bytes()
    except OSError:
        raise BadBackup(f"{folder} holds no back-up: {NAME} is missing") from None
