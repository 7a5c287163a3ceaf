"""The vectors' keys and certificates: made once, kept in `keys.json`. TEST KEYS."""

import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
YEARS = timedelta(days=3650)
NOTICE = "TEST KEYS, published on purpose. Never register them anywhere."


def der(pem: str) -> bytes:
    return b64decode("".join(pem.splitlines()[1:-1]))


def _pem(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _usage(*, sign: bool, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        content_commitment=False,
        key_encipherment=not sign and not ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


class Maker:
    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.certs: dict[str, x509.Certificate] = {}

    def key(self, name: str, kind: str = "ec") -> Any:
        if kind == "ec":
            self.keys[name] = ec.generate_private_key(ec.SECP256R1())
        elif kind == "p384":
            self.keys[name] = ec.generate_private_key(ec.SECP384R1())
        else:
            self.keys[name] = rsa.generate_private_key(public_exponent=65537, key_size=int(kind))
        return self.keys[name]

    def cert(
        self,
        name: str,
        cn: str,
        *,
        issuer: str | None = None,
        kind: str = "ec",
        ca: bool = False,
        sign: bool = True,
        usage: bool = True,
        san: bool = True,
        eku: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.CLIENT_AUTH,
        org: str | None = None,
        since: datetime = SINCE,
        until: datetime = SINCE + YEARS,
        key_of: str | None = None,
    ) -> None:
        key = self.keys[key_of] if key_of else self.key(name, kind)
        self.keys[name] = key
        subject = [x509.NameAttribute(NameOID.COMMON_NAME, cn)]
        if org:
            subject.append(x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, org))
        signer = self.keys[issuer] if issuer else key
        parent = self.certs[issuer].subject if issuer else x509.Name(subject)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name(subject))
            .issuer_name(parent)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(since)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        if usage:
            builder = builder.add_extension(_usage(sign=sign and not ca, ca=ca), critical=True)
        if san and not ca:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(cn)]), critical=False)
        if eku and not ca:
            builder = builder.add_extension(x509.ExtendedKeyUsage([eku]), critical=False)
        self.certs[name] = builder.sign(signer, SHA256())


MORE = {"pdnd": "2048", "luna": "ec", "luna-rsa": "2048", "stranger": "ec", "possession": "ec", "possession-2": "ec"}


def load_or_make_more(path: Path) -> dict[str, Any]:
    """Keys that PDND would keep: its own, those of clients, and those that vouchers are bound to."""
    made = json.loads(path.read_text()) if path.exists() else {"notice": NOTICE, "keys": {}}
    m = Maker()
    missing = {name: _pem(m.key(name, kind)) for name, kind in MORE.items() if name not in made["keys"]}
    if missing:
        made["keys"] |= missing
        path.write_text(json.dumps(made, indent=1) + "\n")
    return made


def load_or_make(path: Path) -> dict[str, Any]:
    """The committed material; makes and writes it where the file is missing."""
    if path.exists():
        return json.loads(path.read_text())
    m = Maker()
    m.cert("ca", "Vectors CA", ca=True)
    m.cert("acme-issuing", "Vectors Issuing CA", issuer="ca", ca=True)
    m.cert("other-ca", "Vectors CA", ca=True)
    m.cert("acme", "acme", issuer="acme-issuing")
    m.cert("acme-rsa", "acme", issuer="ca", kind="2048")
    m.cert("acme-seal", "Acme seal", issuer="ca", san=False, eku=None, org="acme")
    m.cert("acme-other-ca", "acme", issuer="other-ca")
    m.cert("acme-expired", "acme", issuer="ca", until=datetime(2026, 11, 24, 9, 59, tzinfo=UTC))
    m.cert("acme-early", "acme", issuer="ca", since=datetime(2026, 11, 24, 10, 1, tzinfo=UTC))
    m.cert("acme-1024", "acme", issuer="ca", kind="1024")
    m.cert("acme-p384", "acme", issuer="ca", kind="p384")
    m.cert("acme-ca-leaf", "acme", issuer="ca", ca=True)
    m.cert("acme-no-sign", "acme", issuer="ca", sign=False)
    m.cert("acme-server", "acme", issuer="ca", eku=ExtendedKeyUsageOID.SERVER_AUTH)
    m.cert("acme-self", "acme")
    m.cert("zeta", "zeta", issuer="ca")
    m.cert("gea", "gea", issuer="ca")
    m.cert("under-leaf", "acme", issuer="zeta")
    m.cert("cielo", "cielo")
    m.cert("cielo-renewed", "cielo", key_of="cielo")
    m.cert("public-root", "Public Root", ca=True)
    m.cert("public-issuing", "Public Issuing CA", issuer="public-root", ca=True)
    m.cert("public-other-issuing", "Public Other CA", issuer="public-issuing", ca=True)
    m.cert("dorica", "anything", issuer="public-issuing", org="VATIT-01234567890")
    m.cert("dorica-cn", "VATIT-01234567890", issuer="public-issuing", org="VATIT-99999999999")
    m.cert("dorica-below", "anything", issuer="public-other-issuing", org="VATIT-01234567890")
    for name in ("borea-es", "borea-revoked", "borea-next", "borea-past", "borea-unknown", "eolo", "fumo"):
        m.key(name)
    m.key("borea", "2048")
    made = {
        "notice": NOTICE,
        "keys": {name: _pem(key) for name, key in m.keys.items()},
        "certificates": {name: cert.public_bytes(Encoding.PEM).decode() for name, cert in m.certs.items()},
    }
    path.write_text(json.dumps(made, indent=1) + "\n")
    return made
