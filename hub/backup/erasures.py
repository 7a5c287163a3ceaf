"""The journal of erasures, outside the database: what was erased after a back-up must stay erased when it is restored,
and who has left must not come back with it.

One signed line each, with its number and the hash of the line before, so that none can be changed or left out in the
middle; a back-up records how many there were, so that an older journal is not taken for a newer one.
"""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from contracts.base import rfc3339
from hub.home import Home
from hub.security.causes import Refusal
from hub.security.sign import SigningKey
from hub.security.signed_lines import append_durably, open_line, signed_line
from hub.store.ending import ended
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
class End:
    """Which body has left, or which vendor of it."""

    ente_id: str
    vendor_id: str | None
    connector_ids: tuple[str, ...]
    """Of a vendor: those that read its sources, whose names no back-up need know. Where it was tried again, and other
    connectors read them by then, there is a note of each time."""
    at: str

    @property
    def of(self) -> tuple[str, str | None]:
        """Who has left."""
        return self.ente_id, self.vendor_id


Noted = Erasure | End


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal in a file."""

    path: Path
    key: SigningKey

    def add(self, ente_id: str, citizen_id: str, at: datetime, *, despite: str | None = None) -> None:
        """Note an erasure, durably; before the database is changed: a note too many does no harm. Raises BadJournal."""
        self._append({"ente_id": ente_id, "citizen_id": citizen_id, "at": rfc3339(at)}, despite)

    def add_end(
        self,
        ente_id: str,
        vendor_id: str | None,
        connector_ids: Collection[str],
        at: datetime,
        *,
        despite: str | None = None,
    ) -> None:
        """Note in the same way that a body (None) or a vendor leaves, unless that is noted with all of these
        connectors. Raises BadJournal."""
        noted = [each for each in self.read() if isinstance(each, End) and each.of == (ente_id, vendor_id)]
        known = {connector_id for each in noted for connector_id in each.connector_ids}
        if noted and known.issuperset(connector_ids):
            return
        # A version that knows no ends takes it for the erasure of nobody.
        content = {"ente_id": ente_id, "citizen_id": None, "vendor_id": vendor_id, "at": rfc3339(at)}
        self._append(content | {"connector_ids": sorted(connector_ids)}, despite)

    def _append(self, content: dict[str, Any], despite: str | None) -> None:
        number, previous = 1, _FIRST
        for _, line in self._verified():
            number, previous = number + 1, _hash(line)
        if despite is not None:
            content["despite"] = despite  # why, though something spoke against it
        append_durably(self.path, signed_line({"number": number, "previous": previous} | content, self.key))

    def read(self) -> list[Noted]:
        """Everything noted, oldest first. Raises BadJournal."""
        return [noted for noted, _ in self._verified()]

    def _verified(self) -> Iterator[tuple[Noted, bytes]]:
        """Each note with its line."""
        previous = _FIRST
        for number, line in enumerate(self._lines(), 1):
            try:
                content = open_line(line, self.key)
                if (content["number"], content["previous"]) != (number, previous):
                    raise BadJournal(f"{self.path}: before line {number} something is missing or in another order")
                noted = _noted(content)
            except Refusal:
                raise BadJournal(f"{self.path}: the signature of line {number} does not hold") from None
            except (ValueError, KeyError, TypeError, AttributeError):
                raise BadJournal(f"{self.path}: line {number} cannot be read") from None
            yield noted, line
            previous = _hash(line)

    def _lines(self) -> list[bytes]:
        return self.path.read_bytes().splitlines() if self.path.exists() else []


def check_journal(home: Home) -> None:
    """Whether everybody whom the database shows as erased or as gone stands in this home's journal. Raises BadJournal:
    several machines may share a database, and a restore would bring back whom another one erased.
    """
    with home.database.read() as connection:
        erased, gone = erased_citizens(connection), ended(connection)
    noted = Journal(home.erasures, home.key).read()
    known = {(each.ente_id, each.citizen_id) for each in noted if isinstance(each, Erasure)}
    left = {each.of for each in noted if isinstance(each, End)}
    for missing, what in ((len(erased - known), "erasures that were made"), (len(gone - left), "ends that were made")):
        if missing:
            raise BadJournal(
                f"{home.erasures} lacks {missing} {what} on another machine: copy its journal here first, "
                "and erase on one machine only"
            )


def _noted(content: dict[str, Any]) -> Noted:
    if content["citizen_id"] is not None:
        return Erasure(content["ente_id"], content["citizen_id"], content["at"])
    return End(content["ente_id"], content["vendor_id"], tuple(content["connector_ids"]), content["at"])


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
