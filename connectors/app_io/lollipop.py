"""LolliPoP, the local part: the phone's signature over its call to IO, and whose key it was (spec/lollipop.md, order of
verification, 1 to 3). What only the identity provider can prove, that the key is the citizen's, is in `assertions.py`.

Nothing is verified only if it is there: a call lacks none of the headers, or it is refused.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from contracts.answering import Call
from contracts.identifiers import TAX_CODE_FORM

CLOCK_BEHIND_S: Final = 60
CLOCK_AHEAD_S: Final = 300
"""`created` may be so much later, or earlier, than now ("Windows": our choice, as IO sets no limit)."""

_COVERED: Final = frozenset({"x-pagopa-lollipop-original-method", "x-pagopa-lollipop-original-url"})
_PREFIX = "x-pagopa-lollipop-"
_HEADERS: Final[Mapping[str, re.Pattern[str]]] = {
    name: re.compile(pattern)
    for name, pattern in {
        f"{_PREFIX}original-method": r"GET|POST|PUT|PATCH|DELETE",
        f"{_PREFIX}original-url": r"https://[\x21-\x7e]{1,2000}",
        f"{_PREFIX}assertion-ref": r"(sha256-[A-Za-z0-9_-]{43}|sha384-[A-Za-z0-9_-]{64}|sha512-[A-Za-z0-9_-]{86})=*",
        f"{_PREFIX}assertion-type": r"SAML",
        f"{_PREFIX}user-id": TAX_CODE_FORM,
        f"{_PREFIX}public-key": r"[A-Za-z0-9_-]{1,4000}=*",
        f"{_PREFIX}auth-jwt": r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+",
        "signature-input": r"[\x20-\x7e]{1,4000}",
        "signature": r"[\x20-\x7e]{1,8000}",
    }.items()
}

# RFC 8941, as far as RFC 9421 needs it here: no escapes in strings, no parameters of components.
_STRING = r'"[^"\\]*"'
_VALUE = rf"(?:-?[0-9]{{1,15}}|{_STRING})"
_NAME = "[a-z*][a-z0-9_.*-]*"
_COVERS = r'(?:"[a-z0-9-]+"(?: +"[a-z0-9-]+")*)?'
_INPUT = re.compile(rf"(sig[0-9]+)=(\(({_COVERS})\)((?:; *{_NAME}={_VALUE})*))")
_PARAMETER = re.compile(rf"; *({_NAME})=({_VALUE})")
_SIGNATURE = re.compile(r"(sig[0-9]+)=:([A-Za-z0-9+/]+=*):")
_COMMA = re.compile(r"[ \t]*,[ \t]*")

_HASHES: Final = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
_DIGESTS: Final = {"sha-256": hashlib.sha256, "sha-384": hashlib.sha384, "sha-512": hashlib.sha512}
_MEMBERS: Final = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}
_RSA_BITS = range(2048, 8192 + 1)
_RAW_ECDSA_BYTES = 64


class Unreachable(Exception):
    """IO, or who keeps the providers' keys, cannot be asked now: nothing is proved, and nothing is refused for good."""


class NotProved(Exception):
    """A check did not hold. `code` is for the log; the caller is told no more than the status."""

    def __init__(self, code: str, status: int = 403) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Possession:
    """A phone has signed; whose it is, the assertion must say."""

    assertion_ref: str
    user_id: str = field(repr=False)
    """The citizen, as IO has it: not proved yet."""
    auth_jwt: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Signed:
    """One signature and what it covers."""

    covered: tuple[str, ...]
    parameters: Mapping[str, str | int]
    as_received: str
    """The member's value: covered components and parameters, to the letter."""
    signature: bytes


