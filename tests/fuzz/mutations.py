"""One small change of a request, drawn by chance: of its text, its JSON, its headers, its body, or signed anew."""

import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from random import Random
from typing import Any

from hub.security import jose
from hub.security.headers import SignedRequest

TOKENS = ("authorization", "agid-jwt-signature")
Sign = Callable[[str, str], str]
"""(vendor's kid, signing input) -> signature; "" where the key is not ours to sign with."""

ODD_TEXTS = (
    *("", ".", "..", "...", "=", "e30", "bnVsbA", "W10", "A" * 86, "A" * 20_000, "\x00", "é", "\ud7ff", " ", "\r\n"),
    *("none", "HS256", "RS256", "ES256", "EdDSA", "PS512", "at+jwt", "jwt", "../../etc/passwd", "' OR 1=1 --"),
)
ODD_VALUES = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2**31,
        2**63,
        2**64,
        10**400,
        -0.0,
        1e308,
        1.5,
        "",
        "x",
        [],
        {},
        [[]],
        [None],
        {"a": 1},
    ),
    *(["https://hub.comune.example.it/publish/v1"], "https://hub.comune.example.it/publish/v1", "1764000000"),
)
HEADER_MEMBERS = (
    *("alg", "typ", "kid", "x5c", "x5u", "x5t", "x5t#S256", "jwk", "jku", "crit", "b64", "cty", "zip", "enc", "use"),
)
CLAIM_MEMBERS = (
    *("iss", "sub", "aud", "iat", "nbf", "exp", "jti", "signed_headers", "cnf", "purposeId", "client_id", "digest"),
)
HEADER_NAMES = (
    "authorization",
    "agid-jwt-signature",
    "digest",
    "content-type",
    "content-encoding",
    "dpop",
    "x-replyto",
)


