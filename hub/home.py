"""A home: where a hub's keys, files and database are, and whether they belong together."""

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from sqlalchemy import Connection

from connectors import registry as connectors_registry
from contracts.connector import ConnectorType, Manifest
from hub.clock import Clock, SystemClock
from hub.durable import replace_file
from hub.keyring import HubKeyType, Keyring, pem, rotate
from hub.security.keys import is_exposed, new_key, private_pem, write_private
from hub.security.outgoing import signer
from hub.security.references import secret_of
from hub.security.sign import SigningKey
from hub.security.token_keys import TokenProblem, key_in_token
from hub.security.vault import Vault
from hub.settings import Settings
from hub.store.belonging import is_unclaimed, keys_of, note_keys
from hub.store.configuration import Configuration
from hub.store.database import Database
from hub.store.directory import load_registry
from hub.store.pdnd_clients import PdndClients, PdndCredentials
from hub.store.turns import take_turn
from hub.store.vouchers import SharedVouchers
from hub.trust.clients import Vouchers
from hub.trust.proving import Prover

_LOSSES = {
    "vault.json": "the key file is missing; restore it from your backup, without it the data cannot be read",
    "hub-key.pem": "the key file is missing; restore it from your backup, without it the hub cannot sign as before",
    "raccordo.db": "the database is missing beside its keys; is RACCORDO_DATABASE_URL set, if it is a PostgreSQL? "
    "If not, restore it from your backup",
}
"""The files that make a home, and what to say where one of them is lost while others are there."""


class HomeError(Exception):
    """The home folder is not as it should be; the text says what to do."""