def verify(call: Call, original_url: re.Pattern[str], method: str = "GET") -> Possession:
    """The proof of possession of a call: the app called IO by `method`, at an address of that form.

    Raises:
        NotProved: 400 where a header is missing or malformed, 403 where something does not hold.
    """
    told = {name: _form(call, name, pattern) for name, pattern in _HEADERS.items()}
    if told[f"{_PREFIX}original-method"] != method:
        raise NotProved("original_method")
    if original_url.fullmatch(told[f"{_PREFIX}original-url"]) is None:
        raise NotProved("original_url")
    jwk = _jwk(told[f"{_PREFIX}public-key"])
    assertion_ref = told[f"{_PREFIX}assertion-ref"].rstrip("=")
    if not hmac.compare_digest(thumbprint(jwk, assertion_ref.partition("-")[0]), assertion_ref):
        raise NotProved("thumbprint")
    key = _public_key(jwk)
    found = signatures(told["signature-input"], told["signature"])
    if not any(set(each.covered) >= _COVERED | _of_body(call) for each in found):
        raise NotProved("covers_less")
    for each in found:
        _check(each, call, key, assertion_ref)
    return Possession(assertion_ref, told[f"{_PREFIX}user-id"], told[f"{_PREFIX}auth-jwt"])


def _form(call: Call, name: str, pattern: re.Pattern[str]) -> str:
    value = call.header(name)  # None too where there are two
    if value is None or pattern.fullmatch(value) is None:
        raise NotProved(f"form.{name}", 400)
    return value


def _of_body(call: Call) -> set[str]:
    return {"content-digest"} if call.body else set()


def signatures(inputs: str, values: str) -> tuple[Signed, ...]:
    """The members of both headers, in the order of `signature-input`; each label once, and the same in both.

    Raises:
        NotProved: they are something else.
    """
    described = [
        (found[1], tuple(re.findall(r'"([^"]+)"', found[3])), found[4], found[2]) for found in _members(_INPUT, inputs)
    ]
    values_given = [(found[1], found[2]) for found in _members(_SIGNATURE, values)]
    labels, given = [label for label, *_ in described], dict(values_given)
    if sorted(labels) != sorted(label for label, _ in values_given) or len(set(labels)) != len(labels):
        raise NotProved("labels", 400)
    try:
        return tuple(
            Signed(covered, _parameters(text), received, base64.b64decode(given[label], validate=True))
            for label, covered, text, received in described
        )
    except binascii.Error:
        raise NotProved("form.signature", 400) from None


