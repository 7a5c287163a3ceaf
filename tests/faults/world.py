"""An embedded hub (SQLite, one process), its providers in this one, and the hands to kill and to start it again."""

import json
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx

from ..harness import HubUnderTest, eventually
from .evidence import Evidence
from .ground import Ground
from .hub_process import CONTEXT, serve
from .lives import PLAIN, Life, Place
from .trades import MESSAGES, PORTS, Trade


class World(Ground):
    """One home, its providers, one vendor that keeps account, and as many lives of the hub as a test wants."""

    def __init__(self, folder: Path, trade: Trade = MESSAGES) -> None:
        self._providers = [*trade.providers(folder, [0] * PORTS).items()]
        given = {name: (kind, dict(one.start())) for name, (kind, one) in self._providers}
        folder.joinpath("providers.json").write_text(json.dumps(given, default=str))
        super().__init__(folder, trade.tuned(given), trade=trade)
        self.io_url = self.url_of("io")
        self._database = self.home.folder / "raccordo.db"
        self._lives = 0
        self._process: Any = None
        # Several threads ask whether it lives; its exit code can be read from the pipe only once.
        self._asking = threading.Lock()

    @contextmanager
    def life(self, life: Life = PLAIN) -> Iterator[HubUnderTest]:
        """A hub process until the block ends; it is stopped politely if it still lives then."""
        hub = self._start(life)
        try:
            with closing(hub.client):
                yield hub
        finally:
            self._stop()

    def _start(self, life: Life) -> HubUnderTest:
        self._lives += 1
        place = Place(self.folder, "embedded", self._lives)
        self._process = CONTEXT.Process(target=serve, args=(self.home.folder, place, life), daemon=True)
        self._process.start()
        eventually(lambda: place.ready.exists() or not self.alive(), bool, within_s=30)
        port = place.ready.read_text() if place.ready.exists() else "1"
        url = f"http://127.0.0.1:{port}"
        return self.under_test(url, httpx.Client(base_url=url, timeout=30))

    def alive(self) -> bool:
        with self._asking:
            return self._process is not None and self._process.is_alive()

    def kill(self) -> None:
        """kill -9, now."""
        self._process.kill()
        self.died()

    def died(self, *, within_s: float = 20) -> None:
        """Wait for the death that was arranged."""
        assert self._ended(within_s) == -signal.SIGKILL, self.logs()[-3000:]

    def _stop(self) -> None:
        if self.alive():
            self._process.terminate()
            assert self._ended(20) in (0, -signal.SIGTERM), self.logs()[-3000:]

    def _ended(self, within_s: float) -> int | None:
        with self._asking:
            self._process.join(within_s)
            exit_code: int | None = self._process.exitcode
            return exit_code

    def close(self) -> None:
        """End everything that this world started."""
        if self.alive():
            self._process.kill()
            self._ended(10)
        for _, (_, provider) in self._providers:
            provider.stop()
        super().close()

    def recover(self, life: Life = PLAIN, *, fresh: int = 4) -> Evidence:
        with self.life(life) as hub:
            shown, drain_s = self.settle_up(hub, fresh)
        return self.evidence(shown, drain_s)

    def integrity(self) -> list[str]:
        return [row[0] for row in self.rows("PRAGMA integrity_check") if row[0] != "ok"]

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self._database, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(query).fetchall()