class Home:
    """The folder of an embedded hub: database, keys, files. `create` makes it, the rest opens it."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings, self.folder = settings, settings.home
        self.clock: Clock = clock or SystemClock()
        self.signing_key: Callable[[], SigningKey] = lambda: self.key
        """What signs now; a hub at work, whose key may rotate meanwhile, puts its own in this place."""
        self._is_open = False

    def create(self, *, migrated: bool = False) -> None:
        """Make keys, and the database unless it is a `migrated` one, which has its schema already but no hub. Raises
        HomeError where there is a hub."""
        there = [name for name in _LOSSES if (self.folder / name).exists()]
        if there and not (migrated and there == ["raccordo.db"] and is_unclaimed(self.database)):
            raise HomeError(f"{self.folder} already holds a hub; choose another --home, or use it as it is")
        unclaimed = is_unclaimed if migrated else Database.is_empty
        if self.database.is_shared and not unclaimed(self.database):
            raise HomeError(
                "the database of RACCORDO_DATABASE_URL holds a hub already: copy vault.json and hub-key.pem from its "
                "home to serve it from here too, or name an empty database"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)  # also where it was there before
        made: list[str] = []
        try:
            Vault.create(self.folder / "vault.json")
            made.append("vault.json")
            if "hub-key.pem" in self.key_files:
                write_private(self.folder / "hub-key.pem", private_pem(new_key("es256")))
                made.append("hub-key.pem")
            if not (migrated or self.database.is_shared):
                made += ["raccordo.db", "raccordo.db-wal", "raccordo.db-shm"]
            if not migrated:
                self.database.migrate()
            self.note_keys()
        except BaseException:
            # Nothing was sealed or signed with them yet; left here, they would keep `init` from being tried again.
            # No more than is ours: somebody else may be making a home there at this moment.
            self.database.close()
            for name in made:
                with suppress(OSError):
                    (self.folder / name).unlink(missing_ok=True)
            raise

    @cached_property
    def vault(self) -> Vault:
        return Vault.load(self._secret("vault.json"))

    @cached_property
    def key(self) -> SigningKey:
        """The hub's own key: it signs receipts and anchors."""
        given = self.settings.hub_key.get_secret_value()
        path = Path("RACCORDO_HUB_KEY") if given else self._secret("hub-key.pem")
        try:
            raw = given.replace("\\n", "\n").encode() if given else path.read_bytes()
            return SigningKey.read(raw, token=True)
        except TokenProblem as problem:
            raise HomeError(f"{path}: {problem}") from None
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise HomeError(f"{path} is not a private key: {_LOSSES['hub-key.pem'].partition('; ')[2]}") from None

    @cached_property
    def database(self) -> Database:
        return Database(self.settings.database_url, self.clock)

    @cached_property
    def configuration(self) -> Configuration:
        return Configuration(self.vault)

    @cached_property
    def types(self) -> Mapping[str, ConnectorType]:
        """The connector types, each with what the hub hands it to sign and to prove its calls with."""
        return connectors_registry.Types(self._equipped)

    def _equipped(self, kind: ConnectorType) -> ConnectorType:
        if kind.manifest.paced:
            kind = replace(kind, turns=lambda ente_id, connector_id: partial(self._turn, ente_id, connector_id))
        folder = self.settings.secrets_folder or self.folder / "secrets"
        kind = replace(kind, refer=partial(secret_of, folder=folder, shared=self.settings.shared_secret_names))
        match kind.manifest.auth:
            case "modi":
                return replace(kind, connect=partial(kind.connect, sign=signer(lambda: self.signing_key(), self.clock)))
            case "proof":
                return replace(kind, prove=self._prover)
            case _:
                return kind

    def _turn(self, ente_id: str, connector_id: str, name: str, per_s: float) -> timedelta:
        hashed = self.vault.keyed_hash("turn", name)  # a domain may be one family's
        with self.open_database().write() as tx:
            return take_turn(tx, ente_id, connector_id, hashed, per_s)

    @property
    def _prover(self) -> Prover:
        return Prover(lambda: self.signing_key(), lambda: self.vouchers, self._issuer, self.clock)

    def _issuer(self, ente_id: str) -> str:
        with self.open_database().read() as connection:
            return load_registry(connection).ente(ente_id).publish_audience

    @cached_property
    def vouchers(self) -> Vouchers:
        """Those of the enti's clients at PDND, which are read each time; a hub at work puts its own in this place."""
        return Vouchers(self._credentials, SharedVouchers(self.database, self.vault), self.clock)

    def _credentials(self) -> Mapping[tuple[str, str], PdndCredentials]:
        with self.database.read() as connection:
            return PdndClients(self.vault).load(connection)

    def open_database(self) -> Database:
        """The database, at the schema that this code knows. Looked at once, also for processes forked since. Raises
        HomeError.
        """
        if self._is_open:
            return self.database
        if self.unfinished.exists():
            raise HomeError(f"a restore into {self.folder} was not finished: empty it and its database, and start over")
        found = self._revision(self.database.serves)
        if not self.database.suits(found):
            wanted = self.database.newest_revision()
            raise HomeError(
                f"the database is at migration {found}, this version needs {wanted}: run `raccordo migrate`"
            )
        self._check_keys()
        self._is_open = True
        return self.database

    def note_keys(self) -> None:
        """Put on record in the database which keys it belongs to, for whoever changes one."""
        with self.database.write() as tx:
            note_keys(tx, self._fingerprints)

    @property
    def _fingerprints(self) -> dict[str, int]:
        return {"vault.json": self.vault.fingerprint, "hub-key.pem": self.key.fingerprint}

    def _check_keys(self) -> None:
        """Raises HomeError where the database belongs to other keys: what they seal and sign nobody could read."""
        with self.database.read() as connection:
            found = keys_of(connection, self._fingerprints)
        for name, number in self._fingerprints.items():
            if found.get(name, number) == number:
                continue
            if not (name == "hub-key.pem" and self._follow_key()):
                raise HomeError(
                    f"{self.folder / name} is not the key of this database: put the right file there, from the home "
                    "that made it or its backup"
                )

    def rotate_key(
        self, *, kind: HubKeyType, begins: datetime | None, overlap: timedelta, uri: str | None = None
    ) -> SigningKey:
        """Let a new key of the hub's follow the present one (`hub.keyring`): one made here, or the one that a `pkcs11:`
        URI names. Raises RotationRefused, TokenProblem, OSError."""
        following = SigningKey(new_key(kind) if uri is None else key_in_token(uri))
        with self.database.write() as tx:
            made = rotate(tx, self.vault, self.key, following, begins=begins, overlap=overlap)
            note_keys(tx, self._fingerprints | {"hub-key.pem": made.fingerprint})
        # Should this fail, whoever opens the home next takes the key out of the database.
        self._put_key(made)
        return made

    def replace_vault(self, vault: Vault) -> Vault:
        """Put other keys into `vault.json`, durably, before any of them seals. Processes that run read them there."""
        path = self.folder / "vault.json"
        replace_file(path, vault.write)
        self.vault = Vault.load(path)
        return self.vault

    def load_keyring(self, connection: Connection) -> Keyring:
        """The hub's own keys as they are now. Raises HomeError: one in a token cannot be used."""
        try:
            return Keyring.load(connection, self.vault, self.key)
        except TokenProblem as problem:
            raise HomeError(f"the hub's key: {problem}") from None

    def _follow_key(self) -> bool:
        """Where another home rotated the key that this one has: put the new one in its place."""
        with self.database.read() as connection:
            ring = self.load_keyring(connection)
        newest = ring.newest()
        if newest is None or self.key.kid not in [one.signer.removeprefix("jwk:") for one in newest.earlier]:
            return False
        self._put_key(newest)
        return True

    def _put_key(self, key: SigningKey) -> None:
        self.key = key
        if "hub-key.pem" not in self.key_files:
            return  # the first key came from the environment; those that follow, out of the database
        replace_file(self.folder / "hub-key.pem", lambda path: write_private(path, pem(key)))

    def check_workers(self) -> None:
        """Raises HomeError where no worker can work beside this process."""
        if not self.database.is_shared:
            raise HomeError(
                "workers need PostgreSQL (RACCORDO_DATABASE_URL): on SQLite `raccordo serve` delivers by itself / "
                "i worker richiedono PostgreSQL: con SQLite le consegne le fa `raccordo serve`"
            )

    def migrate(self) -> tuple[str | None, str]:
        """Bring the database to the schema of this code; its revisions before and after. Raises HomeError."""
        self._revision(self.database.knows)
        done = self.database.migrate()
        self._check_keys()
        with self.database.write() as tx:
            self.configuration.adopt_all(tx)
        self.note_keys()
        return done

    @property
    def erasures(self) -> Path:
        """The journal of erasures (`hub.backup.erasures`)."""
        return self.folder / "erasures.jsonl"

    @property
    def backup_mark(self) -> Path:
        """Its time is that of the last finished back-up."""
        return self.folder / "last-backup"

    @property
    def unfinished(self) -> Path:
        """Here while a restore is under way: what it has brought must not be delivered before all is settled."""
        return self.folder / "restore-unfinished"

    @property
    def anchors(self) -> Path:
        """Where the anchors of the hash chain stand, outside the database."""
        return self.folder / "anchors.jsonl"

    def _revision(self, will_do: Callable[[str], bool]) -> str | None:
        """The database's revision, None for an empty one. Raises HomeError where this code can do nothing with it."""
        for name in self._parts:
            self._existing(name)
        found = self.database.revision()
        if found is None and not self.database.is_empty():
            raise HomeError("the database has lost the row that names its migration: restore the backup")
        if found is None and self.database.is_shared:
            raise HomeError(
                "the database of RACCORDO_DATABASE_URL is empty, though there are keys: name the one that belongs to "
                f"{self.folder}, or restore it from your backup"
            )
        if found is not None and not will_do(found):
            raise HomeError(
                f"the database was made by a newer raccordo (migration {found}); "
                "install that version or restore the backup"
            )
        return found

    @property
    def _parts(self) -> list[str]:
        """The files without which there is no home; the database may be elsewhere."""
        return [*self.key_files, *([] if self.database.is_shared else ["raccordo.db"])]

    @property
    def key_files(self) -> list[str]:
        """The files of keys; the hub's own may be given by the environment."""
        return ["vault.json"] if self.settings.hub_key.get_secret_value() else ["vault.json", "hub-key.pem"]

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have the home for this process alone, where its database is a file of the home; several processes share
        PostgreSQL. Raises HomeError when another serves it."""
        if self.database.is_shared:
            yield
            return
        with sole(self.folder / "serve.lock"):
            yield

    def _secret(self, name: str) -> Path:
        path = self._existing(name)
        if is_exposed(path):
            raise HomeError(
                f"every user of this machine may read or change {path}: run `chmod 600 {path}`; if others were on it, "
                "then `raccordo keys rotate-vault` and `rotate-hub`"
            )
        return path

    def _existing(self, name: str) -> Path:
        path = self.folder / name
        if path.exists():
            return path
        if not any((self.folder / each).exists() for each in self._parts):
            raise HomeError(f"{path} is missing: make a home with `raccordo init` (--home or RACCORDO_HOME names it)")
        raise HomeError(f"{path} is missing: {_LOSSES[name]}")


def manifests() -> list[Manifest]:
    """What every connector says of itself, in alphabetical order."""
    return connectors_registry.find_manifests()


@contextmanager
def sole(path: Path) -> Iterator[None]:
    """Hold the home's lock. The embedded dispatcher takes over every claim at its start, so it must be alone."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise HomeError(f"another process serves {path.parent}") from None
        yield
