"""Second factors of local administrators: a secret, sealed, and recovery codes, under keyed hashes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select, update

from .administrators import Administrator
from .database import Tx
from .directory import AlreadyThere, NotThere
from .ports import Vault
from .tables import recovery_codes, second_factors

MOST_FAILURES = 100
"""Wrong codes in a row, over whatever time, after which none is taken any more (NIST SP 800-63B 3.2.2)."""


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """What an account signs in with, beside its password."""

    secret: bytes = field(repr=False)
    last_step: int
    """Of the newest code that was taken: none of its step or before is taken again (RFC 6238 5.2)."""
    failures: int
    """Wrong codes since the last right one."""


def enrol(tx: Tx, vault: Vault, one: Administrator, secret: bytes, codes: Sequence[str]) -> None:
    """Give an account a second factor; `codes` for recovery. Raises AlreadyThere."""
    mine = {"ente_id": one.ente_id, "administrator_id": one.administrator_id}
    if enrolled_at(tx.connection, one) is not None:
        raise AlreadyThere(one.username)
    place = factor_place(one.ente_id, one.administrator_id)
    row = mine | {
        "secret_sealed": vault.seal(secret, place),
        "last_step": 0,
        "failures": 0,
        "enrolled_at": tx.now,
    }
    tx.connection.execute(insert(second_factors), row)
    tx.connection.execute(insert(recovery_codes), [mine | {"code_hash": _hash(vault, one, each)} for each in codes])


def reset(tx: Tx, one: Administrator) -> None:
    """Take the second factor away, with its recovery codes. Raises NotThere."""
    tx.connection.execute(delete(recovery_codes).where(*_of(recovery_codes, one)))
    if tx.connection.execute(delete(second_factors).where(*_of(second_factors, one))).rowcount == 0:
        raise NotThere(one.username)


def locked(tx: Tx, vault: Vault, one: Administrator) -> SecondFactor | None:
    """The account's, if it is enrolled, for nobody else until the commit: so that a code is taken once."""
    query = select(second_factors).where(*_of(second_factors, one)).with_for_update()
    row = tx.connection.execute(query).first()
    if row is None:
        return None
    secret = vault.open(row.secret_sealed, factor_place(one.ente_id, one.administrator_id))
    return SecondFactor(secret, row.last_step, row.failures)


def enrolled_at(connection: Connection, one: Administrator) -> datetime | None:
    """Since when the account has the one that it has; None without."""
    query = select(second_factors.c.enrolled_at).where(*_of(second_factors, one))
    return connection.execute(query).scalar_one_or_none()


def enrolled(connection: Connection, ente_id: str) -> frozenset[str]:
    """The ids of those of an ente who have one."""
    query = select(second_factors.c.administrator_id).where(second_factors.c.ente_id == ente_id)
    return frozenset(connection.execute(query).scalars())


def take_step(tx: Tx, one: Administrator, step: int) -> None:
    """A code of that step was right."""
    _set(tx, one, last_step=step, failures=0)


def take_recovery_code(tx: Tx, vault: Vault, one: Administrator, code: str) -> bool:
    """Whether it is one of the account's that was not used before; it is from now on."""
    its = recovery_codes.c
    unused = (its.code_hash == _hash(vault, one, code)) & its.used_at.is_(None)
    taken = tx.connection.execute(
        update(recovery_codes).where(*_of(recovery_codes, one), unused).values(used_at=tx.now)
    ).rowcount
    if taken:
        _set(tx, one, failures=0)
    return bool(taken)


def count_failure(tx: Tx, one: Administrator) -> None:
    """A code was wrong."""
    _set(tx, one, failures=second_factors.c.failures + 1)


def factor_place(ente_id: str, administrator_id: str) -> str:
    """Where the secret is sealed for."""
    return f"second_factors|secret|{ente_id}|{administrator_id}"


def _set(tx: Tx, one: Administrator, **values: object) -> None:
    tx.connection.execute(update(second_factors).where(*_of(second_factors, one)).values(**values))


def _of(table: Table, one: Administrator) -> tuple[ColumnElement[bool], ...]:
    return table.c.ente_id == one.ente_id, table.c.administrator_id == one.administrator_id


def _hash(vault: Vault, one: Administrator, code: str) -> str:
    return vault.keyed_hash("recovery-code", f"{one.ente_id}|{one.administrator_id}|{code}")
