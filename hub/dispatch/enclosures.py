"""What a legal notification takes along: the files of the documents that it notifies, and what is to be paid."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, RowMapping

from contracts.connector import Legal, NoticeFile, PaymentData
from contracts.failures import Deferred, Rejected
from contracts.items import Document, Item, Message, Payment
from contracts.items.payment import to_pay
from contracts.states import PAYABLE
from hub.store.citizens import Citizen
from hub.store.drafts import Identity
from hub.store.enclosing import enclosed_item
from hub.store.files import FileMissing
from hub.store.opening import content_of
from hub.store.ports import Vault

ReadFile = Callable[[Citizen, str], bytes]
"""(citizen, content key) -> the file's content. Raises `hub.store.files.FileMissing`."""


@dataclass(frozen=True, slots=True)
class Enclosures:
    """Looks for what a message encloses; the files are read when the connector asks for them."""

    vault: Vault
    read: ReadFile

    def of(self, connection: Connection, citizen: Citizen, row: RowMapping, message: Message) -> Legal | None:
        """Raises Rejected where a document is not there any more: it was taken back, revoked, or has been replaced."""
        wish = message.notify.legal
        if wish is None:
            return None
        files = tuple(self._file(connection, citizen, _name(row, "documents", each)) for each in message.notified)
        found = [enclosed_item(connection, citizen, _name(row, "payments", each)) for each in message.asked_to_pay]
        owed = [(content_of(connection, self.vault, citizen, its), its) for its in found if its is not None]
        # What was paid meanwhile is not asked for.
        payments = tuple(payment for item, its in owed if (payment := payment_of(item, its)))
        return Legal(wish, files, payments)

    def _file(self, connection: Connection, citizen: Citizen, name: Identity) -> NoticeFile:
        row = enclosed_item(connection, citizen, name)
        if row is None:
            raise Rejected("notice.document_gone")
        document = content_of(connection, self.vault, citizen, row)
        if not isinstance(document, Document) or document.media_type is None or document.size is None:
            raise Rejected("notice.document_gone")
        return NoticeFile(
            title=document.title,
            media_type=document.media_type,
            size=document.size,
            sha256=row["content_sha256"],
            read=partial(self._content, citizen, row["content_key"]),
        )

    def _content(self, citizen: Citizen, key: str) -> bytes:
        try:
            return self.read(citizen, key)
        except FileMissing:
            # An operator must look: of the message nothing is wrong.
            raise Deferred("notice.file_missing", about="message") from None


def payment_of(item: Item, row: RowMapping) -> PaymentData | None:
    """The pagoPA notice of an item, while it can be paid, with what a legal notification adds to it. `row` is the item
    as the hub knows it, by a receipt too; what stands in its content is its vendor's word alone."""
    if not isinstance(item, Payment) or item.notice_number is None or row["state"] not in PAYABLE:
        return None
    amount = to_pay(item.amount_cents, item.notification_fee_cents, row["cost_cents"])
    part = None if item.installment is None else item.installment.n
    return PaymentData(item.notice_number, amount, item.creditor_tax_code, item.invalid_after_due, part)


def _name(row: RowMapping, collection: str, external_id: str) -> Identity:
    return Identity(row["ente_id"], row["vendor_id"], row["source"], external_id, collection)
