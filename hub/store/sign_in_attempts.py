"""Attempts to sign in with a password, counted by name, whether anybody has it or not."""

from datetime import timedelta

from sqlalchemy import delete, select, update

from .database import Tx, upsert
from .tables import sign_in_attempts

_NO_ENTE = "-"
FREE_ATTEMPTS = 5
"""In a row, before anybody has to wait."""
LONGEST_WAIT_S = 60
_FORGOTTEN_AFTER = timedelta(days=1)


class MustWait(Exception):
    """Too many attempts in a row; `seconds` until the next one is looked at."""

    def __init__(self, seconds: int) -> None:
        super().__init__(str(seconds))
        self.seconds = seconds


def begin_attempt(tx: Tx, name_hash: str) -> None:
    """Count an attempt to sign in as failed until `forgive` says otherwise: so a hundred at once are a hundred. Raises
    MustWait, which counts nothing."""
    its = sign_in_attempts.c
    tx.connection.execute(delete(sign_in_attempts).where(its.last_at < tx.now - _FORGOTTEN_AFTER))
    where = (its.ente_id == _NO_ENTE) & (its.name_hash == name_hash)
    row = tx.connection.execute(select(sign_in_attempts).where(where).with_for_update()).first()
    failures = 0 if row is None else row.failures
    if row is not None and failures >= FREE_ATTEMPTS:
        wait_s = min(LONGEST_WAIT_S, 2 ** min(failures - FREE_ATTEMPTS, 10))
        left_s = (row.last_at + timedelta(seconds=wait_s) - tx.now).total_seconds()
        if left_s > 0:
            raise MustWait(max(1, round(left_s)))
    values = {"failures": failures + 1, "last_at": tx.now}
    statement = upsert(sign_in_attempts).values(ente_id=_NO_ENTE, name_hash=name_hash, **values)
    tx.connection.execute(statement.on_conflict_do_update(index_elements=["ente_id", "name_hash"], set_=values))


def keep_attempt(tx: Tx, name_hash: str) -> None:
    """Count the wait from now on: an attempt under a name that nobody has costs a commit, as one of an account does."""
    its = sign_in_attempts.c
    where = (its.ente_id == _NO_ENTE) & (its.name_hash == name_hash)
    tx.connection.execute(update(sign_in_attempts).where(where).values(last_at=tx.now))


def forgive(tx: Tx, name_hash: str) -> None:
    """The right password was given."""
    its = sign_in_attempts.c
    tx.connection.execute(delete(sign_in_attempts).where(its.ente_id == _NO_ENTE, its.name_hash == name_hash))
