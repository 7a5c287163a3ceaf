"""Rules on single claims that vendors' and portals' tokens share. Each function is one rule: it returns or refuses.

All times are NumericDate in whole seconds (modi 1.0): an integer, never a boolean, a float or text.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from hub.profile import TimeRules

from .causes import Refusal

MAX_TEXT: Final = 256
"""Longest `iss`, `jti`, `kid` or `sub`; they end in indexes and logs."""

Claims = Mapping[str, Any]

_TECHNICAL: Final = frozenset(
    {
        *("iss", "sub", "aud", "iat", "nbf", "exp", "jti", "signed_headers", "dnonce", "digest", "cnf"),
        *("client_id", "purposeId", "producerId", "consumerId", "eserviceId", "descriptorId"),
        *("htm", "htu", "ath", "nonce"),
    }
)
"""What the patterns themselves put into a token (modi 1, 2); none of it is about a person."""


def says_more(claims: Claims, agreed: frozenset[str] = frozenset()) -> bool:
    """Whether a token says anything of its own beyond the patterns' claims and the `agreed` ones: who the user is
    (modi 1.6), most of all. It is kept sealed."""
    return not claims.keys() - _TECHNICAL <= agreed


def text(claims: Claims, name: str, *, missing: str = "claim.missing", most: int = MAX_TEXT) -> str:
    """A required claim of text, short, without control characters."""
    value = claims.get(name)
    if value is None:
        raise Refusal(missing, f"{name} is missing")
    if not isinstance(value, str):
        raise Refusal("claim.type", f"{name} is not a string")
    if not value or len(value) > most or not value.isprintable():
        raise Refusal("claim.type", f"{name} is empty, too long or not printable")
    return value


def seconds(claims: Claims, name: str) -> int:
    """A required claim of time."""
    value = claims.get(name)
    if value is None:
        raise Refusal("claim.missing", f"{name} is missing")
    if type(value) is not int:
        raise Refusal("claim.type", f"{name} is not a whole number")
    return value


def audiences(claims: Claims) -> tuple[str, ...]:
    """`aud` as a tuple: a string or a list of strings (RFC 7519 4.1.3)."""
    value = claims.get("aud")
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return tuple(value)
    raise Refusal("audience.missing")


def _apart(claims: Claims, name: str, now: float) -> str:
    difference = seconds(claims, name) - round(now)
    if abs(difference) > 10**10:  # milliseconds instead of seconds end here
        return f"{name} is no time near ours; NumericDate is in seconds"
    return f"{name} is {abs(difference)} s {'ahead of' if difference > 0 else 'behind'} the hub's clock"


def iat_not_future(claims: Claims, now: float, rules: TimeRules) -> None:
    if seconds(claims, "iat") > now + rules.future:
        raise Refusal("iat.future", _apart(claims, "iat", now), facts=f"at most {rules.future} s ahead is allowed")


def iat_fresh(claims: Claims, now: float, rules: TimeRules) -> None:
    if seconds(claims, "iat") < now - rules.max_age:
        raise Refusal("iat.old", _apart(claims, "iat", now), facts=f"at most {rules.max_age} s of age is allowed")


def nbf_reached(claims: Claims, now: float, rules: TimeRules) -> None:
    if claims.get("nbf") is not None and seconds(claims, "nbf") > now + rules.future:
        raise Refusal("nbf.future", _apart(claims, "nbf", now), facts=f"at most {rules.future} s ahead is allowed")


def not_expired(claims: Claims, now: float, rules: TimeRules) -> None:
    if seconds(claims, "exp") + rules.grace <= now:
        raise Refusal("token.expired", _apart(claims, "exp", now), facts=f"{rules.grace} s after exp are allowed")


def lifetime_bounded(claims: Claims, rules: TimeRules) -> None:
    """A cap on exp - iat bounds the replay store (modi 5.16)."""
    if seconds(claims, "exp") - seconds(claims, "iat") > rules.lifetime:
        raise Refusal("lifetime.too_long", f"exp - iat is more than {rules.lifetime} s")


class UsedToken(NamedTuple):
    """One token that the replay store must consume, scoped by (ente, signer, header), until it expires."""

    header: str
    jti: str
    expires_at: datetime
    signer: str = ""
    """Where it is not the request's: a DPoP proof has a key of its own."""


def used_token(header: str, claims: Claims, rules: TimeRules) -> UsedToken:
    """What the replay store keeps of a token whose jti was checked, as long as the token could be accepted."""
    return UsedToken(header, claims.get("jti", ""), accepted_until(claims, rules))


def accepted_until(claims: Claims, rules: TimeRules) -> datetime:
    """The instant from which `not_expired` refuses the token."""
    try:
        return datetime.fromtimestamp(seconds(claims, "exp") + rules.grace, UTC)
    except (ValueError, OverflowError, OSError):
        raise Refusal("claim.type", "exp is no time of this calendar") from None
