"""What kept tokens say of persons (`userID`, `userLocation`; modi 1.6): sealed, while the record still proves it.

In the place of such a token's payload and signature the record has `@` and the SHA-256 of what was sealed, which begins
with a salt, so that nobody guesses it; a `.` after it says that there is no signature. The hash chain is over that. The
key is that of the citizen whom the record is about, so that an erasure reaches it; of records about nobody the ente's.

Records of before are sealed where they stand. Their hash in the chain stays that of the clear tokens; `sealed_later` is
the hub's word (HMAC under the vault's pepper, which the database does not know) that they are the same.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from secrets import token_hex
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, Connection, Text, cast, or_, select, tuple_, update

from .chain import Row, row_hash, word_for
from .citizens import Citizen, Citizens, Subject
from .database import Database, Tx
from .ports import Vault
from .tables import evidence

_BATCH: Final = 500

Judge = Callable[[Connection, Row], Collection[str]]
"""Which of a record's tokens speak of persons. Raises LookupError where what the record names is gone."""


class TokenSeals:
    """Seals tokens, and opens them."""

    def __init__(self, vault: Vault, citizens: Citizens) -> None:
        self._vault, self._citizens = vault, citizens

    def seal(self, tx: Tx, row: Row, private: Collection[str], owner: Citizen | None) -> dict[str, Any]:
        """The columns of a record whose tokens `private` are sealed, under the key of `owner` or of the ente."""
        subject = _body(row)
        who = owner or self._citizens.resolve(tx, [subject])[subject]
        tokens, closed = _closed(row["tokens"], private)
        sealed = self._vault.seal_with(who.data_key, orjson.dumps(closed), _place(row))
        return {"tokens": tokens, "tokens_sealed": sealed}

    def open(self, connection: Connection, row: Row) -> dict[str, str]:
        """Header -> salt, payload and signature, of what is sealed; nothing where its citizen was erased.

        Raises VaultError where it does not open."""
        if not row["tokens_sealed"]:
            return {}
        try:
            who = self._owner(connection, row)
        except LookupError:
            return {}
        opened: dict[str, str] = orjson.loads(self._vault.open_with(who.data_key, row["tokens_sealed"], _place(row)))
        return opened

    def seal_old(self, database: Database, judge: Judge, whose: tuple[str, str] | None = None) -> tuple[int, int]:
        """Seal what records of before hold in the clear (of `whose`, ente and citizen, or all), a transaction each
        batch; again changes nothing. Returns how many it sealed, and how many it left as they are because they are not
        what was written."""
        count = changed = 0
        after = ("", "")
        place = tuple_(evidence.c.ente_id, evidence.c.evidence_id)
        of_before = select(evidence).where(evidence.c.tokens_sealed.is_(None))
        if whose is not None:
            of_before = of_before.where(evidence.c.ente_id == whose[0], evidence.c.citizen_id == whose[1])
        while True:
            with database.write() as tx:
                batch = of_before.where(place > after).order_by(*evidence.primary_key).limit(_BATCH)
                rows = tx.connection.execute(batch).mappings().all()
                for row in rows:
                    try:
                        private = judge(tx.connection, row)
                    except LookupError:  # of one that names what is gone; the others are sealed all the same
                        changed += 1
                        continue
                    # One whose seal was taken away is not sealed over: it would look whole.
                    private = [header for header in private if commitment(row["tokens"][header]) is None]
                    if not private:
                        continue
                    if row_hash(evidence, row) != row["row_hash"]:
                        changed += 1
                        continue
                    self._seal_again(tx, row, private)
                    count += 1
            if len(rows) < _BATCH:
                return count, changed
            after = (rows[-1]["ente_id"], rows[-1]["evidence_id"])

    def faults(self, connection: Connection, row: Row) -> Iterator[str]:
        """What is wrong with the sealed tokens of a record. Raises VaultError where they do not open."""
        closed = [header for header, token in row["tokens"].items() if commitment(token) is not None]
        if closed and not row["tokens_sealed"] and self._has_key(connection, row):
            yield f"evidence {row['evidence_id']}: the sealed {', '.join(closed)} was removed"
        opened = self.open(connection, row)
        if not opened:
            return
        for header, token in row["tokens"].items():
            if (wanted := commitment(token)) is not None and _sha256(opened.get(header, "")) != wanted:
                yield f"evidence {row['evidence_id']}: the sealed {header} was changed"
        if row["sealed_later"] and row_hash(evidence, with_opened(row, opened)) != row["row_hash"]:
            yield f"evidence {row['evidence_id']}: what was sealed is not what was written"

    def _owner(self, connection: Connection, row: Row) -> Citizen:
        """Raises LookupError: the citizen was erased."""
        if row["citizen_id"] is not None:
            return self._citizens.by_id(connection, row["ente_id"], row["citizen_id"])
        who = self._citizens.find(connection, _body(row))
        if who is None:
            raise LookupError(row["ente_id"])
        return who

    def _has_key(self, connection: Connection, row: Row) -> bool:
        """Whether what is sealed of a record can be opened still; the ente's own key is never erased."""
        whose = row["ente_id"], row["citizen_id"]
        return whose[1] is None or self._citizens.is_there(connection, *whose)

    def _seal_again(self, tx: Tx, row: Row, private: Collection[str]) -> None:
        try:
            owner = self._owner(tx.connection, row) if row["citizen_id"] is not None else None
            values = self.seal(tx, row, private, owner)
        except LookupError:  # erased: what nobody may read any more is not kept
            values = {"tokens": _closed(row["tokens"], private)[0], "tokens_sealed": b""}
        values["sealed_later"] = word_for(self._vault, row, row_hash(evidence, {**row, **values}))
        itself = [column == row[column.name] for column in evidence.primary_key]
        tx.connection.execute(update(evidence).where(*itself).values(values))


def has_sealed() -> ColumnElement[bool]:
    """Whether a record has sealed tokens, or had them: what is sealed is not covered by its hash, what says so is."""
    return or_(evidence.c.tokens_sealed.is_not(None), cast(evidence.c.tokens, Text).contains(".@", autoescape=True))


def commitment(token: str) -> str | None:
    """The hash of a kept token's sealed part; None where it stands in the clear."""
    _, _, digest = token.partition(".@")
    return digest.rstrip(".") or None


def with_opened(row: Row, opened: Mapping[str, str]) -> dict[str, Any]:
    """The record with its tokens as they were sent, as far as they are opened."""
    tokens = dict(row["tokens"])
    for header in tokens.keys() & opened.keys():
        text = opened[header]
        tokens[header] = f"{tokens[header].partition('.')[0]}.{text.partition('.')[2]}"
    return {**row, "tokens": tokens}


def _closed(tokens: Mapping[str, str], private: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The tokens as a record has them, and what is to be sealed of them."""
    kept, closed = dict(tokens), {}
    for header in private:
        first, _, rest = tokens[header].partition(".")
        closed[header] = f"{token_hex(16)}.{rest}"
        kept[header] = f"{first}.@{_sha256(closed[header])}{'.' if rest.endswith('.') else ''}"
    return kept, closed


def _body(row: Row) -> Subject:
    return Subject(row["ente_id"], "ente", row["ente_id"])


def _place(row: Row) -> str:
    return f"evidence|tokens|{row['ente_id']}|{row['evidence_id']}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()
