"""The profile as a portal shows it."""

from datetime import datetime
from typing import Any

from contracts.base import rfc3339
from hub.store.profile_contacts import CONFIRM_WITHIN, Contact, HeldProfile


def profile_view(held: HeldProfile, now: datetime) -> dict[str, Any]:
    """contracts.profile.Profile."""
    return {
        "contacts": [_contact(each, now) for each in held.contacts],
        "attributes": [
            {"code": each.code, "value": each.value, "source": each.source, "as_of": rfc3339(each.as_of)}
            for each in held.attributes
        ],
    }


def _contact(contact: Contact, now: datetime) -> dict[str, Any]:
    until = contact.asked_at + CONFIRM_WITHIN
    verified = contact.verified_at
    return {
        "kind": "email",
        "value": contact.value,
        "state": "unverified" if verified is None else "verified",
        "verified_at": None if verified is None else rfc3339(verified),
        "confirm_until": rfc3339(until) if verified is None and until > now else None,
        "source": contact.source,
    }
