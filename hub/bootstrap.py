"""The composition root: from settings to a hub at work. The only place that chooses, and the only one that knows
where connectors come from.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from connectors import registry as connectors_registry
from contracts.base import rfc3339
from contracts.connector import ConnectorType, Simulation
from hub.clock import Clock, SystemClock
from hub.dispatch.dispatcher import Dispatcher
from hub.dispatch.notices import Notices
from hub.dispatch.pool import ConnectorPool
from hub.dispatch.routing import router
from hub.dispatch.runner import Runner
from hub.dispatch.unsubscribing import UnsubscribeLinks
from hub.feed.query import Feed
from hub.ingest.pipeline import Pipeline
from hub.ingest.uploads import Uploads
from hub.ingest.vendor_view import VendorView
from hub.security.keys import new_key, private_pem, write_private
from hub.security.sign import SigningKey
from hub.security.vault import Vault
from hub.settings import Settings
from hub.store.amendments import Amendments, Upload, Withdraw
from hub.store.chain import tails
from hub.store.citizens import Citizens
from hub.store.committer import Committer
from hub.store.configuration import Configuration
from hub.store.database import Database
from hub.store.directory import load_registry
from hub.store.files import Files
from hub.store.intake import Intake
from hub.store.publications import Draft, Publications
from hub.store.snapshot import Snapshot, Watcher

# The whole of a connector's longest step, and time to settle.
LEASE = timedelta(seconds=180)
ANCHOR_EVERY = timedelta(minutes=5)


_LOSSES = {
    "vault.json": "the key file is missing; restore it from your backup, without it the data cannot be read",
    "hub-key.pem": "the key file is missing; restore it from your backup, without it the hub cannot sign as before",
    "raccordo.db": "the database is missing beside its keys; restore it from your backup",
}
"""The files that make a home, and what to say where one of them is lost while others are there."""


class HomeError(Exception):
    """The home folder is not as it should be; the text says what to do."""


class Home:
    """The folder of an embedded hub: database, keys, files. `create` makes it, the rest opens it."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.folder = settings.home
        self.clock: Clock = clock or SystemClock()

    def create(self) -> None:
        """Make keys and database. Raises HomeError when there is something already."""
        if any((self.folder / name).exists() for name in _LOSSES):
            raise HomeError(f"{self.folder} already holds a hub; choose another --home, or use it as it is")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)  # also where it was there before
        Vault.create(self.folder / "vault.json")
        write_private(self.folder / "hub-key.pem", private_pem(new_key("es256")))
        self.database.migrate()

    @cached_property
    def vault(self) -> Vault:
        return Vault.load(self._existing("vault.json"))

    @cached_property
    def key(self) -> SigningKey:
        """The hub's own key: it signs receipts and anchors."""
        return SigningKey.load(self._existing("hub-key.pem"))

    @cached_property
    def database(self) -> Database:
        return Database(self.settings.database_url, self.clock)

    @cached_property
    def configuration(self) -> Configuration:
        return Configuration(self.vault)

    @cached_property
    def types(self) -> dict[str, ConnectorType]:
        return connectors_registry.find_types()

    def open_database(self) -> Database:
        """The database, at the schema that this code knows. Raises HomeError."""
        found, wanted = self._revision(), self.database.newest_revision()
        if found != wanted:
            raise HomeError(
                f"the database is at migration {found}, this version needs {wanted}: run `raccordo migrate`"
            )
        return self.database

    def migrate(self) -> tuple[str | None, str]:
        """Bring the database to the schema of this code; its revisions before and after. Raises HomeError."""
        self._revision()
        return self.database.migrate()

    @property
    def anchors(self) -> Path:
        """Where the anchors of the hash chain stand, outside the database."""
        return self.folder / "anchors.jsonl"

    def _revision(self) -> str | None:
        """The database's revision, None for an empty one. Raises HomeError where this code can do nothing with it."""
        self._existing("raccordo.db")
        found = self.database.revision()
        if found is None and not self.database.is_empty():
            raise HomeError("the database has lost the row that names its migration: restore the backup")
        if found is not None and not self.database.knows(found):
            raise HomeError(
                f"the database was made by a newer raccordo (migration {found}); "
                "install that version or restore the backup"
            )
        return found

    def _existing(self, name: str) -> Path:
        path = self.folder / name
        if path.exists():
            return path
        if not any((self.folder / each).exists() for each in _LOSSES):
            raise HomeError(f"{path} is missing: make a home with `raccordo init` (--home or RACCORDO_HOME names it)")
        raise HomeError(f"{path} is missing: {_LOSSES[name]}")


