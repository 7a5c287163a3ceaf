"""What the answers to providers' calls may read, and what is left of it in the citizens' access logs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, select

from contracts.answering import AttachedFile, OwedPart, OwedPayment, SentMessage
from contracts.identifiers import new_uuid7
from contracts.items import Document, Message, Payment, Receipt
from contracts.items.payment import PaymentPart, cost_of
from contracts.positions import StampDuty
from hub.registry import Registry
from hub.store.citizens import Citizen, Citizens
from hub.store.committer import Committer
from hub.store.configuration import ConnectorConfig
from hub.store.costs import costs_of
from hub.store.database import Database
from hub.store.files import Files
from hub.store.notice_keys import notice_key, staged
from hub.store.opening import opened
from hub.store.paid import OfNotice, of_notices
from hub.store.ports import Vault
from hub.store.readers import Access, record_access
from hub.store.tables import deliveries, items


@dataclass(frozen=True, slots=True)
class Archive:
    """Where it is read."""

    database: Database
    committer: Committer
    citizens: Citizens
    vault: Vault
    files: Files
    registry: Callable[[], Registry]

    def of(self, config: ConnectorConfig, operation: str) -> "ConnectorReading":
        """For one call of one connector's provider."""
        return ConnectorReading(
            self, config.ente_id, config.connector_id, operation, on_trial=config.environment == "test"
        )


