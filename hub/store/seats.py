"""Connections that are kept between two uses."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from . import postgres


class Seat:
    """The connection that a writer keeps while it writes one transaction after the other: to take it from the pool and
    give it back costs as much as several rows. After a failure, or idle, it is given back, and so tried again."""

    def __init__(self) -> None:
        self._connection: Connection | None = None
        self._left_at = 0.0

    @contextmanager
    def taken(self, engine: Engine) -> Iterator[Connection]:
        if time.monotonic() - self._left_at > postgres.IDLE_S:
            self.leave()
        connection = self._connection or engine.connect()
        self._connection = None
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._connection, self._left_at = connection, time.monotonic()

    def leave(self) -> None:
        """Give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            postgres.note_last_use(connection, self._left_at)
            connection.close()
