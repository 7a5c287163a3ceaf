"""What the feed API answers to the municipality's portal, always about one citizen."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .base import Code, HttpsUrl, Label, Model, Summary, Title, UtcDatetime
from .identifiers import Uuid7
from .items import Action, ApplicationState, Channel, Item
from .items.subscription import RequestKind
from .paying import CartOffer, InstallmentView, NotificationCost
from .publishing import Collection, Cursor, Lifecycle, ShownVersion, TimelineEntry

Count = Annotated[int, Field(ge=0, le=9_007_199_254_740_991, json_schema_extra={"format": "int64"})]
DeliveryState = Literal[
    "queued",
    "waiting",
    "delivered",
    "rejected",
    "skipped",
    "unconfirmed",
    "held",
    "expired",
    "parked",
    "closed",
]
Turn = Literal["citizen", "body", "none"]
View = Literal["desk", "tabs", "architecture"]
"""The shapes of a personal area that the official models show (personal-area D1)."""


class UserState(Model):
    """What the citizen did with an item. A new version makes it `unread` again and never undoes the archive flag."""

    read: bool
    archived: bool
    starred: bool
    confirmed: bool


class UserStatePatch(Model):
    """A merge patch (RFC 7396). `confirmed` cannot be taken back."""

    read: bool | None = None
    archived: bool | None = None
    starred: bool | None = None
    confirmed: Literal[True] | None = None


class Contributor(Model):
    """A source of an item, and what it says of its state."""

    vendor_id: Code
    source: Code
    state: Code


class FeedItem(Model):
    """One row of the feed.

    Payments of one pagoPA notice (creditor and notice number) are one row, whoever published them: `published_by` names
    them all, and `state` is that of the payment as a whole: what one of them says is paid, is paid.
    """

    item_id: Uuid7
    collection: Collection
    state: Code
    lifecycle: Lifecycle
    version: ShownVersion
    title: Title
    summary: Summary | None
    service_id: Code | None
    service_name: Label | None
    category: Label | None
    """Of the service, as the catalogue has them."""
    number: Label | None
    """By which an office knows it: of the application, the notice, the receipt."""
    protocol: Label | None
    amount_cents: Count | None
    notification_cost: NotificationCost | None
    """Of a payment that a legal notification asks for, once it is known; null of others, and where nothing is added."""
    cart: CartOffer | None
    """Of a payment, what of it a cart may have now; None where nothing may."""
    source: Code
    vendor_id: Code
    turn: Turn
    occurred_at: UtcDatetime
    """As its source dates it; of a notice of the hub's, when it was written."""
    received_at: UtcDatetime
    updated_at: UtcDatetime
    as_of: UtcDatetime
    """When this was true at the source (S25); when the hub heard of it, where the source does not say."""
    due_at: UtcDatetime | None
    sensitivity: Literal["normal", "sensitive"]
    user_state: UserState
    published_by: Annotated[tuple[Contributor, ...], Field(min_length=1, max_length=50, fail_fast=True)]


