"""What the citizen sees of the handling of his data: who touched it, to whom it went (GDPR art. 15; S63)."""

from typing import Annotated, Literal

from pydantic import Field

from .base import Code, Model, UtcDatetime
from .feed import DeliveryState
from .identifiers import TaxCode, Uuid7
from .items import Channel
from .publishing import Collection, Cursor

Actor = Literal["portal", "vendor", "administrator", "hub"]


class AccessEntry(Model):
    """One read or change of the citizen's data.

    An administrator is not named: whoever works for the controller is no recipient (GDPR art. 4(9); CJEU C-579/21).
    """

    entry_id: Uuid7
    at: UtcDatetime
    actor: Actor
    actor_id: Code | None
    """The portal or the vendor."""
    operation: Code
    """An operation of the feed or of the command line; for vendors and the hub, what happened to the item."""
    outcome: Code
    """`ok`, or why it was refused."""
    item_id: Uuid7 | None
    collection: Collection | None
    delegation_id: Uuid7 | None
    """Where another person acted for the citizen: under which delegation."""
    delegate_tax_code: TaxCode | None
    """Who that person was; None where he was erased since."""


class AccessPage(Model):
    """Newest first."""

    items: Annotated[tuple[AccessEntry, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None


class SharingEntry(Model):
    """One forwarding: of a message to a channel's provider, of a debt position to pagoPA, or of a fact to the vendor of
    the item."""

    entry_id: Uuid7
    at: UtcDatetime
    recipient: Literal["channel", "vendor"]
    recipient_id: Code
    """The connector, or the vendor."""
    channel: Literal[Channel, "pagopa"] | None
    what: Code
    """`message`, `position`, or the event that the vendor is told: codes and numbers, never content."""
    state: DeliveryState | None
    """Of the delivery; None for a vendor, which reads its events when it likes."""
    item_id: Uuid7
    collection: Collection


class SharingPage(Model):
    """Newest first."""

    items: Annotated[tuple[SharingEntry, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None
