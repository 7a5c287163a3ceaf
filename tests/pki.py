"""A small CA for tests: certificates of every odd form, CRLs, and OCSP answers as an ASGI responder gives them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
CRL_URL = "http://ca.example.it/crl"
OCSP_URL = "http://ca.example.it/ocsp"


def name(common: str, organization: str | None = None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organization:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, organization))
    return x509.Name(attributes)


def usage(*, sign: bool = False, seal: bool = False, ca: bool = False, crl: bool | None = None) -> x509.KeyUsage:
    return x509.KeyUsage(
        sign, seal, not (sign or seal or ca), False, False, ca, ca if crl is None else crl, False, False
    )


def hash_for(key: Any, wanted: HashAlgorithm | None = None) -> HashAlgorithm | None:
    return None if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else wanted or SHA256()


@dataclass
class Party:
    """A key with its certificate, and what it has revoked if it is a CA."""

    key: Any
    certificate: x509.Certificate
    issuer: "Party | None" = None
    revoked: dict[int, datetime] = field(default_factory=dict)

    @property
    def chain(self) -> list[x509.Certificate]:
        """Leaf first, without the root."""
        above = self.issuer.chain if self.issuer is not None and self.issuer.issuer is not None else []
        return [self.certificate, *above]

    def issue(
        self,
        common: str = "acme",
        *,
        key: Any = None,
        ca: bool = False,
        organization: str | None = None,
        since: datetime = NOW - DAY,
        until: datetime = NOW + 365 * DAY,
        path_length: int | None = None,
        key_usage: x509.KeyUsage | None = None,
        uses: Sequence[x509.ObjectIdentifier] = (),
        san: bool = False,
        crl_url: str | None = None,
        ocsp_url: str | None = None,
        more: Sequence[tuple[x509.ExtensionType, bool]] = (),
        hash_: HashAlgorithm | None = None,
        basic: bool = True,
        padding: Any = None,
    ) -> "Party":
        key = key or ec.generate_private_key(ec.SECP256R1())
        builder = _builder(name(common, organization), self.certificate.subject, key, self.key, since, until)
        if basic:
            builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
        builder = builder.add_extension(key_usage or usage(sign=not ca, ca=ca), critical=True)
        if uses:
            builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        if san:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(common)]), critical=False)
        if crl_url:
            builder = builder.add_extension(distribution_point(crl_url), critical=False)
        if ocsp_url:
            access = x509.AccessDescription(
                AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(ocsp_url)
            )
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        for extension, critical in more:
            builder = builder.add_extension(extension, critical=critical)
        return Party(key, builder.sign(self.key, hash_for(self.key, hash_), rsa_padding=padding), self)

    def revoke(self, party: "Party") -> None:
        self.revoked[party.certificate.serial_number] = NOW - DAY

    def crl(
        self,
        *,
        since: datetime = NOW - timedelta(hours=1),
        until: datetime | None = NOW + DAY,
        signer: "Party | None" = None,
        hash_: HashAlgorithm | None = None,
        more: Sequence[tuple[x509.ExtensionType, bool]] = (),
    ) -> x509.CertificateRevocationList:
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject).last_update(since)
        builder = builder.next_update(until or NOW + DAY)
        for serial, when in self.revoked.items():
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when).build()
            builder = builder.add_revoked_certificate(entry)
        for extension, critical in more:
            builder = builder.add_extension(extension, critical=critical)
        key = (signer or self).key
        return builder.sign(key, hash_for(key, hash_))

    def crl_name(self, url: str = CRL_URL) -> str:
        """What its CRL at that address is called on the shelf."""
        return f"{url}\n{self.certificate.public_bytes(Encoding.DER).hex()}"

    def answer(
        self,
        party: "Party",
        *,
        responder: "Party | None" = None,
        status: ocsp.OCSPCertStatus | None = None,
        since: datetime = NOW - timedelta(hours=1),
        until: datetime | None = NOW + DAY,
        about: x509.Certificate | None = None,
        issuer: x509.Certificate | None = None,
        by_name: bool = False,
        hash_: HashAlgorithm | None = None,
        with_certificate: bool = True,
    ) -> ocsp.OCSPResponse:
        """What the CA's responder says of a certificate: revoked if it was, else good."""
        gone = self.revoked.get(party.certificate.serial_number)
        status = status or (ocsp.OCSPCertStatus.REVOKED if gone else ocsp.OCSPCertStatus.GOOD)
        who = responder or self
        encoding = ocsp.OCSPResponderEncoding.NAME if by_name else ocsp.OCSPResponderEncoding.HASH
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=about or party.certificate,
                issuer=issuer or self.certificate,
                algorithm=SHA1(),
                cert_status=status,
                this_update=since,
                next_update=until,
                revocation_time=(gone or NOW - DAY) if status is ocsp.OCSPCertStatus.REVOKED else None,
                revocation_reason=None,
            )
            .responder_id(encoding, who.certificate)
        )
        if responder is not None and with_certificate:
            builder = builder.certificates([responder.certificate])
        return builder.sign(who.key, hash_for(who.key, hash_))

    def responder(self, **changes: Any) -> "Party":
        """A delegated OCSP responder, as RFC 6960 4.2.2.2 asks."""
        made = {"uses": [ExtendedKeyUsageOID.OCSP_SIGNING], "more": [(x509.OCSPNoCheck(), False)]} | changes
        return self.issue("Responder", **made)