def _members(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    found, place = [], 0
    while True:
        member = pattern.match(text, place)
        if member is None:
            raise NotProved("form.signature", 400)
        found.append(member)
        if member.end() == len(text):
            return found
        comma = _COMMA.match(text, member.end())
        if comma is None or len(found) > 8:
            raise NotProved("form.signature", 400)
        place = comma.end()


def _parameters(text: str) -> dict[str, str | int]:
    pairs = _PARAMETER.findall(text)
    found: dict[str, str | int] = {name: value[1:-1] if value.startswith('"') else int(value) for name, value in pairs}
    if len(found) != len(pairs):
        raise NotProved("form.signature-input", 400)
    return found


def _check(signed: Signed, call: Call, key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, ref: str) -> None:
    if len(set(signed.covered)) != len(signed.covered):
        raise NotProved("covers_twice", 400)
    created, expires = signed.parameters.get("created"), signed.parameters.get("expires")
    _in_window(created, expires, call.now)
    # Seen with and without the prefix. It never finds a key: that of the header is the only one.
    if signed.parameters.get("keyid") not in (ref, ref.partition("-")[2]):
        raise NotProved("keyid")
    if "content-digest" in signed.covered:
        _check_digest(call)
    try:
        _check_bytes(key, signed.parameters.get("alg"), signed.signature, base_of(signed, call))
    except InvalidSignature:
        raise NotProved("signature") from None


def _in_window(created: str | int | None, expires: str | int | None, now: datetime) -> None:
    if not isinstance(created, int):
        raise NotProved("created", 400)
    age_s = now.timestamp() - created
    if not -CLOCK_BEHIND_S <= age_s <= CLOCK_AHEAD_S:
        raise NotProved("created")
    if expires is not None and not (isinstance(expires, int) and now.timestamp() < expires):
        raise NotProved("expired")


def base_of(signed: Signed, call: Call) -> bytes:
    """The signature base (RFC 9421, 2.5)."""
    lines = []
    for name in signed.covered:
        value = call.header(name)
        if value is None:
            raise NotProved("covers_what_is_not_there")
        lines.append(f'"{name}": {value.strip()}')
    return "\n".join([*lines, f'"@signature-params": {signed.as_received}']).encode("latin-1", "replace")


def _check_bytes(
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, alg: str | int | None, signature: bytes, base: bytes
) -> None:
    match key, alg:
        case ec.EllipticCurvePublicKey(), "ecdsa-p256-sha256":
            # The app signs in DER, RFC 9421 asks for r and s: the raw form has exactly 64 bytes and no DER has.
            if len(signature) == _RAW_ECDSA_BYTES and not _is_der(signature):
                half = _RAW_ECDSA_BYTES // 2
                r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
                signature = encode_dss_signature(r, s)
            key.verify(signature, base, ec.ECDSA(SHA256()))
        case rsa.RSAPublicKey(), "rsa-pss-sha256":
            key.verify(signature, base, padding.PSS(padding.MGF1(SHA256()), padding.PSS.AUTO), SHA256())
        case _:
            raise NotProved("alg")


def _is_der(signature: bytes) -> bool:
    return signature[0] == 0x30 and signature[1] == len(signature) - 2 and signature[2] == 0x02


def _check_digest(call: Call) -> None:
    """RFC 9530: each digest of a known algorithm holds, and there is one."""
    members = [found.groups() for found in _members(re.compile(r"([a-z0-9-]+)=:([A-Za-z0-9+/]+=*):"), _digest_of(call))]
    known = [(_DIGESTS[name], value) for name, value in members if name in _DIGESTS]
    if not known:
        raise NotProved("digest")
    for algorithm, value in known:
        if not hmac.compare_digest(base64.b64encode(algorithm(call.body).digest()).decode(), value):
            raise NotProved("digest")


def _digest_of(call: Call) -> str:
    value = call.header("content-digest")
    if value is None:
        raise NotProved("digest", 400)
    return value


def thumbprint(jwk: Mapping[str, str], algorithm: str) -> str:
    """`sha256-...` of RFC 7638, over the members to the letter: some have standard base64, and it is their own."""
    members = {name: jwk[name] for name in _MEMBERS[jwk["kty"]]}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    digest = _HASHES[algorithm](text.encode()).digest()
    return f"{algorithm}-{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def _jwk(encoded: str) -> dict[str, str]:
    try:
        found: Any = json.loads(_decoded(encoded))
    except (ValueError, RecursionError):
        raise NotProved("form.public-key", 400) from None
    members = _MEMBERS.get(str(found.get("kty"))) if isinstance(found, dict) else None
    if members is None or not all(isinstance(found.get(name), str) and found[name].isascii() for name in members):
        raise NotProved("form.public-key", 400)
    return {name: found[name] for name in members}


def _public_key(jwk: Mapping[str, str]) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    numbers = {name: int.from_bytes(_decoded(jwk[name]), "big") for name in jwk if name in "xyne"}
    try:
        if jwk["kty"] == "RSA":
            rsa_key = rsa.RSAPublicNumbers(numbers["e"], numbers["n"]).public_key()
            if rsa_key.key_size not in _RSA_BITS or numbers["e"] >= 2**32:
                raise NotProved("key_size")
            return rsa_key
        if jwk["crv"] != "P-256":
            raise NotProved("curve")
        return ec.EllipticCurvePublicNumbers(numbers["x"], numbers["y"], ec.SECP256R1()).public_key()
    except ValueError:
        raise NotProved("form.public-key", 400) from None


def _decoded(text: str) -> bytes:
    """base64 or base64url, with or without padding."""
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise NotProved("form.public-key", 400) from None
