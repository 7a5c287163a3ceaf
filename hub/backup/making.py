"""Making a back-up, of a hub that may be serving meanwhile.

anchors, erasures   first: the records of the picture are then at least as long as the anchors say
tables              one picture of the database, a compressed file of JSON lines each
files               those that the picture's items name; they were durable before the items were
keys                only where asked, under a passphrase
manifest            last: a back-up without one was not finished
"""

import gzip
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import orjson

from contracts.base import rfc3339
from hub.durable import sync, sync_all
from hub.home import Home
from hub.keyring import pem
from hub.store.copying import Picture, taken
from hub.store.rewrapping import sealed_by

from .erasures import Journal, check_journal
from .keys import seal_keys
from .manifest import Manifest, Part, part_of

FILES = "files.sha256"
KEYS = "keys.sealed"


class Refused(Exception):
    """The back-up cannot be made there; the text says why."""


def make_backup(home: Home, folder: Path, *, passphrase: str | None) -> Manifest:
    """Make a back-up in a new folder; with the keys where there is a passphrase.

    Raises:
        Refused: the folder is there already, or cannot be made.
        BadJournal: the journal of erasures does not hold, or lacks somebody.
    """
    unfinished = may_be_made(home, folder)
    try:
        unfinished.mkdir(mode=0o700, parents=True)
    except OSError as exc:
        raise Refused(f"{unfinished}: {exc.strerror}") from None
    made = _write(home, unfinished, passphrase)
    made.write(unfinished, home.key)
    sync_all(unfinished)  # before the back-up gets its name
    unfinished.rename(folder)
    sync(folder.parent)
    home.backup_mark.touch(mode=0o600)
    return made


def may_be_made(home: Home, folder: Path) -> Path:
    """Where a back-up is made before it is called `folder`. Raises Refused and BadJournal, before anything is done."""
    check_journal(home)
    unfinished = folder.with_name(f"{folder.name}.part")
    if folder.exists() or unfinished.exists():
        raise Refused(f"{folder} or {unfinished} is there already; give each back-up a folder of its own")
    return unfinished


def _write(home: Home, folder: Path, passphrase: str | None) -> Manifest:
    parts = [*_copied(home, folder)]
    erasures = len(Journal(folder / home.erasures.name, home.key).read())
    at = rfc3339(home.clock.now())
    revision = home.database.revision()
    assert revision is not None
    # Before the picture: a rotation that ends meanwhile leaves the former key in place.
    with home.database.read() as connection:
        needed = sorted(key_id for key_id in home.vault.keys if sealed_by(connection, key_id))
    with taken(home.database) as picture:
        columns = picture.tables
        rows = {name: _write_table(picture, folder, name) for name in columns}
        parts += [part_of(folder, table_path(name)) for name in columns]
        files, missing = _copy_files(home.folder / "files", folder, picture.file_keys())
    parts.append(part_of(folder, FILES))
    if passphrase is not None:
        sealed = seal_keys(
            {"vault.json": (home.folder / "vault.json").read_bytes(), "hub-key.pem": pem(home.key)}, passphrase
        )
        (folder / KEYS).write_bytes(sealed)
        parts.append(part_of(folder, KEYS))
    return Manifest(
        at=at,
        version=version("raccordo"),
        revision=revision,
        kind=home.database.engine.dialect.name,
        columns=columns,
        rows=rows,
        files=files,
        missing_files=missing,
        erasures=erasures,
        with_keys=passphrase is not None,
        parts=parts,
        vault=home.vault.fingerprint,
        vault_keys=needed,
    )


def table_path(name: str) -> str:
    return f"tables/{name}.jsonl.gz"


def _copied(home: Home, folder: Path) -> Iterator[Part]:
    for source in (home.anchors, home.erasures):
        if source.exists():
            shutil.copyfile(source, folder / source.name)
            yield part_of(folder, source.name)


def _write_table(picture: Picture, folder: Path, name: str) -> int:
    (folder / "tables").mkdir(exist_ok=True)
    count = 0
    with gzip.open(folder / table_path(name), "wb", compresslevel=3) as file:
        for row in picture.rows(name):
            file.write(orjson.dumps(row) + b"\n")
            count += 1
    return count


def _copy_files(source: Path, folder: Path, keys: Iterator[str]) -> tuple[int, int]:
    """How many were copied, and how many are not where the database says."""
    copied = missing = 0
    with (folder / FILES).open("w") as sums:
        for key in keys:
            name = f"files/{key}"
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(source / key, target)
            except FileNotFoundError:
                missing += 1
                continue
            sums.write(f"{part_of(folder, name).sha256}  {key}\n")
            copied += 1
    return copied, missing