def mutated(request: SignedRequest, others: list[SignedRequest], sign: Sign, random: Random) -> SignedRequest:
    """The request after one to three changes."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        change = random.choice(_CHANGES)
        request = change(request, others, sign, random)
    return request


def _with(request: SignedRequest, headers: list[tuple[str, str]], body: bytes | None = None) -> SignedRequest:
    # The names of headers as a server hands them over: lower case, text of Latin-1.
    kept = tuple((name, value.encode("latin-1", "replace").decode("latin-1")) for name, value in headers)
    return SignedRequest(request.method, request.target, kept, request.body if body is None else body)


def _change_header(request: SignedRequest, random: Random, change: Callable[[str], str]) -> SignedRequest:
    headers = list(request.headers)
    if not headers:
        return request
    at = random.randrange(len(headers))
    headers[at] = (headers[at][0], change(headers[at][1]))
    return _with(request, headers)


def _text(text: str, random: Random) -> str:
    """A character or a piece changed, cut, repeated or put in."""
    at = random.randrange(len(text) + 1)
    length = random.choice((1, 1, 2, 4, 16, 100))
    match random.randrange(5):
        case 0:
            return (
                text[:at]
                + chr(random.choice((0, 9, 32, 45, 46, 61, 95, 127, 233, random.randrange(256))))
                + text[at + 1 :]
            )
        case 1:
            return text[:at] + text[at + length :]
        case 2:
            return text[:at] + text[at : at + length] * random.choice((2, 3)) + text[at + length :]
        case 3:
            return text[:at] + random.choice(ODD_TEXTS)[:20_000] + text[at:]
        case _:
            flipped = chr(ord(text[at]) ^ 1 << random.randrange(7)) if at < len(text) else "A"
            return text[:at] + flipped + text[at + 1 :]


def _any_text(request: SignedRequest, others: list[SignedRequest], sign: Sign, random: Random) -> SignedRequest:
    return _change_header(request, random, lambda value: _text(value, random))


def _odd_text(request: SignedRequest, others: list[SignedRequest], sign: Sign, random: Random) -> SignedRequest:
    return _change_header(request, random, lambda _: random.choice(ODD_TEXTS))


def _headers(request: SignedRequest, others: list[SignedRequest], sign: Sign, random: Random) -> SignedRequest:
    headers = list(request.headers)
    match random.randrange(4):
        case 0 if headers:
            del headers[random.randrange(len(headers))]
        case 1 if headers:
            headers.insert(random.randrange(len(headers) + 1), random.choice(headers))
        case 2:
            random.shuffle(headers)
        case _:
            headers.append((random.choice(HEADER_NAMES), random.choice(ODD_TEXTS)))
    return _with(request, headers)


def _cross(request: SignedRequest, others: list[SignedRequest], sign: Sign, random: Random) -> SignedRequest:
    """A header of another good request, or two swapped."""
    headers, other = list(request.headers), random.choice(others)
    if not headers or not other.headers:
        return request
    at = random.randrange(len(headers))
    headers[at] = (headers[at][0], random.choice(other.headers)[1])
    return _with(request, headers)


def _segments(request: SignedRequest, others: list[SignedRequest], sign: Sign, random: Random) -> SignedRequest:
    """Parts of a token swapped, dropped, or taken from another token of the request."""
    values = [value for name, value in request.headers if name in TOKENS] or [""]

    def change(value: str) -> str:
        parts, donor = value.split("."), random.choice(values).removeprefix("Bearer ").split(".")
        at = random.randrange(len(parts))
        parts[at] = random.choice((*donor, "", parts[0], parts[-1]))
        return ".".join(parts)

    return _change_header(request, random, change)


def _body(request: SignedRequest, others: list[SignedRequest], sign: Sign, random: Random) -> SignedRequest:
    text = _text(request.body.decode("latin-1"), random).encode("latin-1", "replace")
    headers = list(request.headers)
    if random.random() < 0.5:  # and an honest digest of it, which the token then does not sign
        digest = "SHA-256=" + b64encode(sha256(text).digest()).decode()
        headers = [(name, digest if name == "digest" else value) for name, value in headers]
    return _with(request, headers, text)


def _decoded(segment: str) -> Any:
    try:
        return json.loads(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (ValueError, RecursionError):
        return {}


def _json(value: Any, random: Random) -> str:
    """As some writer would: compact, spaced, sorted, or with a member twice."""
    match random.randrange(5):
        case 0:
            raw = json.dumps(value)
        case 1:
            raw = json.dumps(value, sort_keys=True, separators=(",", ":"))
        case 2 if isinstance(value, dict) and value:
            raw = json.dumps(value)[:-1] + f', "{random.choice([*value])}": 1}}'
        case 3:
            raw = "[" * random.choice((1, 9, 5000)) + json.dumps(value)
        case _:
            raw = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return urlsafe_b64encode(raw.encode("utf-8", "replace")).rstrip(b"=").decode()


def _members(request: SignedRequest, others: list[SignedRequest], sign: Sign, random: Random) -> SignedRequest:
    """A member of a token's header or claims changed, dropped or added; signed anew where the key is ours."""

    def change(value: str) -> str:
        prefix = "Bearer " if value.startswith("Bearer ") else ""
        parts = value.removeprefix(prefix).split(".")
        if len(parts) != 3:
            return value
        protected, claims = _decoded(parts[0]), _decoded(parts[1])
        kid = str(protected.get("kid")) if isinstance(protected, dict) else ""
        in_header = random.random() < 0.4
        target, names = (protected, HEADER_MEMBERS) if in_header else (claims, CLAIM_MEMBERS)
        if isinstance(target, dict):
            name = random.choice((*names, *target))
            if random.random() < 0.25:
                target.pop(name, None)
            else:
                target[name] = _odd(target.get(name), random)
        plain = random.random() < 0.7
        header_text = jose.segment(protected) if plain else _json(protected, random)
        claims_text = jose.segment(claims) if plain else _json(claims, random)
        signed = f"{header_text}.{claims_text}"
        return f"{prefix}{signed}.{sign(kid, signed) or parts[2]}"

    return _change_header(request, random, change)


def _odd(value: Any, random: Random) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and random.random() < 0.6:
        return value + random.choice((-1, 1, -5, 5, -6, 6, -300, -301, 300, 3600, 0.5))
    if isinstance(value, str) and random.random() < 0.5:
        return _text(value, random)
    if isinstance(value, list) and value and random.random() < 0.6:
        return random.choice(
            (value * 2, value[::-1], value[:-1], value[0], [*value, random.choice(ODD_VALUES)], value * 20)
        )
    return random.choice(ODD_VALUES)


def _other_target(request: SignedRequest, others: list[SignedRequest], sign: Sign, random: Random) -> SignedRequest:
    # Covered by no signature (modi 5.17): it must change nothing.
    return replace(request, method=random.choice(("GET", "POST", "PUT", "BREW")), target=random.choice(ODD_TEXTS))


_CHANGES = (
    *(_any_text, _odd_text, _headers, _cross, _segments, _body, _other_target),
    *(_members, _members, _members, _members),
)
