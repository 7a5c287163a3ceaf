"""A vendor's CA in a test set-up, whose certificates, CRLs and OCSP answers are as a case wants them (modi 5.11).

Whoever is tried has its certificate registered as the vendor's anchor. What it publishes is served under `url`, where
the path says how it is to be: `/crl/stale/2f`, `/ocsp/forged/2f`, `/x5u/redirect/2f`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, cast
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from contracts.addresses import LOOPBACK
from hub.security.algorithms import PrivateKey
from hub.security.keys import Authority, KeyType, algorithm, certificates_pem, hash_for, new_authority, new_key
from hub.security.sign import SigningKey

Status = Literal["", "good", "revoked", "unreachable", "stale", "forged", "garbage"]
"""What a list or an answer says, or what is wrong with it; empty: the certificate names no address."""

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_HUGE: Final = 3 * 1024 * 1024
_WEAK_BITS: Final = 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a leaf differs from a good one: a seal of an hour for the vendor, that names no host (no SAN)."""

    subject: str = ""
    begins: timedelta = -_HOUR
    ends: timedelta = _HOUR
    signs: bool = True
    """digitalSignature; otherwise keyEncipherment alone."""
    use: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH
    named: x509.GeneralName | None = None
    """In a SAN."""
    ca: bool = False
    by_another: bool = False
    """Of a CA of the same name that nobody registered."""
    below: Literal["", "sent", "left out", "no CA"] = ""
    """Under an intermediate, which is sent along, or not, or may issue nothing."""
    crl: Status = ""
    ocsp: Status = ""


