"""What the log says of a database that fails: what it is and why, in words of our own."""

import psycopg
import pytest
from sqlalchemy.exc import InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hub.errors import StoreUnavailable
from hub.store.faults import error_name

AT = 'connection to server at "10.0.0.5", port 5432 failed: '


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (AT + "Connection refused\n\tIs the server running on that host?", "nothing listens there"),
        (AT + 'FATAL:  password authentication failed for user "anna"', "it refuses user or password"),
        (AT + "No route to host", "no way leads there"),
        (AT + "FATAL:  the database system is starting up", "it is just starting"),
        (AT + "FATAL:  sorry, too many clients already", "it has no connection free"),
        ("connection timeout expired", "no answer in time"),
        ("consuming input failed: server closed the connection unexpectedly", "it broke off the connection"),
        ("the connection is lost", "it broke off the connection"),
    ],
)
def test_a_connection_that_fails_says_why_and_for_whom_it_was_not(said, why):
    """The log of a night said `OperationalError` and no more."""
    assert error_name(OperationalError("SELECT 1", {}, psycopg.OperationalError(said))) == f"OperationalError ({why})"


def test_a_text_that_is_not_known_is_not_given():
    odd = psycopg.OperationalError("Zanzibar")
    assert error_name(OperationalError("SELECT 1", {}, odd)) == "OperationalError"


def test_a_fault_that_the_server_names_keeps_its_code():
    full = OperationalError("INSERT", {}, psycopg.errors.DiskFull("could not extend file: closed"))
    standby = InternalError("INSERT", {}, psycopg.errors.ReadOnlySqlTransaction("x"))
    assert [error_name(each) for each in (full, standby)] == ["53100/DiskFull", "25006/ReadOnlySqlTransaction"]


def test_what_comes_of_it_names_it_too():
    assert error_name(PoolTimeout("QueuePool limit")) == "TimeoutError (every connection of this process is in use)"
    assert error_name(StoreUnavailable(cause="53100/DiskFull")) == "53100/DiskFull"
    assert error_name(StoreUnavailable()) == "StoreUnavailable"
