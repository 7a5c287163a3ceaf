"""One record of evidence, whole: tokens, what verified them, the body where it may be shown, the place in the chain.

record.json     the very bytes that the record's hash is over
chain.json      its hash, those of its commit, the root over them and the root before
facts.json      the same for people, with the receipt's facts
tokens/, keys/  each token and what verified it, also in the forms openssl reads; one that speaks of a person
                only where it was asked for, with what its hash in record.json is over (`.opened`)
body.bin        the very bytes that were signed, where they were asked for
verify.sh       the commands that verify it all again
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Final

import orjson
from sqlalchemy import Connection, RowMapping

from contracts.base import rfc3339
from hub.store.chain import row_bytes
from hub.store.citizens import Citizens
from hub.store.evidence_search import Place
from hub.store.jose_headers import whole
from hub.store.key_material import whole_chains
from hub.store.packing import unpacked
from hub.store.ports import Vault
from hub.store.sealed_tokens import TokenSeals, commitment, with_opened
from hub.store.tables import evidence

from .proof import Proof, describe, names

_PLAIN: Final = (
    "evidence_id",
    "ente_id",
    "request_id",
    "operation",
    "vendor_id",
    "signer",
    "verdict",
    "code",
    "cause",
    "peer",
    "message_id",
    "body_sha256",
    "item_id",
    "version",
)


@dataclass(frozen=True, slots=True)
class Record:
    """A record with what it names."""

    row: RowMapping
    proofs: tuple[Proof, ...]
    material: Mapping[str, tuple[bytes, ...]]
    external_id: str | None = None

    def facts(self) -> dict[str, Any]:
        """The record for people."""
        row = self.row
        found = {name: row[name] for name in _PLAIN} | {"at": rfc3339(row["at"]), "external_id": self.external_id}
        if row["verdict"] == "accepted":
            digest = b64encode(bytes.fromhex(row["body_sha256"])).decode("ascii")
            found["receipt"] = {
                "item_id": row["item_id"],
                "version": row["version"],
                "outcome": row["code"],
                "received_at": rfc3339(row["at"]),
                "request_digest": f"SHA-256={digest}",
            }
        found["tokens"] = [
            {
                "header": one.header,
                "alg": one.alg,
                "signature": one.is_signed,
                "sealed": one.is_sealed,
                "verified_by": names(one.chain),
            }
            for one in self.proofs
        ]
        pieces = dict.fromkeys(der for chain in self.material.values() for der in chain)
        return found | {"keys": [describe(der) for der in pieces]}

    def files(self, place: Place, body: bytes | None) -> dict[str, bytes]:
        """Path -> content, of everything but the manifest."""
        files = {
            "record.json": self._bytes,
            "chain.json": _json({"row_hash": self.row["row_hash"], "sealed_later": not self._stands, **asdict(place)}),
            "facts.json": _json(self.facts() | {"body": "body.bin" if body is not None else None}),
        }
        if body is not None:
            files["body.bin"] = body
        for proof in self.proofs:
            files.update(proof.files())
        return files | {"verify.sh": "\n".join(self._script(body is not None)).encode("ascii") + b"\n"}

    @property
    def _bytes(self) -> bytes:
        """What the record's hash is over. One whose tokens were sealed later is shown as it was with them alone."""
        opened = {proof.header: proof.opened for proof in self.proofs if proof.opened}
        return row_bytes(evidence, with_opened(self.row, opened) if self.row["sealed_later"] else self.row)

    @property
    def _stands(self) -> bool:
        found: str = self.row["row_hash"]
        return sha256(self._bytes).hexdigest() == found

    def _script(self, with_body: bool) -> Iterator[str]:
        yield "#!/bin/sh"
        yield "# Verifica di nuovo cio' che fu ricevuto / verifies again what was received"
        yield "set -eu"
        yield 'cd "$(dirname "$0")"'
        if self._stands:
            yield f"echo '{self.row['row_hash']}  record.json' | sha256sum -c -"
        else:
            yield "echo 'record.json: sealed after it was written; the hub vouches for it (README.txt)'"
        if with_body:
            yield f"echo '{self.row['body_sha256']}  body.bin' | sha256sum -c -"
        for proof in self.proofs:
            yield from proof.commands(self.row["at"])


def read_record(
    connection: Connection,
    row: RowMapping,
    external_id: str | None = None,
    *,
    seals: TokenSeals | None = None,
) -> Record:
    """The record of a row of `evidence`; with `seals` the tokens that speak of persons, too.

    Raises LookupError where something that it names is gone, VaultError where something sealed does not open."""
    opened = seals.open(connection, row) if seals is not None else {}
    tokens = whole(connection, with_opened(row, opened)["tokens"])
    material = whole_chains(connection, row["verified_by"], tokens)
    proofs = tuple(
        Proof(name, compact, material.get(name, ()), opened.get(name, ""), commitment(row["tokens"][name]) or "")
        for name, compact in tokens.items()
    )
    return Record(row, proofs, material, external_id)


def body_of(connection: Connection, row: RowMapping, citizens: Citizens, vault: Vault) -> bytes | None:
    """The very bytes that were signed; None where they were not kept, or their citizen was erased. Raises VaultError
    where they do not open."""
    if row["body_sealed"] is None or row["citizen_id"] is None:
        return None
    try:
        citizen = citizens.by_id(connection, row["ente_id"], row["citizen_id"])
    except LookupError:
        return None
    place = f"evidence|body|{row['ente_id']}|{row['evidence_id']}"
    return unpacked(vault.open_with(citizen.data_key, row["body_sealed"], place))


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n"
