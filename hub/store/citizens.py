"""The identity table: from a tax code to a random citizen_id and the citizen's own data key, and nowhere else."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, select

from contracts.identifiers import new_uuid7

from .bulk import select_rows
from .database import Tx
from .given import GIVEN, given, is_given
from .ports import Vault
from .tables import citizens

_CACHE = 20_000
_ITS = citizens.c
_KNOWN = select(_ITS.ente_id, _ITS.citizen_id, _ITS.subject_hash, _ITS.data_key_sealed).select_from(
    GIVEN.join(citizens, is_given(_ITS.ente_id, _ITS.subject_hash))
)
_BY_ID = select(_ITS.ente_id, _ITS.citizen_id, _ITS.data_key_sealed).select_from(
    GIVEN.join(citizens, is_given(_ITS.ente_id, _ITS.citizen_id))
)


class Subject(NamedTuple):
    """Who, in which ente. Kind `ente` is the body itself: the owner of items that concern nobody (services)."""

    ente_id: str
    kind: str
    tax_code: str


@dataclass(frozen=True, slots=True)
class Citizen:
    """An identity as the rest of the store uses it."""

    ente_id: str
    citizen_id: str
    data_key: bytes = field(repr=False)


class Citizens:
    """Finds and makes identities. Known ones are cached, after the commit that made them durable."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._cache: dict[tuple[str, str], Citizen] = {}

    def known(self, subject: Subject) -> Citizen | None:
        """The citizen, where no look at the database is needed for it."""
        return self._cache.get((subject.ente_id, self._hash(subject)))

    def find(self, connection: Connection, subject: Subject) -> Citizen | None:
        """The citizen, or None: nothing was ever published for that code."""
        key = (subject.ente_id, self._hash(subject))
        return self._cache.get(key) or self._load(connection, [key]).get(key)

    def find_all(self, connection: Connection, subjects: Iterable[Subject]) -> dict[Subject, Citizen]:
        """Those of the subjects for whom something was ever published, with one statement."""
        keys = {subject: (subject.ente_id, self._hash(subject)) for subject in subjects}
        missing = [key for key in keys.values() if key not in self._cache]
        known = {key: self._cache[key] for key in keys.values() if key in self._cache}
        if missing:
            known |= self._load(connection, missing)
        return {subject: known[key] for subject, key in keys.items() if key in known}

    def resolve(self, tx: Tx, subjects: Iterable[Subject]) -> dict[Subject, Citizen]:
        """The citizens of `subjects`; those not yet known are made in this transaction."""
        keys = {subject: (subject.ente_id, self._hash(subject)) for subject in set(subjects)}
        known = {key: self._cache[key] for key in keys.values() if key in self._cache}
        missing = [key for key in keys.values() if key not in known]
        if missing:
            known |= self._load(tx.connection, missing)
            fresh = {subject: key for subject, key in keys.items() if key not in known}
            if fresh:
                known |= self._make(tx, fresh)
            tx.after_commit.append(lambda: self._remember({key: known[key] for key in missing}))
        return {subject: known[key] for subject, key in keys.items()}

    def tax_code(self, connection: Connection, ente_id: str, citizen_id: str) -> tuple[str, Citizen]:
        """The tax code of a citizen, for a delivery, and the citizen. Raises LookupError."""
        row = _row(connection, ente_id, citizen_id)
        citizen, place = self._opened(ente_id, citizen_id, row.data_key_sealed), _place("tax_code", ente_id, citizen_id)
        return self._vault.open_with(citizen.data_key, row.tax_code_sealed, place).decode(), citizen

    def by_id(self, connection: Connection, ente_id: str, citizen_id: str) -> Citizen:
        """The citizen of an item. Raises LookupError."""
        return self._opened(ente_id, citizen_id, _row(connection, ente_id, citizen_id).data_key_sealed)

    def by_ids(self, connection: Connection, ids: Collection[tuple[str, str]]) -> dict[tuple[str, str], Citizen]:
        """The same of many (ente_id, citizen_id), with one statement: without those who were erased."""
        if not ids:
            return {}
        rows = select_rows(connection, _BY_ID, given(ids))
        return {(ente, citizen): self._opened(ente, citizen, sealed) for ente, citizen, sealed in rows if sealed}

    def is_there(self, connection: Connection, ente_id: str, citizen_id: str) -> bool:
        """Whether the citizen has his key still: he was not erased."""
        try:
            _row(connection, ente_id, citizen_id)
        except LookupError:
            return False
        return True

    def _opened(self, ente_id: str, citizen_id: str, sealed: bytes) -> Citizen:
        return Citizen(ente_id, citizen_id, self._vault.open(sealed, key_place(ente_id, citizen_id)))

    def _hash(self, subject: Subject) -> str:
        return self._vault.keyed_hash("subject", f"{subject.ente_id}\0{subject.kind}\0{subject.tax_code}")

    def _load(self, connection: Connection, keys: list[tuple[str, str]]) -> dict[tuple[str, str], Citizen]:
        rows = select_rows(connection, _KNOWN, given(keys))
        return {
            (ente_id, subject_hash): self._opened(ente_id, citizen_id, sealed)
            for ente_id, citizen_id, subject_hash, sealed in rows
        }

    def _make(self, tx: Tx, fresh: dict[Subject, tuple[str, str]]) -> dict[tuple[str, str], Citizen]:
        made, rows = {}, []
        for subject, key in sorted(fresh.items(), key=itemgetter(1)):
            citizen = Citizen(subject.ente_id, new_uuid7(), self._vault.new_data_key())
            where = (citizen.ente_id, citizen.citizen_id)
            rows.append(
                {
                    "ente_id": subject.ente_id,
                    "citizen_id": citizen.citizen_id,
                    "subject_hash": key[1],
                    "subject_kind": subject.kind,
                    "tax_code_sealed": self._vault.seal_with(
                        citizen.data_key, subject.tax_code.encode(), _place("tax_code", *where)
                    ),
                    "data_key_sealed": self._vault.seal(citizen.data_key, key_place(*where)),
                    "created_at": tx.now,
                }
            )
            made[key] = citizen
        # A unique index stands guard: should another writer have made the same one, this batch fails and is
        # tried again.
        tx.connection.execute(insert(citizens), rows)
        return made

    def _remember(self, fresh: dict[tuple[str, str], Citizen]) -> None:
        if len(self._cache) + len(fresh) > _CACHE:
            self._cache = {}
        self._cache |= fresh


def _row(connection: Connection, ente_id: str, citizen_id: str) -> Row[Any]:
    row = connection.execute(
        select(citizens).where(citizens.c.ente_id == ente_id, citizens.c.citizen_id == citizen_id)
    ).one_or_none()
    if row is None or not row.data_key_sealed:
        raise LookupError(citizen_id)  # nobody, or somebody who was erased
    return row


def key_place(ente_id: str, citizen_id: str) -> str:
    """Where a citizen's own data key is sealed for."""
    return _place("key", ente_id, citizen_id)


def _place(column: str, ente_id: str, citizen_id: str) -> str:
    return f"citizens|{column}|{ente_id}|{citizen_id}"
