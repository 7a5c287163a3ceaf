"""DKIM (RFC 6376, 8463): a notice signed with the keys of the ente's domain, and whether DNS has their other half."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Self

import dkim
import dns.exception
import dns.resolver
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

SHORTEST_RSA = 2048

SIGNED = (
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "auto-submitted",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "mime-version",
    "content-type",
    "content-language",
    "content-transfer-encoding",
)
"""Both List- fields must be covered for one click to count (RFC 8058, 4)."""
TWICE = ("from", "to", "subject", "date", "message-id", "reply-to", "list-unsubscribe", "list-unsubscribe-post")
"""Named once more than they are there, so that nobody adds another one on the way."""


class BadKey(ValueError):
    """Not a key that signs mail. The text never shows it."""


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A private key and the name under which DNS has its public half."""

    selector: str
    algorithm: Literal["rsa-sha256", "ed25519-sha256"]
    private: bytes = field(repr=False)
    """As the library takes it: PKCS#1 in PEM, or the seed in base64."""
    public: str
    """The `p=` of the record."""

    @classmethod
    def read(cls, selector: str, pem: str) -> Self:
        """Raises BadKey for what is no unencrypted PEM of an Ed25519 key or of RSA with 2048 bits or more."""
        try:
            key = load_pem_private_key(pem.strip().encode(), None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise BadKey("la chiave DKIM non è un PEM senza password / not an unencrypted PEM private key") from None
        if isinstance(key, Ed25519PrivateKey):
            seed = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
            public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            return cls(selector, "ed25519-sha256", base64.b64encode(seed), base64.b64encode(public).decode())
        if not isinstance(key, RSAPrivateKey) or key.key_size < SHORTEST_RSA:
            raise BadKey(f"la chiave DKIM deve essere Ed25519 o RSA da {SHORTEST_RSA} bit / Ed25519 or RSA needed")
        private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return cls(selector, "rsa-sha256", private, base64.b64encode(public).decode())

    @property
    def record(self) -> str:
        """The TXT record that DNS has to have."""
        return f"v=DKIM1; k={self.algorithm.partition('-')[0]}; p={self.public}"


class _At(dkim.DKIM):  # type: ignore[misc]  # the library has no types
    """Signs with a time that is given: what is sent again must be the same, byte for byte."""

    def __init__(self, content: bytes, at: datetime) -> None:
        super().__init__(content)
        self._at = str(int(at.timestamp())).encode()

    def gen_header(self, fields: list[tuple[bytes, bytes]], *args: Any, **kwargs: Any) -> Any:
        fields[:] = [(name, self._at if name == b"t" else value) for name, value in fields]
        return super().gen_header(fields, *args, **kwargs)


def signed(content: bytes, keys: Sequence[DkimKey], *, domain: str, at: datetime) -> bytes:
    """The message with a DKIM-Signature of each key before it, relaxed/relaxed."""
    present = {line.partition(b":")[0].lower().decode() for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n")}
    headers = [*(name for name in SIGNED if name in present), *TWICE]
    lines = [
        _At(content, at).sign(
            key.selector.encode(),
            domain.encode(),
            key.private,
            signature_algorithm=key.algorithm.encode(),
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=[name.encode() for name in headers],
        )
        for key in keys
    ]
    return b"".join([*lines, content])


Standing = Literal["right", "missing", "other", "unknown"]


def published(key: DkimKey, *, domain: str, server: str | None, within_s: float) -> Standing:
    """Whether DNS has the public half of `key`: `other` where another key, or a revoked one, stands in its place;
    `unknown` where DNS did not answer."""
    try:
        answer = _resolver(server).resolve(f"{key.selector}._domainkey.{domain}.", "TXT", lifetime=within_s)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return "missing"
    except (dns.exception.DNSException, OSError, ValueError):
        return "unknown"
    records = [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
    return "right" if any(_has(record, key) for record in records) else "other"


def _resolver(server: str | None) -> dns.resolver.Resolver:
    if server is None:
        return dns.resolver.Resolver()
    resolver = dns.resolver.Resolver(configure=False)
    host, _, port = server.rpartition(":") if server.count(":") == 1 else (server, "", "53")
    resolver.nameservers = [host]
    resolver.port = int(port)
    return resolver


def _has(record: str, key: DkimKey) -> bool:
    tags = {name.strip(): value for name, _, value in (each.partition("=") for each in record.split(";"))}
    kind = tags.get("k", "rsa").strip()
    try:
        found = base64.b64decode("".join(tags.get("p", "").split()), validate=True)
    except binascii.Error:
        return False
    return kind == key.algorithm.partition("-")[0] and found == base64.b64decode(key.public)