class Hub:
    """Everything wired, for one process. `running()` is its life."""

    def __init__(self, home: Home) -> None:
        settings, clock = home.settings, home.clock
        self.home, self.settings, self.clock = home, settings, clock
        self.key = home.key
        self.database = home.open_database()
        vault = home.vault
        self.committer = Committer(self.database)
        self.registry = Snapshot(self.database, "trust", load_registry)
        configs = Snapshot(self.database, "connectors", home.configuration.load)
        self.connectors = ConnectorPool(home.types, configs)
        citizens = Citizens(vault)
        files = Files(home.folder / "files", vault)
        publications = Publications(citizens, vault)
        amendments = Amendments(citizens, publications)
        self.intake = Intake(
            vault, {Draft: publications.apply, Upload: amendments.upload, Withdraw: amendments.withdraw}
        )
        route = router(self.connectors.outlets, clock.now)
        self.pipeline = Pipeline(clock=clock, registry=self.registry, route=route, keyed_hash=vault.keyed_hash)
        self.uploads = Uploads(
            pipeline=self.pipeline,
            database=self.database,
            citizens=citizens,
            vault=vault,
            files=files,
            route=route,
        )
        self.vendor_view = VendorView(self.database)
        self.feed = Feed(database=self.database, vault=vault, citizens=citizens, files=files, clock=clock)
        self.links = UnsubscribeLinks(vault, clock, lambda ente_id: self.registry().ente(ente_id).public_url)
        notices = Notices(self.database, vault, citizens, self.registry, self.links.make)
        self.runner = Runner(self.committer, clock, notices.of, self.connectors.get, LEASE)
        self.dispatcher = Dispatcher(
            committer=self.committer,
            run=self.runner.run,
            resending=self.connectors.resending,
            lease=LEASE,
            threads=settings.delivery_threads,
            after_sweep=self._anchor,
        )
        self._watcher = Watcher((self.registry, configs))
        self._anchored_at = clock.now()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Take the home for this process, work, and put everything down again. Raises HomeError when it is taken."""
        with sole(self.home.folder / "serve.lock"):
            self.committer.start()
            self.dispatcher.start()
            self._watcher.start()
            try:
                yield
            finally:
                self._watcher.stop()
                self.dispatcher.stop()
                self.connectors.close()
                self.committer.close()
                self._write_anchor()
                self.database.close()

    def _anchor(self) -> None:
        if self.clock.now() - self._anchored_at >= ANCHOR_EVERY:
            self._anchored_at = self.clock.now()
            self._write_anchor()

    def _write_anchor(self) -> None:
        with self.database.read() as connection:
            found = tails(connection)
        claims: dict[str, Any] = {"at": rfc3339(self.clock.now()), "tails": found}
        line = orjson.dumps(claims | {"signature": self.key.token(claims)}) + b"\n"
        descriptor = os.open(self.home.anchors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def simulations(
    folder: Path, names: Iterable[str], options: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Simulation]:
    """The simulated providers of the connectors that have one, not yet started; each keeps its ledger in a folder."""
    found = {}
    for name in names:
        with suppress(LookupError):  # that connector has no simulator
            found[name] = connectors_registry.simulate(name, folder / name, **(options or {}).get(name, {}))
    return found


@contextmanager
def sole(path: Path) -> Iterator[None]:
    """Hold the home's lock. The embedded dispatcher takes over every claim at its start, so it must be alone."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise HomeError(f"another process serves {path.parent}") from None
        yield
