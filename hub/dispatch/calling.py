"""The calling of workers: the lanes for which to ring, and the bell that is rung for them where there is a Redis."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from hub.store.database import Database
from hub.store.lanes import due_lanes, standings
from hub.store.standing import Lane, LimitsOf

if TYPE_CHECKING:
    from .doorbell import Ringer


class Calling:
    """Calls within `running()`; which lanes are due it says at any time."""

    def __init__(self, database: Database, limits: Callable[[], LimitsOf], redis_url: str | None) -> None:
        self._database = database
        self._limits = limits
        self._redis_url = redis_url
        self._ringer: Ringer | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Call workers for what is due, where there is a Redis; without one they look for themselves."""
        if not self._redis_url:
            yield
            return
        from .doorbell import Doorbell, Ringer  # 10 MB of RQ

        with closing(Doorbell(self._redis_url)) as bell, Ringer(self.due_lanes, bell.call) as self._ringer:
            yield

    def ring(self) -> bool:
        """Call soon, without waiting; False where nobody is called from here."""
        if self._ringer is None:
            return False
        self._ringer.ring()
        return True

    def due_lanes(self) -> list[Lane]:
        """The lanes for which to ring."""
        with self._database.read() as connection:
            return due_lanes(connection, self._database.now(connection), self._limits())

    def begun(self, lanes: Sequence[Lane]) -> int:
        """How many deliveries were ever begun in these lanes."""
        with self._database.read() as connection:
            return sum(standing.claimed for standing in standings(connection, lanes).values()) if lanes else 0
