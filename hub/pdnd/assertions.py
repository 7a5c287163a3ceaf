"""The client assertion of a token request, refused for whatever PDND refuses (modi 2.1, 2.2)."""

import binascii
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from .records import Client, Purpose, Records, Seen

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FIELDS: Final = ("client_id", "client_assertion", "client_assertion_type", "grant_type")
_CLAIMS: Final = frozenset({"iss", "sub", "aud", "jti", "iat", "exp", "nbf", "purposeId", "digest"})
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_KID: Final = re.compile(r"[A-Za-z0-9_-]+")
_HEX_64: Final = re.compile(r"[0-9a-fA-F]{64}")
_ANY_HEADER: Final = jws.JWSRegistry(algorithms=["RS256", "ES256"], strict_check_header=False)
_ANY_HEADER.max_header_length = 4096  # a proof carries a key


class Rejected(Exception):
    """The request is refused. `code` is the platform's number, `error` that of RFC 6749 5.2."""

    def __init__(self, code: str, detail: str, error: str = "invalid_client", status: int = 400) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.error = error
        self.status = status


class Compact(NamedTuple):
    """A JWS whose signature nobody has checked."""

    text: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def read(text: str) -> Compact | None:
    """The two objects of a compact JWS; None where it is none."""
    parts = text.split(".")
    try:
        header, claims = (json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2])
    except (ValueError, binascii.Error, RecursionError):
        return None
    if len(parts) != 3 or not isinstance(header, dict) or not isinstance(claims, dict):
        return None
    return Compact(text, header, claims)


def holds(token: Compact, jwk: Mapping[str, Any], algorithms: Collection[str]) -> bool:
    """Whether the token is signed with that key, by one of the algorithms."""
    try:
        key: Any = JWKRegistry.import_key(dict(jwk))
        jws.deserialize_compact(token.text, key, list(algorithms), _ANY_HEADER)
    except (JoseError, ValueError, TypeError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Granted:
    """What an assertion that holds asks for. Without a purpose it is a voucher for the platform's API."""

    client: Client
    purpose: Purpose | None
    digest: Mapping[str, str] | None
    jti: str


def check_assertion(
    form: Mapping[str, str], *, records: Records, audience: str, seen: Seen, now: float, strict_claims: bool
) -> Granted:
    """Raises Rejected for the first thing that is wrong: form, header, claims, signature, time, replay, purpose."""
    _check_form(form)
    token = read(form["client_assertion"])
    if token is None:
        raise Rejected("0008", "client assertion: not a compact JWS of two JSON objects")
    _check_header(token.header)
    _check_claims(token.claims, form["client_id"], audience, strict=strict_claims)
    client = records.clients.get(form["client_id"])
    key = records.keys.get(token.header["kid"])
    if client is None or key is None or key.kid not in client.kids:
        raise Rejected("0036", "no such key of this client")
    if not holds(token, key.jwk, ("RS256",)):
        raise Rejected("0002", "client assertion: the signature does not verify")
    claims = token.claims
    if claims["exp"] <= now:
        raise Rejected("0019", "client assertion: expired")
    if claims.get("nbf", 0) > now:
        raise Rejected("0021", "client assertion: nbf is in the future")
    purpose = _purpose(client, claims, records)
    if not seen.first(f"{client.client_id} {claims['jti']}", until=claims["exp"], now=now):
        raise Rejected("0037", "client assertion: jti was used before")
    return Granted(client, purpose, claims.get("digest"), claims["jti"])


def _check_form(form: Mapping[str, str]) -> None:
    for name in FIELDS:
        if not form.get(name):
            raise Rejected("0001", f"{name} is missing", "invalid_request")
    if unknown := form.keys() - FIELDS:
        raise Rejected("0001", f"unexpected parameter {min(unknown)}", "invalid_request")
    if form["client_assertion_type"] != ASSERTION_TYPE:
        raise Rejected("0004", "client_assertion_type is not jwt-bearer", "invalid_request")
    if form["grant_type"] != "client_credentials":
        raise Rejected("0005", "grant_type is not client_credentials", "unsupported_grant_type")


def _check_header(header: Mapping[str, Any]) -> None:
    if "alg" not in header:
        raise Rejected("0031", "alg is missing")
    if header["alg"] != "RS256":
        raise Rejected("0032", "only RS256 is allowed")
    if header.get("typ") != "JWT":
        raise Rejected("0008", "typ is not JWT")
    kid = header.get("kid")
    if not kid:
        raise Rejected("0017", "kid is missing")
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise Rejected("0034", "kid has an unexpected form")


def _check_claims(claims: Mapping[str, Any], client_id: str, audience: str, *, strict: bool) -> None:
    for name, code, kind in (
        ("jti", "0010", str),
        ("iat", "0011", int),
        ("exp", "0012", int),
        ("iss", "0013", str),
        ("sub", "0014", str),
    ):
        if not claims.get(name) or type(claims[name]) is not kind:
            raise Rejected(code, f"{name} is missing or of the wrong type")
    if not _UUID.fullmatch(client_id):
        raise Rejected("0025", "client_id is no UUID")
    if not _UUID.fullmatch(claims["sub"]):
        raise Rejected("0026", "sub is no UUID")
    if claims["sub"] != client_id or claims["iss"] != client_id:
        raise Rejected("0015", "sub and iss are not client_id")
    _check_audience(claims.get("aud"), audience)
    if "purposeId" in claims and not (isinstance(claims["purposeId"], str) and _UUID.fullmatch(claims["purposeId"])):
        raise Rejected("0016", "purposeId is no UUID")
    if "nbf" in claims and type(claims["nbf"]) is not int:
        raise Rejected("0021", "nbf is not a whole number")
    if "digest" in claims:
        _check_digest(claims["digest"])
    if strict and (unknown := claims.keys() - _CLAIMS):
        raise Rejected("0009", f"unknown claim {min(unknown)}")


def _check_audience(aud: Any, audience: str) -> None:
    given = [aud] if isinstance(aud, str) else aud
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise Rejected("0006", "aud is neither a string nor a list of strings")
    if audience not in given:
        raise Rejected("0007", "aud is not the one of this platform")


def _check_digest(digest: Any) -> None:
    if not isinstance(digest, dict) or digest.keys() != {"alg", "value"} or not isinstance(digest["value"], str):
        raise Rejected("0028", "digest is not {alg, value}")
    if digest["alg"] != "SHA256":
        raise Rejected("0030", "digest: alg is not SHA256")
    if not _HEX_64.fullmatch(digest["value"]):
        raise Rejected("0029", "digest: value is not 64 hexadecimal digits")


def _purpose(client: Client, claims: Mapping[str, Any], records: Records) -> Purpose | None:
    """The purpose of a consumer's assertion; an API client's must name none."""
    purpose_id = claims.get("purposeId")
    if client.kind == "api":
        if purpose_id is not None:
            raise Rejected("0035", "an API client names no purpose")
        return None
    if purpose_id is None:
        raise Rejected("0033", "purposeId is missing")
    purpose = records.purposes.get(purpose_id)
    if purpose is None or purpose.client_id != client.client_id:
        raise Rejected("0033", "no such purpose of this client")
    for what, code in (("purpose", "0022"), ("agreement", "0023"), ("eservice", "0024")):
        if purpose.states[what] != "ACTIVE":
            raise Rejected(code, f"the {what} is not active")
    return purpose
