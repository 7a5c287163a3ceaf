"""The citizen's side of LolliPoP: a phone with a key, the identity provider that vouches for it, IO's lines between.

Written from `spec/lollipop.md` and not from `lollipop.py`, so that one's mistake is not the other's.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml.signer import XMLSigner

APP_API = "https://api-app.io.pagopa.it/api/v1"
ISSUER = "https://idp.simulated.example"
_SPAN = timedelta(days=3650)
_DS = "http://www.w3.org/2000/09/xmldsig#"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@dataclass(slots=True)
class Phone:
    """A key made at the login, and what it signs."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def jwk(self) -> dict[str, str]:
        numbers = self.key.public_key().public_numbers()
        x, y = (_encoded(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}

    @property
    def ref(self) -> str:
        text = '{{"crv":"{crv}","kty":"{kty}","x":"{x}","y":"{y}"}}'.format(**self.jwk)
        return f"sha256-{_encoded(hashlib.sha256(text.encode()).digest())}"

    def call(self, url: str, *, method: str = "GET", created: int | None = None) -> dict[str, str]:
        """What the app sends with a call to IO."""
        covered = {"x-pagopa-lollipop-original-method": method, "x-pagopa-lollipop-original-url": url}
        names = " ".join(f'"{name}"' for name in covered)
        nonce = secrets.token_hex(8)
        when = int(time.time()) if created is None else created
        parameters = f'({names});created={when};nonce="{nonce}";alg="ecdsa-p256-sha256";keyid="{self.ref[7:]}"'
        lines = [*(f'"{name}": {value}' for name, value in covered.items()), f'"@signature-params": {parameters}']
        signature = self.key.sign("\n".join(lines).encode(), ec.ECDSA(hashes.SHA256()))
        signed = f"sig1=:{base64.b64encode(signature).decode()}:"
        return covered | {"signature-input": f"sig1={parameters}", "signature": signed}

    def lines(self, fiscal_code: str) -> dict[str, str]:
        """What IO adds for a third party."""
        return {
            "x-pagopa-lollipop-assertion-ref": self.ref,
            "x-pagopa-lollipop-assertion-type": "SAML",
            "x-pagopa-lollipop-user-id": fiscal_code,
            "x-pagopa-lollipop-public-key": _encoded(json.dumps(self.jwk).encode()),
            "x-pagopa-lollipop-auth-jwt": f"{_encoded(b'{}')}.{_encoded(self.ref.encode())}.{_encoded(b'signed')}",
        }


class IdentityProvider:
    """One of SPID's, with its certificate in metadata."""

    def __init__(self, issuer: str = ISSUER) -> None:
        self.issuer = issuer
        self.key = rsa.generate_private_key(65537, 2048)
        self.certificate = _self_signed(self.key)

    def metadata(self) -> bytes:
        """The metadata of all providers: this one's, and that of one whose certificate nobody can read."""
        here = base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()
        entities = "".join(
            f'<md:EntityDescriptor entityID="{name}"><md:IDPSSODescriptor protocolSupportEnumeration="saml">'
            f'<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{_DS}"><ds:X509Data><ds:X509Certificate>{text}'
            "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor></md:IDPSSODescriptor>"
            "</md:EntityDescriptor>"
            for name, text in ((self.issuer, here), ("https://other.example", "bm90IG9uZQ=="))
        )
        start = '<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">'
        return f"{start}{entities}</md:EntitiesDescriptor>".encode()

    def response(self, fiscal_code: str, ref: str, *, at: datetime | None = None) -> bytes:
        """The SAML response of a login, its assertion signed."""
        moment = at or datetime.now(UTC) - timedelta(days=1)
        issued, ended = (each.strftime("%Y-%m-%dT%H:%M:%SZ") for each in (moment, moment + timedelta(minutes=5)))
        assertion = etree.fromstring(f"""
<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xs="http://www.w3.org/2001/XMLSchema"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="_{secrets.token_hex(16)}" IssueInstant="{issued}"
  Version="2.0"><saml:Issuer>{self.issuer}</saml:Issuer><saml:Subject><saml:SubjectConfirmation
  Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData InResponseTo="{ref}"
  NotOnOrAfter="{ended}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{issued}"
  NotOnOrAfter="{ended}"/><saml:AttributeStatement><saml:Attribute Name="fiscalNumber"><saml:AttributeValue
  xsi:type="xs:string">TINIT-{fiscal_code}</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>
</saml:Assertion>""")
        signer = XMLSigner(c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#")
        certificate = [self.certificate.public_bytes(Encoding.PEM).decode()]
        signed: Any = signer.sign(assertion, key=self.key, cert=certificate)
        response = etree.Element("{urn:oasis:names:tc:SAML:2.0:protocol}Response", {"ID": "_r", "InResponseTo": ref})
        response.append(signed)
        return bytes(etree.tostring(response))


@dataclass(slots=True)
class Logins:
    """Who has logged in with which phone: what IO keeps to give to third parties."""

    known: list[IdentityProvider] = field(default_factory=list)
    phones: dict[str, Phone] = field(default_factory=dict)
    responses: dict[str, bytes] = field(default_factory=dict)

    @property
    def provider(self) -> IdentityProvider:
        """The one provider there is; making its key takes a while, and most simulations want none."""
        if not self.known:
            self.known.append(IdentityProvider())
        return self.known[0]

    def phone_of(self, fiscal_code: str) -> Phone:
        """The phone of somebody, who logs in with it if he has not."""
        if fiscal_code not in self.phones:
            phone = self.phones[fiscal_code] = Phone()
            self.responses[phone.ref] = self.provider.response(fiscal_code, phone.ref)
        return self.phones[fiscal_code]

    def assertion(self, ref: str, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """IO's answer to a third party that asks for an assertion with the token it was given."""
        bearer = headers.get("x-pagopa-lollipop-auth", "")
        if not bearer.startswith("Bearer ") or _encoded(ref.encode()) not in bearer.split("."):
            return 403, {"status": 403, "title": "Forbidden", "detail": "The token is not for this assertion."}
        if ref not in self.responses:
            return 410, {"status": 410, "title": "Gone", "detail": "The key is not valid any more."}
        return 200, {"response_xml": self.responses[ref].decode()}


def _self_signed(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Simulated IdP")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - _SPAN).not_valid_after(now + _SPAN)
    return made.sign(key, hashes.SHA256())
