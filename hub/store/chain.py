"""The hash chain over evidence and access log: one root a commit and writer, each over the one before it.

A row's hash covers its clear columns, so a changed row no longer fits; a removed or added one breaks its root; a
removed root breaks the next; a cut tail differs from the anchors, which are kept outside the database.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, Table, func, select

from .database import Tx
from .ports import Vault
from .tables import access_log, chain_roots, evidence, to_micros

Row = Mapping[str, Any] | RowMapping

_NOT_HASHED = frozenset({"row_hash", "writer_id", "root_number", "body_sealed", "tokens_sealed", "sealed_later"})
_LOGS = (evidence, access_log)
_LATER = frozenset({"verified_by", "message_id", "peer", "delegation_id", "act"})
"""Columns of `evidence` that came with migration 0010, and of `access_log` that came with 0018 and 0026."""
_AS_HASHED = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME  # of a moment its microseconds
_COVERED = {table: tuple(str(c.name) for c in table.columns if c.name not in _NOT_HASHED) for table in _LOGS}


def row_bytes(table: Table, row: Row) -> bytes:
    """What a row's hash is over: its columns as JSON, those of the chain itself and what is sealed (which an erasure
    makes unreadable, and whose own hash stands beside it) left out.

    A column that came later is there where it has a value. So the rows of before are hashed as they were, and still
    each row has a document of its own: a value put into an old row, or taken out of a new one, changes it.
    """
    covered = {name: value for name in _COVERED[table] if (value := row.get(name)) is not None or name not in _LATER}
    return orjson.dumps([str(table.name), covered], default=to_micros, option=_AS_HASHED)


def row_hash(table: Table, row: Row) -> str:
    """Hex SHA-256 of `row_bytes`."""
    return hashlib.sha256(row_bytes(table, row)).hexdigest()


def root_over(previous: str, row_hashes: Iterable[str]) -> str:
    """The root after `previous` over a commit's rows, whatever their order."""
    return hashlib.sha256("\n".join([previous, *sorted(row_hashes)]).encode()).hexdigest()


class ChainWriter:
    """One writer's end of the chain. `extend` writes into the transaction; `committed` moves on once it is durable."""

    def __init__(self, writer_id: str) -> None:
        self.writer_id = writer_id
        self._number, self._root = 0, genesis(writer_id)
        self._pending: tuple[int, str] | None = None

    def extend(self, tx: Tx) -> None:
        """Write the transaction's evidence and access rows, and the root over them."""
        self._pending = None
        logs = ((evidence, tx.evidence_rows), (access_log, tx.access_rows))
        hashes = []
        for table, rows in logs:
            for row in rows:
                row["row_hash"] = row_hash(table, row)
                row["writer_id"], row["root_number"] = self.writer_id, self._number + 1
                hashes.append(row["row_hash"])
            tx.last_rows.append((table, rows))
        if not hashes:
            return
        self._pending = (self._number + 1, root_over(self._root, hashes))
        root = {
            "writer_id": self.writer_id,
            "root_number": self._pending[0],
            "at": tx.now,
            "entries": len(hashes),
            "root": self._pending[1],
        }
        tx.last_rows.append((chain_roots, [root]))

    def committed(self) -> None:
        if self._pending is not None:
            self._number, self._root = self._pending
            self._pending = None


def genesis(writer_id: str) -> str:
    """What a writer's first root stands on."""
    return hashlib.sha256(writer_id.encode()).hexdigest()


def tails(connection: Connection) -> dict[str, tuple[int, str]]:
    """The last root of every writer: what an anchor records."""
    newest = (
        select(chain_roots.c.writer_id, func.max(chain_roots.c.root_number).label("number"))
        .group_by(chain_roots.c.writer_id)
        .subquery()
    )
    rows = connection.execute(
        select(chain_roots.c.writer_id, chain_roots.c.root_number, chain_roots.c.root).join(
            newest,
            (chain_roots.c.writer_id == newest.c.writer_id) & (chain_roots.c.root_number == newest.c.number),
        )
    )
    return {row.writer_id: (row.root_number, row.root) for row in rows}


def word_for(vault: Vault, row: Row, now: str) -> str:
    """The hub's word that a record of `evidence`, whose hash in the chain is that of its clear tokens, is the same with
    them sealed, of which the hash is `now`."""
    return vault.keyed_hash("evidence.sealed_later", f"{row['evidence_id']}\0{row['row_hash']}\0{now}")


def verify_chain(
    connection: Connection, anchors: dict[str, tuple[int, str]], vault: Vault | None = None
) -> Iterator[str]:
    """Every fault found, in words: a changed, removed, added or reordered record, or a tail cut before an anchor.
    Without the vault, records whose tokens were sealed later look changed."""
    found: dict[tuple[str, int], list[str]] = {}
    for table in _LOGS:
        for row in connection.execute(select(table).execution_options(yield_per=1000)).mappings():
            actual = row_hash(table, dict(row))
            if actual != row["row_hash"] and not _vouched_for(vault, row, actual):
                key = row["evidence_id"] if table is evidence else row["access_id"]
                yield f"{table.name} {key}: the record was changed"
            found.setdefault((row["writer_id"], row["root_number"]), []).append(row["row_hash"])
    roots: dict[str, dict[int, str]] = {}
    previous: tuple[str, int, str] = ("", 0, "")
    in_order = select(chain_roots).order_by(chain_roots.c.writer_id, chain_roots.c.root_number)
    for link in connection.execute(in_order):
        writer, number, before = (
            previous if previous[0] == link.writer_id else (link.writer_id, 0, genesis(link.writer_id))
        )
        if link.root_number != number + 1:
            yield f"writer {writer}: roots {number + 1} to {link.root_number - 1} are missing"
        hashes = found.pop((link.writer_id, link.root_number), [])
        if len(hashes) != link.entries:
            yield f"writer {writer}, root {link.root_number}: {link.entries} records written, {len(hashes)} found"
        elif root_over(before, hashes) != link.root:
            yield f"writer {writer}, root {link.root_number}: the records or the root before do not fit"
        roots.setdefault(link.writer_id, {})[link.root_number] = link.root
        previous = (link.writer_id, link.root_number, link.root)
    for writer, number in found:
        yield f"writer {writer}, root {number}: records without a root"
    for writer, (number, root) in anchors.items():
        if roots.get(writer, {}).get(number) != root:
            yield f"writer {writer}: the tail was cut or rewritten before anchor {number}"


def _vouched_for(vault: Vault | None, row: Row, actual: str) -> bool:
    word: str = row.get("sealed_later") or ""
    # Only `evidence` has such a word: a changed line of the access log must be told of, not break the look.
    return vault is not None and word != "" and hmac.compare_digest(word, word_for(vault, row, actual))
