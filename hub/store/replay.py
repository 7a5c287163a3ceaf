"""Tokens are accepted once: the replay store (`settled` 3)."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection, delete, select

from .bulk import insert_rows
from .database import Tx
from .ports import UsedToken
from .tables import replays

_KEPT = timedelta(minutes=30)
_PAST_EXPIRY = timedelta(minutes=5)
_FIRST_WINS = "ON CONFLICT DO NOTHING RETURNING ente_id, token"


def consume_tokens(tx: Tx, wanted: Sequence[tuple[str, str, tuple[UsedToken, ...]]]) -> list[bool]:
    """For each (ente, signer, tokens): whether every token was unused. One insert decides; the first wins."""
    first: dict[tuple[str, bytes], int] = {}
    rows: dict[tuple[str, bytes], dict[str, object]] = {}
    keys: list[list[tuple[str, bytes]]] = []
    for n, (ente_id, signer, tokens) in enumerate(wanted):
        keys.append([(ente_id, _name(signer, token)) for token in tokens])
        for key, token in zip(keys[-1], tokens, strict=True):
            if key not in first:
                first[key] = n
                rows[key] = {"ente_id": ente_id, "token": key[1], "used_at": tx.now, "expires_at": token.expires_at}
    inserted = set(insert_rows(tx.connection, replays, [rows[key] for key in sorted(rows)], conflict=_FIRST_WINS))
    return [all(key in inserted and first[key] == n for key in own) for n, own in enumerate(keys)]


def forget_tokens(tx: Tx) -> None:
    """Drop the tokens that no check of time would let pass any more."""
    old = (replays.c.used_at < tx.now - _KEPT) & (replays.c.expires_at < tx.now - _PAST_EXPIRY)
    tx.connection.execute(delete(replays).where(old))


def used_before(connection: Connection, ente_id: str, signer: str, tokens: Sequence[UsedToken]) -> list[str]:
    """The headers whose token was consumed already."""
    names = {_name(signer, token): token.header for token in tokens}
    found = connection.execute(
        select(replays.c.token).where(replays.c.ente_id == ente_id, replays.c.token.in_(names))
    ).scalars()
    return sorted(names[name] for name in found)


def _name(signer: str, token: UsedToken) -> bytes:
    # Of 128 bits: whoever makes two of his own collide has one of them refused.
    named = "\0".join((token.signer or signer, token.header, token.jti))
    return hashlib.blake2b(named.encode(), digest_size=16).digest()
