"""What an answer is read from: the database as it was at one moment.

One statement is such a picture by itself. A transaction around it costs two journeys to the server, and with what Core
does about it as much as the statement: an answer that needs no more goes without.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine

from .bulk import Query, glance_rows, select_rows
from .seats import Seat

_KEPT = 4
"""Connections that stay at hand: threads that answer at the same moment; the pool has more of them."""


class Glances:
    """Runs single statements, each in no transaction but its own, on connections that are kept."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._free: list[Seat] = []

    def rows(self, query: Query, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """As `bulk.select_rows`. Raises DBAPIError."""
        try:
            seat = self._free.pop()
        except IndexError:
            seat = Seat()
        with seat.taken(self._engine) as connection:
            found = glance_rows(connection, query, parameters)
        if len(self._free) < _KEPT:
            self._free.append(seat)
        else:
            seat.leave()
        return found

    def close(self) -> None:
        """Give the kept connections back."""
        while self._free:
            self._free.pop().leave()

    def forget(self) -> None:
        """They are another process's."""
        self._free = []


class Look:
    """What one answer reads: by one statement alone, or held for several."""

    def __init__(self, glances: Glances, begin: Callable[[], Connection]) -> None:
        self._glances = glances
        self._begin = begin
        self._held: Connection | None = None

    @property
    def is_held(self) -> bool:
        return self._held is not None

    def hold(self) -> Connection:
        """From now on whatever is read is of one moment: that of the next statement, where it was not held before."""
        if self._held is None:
            self._held = self._begin()
        return self._held

    def rows(self, query: Query, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """As `bulk.select_rows`. Raises DBAPIError."""
        if self._held is None:
            return self._glances.rows(query, parameters)
        return select_rows(self._held, query, parameters)
