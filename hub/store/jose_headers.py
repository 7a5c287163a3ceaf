"""The protected segments of kept tokens: a long one, which holds a certificate chain, is kept once for all its tokens.

A kept token is as it was sent but for its first segment: left out where it is that of the token before, and `#` with
its hex SHA-256 where it is long. What a record's hash covers thus covers the segment, too.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from sqlalchemy import Connection, select

from .database import Tx
from .kept_once import KeptOnce
from .tables import evidence, jose_headers

_LONG = 200


class JoseHeaders:
    """Writes segments."""

    def __init__(self) -> None:
        self._segments = KeptOnce(jose_headers, "segment")

    def keep(self, tx: Tx, requests: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
        """Header -> token of each request, as evidence has them."""
        segments = {compact.partition(".")[0] for tokens in requests for compact in tokens.values()}
        self._segments.keep(tx, {_sha256(segment): segment for segment in segments if len(segment) > _LONG})
        return [_short(tokens) for tokens in requests]


def whole(connection: Connection, kept: Mapping[str, str]) -> dict[str, str]:
    """The tokens as they were sent. Raises LookupError where a segment is gone."""
    tokens, segment = {}, ""
    for header, token in kept.items():
        first, _, rest = token.partition(".")
        if first.startswith("#"):
            found = connection.execute(
                select(jose_headers.c.segment).where(jose_headers.c.sha256 == first[1:])
            ).scalar()
            if found is None:
                raise LookupError(f"the protected segment {first[1:]} is not kept")
            first = found
        segment = first or segment
        tokens[header] = f"{segment}.{rest}"
    return tokens


def verify_segments(connection: Connection) -> Iterator[str]:
    """Every fault found, in words: a segment that was changed, or one that a record needs and is not there."""
    kept = set()
    for row in connection.execute(select(jose_headers).execution_options(yield_per=1000)):
        kept.add(row.sha256)
        if _sha256(row.segment) != row.sha256:
            yield f"jose_headers {row.sha256}: the segment was changed"
    query = select(evidence.c.evidence_id, evidence.c.tokens).execution_options(yield_per=1000)
    for evidence_id, tokens in connection.execute(query):
        for token in tokens.values():
            first = token.partition(".")[0]
            if first.startswith("#") and first[1:] not in kept:
                yield f"evidence {evidence_id}: the protected segment of a token is missing"


def _short(tokens: Mapping[str, str]) -> dict[str, str]:
    kept, before = {}, ""
    for header, compact in tokens.items():
        segment, _, rest = compact.partition(".")
        if segment == before:
            kept[header] = f".{rest}"
        elif len(segment) > _LONG:
            kept[header] = f"#{_sha256(segment)}.{rest}"
        else:
            kept[header] = compact
        before = segment
    return kept


@lru_cache(maxsize=512)
def _sha256(segment: str) -> str:
    return hashlib.sha256(segment.encode()).hexdigest()
