"""`python -m tests.bench.scaling`: what a message and a page cost as the store grows, on SQLite and PostgreSQL.

On PostgreSQL with whole tables and with hash partitions. A message is the rows that a publication leaves, sixteen a
commit; a page is the feed's own query for the fifty newest items of a citizen. Each store starts empty.
"""

import argparse
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table as Grid

from contracts.identifiers import new_uuid7
from hub.clock import SystemClock
from hub.security.vault import Vault
from hub.store.citizens import Citizen, Subject
from hub.store.database import Database
from hub.store.filters import Filters
from hub.store.partitioning import partition
from hub.store.reading import Reading
from hub.store.rows import payload_place
from tests.real.postgres import Postgres

from .store import Rows, by_hub, rows_of

PER_CITIZEN = 100
COMMIT = 16
FILLING = 256
_CONTENT = b"x" * 1400


class Measured:
    """One store, filled step by step."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._key = vault.new_data_key()
        self._draw = random.Random(7)
        self._citizens: list[str] = []
        self.count = 0

    def grow(self, size: int) -> None:
        while self.count < size:
            self._write(min(FILLING, size - self.count))

    def message_us(self, commits: int = 60) -> float:
        """Microseconds a message, rows made beforehand."""
        spent = []
        for rows in [self._rows(COMMIT) for _ in range(commits)]:
            started = time.perf_counter()
            with self._database.write() as tx:
                by_hub(tx, rows)
            spent.append(time.perf_counter() - started)
        self.count += COMMIT * commits
        return median(spent) / COMMIT * 1e6

    def page_us(self, pages: int = 200) -> float:
        """Microseconds a page, of another citizen each time, decryption included."""
        spent = []
        for _ in range(pages):
            citizen = Citizen("c_h501", self._draw.choice(self._citizens), self._key)
            with self._database.look() as look:
                reading = Reading(look, self._vault, citizen, Subject("c_h501", "person", "-"), 3, SystemClock().now())
                started = time.perf_counter()
                reading.page(Filters(), sort="-occurred_at", after=None, limit=51)
                spent.append(time.perf_counter() - started)
        return median(spent) * 1e6

    def _write(self, count: int) -> None:
        with self._database.write() as tx:
            by_hub(tx, self._rows(count))
        self.count += count

    def _rows(self, count: int) -> Rows:
        wanted = max(1, (self.count + count) // PER_CITIZEN)
        self._citizens += [new_uuid7() for _ in range(wanted - len(self._citizens))]
        rows = rows_of(count)
        for n in range(count):
            citizen_id = self._draw.choice(self._citizens)
            for name in ("item_identities", "item_versions", "timeline", "deliveries", "items"):
                rows[name][n]["citizen_id"] = citizen_id
            item = rows["items"][n]
            item |= {"lifecycle": "active", "sequence": self.count + n}
            place = payload_place(item["ente_id"], item["item_id"], item["version"])
            rows["item_versions"][n]["payload_sealed"] = self._vault.seal_with(self._key, _CONTENT, place)
        return rows


@contextmanager
def stores(folder: Path) -> Iterator[dict[str, Measured]]:
    vault = Vault.create(folder / "vault.json")
    with Postgres() as server:
        urls = {
            "SQLite": f"sqlite:///{folder / 'raccordo.db'}",
            "PostgreSQL, whole": server.create_database("whole"),
            "PostgreSQL, 4 partitions": server.create_database("parted"),
        }
        databases = {name: Database(url, SystemClock()) for name, url in urls.items()}
        for name, database in databases.items():
            database.migrate()
            if "partitions" in name:
                with database.write() as tx:
                    partition(tx.connection, 4)
        yield {name: Measured(database, vault) for name, database in databases.items()}
        for database in databases.values():
            database.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scaling", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    sizes = parser.parse_args().sizes
    grid = Grid("store", "items stored", "us a message", "us a page of 50", title=f"{os.cpu_count()} cores")
    with TemporaryDirectory() as folder, stores(Path(folder)) as measured:
        for size in sizes:
            for name, store in measured.items():
                store.grow(size)
                grid.add_row(name, f"{size:,}", f"{store.message_us():.0f}", f"{store.page_us():.0f}")
    Console().print(grid)


if __name__ == "__main__":
    main()
