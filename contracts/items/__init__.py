"""The canonical items, one module a collection. A new collection is a module here and a line in `COLLECTIONS`.

To come, each as a module of its own: applications, subscriptions, deadlines.
"""

from typing import Annotated

from pydantic import Field

from .document import Document, DocumentState
from .envelope import Action, Channel, Envelope, Link, Notify, PersonalExternalId, Published
from .message import Attachment, Message, MessageKind
from .payment import Payment, PaymentState
from .receipt import Receipt
from .service import Service

Item = Annotated[Message | Document | Payment | Receipt | Service, Field(discriminator="collection")]
CitizenItem = Message | Document | Payment | Receipt

COLLECTIONS: dict[str, type[Message] | type[Document] | type[Payment] | type[Receipt] | type[Service]] = {
    "messages": Message,
    "documents": Document,
    "payments": Payment,
    "receipts": Receipt,
    "services": Service,
}

__all__ = [
    "COLLECTIONS",
    "Action",
    "Attachment",
    "Channel",
    "CitizenItem",
    "Document",
    "DocumentState",
    "Envelope",
    "Item",
    "Link",
    "Message",
    "MessageKind",
    "Notify",
    "Payment",
    "PaymentState",
    "PersonalExternalId",
    "Published",
    "Receipt",
    "Service",
]
