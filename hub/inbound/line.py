"""What is to be made durable, one thing after the other, while the next is understood.

Nothing in it is done once something before it has failed: a place in a source is never kept beyond what was taken.
"""

from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor


class Line:
    """Used by one thread, and worked off by another; a context."""

    def __init__(self) -> None:
        self._hand = ThreadPoolExecutor(1, "taking")  # whose thread is not there before it is needed
        self._under_way: list[tuple[Future[None], Callable[[], None]]] = []
        self._names: Collection[str] = frozenset()
        self._broken = False

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self._hand.shutdown()

    def holds_any(self, names: Collection[str]) -> bool:
        """Whether a record of such a name is being written: what the store knows of it is about to change."""
        return any(name in self._names for name in names)

    def put(
        self, names: Collection[str], act: Callable[[], object], done: Callable[[], None], *, at_once: bool = False
    ) -> None:
        """Let these records be written by `act`, once what is under way is durable; `done` is told in the thread that
        waits. `at_once` where nothing is left to be understood meanwhile. Raises as `wait`, and then what `act` does.
        """
        self.wait()
        if at_once:
            act()
            done()
            return
        self._names = names
        self.then(act, done)

    def then(self, act: Callable[[], object], done: Callable[[], None]) -> None:
        """Let this follow what is under way, without waiting for that."""
        self._under_way.append((self._hand.submit(self._do, act), done))

    def wait(self) -> None:
        """Until all is done. Raises what kept the first from it that failed."""
        try:
            for future, done in self._under_way:
                future.result()
                done()
        finally:
            self._under_way, self._names = [], frozenset()

    def _do(self, act: Callable[[], object]) -> None:
        if self._broken:
            raise RuntimeError("what it follows has failed")
        try:
            act()
        except BaseException:
            self._broken = True
            raise
