"""What of a vendor's profile is set over HTTP: its clients and purposes at PDND. The rest is `raccordo vendor set`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from hub.errors import ContractViolation, Fault
from hub.profile import Profile, faults
from hub.registry import Vendor

PROFILE: Final = {"pdnd_clients": "clients", "pdnd_purposes": "purposes"}
"""Members of a vendor's record, and the settings of the profile that they are."""
_MEMBERS: Final = {name: member for member, name in PROFILE.items()} | {"signature_only": "signature_only"}


def amended(present: Profile, given: Mapping[str, Any]) -> Profile:
    """The profile with what is given of it."""
    clients, purposes = given.get("pdnd_clients", present.clients), given.get("pdnd_purposes", present.purposes)
    return replace(present, clients=frozenset(clients), purposes=frozenset(purposes))


def must_fit(vendor: Vendor) -> None:
    """What says how the vendor proves who it is goes together. Raises ContractViolation."""
    channel = any(key.kind.startswith("channel_") for key in vendor.keys)
    only = vendor.signature_only
    told = faults(vendor.profile, trust=vendor.trust, signature_only=only, channel_keys=channel)
    places = tuple(Fault(f"/{_MEMBERS.get(name, 'trust')}", "field.not_allowed", why) for name, why in told)
    if places:
        raise ContractViolation(faults=places)
