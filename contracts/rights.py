"""The citizen's rights over his data: who touched it, to whom it went (GDPR art. 15; S63), what he asks about it."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints

from .base import TEXT, Code, Day, Model, UtcDatetime, not_blank
from .feed import DeliveryState
from .identifiers import TaxCode, Uuid7
from .items import Channel
from .publishing import Collection, Cursor

Actor = Literal["portal", "vendor", "administrator", "hub"]
RightsKind = Literal["access", "rectification", "erasure", "restriction", "portability", "objection"]
RightsOutcome = Literal["done", "refused"]
NEEDS_TEXT: Final[frozenset[RightsKind]] = frozenset({"rectification", "restriction", "objection"})
"""What cannot be answered without knowing what is wrong, on which ground, or why (GDPR art. 16, 18(1), 21(1))."""
FiledBy = Literal["citizen", "delegate", "office"]
"""Through the portal, himself or somebody under a delegation; or noted by an administrator."""


RightsText = Annotated[str, StringConstraints(min_length=1, max_length=4000), TEXT, AfterValidator(not_blank)]


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
    """One forwarding: of a message to a channel's provider, of a payment to pagoPA, or of a fact to the vendor of the
    item."""

    entry_id: Uuid7
    at: UtcDatetime
    recipient: Literal["channel", "vendor"]
    recipient_id: Code
    """The connector, or the vendor; `pagopa` for a cart and a printed notice."""
    channel: Literal[Channel, "pagopa", "settled"] | None
    what: Code
    """`message`; of a payment `position`, `cart`, `notice`, or to who notified it `paid`; or the event that the vendor
    is told: codes and numbers, never content."""
    state: DeliveryState | None
    """Of the delivery; None for a vendor, which reads its events when it likes, and where there is no delivery."""
    item_id: Uuid7
    collection: Collection


class SharingPage(Model):
    """Newest first."""

    items: Annotated[tuple[SharingEntry, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None


class RightsRequestWish(Model):
    """What a citizen asks for as a data subject (GDPR art. 15-21)."""

    kind: RightsKind
    text: RightsText | None = None
    """Needed for the kinds of `NEEDS_TEXT`."""
    item_id: Uuid7 | None = None
    """The item that it is about."""


class OwnRightsRequest(Model):
    """A request as whoever made it sees it."""

    request_id: Uuid7
    kind: RightsKind
    text: RightsText | None
    """None where it was noted by an administrator, or closed so long ago that the text is no longer kept."""
    item_id: Uuid7 | None
    filed_by: FiledBy
    received_on: Day
    due_on: Day
    """The last day to answer."""
    late: bool
    state: Literal["open"] | RightsOutcome
    closed_at: UtcDatetime | None
    answer: RightsText | None
    """What the office says; of a refusal the reasons (GDPR art. 12(4))."""


class OwnRightsRequestPage(Model):
    """Newest first."""

    items: Annotated[tuple[OwnRightsRequest, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None
