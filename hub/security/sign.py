"""Signing: the hub's answers, and requests of vendors and portals for the command line, samples and tests.

Values in, headers out; nothing here sends. A key's protected segment is made once, so that signing costs the signature.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, load_pem_public_key

from contracts.identifiers import new_uuid7

from . import jose, jwk
from .algorithms import algorithms_of
from .causes import Refusal
from .der import pem_parts
from .digest import digest_header
from .keys import private_pem
from .portal import ASSERTION_TYPE
from .presented import thumbprint
from .token_keys import SCHEME, EcInToken, RsaInToken, key_in_token

LIFETIME_S: Final = 120
BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})
"""Whose requests are signed even where the body is empty."""
_PUBLIC: Final = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)


@dataclass(frozen=True)
class SigningKey:
    """A private key with what its tokens say of it: a certificate chain (`x5c`) if it has one, else its `kid`."""

    private: jose.PrivateKey
    certificates: tuple[x509.Certificate, ...] = ()
    chosen: str | None = None
    """One of the algorithms that fit the key; by default the first: RS256 for RSA, the curve's own for the others."""
    earlier: tuple[jose.VerifyingKey, ...] = ()
    """The keys that this one followed: what they signed still verifies."""

    @classmethod
    def load(cls, path: Path, cert_path: Path | None = None, alg: str | None = None) -> "SigningKey":
        """Reads a private key in PEM or JWK, and its certificates in PEM, leaf first. A JWK may name its `alg` itself.
        Public keys in PEM after the private one are those that it followed.

        Raises:
            ValueError: no usable key, or the certificate is another key's.
            Refusal: `key.weak`, or `key.invalid` where it cannot sign with that algorithm.
        """
        return cls.read(path.read_bytes(), cert_path, alg)

    @classmethod
    def read(
        cls, raw: bytes, cert_path: Path | None = None, alg: str | None = None, *, token: bool = False
    ) -> "SigningKey":
        """`load` of what stands in such a file; where it may be in a `token`, also the `pkcs11:` URI of the key."""
        private: jose.PrivateKey
        if token and raw.lstrip().startswith(SCHEME.encode()):
            private = key_in_token(raw.split(maxsplit=1)[0].decode("ascii"))
        elif raw.lstrip().startswith(b"{"):
            private, named = jwk.private_key_of_jwk(raw.decode("utf-8"))
            alg = alg or named
        else:
            loaded = load_pem_private_key(raw, password=None)
            if not isinstance(loaded, jose.PrivateKey):
                raise ValueError("neither an RSA, EC nor Ed25519 key")
            private = loaded
        pems = pem_parts(cert_path.read_bytes()) if cert_path else []
        earlier = tuple(_public(pem) for pem in _PUBLIC.findall(raw))
        return cls(private, tuple(x509.load_pem_x509_certificate(pem) for pem in pems), alg, earlier)

    def __post_init__(self) -> None:
        if self.certificates and self.certificates[0].public_key() != self.private.public_key():
            raise ValueError("the certificate is not that of the key")
        algs = algorithms_of(self.private)
        if self.chosen not in (None, *algs):
            raise Refusal("key.invalid", f"such a key signs with {', '.join(algs)}")

    def stored(self) -> bytes:
        """What `read` takes again: PKCS#8 in PEM, not encrypted, or the name of a key that stays in its token."""
        if isinstance(self.private, RsaInToken | EcInToken):
            return f"{self.private.uri}\n".encode()
        return private_pem(self.private)

    def __repr__(self) -> str:
        return f"SigningKey({self.alg}, {self.kid})"

    @cached_property
    def alg(self) -> str:
        return self.chosen or algorithms_of(self.private)[0]

    @cached_property
    def thumbprint(self) -> str:
        """RFC 7638 of the key; see `certificate_thumbprint` for the other one."""
        return self.public_jwk()["kid"]

    @property
    def kid(self) -> str:
        return self.thumbprint

    @cached_property
    def fingerprint(self) -> int:
        """The thumbprint as a number of 62 bits."""
        return int.from_bytes(sha256(self.thumbprint.encode("ascii")).digest()[:8]) >> 2

    @cached_property
    def certificate_thumbprint(self) -> str | None:
        """Hex SHA-256 of the leaf, as `vendor add --thumbprint` takes it."""
        return thumbprint(self.certificates[0]) if self.certificates else None

    @cached_property
    def x5c(self) -> list[str]:
        """Standard base64 of each DER, leaf first; a self-signed root is left out, as the receiver has it."""
        sent = [one for i, one in enumerate(self.certificates) if i == 0 or one.subject != one.issuer]
        return [b64encode(one.public_bytes(Encoding.DER)).decode("ascii") for one in sent]

    def verifying(self, kid: object) -> jose.VerifyingKey:
        """What verifies tokens of that `kid`: this key, or one of before it. Raises Refusal."""
        for one in (jose.VerifyingKey(self.private.public_key(), (self.alg,), f"jwk:{self.kid}"), *self.earlier):
            if one.signer == f"jwk:{kid}":
                return one
        raise Refusal("key.unknown")

    def public_jwk(self) -> dict[str, str]:
        return jwk.public_jwk(self.private.public_key(), self.alg)

    def protected(self, typ: str) -> str:
        """The first segment of this key's tokens of that `typ`."""
        return self._jwt if typ == "JWT" else self._segment(typ)

    @cached_property
    def _jwt(self) -> str:
        return self._segment("JWT")

    def _segment(self, typ: str) -> str:
        return jose.segment(self.header(typ))

    def header(self, typ: str = "JWT") -> dict[str, Any]:
        """What its tokens of that `typ` say of the key: its chain where it has one, else its kid."""
        reference: dict[str, Any] = {"x5c": self.x5c} if self.certificates else {"kid": self.kid}
        return {"alg": self.alg, "typ": typ} | reference

    def token(self, claims: Mapping[str, Any], *, typ: str = "JWT") -> str:
        """The compact JWS of those claims."""
        return jose.sign(self.protected(typ), claims, self.private, self.alg)


