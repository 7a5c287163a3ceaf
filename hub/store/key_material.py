"""What tokens were verified with: the certificates of a chain, or a public key, each kept once under its SHA-256.

A record names them by header: `{"authorization": [leaf, issuer, anchor]}`, a header being left out where what verified
it is that of the one before. Its hash covers the names, and so what they name.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from sqlalchemy import Connection, select

from .database import Tx
from .kept_once import KeptOnce
from .tables import evidence, key_material

Material = Mapping[str, tuple[bytes, ...]]
"""Header -> DER of each certificate, leaf first, or of the one public key."""


class KeyMaterial:
    """Writes what verified."""

    def __init__(self) -> None:
        self._ders = KeptOnce(key_material, "der")

    def keep(self, tx: Tx, requests: Sequence[Material]) -> list[dict[str, list[str]] | None]:
        """What evidence says of each request."""
        chains = {chain for material in requests for chain in material.values()}
        self._ders.keep(tx, {_sha256(der): der for chain in chains for der in chain})
        return [_named(material) for material in requests]


def whole_chains(
    connection: Connection, verified_by: Mapping[str, Sequence[str]] | None, headers: Iterable[str]
) -> dict[str, tuple[bytes, ...]]:
    """What each of those headers was verified with. Raises LookupError where something of it is gone."""
    found: dict[str, tuple[bytes, ...]] = {}
    before: tuple[bytes, ...] = ()
    named = dict(verified_by or {})
    for header in dict.fromkeys((*headers, *named)):
        if header in named:
            before = tuple(_der(connection, digest) for digest in named[header])
        if before:
            found[header] = before
    return found


def _der(connection: Connection, digest: str) -> bytes:
    der = connection.execute(select(key_material.c.der).where(key_material.c.sha256 == digest)).scalar()
    if der is None:
        raise LookupError(f"the key or certificate {digest} is not kept")
    return bytes(der)


def verify_material(connection: Connection) -> Iterator[str]:
    """Every fault found, in words: what was changed, or what a record needs and is not there."""
    kept = set()
    for row in connection.execute(select(key_material).execution_options(yield_per=1000)):
        kept.add(row.sha256)
        if hashlib.sha256(row.der).hexdigest() != row.sha256:
            yield f"key_material {row.sha256}: the key or certificate was changed"
    query = select(evidence.c.evidence_id, evidence.c.verified_by).where(evidence.c.verified_by.is_not(None))
    for evidence_id, named in connection.execute(query.execution_options(yield_per=1000)):
        for digest in sorted({digest for chain in named.values() for digest in chain} - kept):
            yield f"evidence {evidence_id}: the key or certificate {digest} is missing"


def _named(material: Material) -> dict[str, list[str]] | None:
    named: dict[str, list[str]] = {}
    before: tuple[bytes, ...] = ()
    for header, chain in material.items():
        if chain != before:
            named[header] = [_sha256(der) for der in chain]
        before = chain
    return named or None


@lru_cache(maxsize=2048)
def _sha256(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()