def distribution_point(url: str) -> x509.CRLDistributionPoints:
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)
    return x509.CRLDistributionPoints([point])


def root(common: str = "Root", *, key: Any = None, more: Sequence[tuple[x509.ExtensionType, bool]] = ()) -> Party:
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name(common), name(common), key, key, NOW - DAY, NOW + 3650 * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(usage(ca=True), critical=True)
    for extension, critical in more:
        builder = builder.add_extension(extension, critical=critical)
    return Party(key, builder.sign(key, hash_for(key)))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Any, signer: Any, since: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )


def with_sha1(signed: bytes, tbs: bytes, signature: bytes, key: Any) -> bytes:
    """What RSA and SHA-256 signed, signed with SHA-1 in its place: no library makes it any more."""
    sha256_oid, sha1_oid = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
    changed, numbers = tbs.replace(sha256_oid, sha1_oid), key.private_numbers()
    size = key.key_size // 8
    told = bytes.fromhex("3021300906052b0e03021a05000414") + sha1(changed).digest()
    padded = b"\x00\x01" + b"\xff" * (size - len(told) - 3) + b"\x00" + told
    again = pow(int.from_bytes(padded, "big"), numbers.d, numbers.public_numbers.n).to_bytes(size, "big")
    return signed.replace(tbs, changed).replace(sha256_oid, sha1_oid).replace(signature, again)


def certificate_with_sha1(party: Party) -> x509.Certificate:
    found, key = party.certificate, (party.issuer or party).key
    der = found.public_bytes(Encoding.DER)
    return x509.load_der_x509_certificate(with_sha1(der, found.tbs_certificate_bytes, found.signature, key))


class Responder:
    """An ASGI application: the CRL of a CA under /crl, its OCSP answers under /ocsp; `seen` counts the calls."""

    def __init__(self, ca: Party, now: datetime = NOW) -> None:
        self.ca = ca
        self.now = now
        self.seen: list[str] = []
        self.certificates: dict[int, Party] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.seen.append(scope["path"])
        content = self._content(scope["path"], body)
        await send({"type": "http.response.start", "status": 200 if content else 404, "headers": []})
        await send({"type": "http.response.body", "body": content})

    def _content(self, path: str, body: bytes) -> bytes:
        times = {"since": self.now - timedelta(minutes=1), "until": self.now + DAY}
        if path == "/crl":
            return self.ca.crl(**times).public_bytes(Encoding.DER)
        if path == "/ocsp":
            asked = ocsp.load_der_ocsp_request(body)
            party = self.certificates[asked.serial_number]
            return self.ca.answer(party, **times).public_bytes(Encoding.DER)
        return b""
