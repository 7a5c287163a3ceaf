"""Making keys, JWKS and test certificates. Functions return values; only `write_private` and `write_public` write."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from stat import S_IRWXO, S_IXOTH
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .algorithms import PrivateKey, PublicKey
from .jwk import public_jwk

KeyType = Literal["rs256", "rs384", "rs512", "ps256", "ps384", "ps512", "es256", "es384", "es512", "eddsa"]
_RSA_BITS: Final = {"256": 2048, "384": 3072, "512": 4096}
_CURVES: Final[Mapping[str, type[ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1]]] = {
    "es256": ec.SECP256R1,
    "es384": ec.SECP384R1,
    "es512": ec.SECP521R1,
}
CA_DAYS: Final = 3650
LEAF_DAYS: Final = 825
_BACKDATED: Final = timedelta(minutes=5)
"""A certificate made a moment ago must hold on a host whose clock is a little behind."""


@dataclass(frozen=True)
class Authority:
    """A test CA: whoever holds it can sign as any vendor under it."""

    key: PrivateKey
    certificate: x509.Certificate


def new_key(kind: KeyType) -> PrivateKey:
    """A fresh private key for that algorithm: RSA of 2048, 3072 or 4096 bits, a NIST curve, or Ed25519."""
    if kind == "eddsa":
        return ed25519.Ed25519PrivateKey.generate()
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind]())
    return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS[kind[2:]])


def algorithm(kind: KeyType) -> str:
    """The JOSE name of it."""
    return "EdDSA" if kind == "eddsa" else kind.upper()


def private_pem(key: PrivateKey) -> bytes:
    """PKCS#8, not encrypted: the file's mode is its only protection."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def certificates_pem(certificates: Iterable[x509.Certificate]) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def jwks(keys: Sequence[PublicKey], alg: str | None = None) -> str:
    """A JWK set of public keys, each with kid = RFC 7638 thumbprint; `alg`: by default the first that fits."""
    return json.dumps({"keys": [public_jwk(key, alg) for key in keys]}, indent=2) + "\n"


def new_authority(common_name: str, *, now: datetime, kind: KeyType = "es256", days: int = CA_DAYS) -> Authority:
    """A self-signed test CA that ordinary verifiers accept."""
    key = new_key(kind)
    name = _name(common_name, None)
    builder = _builder(name, name, key.public_key(), now=now, days=days)
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hash_for(key))
    )
    return Authority(key, certificate)


def new_leaf(
    authority: Authority,
    common_name: str,
    public: PublicKey,
    *,
    now: datetime,
    days: int = LEAF_DAYS,
    organization_identifier: str | None = None,
) -> x509.Certificate:
    """A certificate to sign requests with: digitalSignature, clientAuth, a SAN with the name, AKI and SKI."""
    builder = _builder(
        _name(common_name, organization_identifier), authority.certificate.subject, public, now=now, days=days
    )
    issuer_id = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_san(common_name)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), critical=False)
        .sign(authority.key, hash_for(authority.key))
    )


def write_private(path: Path, content: bytes) -> None:
    """Writes a new file that only its owner can read, 0600 from its first byte on.

    Raises:
        FileExistsError: a key is never overwritten.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def is_exposed(path: Path) -> bool:
    """Whether every user of the machine may read or change a secret file. A folder that lets nobody in protects what is
    in it; a group is somebody's decision (the volumes of Kubernetes have one)."""
    return bool(path.stat().st_mode & S_IRWXO and path.parent.stat().st_mode & S_IXOTH)


def write_public(path: Path, content: bytes) -> None:
    """Writes a certificate or a JWKS; the same mode, as nothing needs more."""
    write_private(path, content)


def hash_for(key: PrivateKey) -> SHA256 | None:
    """What certificates, CRLs and OCSP answers are signed with: EdDSA brings its own hash."""
    return None if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else SHA256()


def _name(common_name: str, organization_identifier: str | None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization_identifier is not None:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, organization_identifier))
    return x509.Name(attributes)


def _san(common_name: str) -> x509.GeneralName:
    # A DNS name where the CN is one; else a URN, as a SAN must be of some form.
    is_dns = common_name.replace("-", "").replace(".", "").isalnum() and common_name.isascii()
    if is_dns:
        return x509.DNSName(common_name)
    return x509.UniformResourceIdentifier("urn:raccordo:" + common_name.encode("utf-8").hex())


def _builder(
    subject: x509.Name, issuer: x509.Name, public: PublicKey, *, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )
