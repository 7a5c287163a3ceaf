"""Files of documents: sealed under their citizen's key, kept by content hash in an object store, durable before use.

A large file is sealed in segments, so that a part of it can be read without the rest, and none of it has to be in
memory as a whole. Each segment is bound to its place and to the size of the file: none can be swapped, dropped or cut
off unseen. A small file is one sealed value, as all files once were.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hub.durable import sync

from .citizens import Citizen
from .ports import Vault

if TYPE_CHECKING:
    from obstore.store import LocalStore

SEGMENT = 256 * 1024
SEGMENTED_FROM = 1024 * 1024
_MAGIC = b"RACSEG01"
_HEAD = len(_MAGIC) + 8
_SEALING = 28
"""What sealing adds to a value: nonce and tag."""


class FileMissing(Exception):
    """The store says a file is here, but it is not: an operator must look."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that can be read in parts."""

    size: int
    _files: "Files" = field(repr=False)
    _citizen: Citizen = field(repr=False)
    _key: str
    _whole: bytes | None = field(repr=False)

    def read(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to `end`, in pieces. The first is there before this returns: what cannot be opened
        is known before anything is answered. Raises as `Files.get`."""
        end = self.size if end is None else min(end, self.size)
        if self._whole is not None:
            return iter([self._whole[start:end]])
        pieces = self._pieces(start, end)
        first = next(pieces, b"")
        return _chained(first, pieces)

    def _pieces(self, start: int, end: int) -> Iterator[bytes]:
        for number in range(start // SEGMENT, -(-end // SEGMENT)):
            opened = self._files.segment(self._citizen, self._key, self.size, number)
            yield opened[max(0, start - number * SEGMENT) : end - number * SEGMENT]


class Files:
    """A folder of sealed files."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._vault = vault

    @cached_property
    def _store(self) -> "LocalStore":
        from obstore.store import LocalStore  # 8 MB, where there is a file

        return LocalStore(self._folder)

    def put(self, citizen: Citizen, *, item_id: str, sha256: str, content: bytes) -> str:
        """Keep `content` and return its key. It is on disk, directory entries included, before this returns."""
        key = f"{citizen.ente_id}/{citizen.citizen_id}/{item_id}-{sha256}"
        self._store.put(key, self._sealed(citizen, key, content))
        path = self._folder / key
        sync(path)
        while path != self._folder:
            path = path.parent
            sync(path)
        return key

    def open(self, citizen: Citizen, key: str) -> StoredFile:
        """The file. Raises FileMissing, or the vault's error when it does not open."""
        head = self._part(key, 0, _HEAD)
        size = int.from_bytes(head[len(_MAGIC) :], "big")
        # Nothing small is in segments: whoever writes there that it is empty is not believed.
        if head.startswith(_MAGIC) and len(head) == _HEAD and size >= SEGMENTED_FROM:
            return StoredFile(size, self, citizen, key, None)
        whole = self._vault.open_with(citizen.data_key, self._bytes(key), f"file|{key}")
        return StoredFile(len(whole), self, citizen, key, whole)

    def get(self, citizen: Citizen, key: str) -> bytes:
        """The whole content. Raises FileMissing, or the vault's error when it does not open."""
        return b"".join(self.open(citizen, key).read())

    def segment(self, citizen: Citizen, key: str, size: int, number: int) -> bytes:
        """One segment, opened. Raises FileMissing, or the vault's error when it does not open."""
        start = _HEAD + number * (SEGMENT + _SEALING)
        length = min(SEGMENT, size - number * SEGMENT) + _SEALING
        sealed = self._part(key, start, start + length)
        return self._vault.open_with(citizen.data_key, sealed, _place(key, size, number))

    def remove(self, keys: Iterable[str]) -> None:
        """Take files away that nothing names any more; those that are gone already are no fault."""
        for key in keys:
            (self._folder / key).unlink(missing_ok=True)

    def _sealed(self, citizen: Citizen, key: str, content: bytes) -> bytes:
        if len(content) < SEGMENTED_FROM:
            return self._vault.seal_with(citizen.data_key, content, f"file|{key}")
        size = len(content)
        parts = [_MAGIC, size.to_bytes(8, "big")]
        for number in range(-(-size // SEGMENT)):
            part = content[number * SEGMENT : (number + 1) * SEGMENT]
            parts.append(self._vault.seal_with(citizen.data_key, part, _place(key, size, number)))
        return b"".join(parts)

    def _bytes(self, key: str) -> bytes:
        from obstore.exceptions import NotFoundError

        try:
            return bytes(self._store.get(key).bytes())
        except (NotFoundError, FileNotFoundError) as exc:
            raise FileMissing(key) from exc

    def _part(self, key: str, start: int, end: int) -> bytes:
        from obstore.exceptions import GenericError, NotFoundError

        try:
            return bytes(self._store.get_range(key, start=start, end=end))
        except (NotFoundError, FileNotFoundError) as exc:
            raise FileMissing(key) from exc
        except GenericError:  # it was cut off there: nothing of it opens
            return b""


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _place(key: str, size: int, number: int) -> str:
    return f"file|{key}|{size}|{number}"
