"""Restoring a back-up into an empty home.

    keys        those that stand in the home, else those of the back-up with its passphrase
    check       signature and every hash, before anything is written
    tables      at the back-up's own migration, then brought to the newest
    hold        what was still to be sent may have been sent since: a person decides
    files, anchors
    erasures    whoever was erased or has left, up to the newest journal there is, is so again

The caller then verifies the chain of records.
"""

import gzip
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from hub.durable import sync, sync_all
from hub.home import Home
from hub.security.keys import write_private
from hub.store.copying import count_held, fill, settle_restored
from hub.store.database import Tx
from hub.store.directory import NotThere
from hub.store.ending import end_ente, end_vendor
from hub.store.erasing import erase_citizen
from hub.store.requests_of_rights import forget_orders

from .erasures import BadJournal, End, Journal, Noted
from .keys import open_keys
from .making import FILES, KEYS, table_path
from .manifest import BadBackup, Manifest, check_part, claims_keys, part_of, read_sums


class NotEmpty(Exception):
    """There is a hub already; the text says where."""


class KeysNeeded(Exception):
    """Neither the home nor the back-up has the keys."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done."""

    manifest: Manifest
    held: int
    erased: int
    ended: int
    migrated_to: str


def restore_backup(home: Home, folder: Path, *, passphrase: Callable[[], str], erasures: Path | None) -> Restored:
    """Restore. `erasures` is the newest journal; None says that nobody was erased or left since the back-up.
    `passphrase` is asked only where the keys come from the back-up.

    Raises:
        NotEmpty, KeysNeeded, WrongPassphrase, BadBackup, BadJournal
    """
    if (home.folder / "raccordo.db").exists() or any((home.folder / "files").glob("*")):
        raise NotEmpty(f"{home.folder} already holds a hub: restore into a new --home")
    _bring_keys(home, folder, passphrase)
    manifest = Manifest.read(folder, home.key)
    if manifest.vault not in (None, home.vault.fingerprint):
        raise BadBackup(f"{home.folder / 'vault.json'} is not the vault that sealed it: put the right one there first")
    if missing := set(manifest.vault_keys or ()) - home.vault.keys.keys():
        raise BadBackup(
            f"{home.folder / 'vault.json'} lacks the vault key {min(missing)} that sealed it: it was rotated; "
            "put the file of that time or a later one there, before the key was removed"
        )
    for part in manifest.parts:
        check_part(folder, part)
    erasures = _newest(home, folder, erasures)
    journal = _to_repeat(home, folder, manifest, erasures)
    _check_files(folder)
    if not home.database.is_empty():
        raise NotEmpty("the database already holds tables: restore into a new one")
    if not home.database.knows(manifest.revision):
        raise BadBackup(f"it is of a newer raccordo (migration {manifest.revision}): install that version first")
    home.unfinished.touch()
    sync(home.folder)
    newest = _fill(home, folder, manifest)
    home.note_keys()
    settle_restored(home.database)
    _bring_files(home, folder, erasures)
    erased, ended = _repeat(home, journal)
    with home.database.write() as tx:
        forget_orders(tx)
    held = count_held(home.database)
    sync_all(home.folder)
    home.unfinished.unlink()
    sync(home.folder)
    return Restored(manifest, held, erased, ended, newest)


def _fill(home: Home, folder: Path, manifest: Manifest) -> str:
    """The tables, at the newest migration in the end."""
    home.database.migrate(manifest.revision)
    for name, columns in manifest.columns.items():
        fill(home.database, name, columns, _rows(folder / table_path(name)))
    return home.database.migrate()[1]


def _bring_keys(home: Home, folder: Path, passphrase: Callable[[], str]) -> None:
    """The keys into the home, unless they are there. Raises KeysNeeded, WrongPassphrase or BadBackup."""
    if all((home.folder / name).exists() for name in home.key_files):
        return
    if not claims_keys(folder):
        raise KeysNeeded(
            f"the back-up has no keys: put {' and '.join(home.key_files)} into {home.folder} first (mode 0600)"
        )
    try:
        sealed = (folder / KEYS).read_bytes()
    except OSError:
        raise BadBackup(f"{KEYS} is missing") from None
    found = open_keys(sealed, passphrase())
    home.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in home.key_files:
        write_private(home.folder / name, found[name])


def _repeat(home: Home, journal: list[Noted]) -> tuple[int, int]:
    """Erase and end everybody of a journal; returns how many were erased, and how many have left. Whoever came after
    the back-up is not there."""
    erased, gone = 0, set()
    for each in journal:
        try:
            with home.database.write() as tx:
                if isinstance(each, End):
                    _end_again(tx, home, each)
                    gone.add(each.of)
                    continue
                keys = erase_citizen(tx, each.ente_id, each.citizen_id)
        except NotThere:
            continue
        remove_files(home, keys)
        erased += 1
    return erased, len(gone)


def _end_again(tx: Tx, home: Home, end: End) -> None:
    """Raises NotThere."""
    if end.vendor_id is None:
        end_ente(tx, home.vault, end.ente_id)
    else:
        end_vendor(tx, home.vault, end.ente_id, end.vendor_id, end.connector_ids)


def remove_files(home: Home, keys: list[str]) -> None:
    """The sealed files of somebody who was erased. Their key is gone already: this frees the space."""
    for key in keys:
        (home.folder / "files" / key).unlink(missing_ok=True)


def _newest(home: Home, folder: Path, given: Path | None) -> Path | None:
    """The journal that goes furthest: that of the home may know of an erasure which whoever restores has forgotten.
    Raises BadJournal.
    """
    there = Journal(home.erasures, home.key).read()
    found = Journal(given or folder / home.erasures.name, home.key).read()
    if there[: len(found)] != found[: len(there)]:
        other = given or "the back-up's journal"
        raise BadJournal(f"{home.erasures} and {other} tell of different erasures: each machine kept its own")
    return home.erasures if len(there) > len(found) else given


def _to_repeat(home: Home, folder: Path, manifest: Manifest, newest: Path | None) -> list[Noted]:
    known = Journal(folder / home.erasures.name, home.key).read()
    found = known if newest is None else Journal(newest, home.key).read()
    if len(known) != manifest.erasures:
        raise BadJournal(f"{folder / home.erasures.name}: it is not the journal that the back-up was made with")
    if found[: len(known)] != known:
        raise BadJournal(f"{newest}: it is older than the back-up, or of another hub: give the newest one")
    return found


def _rows(path: Path) -> Iterator[list[Any]]:
    with gzip.open(path, "rb") as file:
        for line in file:
            yield orjson.loads(line)


def _check_files(folder: Path) -> None:
    with (folder / FILES).open() as sums:
        for path, digest in read_sums(sums):
            name = f"files/{path}"
            if not (folder / name).exists() or part_of(folder, name).sha256 != digest:
                raise BadBackup(f"{name} is missing or was changed")


def _bring_files(home: Home, folder: Path, erasures: Path | None) -> None:
    with (folder / FILES).open() as sums:
        for path, _ in read_sums(sums):
            target = home.folder / "files" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / "files" / path, target)
    for source, target in (
        (folder / home.anchors.name, home.anchors),
        (erasures or folder / home.erasures.name, home.erasures),
    ):
        if source.exists():
            if not (target.exists() and source.samefile(target)):
                shutil.copyfile(source, target)
            target.chmod(0o600)
