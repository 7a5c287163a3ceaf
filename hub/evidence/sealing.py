"""Tokens of records of before that speak of persons, sealed where they stand (`hub.store.sealed_tokens`)."""

from sqlalchemy import Connection

from hub.home import Home
from hub.security.causes import Refusal
from hub.security.checks.state import AUDIT
from hub.security.claims import says_more
from hub.security.jose import parse
from hub.store.chain import Row
from hub.store.citizens import Citizens
from hub.store.jose_headers import whole
from hub.store.sealed_tokens import TokenSeals, commitment


def seal_old_tokens(home: Home, whose: tuple[str, str] | None = None) -> tuple[int, int]:
    """How many records (of `whose`, ente and citizen, or all) were sealed, and how many were not because they are not
    as they were written."""
    return TokenSeals(home.vault, Citizens(home.vault)).seal_old(home.database, private_of, whose)


def private_of(connection: Connection, row: Row) -> list[str]:
    """The tokens of a record in the clear that speak of persons. Raises LookupError where a segment is gone, or a token
    is none."""
    tokens = whole(connection, row["tokens"])
    clear = {name: compact for name, compact in tokens.items() if commitment(compact) is None}
    try:
        return [name for name, compact in clear.items() if name == AUDIT or says_more(parse(compact).claims)]
    except Refusal:  # nothing is kept that could not be read once
        raise LookupError("a token cannot be read") from None