def _public(pem: bytes) -> jose.VerifyingKey:
    loaded = load_pem_public_key(pem)
    if not isinstance(loaded, jose.PublicKey):
        raise ValueError("neither an RSA, EC nor Ed25519 key")  # noqa: TRY004 - of the file, as `load` says
    return jwk.jwk_key(orjson.dumps(jwk.public_jwk(loaded)).decode())


def _base(*, iss: str, aud: str, now: datetime, lifetime_s: int) -> dict[str, Any]:
    issued = int(now.timestamp())
    return {"iss": iss, "aud": aud, "iat": issued, "nbf": issued, "exp": issued + lifetime_s, "jti": new_uuid7()}


def sign_request(
    key: SigningKey,
    *,
    iss: str,
    aud: str,
    method: str,
    url: str,
    body: bytes,
    content_type: str | None,
    now: datetime,
    authorization: bool = True,
    lifetime_s: int = LIFETIME_S,
    extra_headers: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The headers of a vendor's request: ID_AUTH_REST_02, and INTEGRITY_REST_01 where the method has a body.

    No ModI signature covers `method` and `url` (modi 5.17): the method decides only whether there is a body to sign.
    `extra_headers` are signed too, where there is one. Without `authorization`, Agid-JWT-Signature stands alone.
    """
    del url
    claims = _base(iss=iss, aud=aud, now=now, lifetime_s=lifetime_s)
    found = dict(extra_headers or {})
    if authorization:
        found["Authorization"] = f"Bearer {key.token(claims)}"
    if body or method.upper() in BODY_METHODS or not authorization:
        signed = {"Digest": digest_header(body)}
        if content_type is not None:
            signed["Content-Type"] = content_type
        signed |= extra_headers or {}
        found |= signed
        found["Agid-JWT-Signature"] = key.token(claims | {"signed_headers": _signed(signed)})
    return found


def _signed(headers: Mapping[str, str]) -> list[dict[str, str]]:
    return [{name.lower(): value} for name, value in headers.items()]


def sign_response(
    key: SigningKey,
    *,
    iss: str,
    aud: str,
    body: bytes,
    content_type: str | None,
    request_digest: str | None,
    now: datetime,
) -> dict[str, str]:
    """`Digest` and `Agid-JWT-Signature` of an answer; `request_digest` ties it to its request (modi 1.8)."""
    signed = {"Digest": digest_header(body)}
    if content_type is not None:
        signed["Content-Type"] = content_type
    claims = _base(iss=iss, aud=aud, now=now, lifetime_s=LIFETIME_S) | {"signed_headers": _signed(signed)}
    if request_digest is not None:
        claims["request_digest"] = request_digest
    return {"Digest": signed["Digest"], "Agid-JWT-Signature": key.token(claims)}


def sign_portal_token(
    key: SigningKey, *, iss: str, aud: str, scopes: str, now: datetime, lifetime_s: int = LIFETIME_S
) -> str:
    """A portal's own token; `scopes` is space-separated. It carries a jti, so it serves reads and changes."""
    return key.token(_base(iss=iss, aud=aud, now=now, lifetime_s=lifetime_s) | {"scope": scopes})


def sign_assertion(
    key: SigningKey,
    *,
    iss: str,
    aud: str,
    sub: str,
    fiscal_number: str,
    acr: str,
    auth_time: datetime,
    scopes: str,
    now: datetime,
    lifetime_s: int = LIFETIME_S,
    portal_token: str | None = None,
    organization_fiscal_number: str | None = None,
    on_behalf_of: str | None = None,
) -> str:
    """A portal's word on the citizen who is logged in. With `portal_token` it holds for that token alone (`ath`)."""
    claims = _base(iss=iss, aud=aud, now=now, lifetime_s=lifetime_s) | {
        "sub": sub,
        "fiscal_number": fiscal_number,
        "acr": acr,
        "auth_time": int(auth_time.timestamp()),
        "client_id": iss,
        "scope": scopes,
    }
    if portal_token is not None:
        claims["ath"] = jose.base64url(sha256(portal_token.encode("ascii")).digest())
    if organization_fiscal_number is not None:
        claims["organization_fiscal_number"] = organization_fiscal_number
    if on_behalf_of is not None:
        claims["on_behalf_of"] = on_behalf_of
    return key.token(claims, typ=ASSERTION_TYPE)


def sign_portal_request(
    key: SigningKey,
    *,
    iss: str,
    aud: str,
    sub: str,
    fiscal_number: str,
    now: datetime,
    acr: str = "https://www.spid.gov.it/SpidL2",
    auth_time: datetime | None = None,
    scopes: str = "feed:read feed:write",
    assertion_key: SigningKey | None = None,
    organization_fiscal_number: str | None = None,
    on_behalf_of: str | None = None,
) -> dict[str, str]:
    """`Authorization` and `Citizen-Assertion` of one feed request, the second bound to the first."""
    token = sign_portal_token(key, iss=iss, aud=aud, scopes=scopes, now=now)
    assertion = sign_assertion(
        assertion_key or key,
        iss=iss,
        aud=aud,
        sub=sub,
        fiscal_number=fiscal_number,
        acr=acr,
        auth_time=auth_time or now,
        scopes=scopes,
        now=now,
        portal_token=token,
        organization_fiscal_number=organization_fiscal_number,
        on_behalf_of=on_behalf_of,
    )
    return {"Authorization": f"Bearer {token}", "Citizen-Assertion": assertion}