class Office:
    """Issues, and is the ASGI application that publishes."""

    def __init__(self, authority: Authority, subject: str, *, url: str = "", status: Status = "") -> None:
        """`status`: of the certificates of good requests, where their revocation is asked for."""
        self.subject, self.url, self.status = subject, url, status
        self._authority = authority
        self._another = new_authority(named(authority.certificate) or "Conformance CA", now=datetime.now(UTC))
        self._issued: dict[str, tuple[x509.Certificate, ...]] = {}

    def issue(self, kind: KeyType, wanted: Wanted | None = None, *, key: PrivateKey | None = None) -> SigningKey:
        """A key of that kind with its chain, leaf first."""
        wanted, now = wanted or Wanted(ocsp=self.status), datetime.now(UTC)
        private = key or new_key(kind)
        issuer = self._another if wanted.by_another else self._authority
        between: tuple[x509.Certificate, ...] = ()
        if wanted.below:
            below = new_key("es256")
            made = self._certificate(issuer, below, Wanted("Conformance sub-CA", ca=wanted.below != "no CA"), now)
            issuer = Authority(below, made)
            between = () if wanted.below == "left out" else (made,)
        leaf = self._certificate(issuer, private, wanted, now)
        self._issued[f"{leaf.serial_number:x}"] = chain = (leaf, *between)
        return SigningKey(private, chain, algorithm(kind))

    def weak(self) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
        """A key of 1024 bits and its certificate, which is else a good one."""
        key = rsa.generate_private_key(65537, _WEAK_BITS)
        return key, self._certificate(self._authority, key, Wanted(), datetime.now(UTC))

    def x5u(self, key: SigningKey, how: str) -> str:
        """Where the chain of an issued key is published."""
        return f"{self.url}/x5u/{how}/{key.certificates[0].serial_number:x}"

    def x5u_by_another_name(self, key: SigningKey) -> str:
        """The same place on a host of another name: whoever looks at names alone finds nothing wrong there."""
        parts = urlsplit(self.x5u(key, "good"))
        host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
        other = "localhost" if host in LOOPBACK else f"{host}."
        return parts._replace(netloc=f"{other}{port}").geturl()

    def _certificate(self, issuer: Authority, key: PrivateKey, wanted: Wanted, now: datetime) -> x509.Certificate:
        subject, serial = wanted.subject or self.subject, x509.random_serial_number()
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(issuer.certificate.subject)
            .public_key(key.public_key())
            .serial_number(serial)
            .not_valid_before(now + wanted.begins)
            .not_valid_after(now + wanted.ends)
            .add_extension(x509.BasicConstraints(ca=wanted.ca, path_length=None), critical=True)
            .add_extension(_usage(signs=wanted.signs, ca=wanted.ca), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
        )
        if not wanted.ca:
            builder = builder.add_extension(x509.ExtendedKeyUsage([wanted.use]), critical=False)
        if wanted.named:
            builder = builder.add_extension(x509.SubjectAlternativeName([wanted.named]), critical=False)
        if wanted.crl:
            address = x509.UniformResourceIdentifier(f"{self.url}/crl/{wanted.crl}/{serial:x}")
            point = x509.DistributionPoint([address], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        if wanted.ocsp:
            address = x509.UniformResourceIdentifier(f"{self.url}/ocsp/{wanted.ocsp}/{serial:x}")
            access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, address)
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        return builder.sign(issuer.key, hash_for(issuer.key))

    # What is published

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await self._published(Request(scope, receive))(scope, receive, send)

    def _published(self, request: Request) -> Response:
        kind, how, serial = (*request.url.path.strip("/").split("/"), "", "", "")[:3]
        chain, serve = self._issued.get(serial), _SERVED.get(kind)
        if chain is None or serve is None or how == "unreachable":
            return Response(status_code=404)
        if how == "garbage":
            return Response(b"<html>")
        return serve(self, chain, how, datetime.now(UTC))

    def _crl(self, chain: tuple[x509.Certificate, ...], how: str, now: datetime) -> Response:
        ends = now - _HOUR if how == "stale" else now + _DAY
        builder = x509.CertificateRevocationListBuilder().issuer_name(chain[0].issuer)
        builder = builder.last_update(min(now, ends) - _HOUR).next_update(ends)
        if how != "good":
            # Stale or forged, it says that the certificate is revoked: nobody may believe even that.
            gone = x509.RevokedCertificateBuilder().serial_number(chain[0].serial_number)
            builder = builder.add_revoked_certificate(gone.revocation_date(now - _HOUR).build())
        key = self._signer(how).key
        return Response(builder.sign(key, hash_for(key)).public_bytes(Encoding.DER))

    def _ocsp(self, chain: tuple[x509.Certificate, ...], how: str, now: datetime) -> Response:
        ends = now - _HOUR if how == "stale" else now + _DAY
        good, signer = how == "good", self._signer(how)
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=chain[0],
                issuer=self._authority.certificate,
                algorithm=SHA1(),  # noqa: S303 - names the certificate, as RFC 5019 has it
                cert_status=ocsp.OCSPCertStatus.GOOD if good else ocsp.OCSPCertStatus.REVOKED,
                this_update=min(now, ends) - _HOUR,
                next_update=ends,
                revocation_time=None if good else now - _DAY,
                revocation_reason=None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
        )
        return Response(builder.sign(signer.key, hash_for(signer.key)).public_bytes(Encoding.DER))

    def _x5u(self, chain: tuple[x509.Certificate, ...], how: str, now: datetime) -> Response:
        pem = certificates_pem(chain)
        match how:
            case "redirect":
                return RedirectResponse(f"{self.url}/x5u/good/{chain[0].serial_number:x}")
            case "huge":
                return Response(pem + b"\n" * _HUGE)
            case "other":
                other = self.issue("es256")
                return Response(certificates_pem(other.certificates))
        return Response(pem)

    def _signer(self, how: str) -> Authority:
        return self._another if how == "forged" else self._authority


_Serve = Callable[[Office, tuple[x509.Certificate, ...], str, datetime], Response]
_SERVED: Final[dict[str, _Serve]] = {"crl": Office._crl, "ocsp": Office._ocsp, "x5u": Office._x5u}


def named(certificate: x509.Certificate, by: x509.ObjectIdentifier = NameOID.COMMON_NAME) -> str:
    """How its subject is called; empty where it is not called so."""
    found = certificate.subject.get_attributes_for_oid(by)
    return cast(str, found[0].value) if found else ""


def _usage(*, signs: bool, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs and not ca,
        content_commitment=False,
        key_encipherment=not signs,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
