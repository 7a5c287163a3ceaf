"""The export of one citizen (contracts.export.Export): JSON, or a ZIP with the files; a few rows in memory at once."""

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from contracts.base import rfc3339
from contracts.export import FORMAT
from hub.store.citizens import Citizen, Citizens
from hub.store.database import Database
from hub.store.exporting import Rows
from hub.store.files import Files
from hub.store.ports import Vault

JSON_NAME: Final = "export.json"
_NO_TIME: Final = (1980, 1, 1, 0, 0, 0)
_EXTENSIONS: Final = {"application/pdf": ".pdf", "image/png": ".png", "image/jpeg": ".jpg"}

Write = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Exports:
    """Makes exports. `level` is what the reader was authenticated with."""

    database: Database
    vault: Vault
    citizens: Citizens
    files: Files

    def json(
        self, ente_id: str, citizen: Citizen | None, now: datetime, *, level: int, evidence: bool = False
    ) -> Iterator[bytes]:
        """contracts.export.Export, piece by piece."""
        yield from self._json(ente_id, citizen, now, level, evidence, lambda *_: None)

    def zip(
        self, ente_id: str, citizen: Citizen | None, now: datetime, *, level: int, evidence: bool = False
    ) -> Iterator[bytes]:
        """The same as `export.json` in a ZIP, and the files that it names."""
        sink = _Sink()
        files: list[tuple[str, str]] = []
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open(zipfile.ZipInfo(JSON_NAME, _NO_TIME), "w", force_zip64=True) as member:
                pieces = self._json(ente_id, citizen, now, level, evidence, lambda *file: files.append(file))
                for piece in pieces:
                    member.write(piece)
                    yield sink.taken()
            for name, key in files:
                assert citizen is not None
                stored = self.files.open(citizen, key)
                with archive.open(zipfile.ZipInfo(name, _NO_TIME), "w", force_zip64=True) as member:
                    for part in stored.read():
                        member.write(part)
                        yield sink.taken()
        yield sink.taken()

    def _json(
        self,
        ente_id: str,
        citizen: Citizen | None,
        now: datetime,
        level: int,
        evidence: bool,
        file: Write,
    ) -> Iterator[bytes]:
        rows = None if citizen is None else Rows(self.database, self.vault, citizen, level)
        identity = None if rows is None else rows.identity(self.citizens)
        head = {"format": FORMAT, "ente_id": ente_id, "exported_at": rfc3339(now), "identity": identity}
        yield orjson.dumps(head)[:-1]
        parts: dict[str, Iterator[dict[str, Any]]] = {
            name: iter(())
            for name in (
                "contacts",
                "attributes",
                "opt_outs",
                "preferences",
                "items",
                "accesses",
                "delegations",
                "requests",
                "evidence",
            )
        }
        if rows is not None:
            parts |= {
                "contacts": rows.contacts(),
                "attributes": rows.attributes(),
                "opt_outs": rows.opt_outs(),
                "preferences": rows.preferences(),
                "items": _items(rows, file),
                "accesses": rows.accesses(),
                "delegations": rows.delegations(),
                "requests": rows.requests(),
            }
            if evidence:
                parts["evidence"] = rows.evidence()
        for name, found in parts.items():
            yield f',"{name}":['.encode()
            between = b""
            for each in found:
                yield between + orjson.dumps(each)
                between = b","
            yield b"]"
        left = {"higher_level": 0, "not_yet_visible": 0} if rows is None else rows.left_out()
        yield b',"left_out":' + orjson.dumps(left | {"evidence": not evidence}) + b"}"


def _items(rows: Rows, file: Write) -> Iterator[dict[str, Any]]:
    for item, key in rows.items():
        name = None
        if key is not None:
            media = item["versions"][-1]["content"].get("media_type") if item["versions"] else None
            name = f"files/{item['item_id']}{_EXTENSIONS.get(str(media), '')}"
            file(name, key)
        yield item | {"file": name}


class _Sink(io.RawIOBase):
    """Where the archive is written to and from where it is taken, so that no more than a piece of it is here."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """What was written since."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
