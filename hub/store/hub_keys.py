"""The hub's own keys since the first rotation: what is published until when, and what signs from when.

Before there is a row, the key of the home signs alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from .database import Tx
from .directory import bump
from .tables import hub_keys


@dataclass(frozen=True, slots=True)
class HubKey:
    """One key. `private_sealed` is None once it signs no more."""

    kid: str
    public_jwk: Mapping[str, Any]
    private_sealed: bytes | None
    signs_from: datetime
    published_until: datetime | None = None
    """None: as long as no other follows."""


def read_hub_keys(connection: Connection) -> Sequence[HubKey]:
    """Every key, in the order in which they sign."""
    rows = connection.execute(select(hub_keys).order_by(hub_keys.c.signs_from, hub_keys.c.kid))
    return [HubKey(r.kid, r.public_jwk, r.private_sealed, r.signs_from, r.published_until) for r in rows]


def follow(tx: Tx, key: HubKey, *, first: HubKey, ends: datetime) -> None:
    """Let `key` follow those that are there and `first`, which may be one of them; they are published until `ends`."""
    bump(tx, "trust")
    known = hub_keys.c
    is_known = first.kid in [row.kid for row in read_hub_keys(tx.connection)]
    rows = [key] if is_known else [first, key]
    tx.connection.execute(
        insert(hub_keys),
        [
            {
                "kid": row.kid,
                "public_jwk": dict(row.public_jwk),
                "private_sealed": row.private_sealed,
                "signs_from": row.signs_from,
                "published_until": row.published_until,
            }
            for row in rows
        ],
    )
    others = (known.kid != key.kid) & (known.published_until.is_(None) | (known.published_until > ends))
    tx.connection.execute(update(hub_keys).where(others).values(published_until=ends))


def forget_private(tx: Tx, kids: Sequence[str]) -> None:
    """Keep no more than the public half of keys that sign no more."""
    tx.connection.execute(update(hub_keys).where(hub_keys.c.kid.in_(kids)).values(private_sealed=None))


def private_place(kid: str) -> str:
    """Where a private key is sealed for."""
    return f"hub_keys|private|{kid}"
