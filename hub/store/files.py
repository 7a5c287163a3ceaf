"""Files of documents: sealed under their citizen's key, kept by content hash in an object store, durable before use."""

from pathlib import Path

from obstore.exceptions import NotFoundError
from obstore.store import LocalStore

from hub.durable import sync

from .citizens import Citizen
from .ports import Vault


class FileMissing(Exception):
    """The store says a file is here, but it is not: an operator must look."""


class Files:
    """A folder of sealed files."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._store = LocalStore(folder)
        self._vault = vault

    def put(self, citizen: Citizen, *, item_id: str, sha256: str, content: bytes) -> str:
        """Keep `content` and return its key. It is on disk, directory entries included, before this returns."""
        key = f"{citizen.ente_id}/{citizen.citizen_id}/{item_id}-{sha256}"
        self._store.put(key, self._vault.seal_with(citizen.data_key, content, f"file|{key}"))
        path = self._folder / key
        sync(path)
        while path != self._folder:
            path = path.parent
            sync(path)
        return key

    def get(self, citizen: Citizen, key: str) -> bytes:
        """The content. Raises FileMissing, or the vault's error when it does not open."""
        try:
            sealed = bytes(self._store.get(key).bytes())
        except (NotFoundError, FileNotFoundError) as exc:
            raise FileMissing(key) from exc
        return self._vault.open_with(citizen.data_key, sealed, f"file|{key}")
