"""Rows that many records name, each kept once under its hex SHA-256."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Table

from .bulk import insert_rows
from .database import Tx

_MOST = 10_000


class KeptOnce:
    """Writes into a table of two columns, `sha256` and that of `content`, and remembers what is written already."""

    def __init__(self, table: Table, content: str) -> None:
        self._table = table
        self._content = content
        self._written: set[str] = set()

    def keep(self, tx: Tx, named: Mapping[str, str | bytes]) -> None:
        """Hex SHA-256 -> what has it."""
        fresh = sorted(named.keys() - self._written)
        if fresh:
            rows = [{"sha256": digest, self._content: named[digest]} for digest in fresh]
            insert_rows(tx.connection, self._table, rows, conflict="ON CONFLICT DO NOTHING")
            tx.after_commit.append(lambda: self._note(fresh))

    def _note(self, fresh: Iterable[str]) -> None:
        if len(self._written) > _MOST:
            self._written.clear()
        self._written.update(fresh)
