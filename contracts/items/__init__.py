"""The canonical items, one module a collection. A new collection is a module here and a line in `COLLECTIONS`."""

from typing import Annotated

from pydantic import Field

from .application import Application, ApplicationState
from .deadline import Deadline
from .document import Document, DocumentState
from .envelope import (
    SEND,
    USUAL_CHANNELS,
    Action,
    Channel,
    Envelope,
    Link,
    Notify,
    PersonalExternalId,
    Published,
    rel_of,
)
from .f24 import F24Payment
from .legal import LegalNotification, PostalAddress
from .message import ALWAYS_TOLD, Attachment, Message, MessageKind
from .payment import Payment, PaymentState
from .receipt import Receipt
from .service import Service
from .subscription import Subscription, SubscriptionState

CitizenItem = Message | Document | Payment | Receipt | Application | Subscription | Deadline
Item = Annotated[CitizenItem | Service, Field(discriminator="collection")]

COLLECTIONS: dict[str, type[CitizenItem] | type[Service]] = {
    "messages": Message,
    "documents": Document,
    "payments": Payment,
    "receipts": Receipt,
    "applications": Application,
    "subscriptions": Subscription,
    "deadlines": Deadline,
    "services": Service,
}

__all__ = [
    "ALWAYS_TOLD",
    "COLLECTIONS",
    "SEND",
    "USUAL_CHANNELS",
    "Action",
    "Application",
    "ApplicationState",
    "Attachment",
    "Channel",
    "CitizenItem",
    "Deadline",
    "Document",
    "DocumentState",
    "Envelope",
    "F24Payment",
    "Item",
    "LegalNotification",
    "Link",
    "Message",
    "MessageKind",
    "Notify",
    "Payment",
    "PaymentState",
    "PersonalExternalId",
    "PostalAddress",
    "Published",
    "Receipt",
    "Service",
    "Subscription",
    "SubscriptionState",
    "rel_of",
]
