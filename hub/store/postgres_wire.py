"""Several statements in one journey to PostgreSQL, by libpq itself (`psycopg.pq`).

A statement that goes through one of the driver's cursors costs this side 40 us, most of it before it is sent: what a
commit spent on a dozen of them was more than on its rows. Values and rows are the driver's all the same, by its
`Transformer`, and so are the errors.
"""

import re
import select
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import psycopg
from psycopg import Error, IsolationLevel, OperationalError
from psycopg.abc import Transformer
from psycopg.adapt import PyFormat
from psycopg.adapt import Transformer as DriversTransformer
from psycopg.errors import InvalidSqlStatementName, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

MOST_PREPARED: Final = 100
"""Statements that are remembered of a connection, and planned once by its server: as many as by the driver itself."""

_Key = tuple[bytes, tuple[int, ...]]
"""A statement, and the types of its values: a number is of the smallest that holds it."""
_NOBODY: Final[_Key] = (b"", ())
"""Who waits for the answer that a statement was forgotten."""


class Wire(psycopg.Connection[Any]):
    """The driver's connection, with what it has seen: the statements, the latest last, each with the name under which
    the server keeps it, and none at first sight. Many are written for a number of values that does not come again."""

    def __init__(self, pgconn: PGconn, *args: Any, **options: Any) -> None:
        super().__init__(pgconn, *args, **options)
        self.names: OrderedDict[_Key, bytes] = OrderedDict()
        self.named = 0
        self.poll = select.poll()
        self.poll.register(pgconn.socket, select.POLLIN)

    def rollback(self) -> None:
        """As the driver's own, which would have the server forget every statement: of tables that were made in the
        transaction, and none are."""
        if self.pgconn.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            answer = self.pgconn.exec_(b"ROLLBACK")
            if answer.status == ExecStatus.COMMAND_OK:
                return
        super().rollback()


def run(
    connection: Wire, statements: Sequence[tuple[str, Any]], *, binary: bool = False
) -> list[list[tuple[Any, ...]]]:
    """The rows of each statement, in order. They travel together (a transaction's BEGIN with its first), and are waited
    for once: a journey costs more than most of them. Each is SQL with `%s` and a sequence of values, or with `%(name)s`
    and a mapping; `%b` is a value that travels as bytes. `binary` rows have their bytes as they are, not as twice as
    many letters.

    Raises:
        psycopg.Error: the first that failed; none after it was run.
    """
    alone = connection.pgconn.transaction_status == TransactionStatus.IDLE
    try:
        return _run(connection, statements, Format.BINARY if binary else Format.TEXT)
    except InvalidSqlStatementName:  # somebody had the server forget them
        connection.names.clear()
        if not alone:  # what went before in this transaction is undone as well
            raise
        connection.rollback()
        return _run(connection, statements, Format.BINARY if binary else Format.TEXT)


def _run(connection: Wire, statements: Sequence[tuple[str, Any]], form: Format) -> list[list[tuple[Any, ...]]]:
    pgconn = connection.pgconn
    transformer: Transformer = DriversTransformer(connection)
    begins = not connection.autocommit and pgconn.transaction_status == TransactionStatus.IDLE
    journey = _Journey(connection, form)
    given = [_values(transformer, *statement) for statement in statements]  # what cannot be sent is known before
    pgconn.enter_pipeline_mode()
    try:
        if begins:
            journey.send(_beginning(connection.isolation_level, connection.read_only), (), (), ())
        for each in given:
            journey.send(*each)
        answers = journey.end()
    finally:
        try:
            pgconn.exit_pipeline_mode()
        except Error:  # answers may still come that nobody waits for: whoever asks shall find it lost
            pgconn.finish()
    return [_rows(transformer, answer) for answer in answers[begins:]]


