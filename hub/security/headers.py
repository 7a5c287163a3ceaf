"""A request as received, and the comparison of its headers with those that were signed (INTEGRITY_REST_01)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any, Final, Literal

from .causes import Refusal

MUST_BE_SIGNED: Final = ("content-type", "content-encoding")
MAX_SIGNED: Final = 32

Scheme = Literal["bearer", "dpop"]


@dataclass(frozen=True)
class SignedRequest:
    """What arrived, before any decoding: the bytes that were hashed and every header line."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    """Lower-case names, in the order received, repetitions kept."""
    body: bytes
    peer: str = ""
    """The address at the other end of the connection, a proxy's where there is one."""

    def values(self, name: str) -> Sequence[str]:
        """Every value of the header of that lower-case name, in order."""
        return self._by_name.get(name, ())

    def only(self, name: str) -> str | None:
        """The one value of a header that may not be repeated; None where there is none.

        Raises:
            Refusal: `header.repeated`.
        """
        values = self.values(name)
        if len(values) > 1:
            raise Refusal("header.repeated", name)
        return values[0] if values else None

    def with_body(self, body: bytes) -> "SignedRequest":
        """The same once its body was read; its headers are looked through once."""
        whole = SignedRequest(self.method, self.target, self.headers, body, self.peer)
        whole.__dict__["_by_name"] = self._by_name
        return whole

    @cached_property
    def body_digest(self) -> bytes:
        """The SHA-256 of the body: hashed once, for its check, its evidence and its receipt."""
        return sha256(self.body).digest()

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, value in self.headers:
            found.setdefault(name, []).append(value)
        return found


def authorization(value: str) -> tuple[Scheme, str]:
    """The scheme and token of `Authorization: Bearer <token>` or `DPoP <token>` (RFC 9449 7.1).

    The scheme is case-insensitive (RFC 9110 11.1).

    Raises:
        Refusal: `authorization.scheme`.
    """
    name, _, token = value.partition(" ")
    token = token.strip(" ")
    scheme = _SCHEMES.get(name.lower())
    if scheme is None or not token or " " in token:
        raise Refusal("authorization.scheme")
    return scheme, token


_SCHEMES: Final[Mapping[str, Scheme]] = {"bearer": "bearer", "dpop": "dpop"}


def bearer(value: str) -> str:
    """The token of `Authorization: Bearer <token>`.

    Raises:
        Refusal: `authorization.scheme`.
    """
    scheme, token = authorization(value)
    if scheme != "bearer":
        raise Refusal("authorization.scheme")
    return token


def signed_headers(claims: Mapping[str, Any]) -> dict[str, list[str]]:
    """The claim, an array of single-member objects (modi 1.4), as lower-case names with their values in order.

    Raises:
        Refusal: `signed_headers.malformed`.
    """
    value = claims.get("signed_headers")
    if not isinstance(value, list) or not 0 < len(value) <= MAX_SIGNED:
        raise Refusal("signed_headers.malformed", "missing, empty or no array")
    signed: dict[str, list[str]] = {}
    for entry in value:
        if not isinstance(entry, dict) or len(entry) != 1:
            raise Refusal("signed_headers.malformed", "an entry is no object of one member")
        for name, text in entry.items():
            if not isinstance(text, str) or name != name.lower():
                raise Refusal("signed_headers.malformed", "a name is not in lower case or a value is no string")
            signed.setdefault(name, []).append(text)
    return signed


def all_signed(request: SignedRequest, signed: Mapping[str, list[str]]) -> None:
    """The headers that must be signed are, where they were received.

    Raises:
        Refusal: `header.unsigned`.
    """
    for name in MUST_BE_SIGNED:
        if request.values(name) and name not in signed:
            raise Refusal("header.unsigned", name)


def same_counts(request: SignedRequest, signed: Mapping[str, list[str]]) -> None:
    """As many values were received as were signed: an appended copy is refused (modi 5.12).

    Raises:
        Refusal: `header.count`.
    """
    for name, values in signed.items():
        received = len(request.values(name))
        if received != len(values):
            raise Refusal("header.count", f"{name[:40]!r}: {len(values)} signed, {received} received")


def same_values(request: SignedRequest, signed: Mapping[str, list[str]]) -> None:
    """Every signed value equals, in order, the one received: exactly, but Content-Type by its meaning (modi 5.12).

    Raises:
        Refusal: `header.mismatch`.
    """
    for name, values in signed.items():
        waiting = iter(request.values(name))
        for value in values:
            received = next(waiting, "")
            if received != value and not (name == "content-type" and media_type(received) == media_type(value)):
                raise Refusal("header.mismatch", f"{name[:40]!r}", facts=f"signed {value!r}, received {received!r}")


@lru_cache(maxsize=256)
def media_type(value: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """A media type by its meaning: case, blanks and order of parameters do not matter (RFC 9110 8.3.1).

    `charset=utf-8` on JSON says nothing (RFC 8259 11) and frameworks add it after signing, so it is left out.
    """
    essence, *parameters = [part.strip() for part in value.split(";")]
    essence = essence.lower()
    pairs = set()
    for parameter in parameters:
        name, _, text = parameter.partition("=")
        name, text = name.strip().lower(), text.strip().strip('"')
        pairs.add((name, text.lower() if name == "charset" else text))
    if essence == "application/json" or essence.endswith("+json"):
        pairs.discard(("charset", "utf-8"))
    return essence, frozenset(pairs)
