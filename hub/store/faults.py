"""What a database raises, and what that means for whoever asked."""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hub.errors import StoreUnavailable

_PASSING = frozenset({"40001", "40P01", "23505", "26000"})
"""serialization_failure, deadlock_detected, unique_violation: the next try sees what the other writer did. And
invalid_sql_statement_name: somebody had the server forget what it had planned."""
IN_TROUBLE = (OperationalError, InterfaceError, PoolTimeout)
"""What a database raises that is away, full or too slow: it is no fault of what was asked."""
_TIMED_OUT = frozenset({"55P03", "57014"})
"""lock_not_available, query_canceled."""
_WHY = (
    ("resolve host", "the name of its host is not known"),
    ("authentication failed", "it refuses user or password"),
    ("no password", "it wants a password"),
    ("no pg_hba.conf entry", "it lets nobody in from here with that user and database (pg_hba.conf)"),
    ("does not exist", "it has no such database or user"),
    ("no such file", "nothing listens there"),
    ("refused", "nothing listens there"),
    ("unreachable", "no way leads there"),
    ("no route", "no way leads there"),
    ("certificate", "its certificate is not the one wanted"),
    ("does not support ssl", "it speaks no TLS"),
    ("timeout", "no answer in time"),
    ("timed out", "no answer in time"),
    ("too many clients", "it has no connection free"),
    ("connection slots", "it has no connection free"),
    ("starting up", "it is just starting"),
    ("not yet accepting", "it is just starting"),
    ("recovery mode", "it is just starting"),
    ("shutting down", "it is just shutting down"),
    ("closed", "it broke off the connection"),
    ("lost", "it broke off the connection"),
)
"""What a refusal to connect says, and what it means; only such texts have no code of their own."""


class CommitUnknown(SQLAlchemyError):
    """The connection broke under the COMMIT: what was written may be there or not."""


LOST = (*IN_TROUBLE, CommitUnknown, StoreUnavailable)
"""The same, with what the hub's own parts make of it: who works beside the store, a connector, is not at fault."""


def why_away(error: BaseException) -> str | None:
    """Why there is no connection, as far as the driver tells; its text may name users, so that none of it is given."""
    if isinstance(error, PoolTimeout):
        return "every connection of this process is in use"
    told = str(getattr(error, "orig", None) or "").lower()
    return next((why for words, why in _WHY if words in told), None)


def error_name(error: BaseException) -> str:
    """What failed, for a log, never its text: SQLite's own constant (SQLITE_FULL), PostgreSQL's code and name, or why
    there is no connection to it."""
    if isinstance(error, StoreUnavailable) and error.cause:
        return error.cause
    fault = getattr(error, "orig", None)
    if (name := getattr(fault, "sqlite_errorname", None)) is not None:
        return str(name)
    if (code := getattr(fault, "sqlstate", None)) is not None:
        return f"{code}/{type(fault).__name__}"
    name, why = type(error).__name__, why_away(error)
    return f"{name} ({why})" if why else name


def may_pass(error: BaseException) -> bool:
    """Whether the same transaction, tried again at once, may well succeed: another writer was in its way, or the
    connection broke and the next one may hold."""
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or getattr(getattr(error, "orig", None), "sqlstate", None) in _PASSING


def is_away(error: BaseException) -> bool:
    """Whether there is no database to talk to: then trying once more, at once, only makes others wait."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, OperationalError) or error.connection_invalidated:
        return False
    return getattr(error.orig, "sqlstate", "") is None


def is_held_up(error: BaseException) -> bool:
    """Whether it waited as long as it may: whoever tries again at once makes all behind it wait as long once more."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in _TIMED_OUT