class _Journey:
    """Statements on their way, and what is known of each answer before it comes."""

    def __init__(self, wire: Wire, form: Format) -> None:
        self._pgconn = wire.pgconn
        self._wire = wire
        self._form = form
        self._expected: list[_Key | None] = []
        """For each answer that will come the statement of which it says that it is kept; None for rows."""

    def send(self, statement: bytes, values: Sequence[Any], types: tuple[int, ...], formats: Sequence[Format]) -> None:
        key, names = (statement, types), self._wire.names
        name = names.get(key)
        if name is None:
            names[key] = b""
            self._pgconn.send_query_params(statement, values, types, formats, self._form)
        else:
            names.move_to_end(key)
            if not name:
                self._wire.named += 1
                # With what it does: the server's own views and logs have the name.
                name = names[key] = b"raccordo_%d_%s" % (self._wire.named, statement.split(maxsplit=1)[0])
                self._pgconn.send_prepare(name, statement, types)
                self._expected.append(key)
            self._pgconn.send_query_prepared(name, values, formats, self._form)
        self._expected.append(None)

    def end(self) -> list[PGresult]:
        """The answers to what was sent. Raises the first error among them."""
        for name in self._forget():
            self._pgconn.send_close_prepared(name)  # no fault where there is none, as DEALLOCATE would be
            self._expected.append(_NOBODY)
        self._pgconn.pipeline_sync()
        answers: list[PGresult] = []
        failed: PGresult | None = None
        expected = iter(self._expected)
        try:
            for answer in self._received():
                # A server may say why it leaves after the last answer, that of a COMMIT too.
                key = next(expected, None)
                if key is _NOBODY:
                    continue
                if answer.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
                    failed = failed or answer
                    if key is not None:
                        self._wire.names.pop(key, None)
                if key is None:
                    answers.append(answer)
        except OperationalError:
            if failed is None:  # else the server said why it left
                raise
        if failed is not None:
            raise error_from_result(failed)
        return answers

    def _forget(self) -> Iterator[bytes]:
        while len(self._wire.names) > MOST_PREPARED:
            _, name = self._wire.names.popitem(last=False)
            if name:
                yield name

    def _received(self) -> Iterator[PGresult]:
        """Every answer up to the last. Raises OperationalError where the connection is lost."""
        pgconn, poll = self._pgconn, self._wire.poll
        while pgconn.flush():
            # The server may wait for us to read while we wait for it to.
            poll.modify(pgconn.socket, select.POLLIN | select.POLLOUT)
            poll.poll()
            poll.modify(pgconn.socket, select.POLLIN)
            pgconn.consume_input()
        while True:
            # What libpq itself would wait for it waits with the interpreter's lock in its hand.
            while pgconn.is_busy():
                poll.poll()
                pgconn.consume_input()
            answer = pgconn.get_result()
            if answer is None:
                continue  # the end of one statement's
            if answer.status == ExecStatus.PIPELINE_SYNC:
                return
            if pgconn.status == ConnStatus.BAD:
                raise OperationalError(answer.get_error_message())
            yield answer


def _values(
    transformer: Transformer, statement: str, values: Any
) -> tuple[bytes, Sequence[Any], tuple[int, ...], Sequence[Format]]:
    """A statement with its values as libpq takes them."""
    text, names, wanted = _numbered(statement)
    given = [values[name] for name in names] if names else values
    dumped = transformer.dump_sequence(given, wanted)
    return text, dumped, transformer.types or (), transformer.formats or ()


def _rows(transformer: Transformer, answer: PGresult) -> list[tuple[Any, ...]]:
    if not answer.nfields:
        return []
    transformer.set_pgresult(answer)
    return transformer.load_rows(0, answer.ntuples, tuple)


_POINT = re.compile(r"%(?:%|s|b|\(([^)]+)\)s)")


@lru_cache(maxsize=512)
def _numbered(statement: str) -> tuple[bytes, tuple[str, ...], tuple[PyFormat, ...]]:
    """The statement with `$1`, `$2`..., the names of its values where they have some, and how each travels."""
    names: dict[str, int] = {}
    formats: list[PyFormat] = []

    def number(point: re.Match[str]) -> str:
        if point[0] == "%%":
            return "%"
        if point[1] is None or point[1] not in names:
            formats.append(PyFormat.BINARY if point[0] == "%b" else PyFormat.AUTO)
        if point[1] is not None:
            return f"${names.setdefault(point[1], len(formats))}"
        return f"${len(formats)}"

    text = _POINT.sub(number, statement)
    return text.encode(), tuple(names), tuple(formats)


@lru_cache(maxsize=16)
def _beginning(isolation: int | None, read_only: bool | None) -> bytes:
    """As the driver begins a transaction."""
    parts = ["BEGIN"]
    if isolation is not None:
        parts.append(f"ISOLATION LEVEL {IsolationLevel(isolation).name.replace('_', ' ')}")
    if read_only is not None:
        parts.append("READ ONLY" if read_only else "READ WRITE")
    return " ".join(parts).encode()
