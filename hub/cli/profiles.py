"""A vendor's profile on the command line: `NAME=VALUE`, each read by its own rule, all held against each other."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, get_args

from hub.profile import (
    ALGORITHMS,
    LIMITS,
    Audit,
    Authentication,
    Channel,
    Dpop,
    Integrity,
    Jti,
    Profile,
    Revocation,
    faults,
)

from .console import WrongUsage
from .options import listed

CHANNEL_KINDS: Final = ("channel_anchor", "channel_thumbprint")

Reader = Callable[[str], Any]


def _choice(*known: str) -> Reader:
    def read(text: str) -> str:
        if text not in known:
            raise ValueError(f"one of {', '.join(known)}")
        return text

    return read


def _number(name: str) -> Reader:
    least, most = LIMITS[name]

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return read


def _set_of(pattern: str, what: str) -> Reader:
    def read(text: str) -> frozenset[str]:
        parts = listed(text)
        for part in parts:
            if not re.fullmatch(pattern, part):
                raise ValueError(f"{part[:80]!r} is not {what}")
        return frozenset(parts)

    return read


def _claims(text: str) -> tuple[str, ...]:
    parts = tuple(dict.fromkeys(listed(text)))
    for part in parts:
        if not re.fullmatch(r"[A-Za-z0-9_.:/-]{1,64}", part):
            raise ValueError(f"{part[:80]!r} is not the name of a claim")
    return parts


def _text(text: str) -> str:
    if len(text) > 200 or not text.isprintable():
        raise ValueError("at most 200 characters that can be printed")
    return text


_PDND_ID: Final = r"[A-Za-z0-9-]{1,64}"

SETTINGS: Final[Mapping[str, Reader]] = {
    "channel": _choice(*get_args(Channel)),
    "channel_subject": _text,
    "authentication": _choice(*get_args(Authentication)),
    "integrity": _choice(*get_args(Integrity)),
    "jti": _choice(*get_args(Jti)),
    "audit": _choice(*get_args(Audit)),
    "audit_claims": _claims,
    "dpop": _choice(*get_args(Dpop)),
    "algorithms": _set_of("|".join(ALGORITHMS), f"one of {', '.join(ALGORITHMS)}"),
    **{name: _number(name) for name in LIMITS},
    "revocation": _choice(*get_args(Revocation)),
    "x5u_hosts": _set_of(r"[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]{1,5})?", "a host, or host:port, in lower case"),
    "clients": _set_of(_PDND_ID, "an id of PDND"),
    "purposes": _set_of(_PDND_ID, "an id of PDND"),
    "message_id": _text,
}
"""How each setting is read; what they mean stands in `hub/profile.py`, what goes together in its `faults`."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the settings of a vendor are held against."""

    trust: str
    signature_only: bool
    kinds: frozenset[str]
    """Of its trust material."""


def changed_profile(present: Profile, pairs: Sequence[str], *, option: str, held: Held) -> Profile:
    """The profile with `NAME=VALUE` changed.

    Raises:
        WrongUsage: a name or value that is none, or settings that cannot go together; the message names the setting.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        reader = SETTINGS.get(name)
        if not equals or reader is None:
            raise WrongUsage(f"{option} {pair[:80]}: NAME=VALUE, where NAME is one of {', '.join(SETTINGS)}")
        if name in values:
            raise WrongUsage(f"{option} {name}: given twice")
        try:
            values[name] = reader(text)
        except ValueError as fault:
            raise WrongUsage(f"{option} {name}: {fault}") from None
    profile = replace(present, **values)
    found = faults(
        profile,
        trust=held.trust,
        signature_only=held.signature_only,
        channel_keys=bool(held.kinds & set(CHANNEL_KINDS)),
    )
    for name, clash in found:
        raise WrongUsage(f"{option}: {name}: {clash}")
    return profile


def shown_profile(profile: Profile) -> dict[str, Any]:
    """Every setting, for people and machines."""
    found = {one.name: getattr(profile, one.name) for one in fields(Profile) if one.init}
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in found.items()}
