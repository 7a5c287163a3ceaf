"""What a third party needs to verify a token again with openssl: its parts as files, and the commands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

import orjson
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from hub.security.jose import PublicKey, parse, unbase64url

_HASHES: Final = {"256": "sha256", "384": "sha384", "512": "sha512"}
_PSS: Final = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest "


@dataclass(frozen=True, slots=True)
class Proof:
    """One token of a record, with what it was verified with."""

    header: str
    compact: str
    chain: tuple[bytes, ...]
    """DER, leaf first up to the anchor, or one public key; empty where it was not kept."""
    opened: str = ""
    """What was sealed of it, as its hash in the record is over: salt, payload, signature."""
    opened_sha256: str = ""

    @property
    def is_sealed(self) -> bool:
        """Whether it speaks of a person, and is not shown."""
        return ".@" in self.compact

    @property
    def is_signed(self) -> bool:
        """Whether it still has its signature: what may be used again is kept without."""
        return not self.compact.endswith(".")

    @property
    def alg(self) -> str:
        header: dict[str, object] = orjson.loads(unbase64url(self.compact.partition(".")[0].encode("ascii")))
        return str(header.get("alg"))

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Path within the record's folder -> content."""
        base = f"tokens/{self.header}"
        for der in self.chain:
            yield _path(der), _pem(der)
        if self.is_sealed:
            return
        yield f"{base}.jwt", self.compact.encode("ascii")
        if self.opened:
            yield f"{base}.opened", self.opened.encode("ascii")
        if not self.is_signed or not self.chain:
            return
        token = parse(self.compact)
        yield f"{base}.input", token.signing_input
        yield f"{base}.sig", _openssl_form(self.alg, token.signature)
        yield f"{base}.pub.pem", _public_pem(self.chain[0])

    def commands(self, at: datetime) -> Iterator[str]:
        """Lines of a shell script that holds when all is as it was accepted at that time."""
        base = f"tokens/{self.header}"
        if self.opened:
            yield f"echo '{self.opened_sha256}  {base}.opened' | sha256sum -c -"
        if self.is_signed and self.chain and not self.is_sealed:
            yield _verify(self.alg, base)
        if len(self.chain) > 1:
            *below, anchor = [_path(der) for der in self.chain]
            leaf, between = below[0], "".join(f" -untrusted {path}" for path in below[1:])
            when = f"-attime {int(at.timestamp())} -partial_chain"
            yield f"openssl verify {when} -trusted {anchor}{between} {leaf}"


def names(chain: Sequence[bytes]) -> list[str]:
    """The hex SHA-256 of each."""
    return [sha256(der).hexdigest() for der in chain]


def describe(der: bytes) -> dict[str, str]:
    """What a person wants to know of a certificate or key."""
    digest = sha256(der).hexdigest()
    certificate = _certificate(der)
    if certificate is None:
        return {"sha256": digest, "kind": "public key"}
    return {
        "sha256": digest,
        "kind": "certificate",
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "serial_number": f"{certificate.serial_number:x}",
        "until": certificate.not_valid_after_utc.isoformat(),
    }


def _path(der: bytes) -> str:
    return f"keys/{sha256(der).hexdigest()}.pem"


def _certificate(der: bytes) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        return None


def _pem(der: bytes) -> bytes:
    certificate = _certificate(der)
    return _public_pem(der) if certificate is None else certificate.public_bytes(Encoding.PEM)


def _public_pem(der: bytes) -> bytes:
    certificate = _certificate(der)
    key = load_der_public_key(der) if certificate is None else certificate.public_key()
    assert isinstance(key, PublicKey)  # it verified a token
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _openssl_form(alg: str, signature: bytes) -> bytes:
    """JOSE writes r and s of ECDSA side by side (RFC 7518 3.4), openssl reads them in DER."""
    if not alg.startswith("ES"):
        return signature
    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))


def _verify(alg: str, base: str) -> str:
    if alg == "EdDSA":
        return f"openssl pkeyutl -verify -pubin -inkey {base}.pub.pem -rawin -in {base}.input -sigfile {base}.sig"
    padding = _PSS if alg.startswith("PS") else ""
    return f"openssl dgst -{_HASHES[alg[2:]]} {padding}-verify {base}.pub.pem -signature {base}.sig {base}.input"