class FeedPage(Model):
    items: Annotated[tuple[FeedItem, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None
    truncated: bool = False
    """With `q`: the search looked at the newest items only and older ones were left out."""


class DeliveryView(Model):
    """How the citizen was told, on one channel."""

    channel: Channel
    state: DeliveryState
    reason: Annotated[str, StringConstraints(max_length=100)] | None
    updated_at: UtcDatetime
    effective_at: UtcDatetime | None
    """When a notification with legal effect took effect for the citizen (perfezionamento): it was read, or its term had
    passed. Null of others, and until that is known."""


class LinkedItem(Model):
    rel: Annotated[str, StringConstraints(max_length=20, pattern=r"^[a-z]+$")]
    item_id: Uuid7
    collection: Collection
    title: Title


class ActionView(Action):
    """Something the citizen can do about the item, and whether it still can be done: the same behind every door (S13).

    `upcoming`: its time is still to come; `expired`: it is over; `void`: nobody needs it any more, or may do it.
    """

    state: Literal["upcoming", "open", "done", "expired", "void"]


class HistoryEntry(Model):
    """A state that an application came into: as its source dates it, or as the hub saw it (S26)."""

    at: UtcDatetime
    state: ApplicationState
    label: Label | None
    origin: Literal["source", "hub"]


class SubscriptionRequest(Model):
    """What the citizen asks of the source of a subscription."""

    kind: RequestKind


class SubscriptionRequestView(Model):
    """A request to the source, by the citizen or by a rule in his place, and how it stands."""

    request_id: Uuid7
    kind: RequestKind
    asked_by: Literal["citizen", "rule"]
    state: Literal["pending", "accepted", "refused", "unanswered", "closed"]
    asked_at: UtcDatetime
    answer_by: UtcDatetime
    answered_at: UtcDatetime | None


class RankedPlace(Model):
    """Where a subscription stands in a published list: its owner alone learns of his pseudonym."""

    list_id: Uuid7
    title: Title
    pseudonym: Annotated[str, StringConstraints(min_length=11, max_length=11, pattern=r"^[A-Z2-7]{5}-[A-Z2-7]{5}$")]
    position: Annotated[int, Field(ge=1, le=10_000, json_schema_extra={"format": "int32"})]


class FeedItemDetail(FeedItem):
    """One item whole. `content` is the item as its vendor published it, in its collection's own schema. `actions` are
    those of its source, or those that follow from its fields; `history` is that of an application."""

    content: Item
    content_available: bool
    """Whether `documents/{item_id}/content` has the file."""
    installments: Annotated[tuple[InstallmentView, ...], Field(max_length=99, fail_fast=True)]
    """Of a payment that may be paid in instalments: each, paid ones too."""
    verify_url: HttpsUrl | None
    """Of a card: what its QR holds. Whoever opens it learns whether the card is valid, and not whose it is."""
    linked: Annotated[tuple[LinkedItem, ...], Field(max_length=50, fail_fast=True)]
    actions: Annotated[tuple[ActionView, ...], Field(max_length=10, fail_fast=True)]
    history: Annotated[tuple[HistoryEntry, ...], Field(max_length=500, fail_fast=True)]
    timeline: Annotated[tuple[TimelineEntry, ...], Field(max_length=500, fail_fast=True)]
    deliveries: Annotated[tuple[DeliveryView, ...], Field(max_length=50, fail_fast=True)]
    requests: Annotated[tuple[SubscriptionRequestView, ...], Field(max_length=50, fail_fast=True)]
    """Of a subscription: what was asked of its source, the newest last."""
    offered_requests: Annotated[tuple[RequestKind, ...], Field(max_length=2, fail_fast=True)]
    """What the citizen may ask for now, by the state, the rules and the window."""
    ranked_lists: Annotated[tuple[RankedPlace, ...], Field(max_length=50, fail_fast=True)]
    """Of a subscription: its places in the lists that are published now."""


class SectionCount(Model):
    collection: Collection
    state: Code
    count: Count
    unread: Count


class SourceFreshness(Model):
    """When the hub last heard of this source about this citizen; `stale` where the source is silent about everybody for
    longer than agreed, `silent_since` when."""

    vendor_id: Code
    source: Code
    as_of: UtcDatetime
    stale: bool
    silent_since: UtcDatetime | None


class NextDeadline(Model):
    item_id: Uuid7
    collection: Collection
    title: Label | Title
    due_at: UtcDatetime


class SummarySection(Model):
    """A section of the view: what lists it (`collection`, `notices` of `items`), how much it has, its newest items."""

    code: Code
    title: Label
    collections: Annotated[tuple[Collection, ...], Field(max_length=8, fail_fast=True)]
    notices: bool | None
    count: Count
    unread: Count
    waiting_for_citizen: Count
    states: Annotated[tuple[SectionCount, ...], Field(max_length=200, fail_fast=True)]
    latest: Annotated[tuple[FeedItem, ...], Field(max_length=5, fail_fast=True)]


class FeedSummary(Model):
    """`view_sections` are those of the `view` that was asked for."""

    sections: Annotated[tuple[SectionCount, ...], Field(max_length=200, fail_fast=True)]
    unread: Count
    waiting_for_citizen: Count
    waiting_for_body: Count
    view: View | None
    view_sections: Annotated[tuple[SummarySection, ...], Field(max_length=10, fail_fast=True)]
    next_deadlines: Annotated[tuple[NextDeadline, ...], Field(max_length=10, fail_fast=True)]
    sources: Annotated[tuple[SourceFreshness, ...], Field(max_length=200, fail_fast=True)]


class Change(Model):
    """An item as it is now; a withdrawn or erased one has no `item`, nor has one that is shown as part of another."""

    item_id: Uuid7
    collection: Collection
    lifecycle: Lifecycle
    item: FeedItem | None


class ChangesPage(Model):
    """`next_cursor` is always present: keep it and ask again. `more` says that there is already something after it."""

    items: Annotated[tuple[Change, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor
    more: bool
