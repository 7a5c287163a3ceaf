"""Files that stay at their vendor's: looked for outside of any transaction, held against what was announced, and copied
where the administrator wants a copy of such documents (S55).
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from contracts.items import Document
from hub.registry import Registry
from hub.store.citizens import Citizens
from hub.store.committer import Committer
from hub.store.database import Database
from hub.store.files import Files
from hub.store.item_history import version_payload
from hub.store.ports import Vault
from hub.store.references import Checked, Wanted, note_checked, wanted

from .canonical import read

_AT_ONCE = 8
_WITHIN_S = 60.0
"""For one file: what a slow archive needs for its largest."""


class NotThere(Exception):
    """There is no file to be had. The text is a stable word or two of ours."""


Fetch = Callable[[str, Callable[[bytes], None], int, float], Awaitable[None]]
"""(URL, what takes the pieces, most bytes, most seconds). Raises NotThere."""


@dataclass(frozen=True, slots=True)
class References:
    """Looks for the files that the agenda wants looked for. `fetching` gives connections for one round of it."""

    database: Database
    committer: Committer
    citizens: Citizens
    vault: Vault
    files: Files
    registry: Callable[[], Registry]
    fetching: Callable[[], AbstractAsyncContextManager[Fetch]]
    copy_limit: int
    """A file larger than this is checked, and never copied."""

    def look(self) -> int:
        """One round: at most a few files at once. How many there were."""
        with self.database.read() as connection:
            due = wanted(connection, [ente.ente_id for ente in self.registry().served], _AT_ONCE)
            found = [(each, self._document(each)) for each in due]
        for checked in asyncio.run(self._all(found)):
            self.committer.write(note_checked, checked)
        return len(due)

    def _document(self, each: Wanted) -> Document | None:
        with self.database.read() as connection:
            try:
                citizen = self.citizens.by_id(connection, each.ente_id, each.citizen_id)
            except LookupError:
                return None
            payload = version_payload(connection, self.vault, citizen, item_id=each.item_id, version=each.version)
        content = read(payload) if payload is not None else None
        return content if isinstance(content, Document) else None

    async def _all(self, due: list[tuple[Wanted, Document | None]]) -> list[Checked]:
        async with self.fetching() as fetch:
            return list(await asyncio.gather(*(self._one(fetch, each, document) for each, document in due)))

    async def _one(self, fetch: Fetch, each: Wanted, document: Document | None) -> Checked:
        if document is None or document.content_url is None or document.size is None:
            return Checked(each, "missing", "no address")
        kept = bytearray()
        copying = self._copies(each, document)
        digest = hashlib.sha256()

        def take(piece: bytes) -> None:
            digest.update(piece)
            if copying:
                kept.extend(piece)

        try:
            await fetch(document.content_url, take, document.size, _WITHIN_S)
        except NotThere as problem:
            word = str(problem)
            return Checked(each, "changed" if word == "too large" else "missing", word[:40])
        if digest.hexdigest() != document.sha256:
            return Checked(each, "changed", "another digest")
        if not copying:
            return Checked(each, "alive")
        with self.database.read() as connection:
            citizen = self.citizens.by_id(connection, each.ente_id, each.citizen_id)
        sha256 = digest.hexdigest()
        key = await asyncio.to_thread(self.files.put, citizen, item_id=each.item_id, sha256=sha256, content=bytes(kept))
        return Checked(each, "alive", content_sha256=sha256, content_key=key)

    def _copies(self, each: Wanted, document: Document) -> bool:
        registry = self.registry()
        kind = registry.document_type(each.ente_id, document.doc_type) or registry.other_types(each.ente_id)
        here = each.content_sha256 == document.sha256
        return kind.keep_copy and not here and (document.size or 0) <= self.copy_limit
