"""Where a citizen can be reached, and what registers say of the citizen for forms to be filled in once (S5, S40)."""

from typing import Annotated, Literal

from pydantic import Field

from .base import Code, Model, Summary, UtcDatetime
from .party import EmailAddress

MOST_ATTRIBUTES = 100


class ProfileContact(Model):
    """An address. Notices go only to one that is verified."""

    kind: Literal["email"]
    value: EmailAddress
    state: Literal["verified", "unverified"]
    verified_at: UtcDatetime | None
    confirm_until: UtcDatetime | None
    """Until when the link that was sent there can be opened; None where it is verified, or the link is too old."""
    source: Code
    """Who gave it: `citizen`, or a register."""


class ProfileAttribute(Model):
    """What a register says: to be shown and proposed, never changed here."""

    code: Code
    """Which one, such as `birth_place` or `residence`."""
    value: Summary
    source: Code
    as_of: UtcDatetime
    """When it was so in the register."""


class Profile(Model):
    """The citizen as the municipality knows him."""

    contacts: Annotated[tuple[ProfileContact, ...], Field(max_length=20, fail_fast=True)]
    attributes: Annotated[tuple[ProfileAttribute, ...], Field(max_length=MOST_ATTRIBUTES, fail_fast=True)]


class ProfilePatch(Model):
    """A merge patch (RFC 7396) of the address that the citizen gives; null takes it back."""

    email: EmailAddress | None
