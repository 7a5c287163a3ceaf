"""An export: the folders of its records, a word on how to verify them, and a manifest signed by the hub over it all."""

import zipfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson

from hub.durable import sync
from hub.security.sign import SigningKey
from hub.security.signed_lines import signed_line

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
_README: Final = """\
PROVE / EVIDENCE

Ogni cartella e' una richiesta ricevuta. `sh verify.sh` (openssl 3 e sha256sum) verifica di nuovo le
firme ModI, le catene dei certificati alla data di ricezione e gli hash. `record.json` sono i byte
coperti da `row_hash` in `chain.json`; la radice e' lo SHA-256 della radice precedente e degli hash
di quel commit, in ordine, uno per riga (per la prima radice: lo SHA-256 del nome di chi scrive).
`manifest.json` elenca ogni file con il suo SHA-256 ed e' firmato dall'hub, le cui chiavi pubbliche
sono in `hub-keys.json` e all'indirizzo /.well-known/jwks.json dell'hub: `signature` e' un JWS sugli
altri campi. Un token senza firma era una credenziale riutilizzabile, oppure la richiesta fu
rifiutata.

Each folder is a request as received. `sh verify.sh` (openssl 3 and sha256sum) verifies the ModI
signatures, the certificate chains at the time of receipt and the hashes anew. `record.json` holds
the bytes under `row_hash` in `chain.json`; the root is the SHA-256 of the root before and the
hashes of that commit, sorted, one a line (for a first root: the SHA-256 of the writer's name).
`manifest.json` lists each file with its SHA-256, signed by the hub, whose public keys are in `hub-
keys.json` and at the hub's /.well-known/jwks.json: `signature` is a JWS over the other members. A
token without a signature was a credential that could be used again, or its request was refused.
"""

Write = Callable[[str, bytes], None]


@dataclass(slots=True)
class Export:
    """Files go to `write`; what was written is told by the manifest."""

    write: Write
    records: list[str] = field(default_factory=list)
    parts: list[dict[str, Any]] = field(default_factory=list)

    def add(self, path: str, content: bytes) -> None:
        self.write(path, content)
        self.parts.append({"path": path, "sha256": sha256(content).hexdigest(), "size": len(content)})

    def add_record(self, evidence_id: str, files: Iterable[tuple[str, bytes]]) -> None:
        for path, content in files:
            self.add(f"{evidence_id}/{path}", content)
        self.records.append(evidence_id)

    def finish(self, key: SigningKey, keys: list[dict[str, str]], at: str) -> None:
        """The hub's word on all of it, last: an export without a manifest was not finished."""
        self.add("README.txt", _README.encode("ascii"))
        self.add("hub-keys.json", orjson.dumps({"keys": keys}, option=orjson.OPT_INDENT_2) + b"\n")
        content = {"format": FORMAT, "at": at, "records": self.records, "parts": self.parts}
        self.write(MANIFEST, signed_line(content, key))


class Target:
    """A new folder, or a new ZIP where the name ends so; it gets its name once it is whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unfinished = path.with_name(f"{path.name}.part")
        self._stack = ExitStack()

    def open(self) -> Write:
        """How to write a file into it. Raises FileExistsError, OSError."""
        for path in (self.path, self._unfinished):
            if path.exists():
                raise FileExistsError(17, "is there already", str(path))
        if self.path.suffix.lower() == ".zip":
            self._unfinished.touch(mode=0o600, exist_ok=False)
            archive = self._stack.enter_context(zipfile.ZipFile(self._unfinished, "w", zipfile.ZIP_DEFLATED))
            return archive.writestr
        self._unfinished.mkdir(mode=0o700, parents=True)
        return self._into_folder

    def close(self) -> None:
        self._stack.close()
        self._unfinished.rename(self.path)
        sync(self.path.parent)

    def _into_folder(self, path: str, content: bytes) -> None:
        target = self._unfinished / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o600)
