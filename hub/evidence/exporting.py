"""An export: the folders of its records, a word on how to verify them, and a manifest signed by the hub over it all."""

import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from errno import EEXIST
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson

from hub.durable import sync, sync_all
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
rifiutata. Un token che parla di una persona e' sigillato: in `record.json` ne sta, dopo `@`, lo
SHA-256, che e' quello di `tokens/*.opened` se fu chiesto. Dove `sealed_later` e' vero il record fu
sigillato dopo essere stato scritto: `row_hash` e' quello di prima, e l'hub ne risponde.

Each folder is a request as received. `sh verify.sh` (openssl 3 and sha256sum) verifies the ModI
signatures, the certificate chains at the time of receipt and the hashes anew. `record.json` holds
the bytes under `row_hash` in `chain.json`; the root is the SHA-256 of the root before and the
hashes of that commit, sorted, one a line (for a first root: the SHA-256 of the writer's name).
`manifest.json` lists each file with its SHA-256, signed by the hub, whose public keys are in
`hub-keys.json` and at the hub's /.well-known/jwks.json: `signature` is a JWS over the other
members. A token without a signature was a credential that could be used again, or its request was
refused. A token that speaks of a person is sealed: `record.json` has its SHA-256 after an `@`,
which is that of `tokens/*.opened` where it was asked for. Where `sealed_later` is true the record
was sealed after it was written: `row_hash` is that of before, and the hub answers for it.
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


@contextmanager
def target(path: Path) -> Iterator[Write]:
    """How to write files into a new folder, or a new ZIP where the name ends so. It gets its name once it is whole;
    what was begun and fails is taken away. Raises OSError.
    """
    unfinished = path.with_name(f"{path.name}.part")
    for each in (path, unfinished):
        if each.exists():
            raise FileExistsError(EEXIST, "is there already", str(each))
    try:
        if path.suffix.lower() == ".zip":
            unfinished.touch(mode=0o600, exist_ok=False)
            with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
                yield archive.writestr
            sync(unfinished)
        else:
            unfinished.mkdir(mode=0o700, parents=True)
            yield partial(_put, unfinished)
            sync_all(unfinished)
        unfinished.rename(path)
        sync(path.parent)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def _put(folder: Path, path: str, content: bytes) -> None:
    whole = folder / path
    whole.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    whole.write_bytes(content)
    whole.chmod(0o600)