@dataclass(frozen=True, slots=True)
class ConnectorReading:
    """A `contracts.answering.Reading`. What it gives was noted before: who reads leaves a trace, whatever follows."""

    archive: Archive
    ente_id: str
    connector_id: str
    operation: str
    on_trial: bool
    """Its provider is one for tests: of payments it knows those that are on trial."""

    def message(self, delivery_id: str, tax_code: str) -> SentMessage | None:
        """See contracts.answering.Reading."""
        with self.archive.database.read() as connection:
            found = self._sent(connection, delivery_id, tax_code)
            if found is None:
                return None
            citizen, row, message, about, document = found
        self._note(citizen, str(row["item_id"]))
        files = () if document is None else (_file_of(about, document),)
        ente = self.archive.registry().ente(self.ente_id)
        return SentMessage(
            delivery_id=delivery_id,
            title=message.title,
            body_markdown=message.body_markdown,
            ente_name=ente.name,
            language=message.language,
            created_at=row["received_at"],
            deep_link=f"{ente.portal_url}/items/{about['item_id']}",
            sensitive=message.sensitivity == "sensitive",
            service_id=row["service_id"],
            withdrawn={row["lifecycle"], about["lifecycle"]} != {"active"},
            files=files,
        )

    def file(self, delivery_id: str, tax_code: str, file_id: str) -> bytes | None:
        """See contracts.answering.Reading."""
        with self.archive.database.read() as connection:
            found = self._sent(connection, delivery_id, tax_code)
        if found is None:
            return None
        citizen, row, _, about, document = found
        active = {row["lifecycle"], about["lifecycle"]} == {"active"}
        if document is None or not active or about["item_id"] != file_id:
            return None
        self._note(citizen, str(about["item_id"]))
        return b"".join(self.archive.files.open(citizen, about["content_key"]).read())

    def payment(self, creditor_tax_code: str, notice_number: str) -> OwedPayment | None:
        """See contracts.answering.Reading."""
        archive = self.archive
        key = staged(notice_key(archive.vault.keyed_hash, creditor_tax_code, notice_number), on_trial=self.on_trial)
        its = items.c
        query = (
            select(its.citizen_id, its.item_id)
            .where(its.ente_id == self.ente_id, its.notice_key == key)
            .where(its.collection == "payments", its.lifecycle == "active")
            # The one that is shown for all of them knows what they say together.
            .order_by((its.folded_into.is_(None) | (its.folded_into == its.item_id)).desc(), its.item_id)
            .limit(1)
        )
        with archive.database.read() as connection:
            place = connection.execute(query).one_or_none()
            if place is None:
                return None
            cost = costs_of(connection, {(self.ente_id, key)}).get((self.ente_id, key))
            try:
                tax_code, citizen = archive.citizens.tax_code(connection, self.ente_id, place.citizen_id)
            except LookupError:
                return None
            row, item = opened(connection, archive.vault, citizen, place.item_id)
            about = list(of_notices(connection, archive.vault, self.ente_id, {key}))
        if not isinstance(item, Payment):
            return None
        self._note(citizen, str(row["item_id"]))
        return OwedPayment(
            item_id=str(row["item_id"]),
            state=str(row["state"]),
            amount_cents=item.bare_cents,
            cost_cents=cost_of(item.notification_fee_cents, None if cost is None else cost.cents),
            due_date=item.due_date,
            reason=item.reason,
            tax_code=tax_code,
            notice_number=notice_number,
            creditor_tax_code=creditor_tax_code,
            service_id=item.service_id,
            parts=_parts(item, about),
            receipt_numbers=_receipt_numbers(about),
        )

    def _sent(
        self, connection: Connection, delivery_id: str, tax_code: str
    ) -> tuple[Citizen, RowMapping, Message, RowMapping, Document | None] | None:
        """Whose the delivery is, its message, what that is about, and the document where its file is held."""
        its = deliveries.c
        mine = (its.ente_id == self.ente_id) & (its.connector_id == self.connector_id)
        found = connection.execute(
            select(its.citizen_id, its.message_id).where(mine, its.delivery_id == delivery_id)
        ).one_or_none()
        if found is None:
            return None
        archive = self.archive
        try:
            own, citizen = archive.citizens.tax_code(connection, self.ente_id, found.citizen_id)
        except LookupError:
            return None
        if own != tax_code:
            return None
        row, message = opened(connection, archive.vault, citizen, found.message_id)
        if not isinstance(message, Message) or row["lifecycle"] == "restricted":
            return None
        about, document = row, None
        if row["about_item_id"] is not None:
            about, item = opened(connection, archive.vault, citizen, row["about_item_id"])
            if isinstance(item, Document) and about["content_key"] is not None and about["state"] != "revoked":
                document = item
        return citizen, row, message, about, document

    def _note(self, citizen: Citizen, item_id: str) -> None:
        access = Access(
            request_id=new_uuid7(),
            ente_id=self.ente_id,
            portal_id=self.connector_id,
            pseudonym="",
            acr="",
            operation=self.operation,
            outcome="ok",
            citizen_id=citizen.citizen_id,
            item_id=item_id,
        )
        self.archive.committer.write(record_access, access)


def _parts(item: Payment, about: Iterable[OfNotice]) -> tuple[OwedPart, ...]:
    """Who gets what, as any of those says who published it: the one that is shown may not know."""
    others = (Payment.model_validate_json(one.payload) for one in about if one.collection == "payments")
    told = (one.items for one in (item, *others) if one.items and one.bare_cents == item.bare_cents)
    return tuple(_part(each) for each in next(told, ()))


def _part(part: PaymentPart) -> OwedPart:
    its = part.stamp
    stamp = None if its is None else StampDuty(its.document_sha256, its.kind, its.province)
    return OwedPart(part.kind, part.amount_cents, part.receiver_tax_code, part.reason, part.category, stamp)


def _receipt_numbers(about: Iterable[OfNotice]) -> tuple[str, ...]:
    receipts = (Receipt.model_validate_json(one.payload) for one in about if one.collection == "receipts")
    return tuple(sorted({one.receipt_number for one in receipts}))


def _file_of(row: RowMapping, document: Document) -> AttachedFile:
    return AttachedFile(
        file_id=str(row["item_id"]),
        filename=document.filename or str(row["item_id"]),
        media_type=document.media_type or "application/octet-stream",
        size=document.size or 0,
        sha256=document.sha256 or "",
    )
