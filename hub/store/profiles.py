"""Profiles of vendors and the PDND registration of an ente as the database holds them: what differs from the default.

A setting that came with a later release needs no column, and a vendor that nobody configured has none.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final, get_args, get_type_hints

from hub.profile import DEFAULT_PROFILE, Profile
from hub.registry import Pdnd

_SETTINGS: Final = tuple(one.name for one in fields(Profile) if one.init)
_SETS: Final = frozenset({"algorithms", "x5u_hosts", "clients", "purposes"})
_CHOICES: Final = {name: get_args(kind) for name, kind in get_type_hints(Profile).items() if name in _SETTINGS}


class Unreadable(ValueError):
    """A stored profile that this code does not understand, such as one written by a later release."""


def profile_record(profile: Profile) -> dict[str, Any] | None:
    """What differs from the default, as JSON; None where nothing does."""
    found = {name: getattr(profile, name) for name in _SETTINGS}
    changed = {name: value for name, value in found.items() if value != getattr(DEFAULT_PROFILE, name)}
    return {name: sorted(value) if name in _SETS else value for name, value in changed.items()} or None


def profile_of(record: Mapping[str, Any] | None) -> Profile:
    """The profile that a record tells of.

    Raises:
        Unreadable: it has a setting or a value unknown here. Leaving it out could accept what was to be refused.
    """
    if not record:
        return DEFAULT_PROFILE
    values: dict[str, Any] = {}
    for name, value in record.items():
        if name not in _SETTINGS:
            raise Unreadable(name)
        if name in _SETS:
            values[name] = frozenset(value)
        elif name == "audit_claims":
            values[name] = tuple(value)
        elif type(value) is not type(getattr(DEFAULT_PROFILE, name)) or not _is_choice(name, value):
            raise Unreadable(name)
        else:
            values[name] = value
    return replace(DEFAULT_PROFILE, **values)


def _is_choice(name: str, value: Any) -> bool:
    choices = _CHOICES[name]
    return not choices or value in choices


def pdnd_record(pdnd: Pdnd | None) -> dict[str, Any] | None:
    """The registration as JSON."""
    if pdnd is None:
        return None
    return {one.name: getattr(pdnd, one.name) for one in fields(Pdnd)} | {"descriptor_ids": sorted(pdnd.descriptor_ids)}


def pdnd_of(record: Mapping[str, Any] | None) -> Pdnd | None:
    """The registration that a record tells of."""
    if not record:
        return None
    return Pdnd(**{**record, "descriptor_ids": frozenset(record.get("descriptor_ids", ()))})
