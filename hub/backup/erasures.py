"""The journal of erasures, outside the database: what was erased after a back-up must stay erased when it is restored.

One signed line each, with its number and the hash of the line before, so that none can be changed or left out in the
middle; a back-up records how many there were, so that an older journal is not taken for a newer one.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from contracts.base import rfc3339
from hub.home import Home
from hub.security.causes import Refusal
from hub.security.sign import SigningKey
from hub.security.signed_lines import append_durably, open_line, signed_line
from hub.store.erasing import erased_citizens

_FIRST = "0" * 64


class BadJournal(Exception):
    """The journal of erasures is not as it was written; the text says where."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """Who was erased: an id that means nothing outside the database."""

    ente_id: str
    citizen_id: str
    at: str


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal in a file."""

    path: Path
    key: SigningKey

    def add(self, ente_id: str, citizen_id: str, at: datetime, *, despite: str | None = None) -> None:
        """Note an erasure, durably; before the database is changed: a note too many does no harm. Raises BadJournal."""
        number, previous = 1, _FIRST
        for _, line in self._verified():
            number, previous = number + 1, _hash(line)
        content = {
            "number": number,
            "previous": previous,
            "ente_id": ente_id,
            "citizen_id": citizen_id,
            "at": rfc3339(at),
        }
        if despite is not None:
            content["despite"] = despite  # why, though there was a duty to keep
        append_durably(self.path, signed_line(content, self.key))

    def read(self) -> list[Erasure]:
        """Every erasure, oldest first. Raises BadJournal."""
        return [erasure for erasure, _ in self._verified()]

    def _verified(self) -> Iterator[tuple[Erasure, bytes]]:
        """Each erasure with its line."""
        previous = _FIRST
        for number, line in enumerate(self._lines(), 1):
            try:
                content = open_line(line, self.key)
                if (content["number"], content["previous"]) != (number, previous):
                    raise BadJournal(f"{self.path}: before line {number} something is missing or in another order")
                erasure = Erasure(content["ente_id"], content["citizen_id"], content["at"])
            except Refusal:
                raise BadJournal(f"{self.path}: the signature of line {number} does not hold") from None
            except (ValueError, KeyError, TypeError, AttributeError):
                raise BadJournal(f"{self.path}: line {number} cannot be read") from None
            yield erasure, line
            previous = _hash(line)

    def _lines(self) -> list[bytes]:
        return self.path.read_bytes().splitlines() if self.path.exists() else []


def check_journal(home: Home) -> None:
    """Whether everybody whom the database shows as erased stands in this home's journal. Raises BadJournal: several
    machines may share a database, and a restore would bring back whom another one erased.
    """
    with home.database.read() as connection:
        erased = erased_citizens(connection)
    known = {(each.ente_id, each.citizen_id) for each in Journal(home.erasures, home.key).read()}
    if missing := len(erased - known):
        raise BadJournal(
            f"{home.erasures} lacks {missing} erasures that were made on another machine: copy its journal here first, "
            "and erase on one machine only"
        )


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
