"""What a connector is told: one message, for one citizen, opened just for the moment of the delivery."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection, RowMapping

from contracts.base import ROME
from contracts.connector import Notice
from contracts.failures import Deferred, Rejected, Skipped
from contracts.items import ALWAYS_TOLD, SEND, Action, Application, Item, Message, Payment
from contracts.positions import PAGOPA
from contracts.settling import UNTOLD
from contracts.states import PAID
from hub.registry import ALERTS, Registry
from hub.store.citizens import Citizen, Citizens
from hub.store.configuration import RESTRICTED
from hub.store.connector_versions import Environment
from hub.store.contacts import EMAIL, contact_of, email_hash
from hub.store.database import Database
from hub.store.drafts import NO_ADDRESS
from hub.store.erasing import ERASED
from hub.store.opening import opened
from hub.store.optouts import ANY_ADDRESS, NO_SERVICE, OPTED_OUT, opted_out
from hub.store.outbox import Claim
from hub.store.ports import Vault
from hub.store.preferences import quiet_until, wishes_of
from hub.store.reach import unreached_scopes
from hub.store.reports import DEAD, is_dead

from .confirming import is_letter
from .enclosures import Enclosures, payment_of
from .positions import position_notice
from .putting_off import PutOff
from .settling import settled_notice
from .told_payments import ToldPayment

IO: Final = "io"
# Whoever has paid meanwhile is not asked to pay.
_MOOT = PAID | {"cancelled"}


@dataclass(frozen=True, slots=True)
class _Told:
    """What a delivery tells, opened: its message, and the item that it is about, which may be the message itself."""

    claim: Claim
    citizen: Citizen
    tax_code: str = field(repr=False)
    row: RowMapping = field(repr=False)
    message: Message = field(repr=False)
    about: RowMapping = field(repr=False)
    item: Item = field(repr=False)
    now: datetime
    """The time by which dues go, when it was opened."""

    @property
    def withdrawn(self) -> bool:
        return {self.row["lifecycle"], self.about["lifecycle"]} != {"active"}

    @property
    def service_id(self) -> str | None:
        found: str | None = self.row["service_id"] or self.about["service_id"]
        return found


@dataclass(frozen=True, slots=True)
class Notices:
    """Builds notices from claims: what all channels have in common, and what each has of its own beside it."""

    database: Database
    vault: Vault
    citizens: Citizens
    registry: Callable[[], Registry]
    unsubscribe_url: Callable[[str, str, str, str], str]
    """(ente_id, citizen_id, topic, hash of the address) -> a one-click address."""
    action_url: Callable[[str, str, int], str]
    """(ente_id, message_id, number of an action or 0) -> the link in an e-mail."""
    confirmation: Callable[[Connection, Citizen, Message, datetime], Action | None]
    """(..., the letter, when it was written) -> what it asks for. Raises Skipped."""
    enclosures: Enclosures
    environment: Callable[[str, str], Environment]
    """(ente_id, connector_id) -> that of the connector."""

    def of(self, claim: Claim) -> Notice:
        """The notice of a claimed delivery. Raises Skipped when it was withdrawn, is moot, was opted out of, or has no
        address that works; PutOff before its time, and in the citizen's quiet hours. A debt position, and that
        a payment was made, are told to no citizen."""
        if claim.channel in UNTOLD:
            return self._of_payment(claim)
        channels = {EMAIL: self._by_email, SEND: self._by_send, IO: self._by_io}
        with self.database.read() as connection:
            told = self._opened(connection, claim)
            self._must_be_told(told)
            return channels.get(claim.channel, self._by_another)(connection, told)

    def _of_payment(self, claim: Claim) -> Notice:
        """Nobody's wishes count, as it is told to no citizen."""
        with self.database.read() as connection:
            tax_code, citizen = self.whose(connection, claim.ente_id, claim.citizen_id)
            row, item = opened(connection, self.vault, citizen, claim.message_id)
            if row["lifecycle"] == "restricted":
                raise Deferred(RESTRICTED, about="message")
            if row["lifecycle"] == "erased":
                raise Skipped(ERASED)
            assert isinstance(item, Payment)
            told = ToldPayment(claim, self.registry().ente(claim.ente_id).name, citizen, tax_code, row, item)
            if claim.channel == PAGOPA:
                return position_notice(told, self.environment(claim.ente_id, claim.connector_id))
            return settled_notice(connection, self.vault, told, self.database.now(connection))

    def whose(self, connection: Connection, ente_id: str, citizen_id: str) -> tuple[str, Citizen]:
        """The tax code of whom a delivery is for, and the citizen. Raises Skipped where he was erased."""
        try:
            return self.citizens.tax_code(connection, ente_id, citizen_id)
        except LookupError:
            raise Skipped(ERASED) from None

    def _opened(self, connection: Connection, claim: Claim) -> _Told:
        tax_code, citizen = self.whose(connection, claim.ente_id, claim.citizen_id)
        row, message = opened(connection, self.vault, citizen, claim.message_id)
        assert isinstance(message, Message)
        about: tuple[RowMapping, Item] = (row, message)
        if row["about_item_id"] is not None:
            about = opened(connection, self.vault, citizen, row["about_item_id"])
        return _Told(claim, citizen, tax_code, row, message, *about, self.database.now(connection))

    def _must_be_told(self, told: _Told) -> None:
        """Raises Skipped, Deferred or PutOff where it is not to be told, or not yet, whatever the channel."""
        claim, row, about = told.claim, told.row, told.about
        if "restricted" in (row["lifecycle"], about["lifecycle"]):
            raise Deferred(RESTRICTED, about="message")  # claimed before it was; what has not left yet waits
        there = claim.accepted or claim.maybe_sent
        if told.withdrawn and not (claim.channel == SEND and there):
            raise Skipped("item.withdrawn")
        if about["collection"] == "payments" and about["state"] in _MOOT:
            raise Skipped("notice.moot")
        until = max(row["visible_from"] or claim.created_at, about["visible_from"] or claim.created_at)
        if until > told.now and not claim.accepted:
            raise PutOff("item.embargoed", until)

    def _notice(self, told: _Told) -> Notice:
        """What all channels have in common."""
        claim, message, about = told.claim, told.message, told.about
        ente = self.registry().ente(claim.ente_id)
        return Notice(
            delivery_id=claim.delivery_id,
            ente_name=ente.name,
            kind=message.kind,
            language=message.language,
            created_at=claim.created_at,
            deep_link=f"{ente.portal_url}/items/{about['item_id']}",
            tax_code=told.tax_code,
            email=message.recipient.email,
            title=message.title,
            body_markdown=message.body_markdown,
            sensitive=message.sensitivity == "sensitive",
            due_at=_last_moment(about["due_at"]),
            payment=payment_of(told.item, about),
            # As it stood when it was to leave, and not now: what may be sent twice must be the same both times.
            action=_action(message, max(claim.created_at, told.row["visible_from"] or claim.created_at)),
            digital_address=message.recipient.digital_address,
            service_id=told.service_id,
            has_files=about["content_key"] is not None,
            application=application_of(message, told.item),
            version=told.row["version"],
            withdrawn=told.withdrawn,
        )

    def _by_email(self, connection: Connection, told: _Told) -> Notice:
        """To the address of the publication, or else the citizen's; its links lead through the hub."""
        claim, message, notice = told.claim, told.message, self._notice(told)
        email = contact_of(connection, self.vault, told.citizen) if notice.email is None else notice.email
        if email is None:
            raise Skipped(NO_ADDRESS)
        link = partial(self.action_url, claim.ente_id, claim.message_id)
        notice = replace(notice, email=email, deep_link=link(0))
        if is_letter(told.row, message):
            # To an address that its owner has just given: it waits for nothing.
            asked = self.confirmation(connection, told.citizen, message, claim.created_at)
            return notice if asked is None else replace(notice, action=asked)
        address_hash = email_hash(self.vault, email)
        if is_dead(connection, claim.ente_id, address_hash, told.now):
            raise Skipped(DEAD)
        url = self._wished(connection, told, address_hash)
        if notice.action is not None:
            # The vendor's own address may name the citizen, or have expired when it is opened.
            number = message.actions.index(notice.action) + 1
            notice = replace(notice, action=notice.action.model_copy(update={"url": link(number)}))
        return replace(notice, unsubscribe_url=url)

    def _by_send(self, connection: Connection, told: _Told) -> Notice:
        """With its deeds and payments, until SEND has it. Nobody's wishes count: it is the law's notification."""
        notice = self._notice(told)
        if told.claim.accepted or told.withdrawn:
            return notice
        try:
            return replace(notice, legal=self.enclosures.of(connection, told.citizen, told.row, told.message))
        except Rejected:
            if told.claim.maybe_sent:
                return notice  # something is gone, but SEND may have it: that is asked first
            raise

    def _by_io(self, connection: Connection, told: _Told) -> Notice:
        """With what IO said in bulk of whom it does not reach."""
        notice = self._by_another(connection, told)
        scopes = {"", told.service_id or ""}
        unreached = unreached_scopes(connection, self.vault, told.claim.lane, told.tax_code, scopes, told.now)
        return replace(notice, unreached=tuple(sorted(unreached)))

    def _by_another(self, connection: Connection, told: _Told) -> Notice:
        self._wished(connection, told, ANY_ADDRESS)
        return self._notice(told)

    def _wished(self, connection: Connection, told: _Told, address_hash: str) -> str | None:
        """The address to switch the topic off for this mailbox, where it can be. Raises Skipped where it was switched
        off, PutOff in quiet hours."""
        claim, citizen, row, message = told.claim, told.citizen, told.row, told.message
        topic, url = row["service_id"] or NO_SERVICE, None
        if message.kind not in ALWAYS_TOLD:
            if address_hash != ANY_ADDRESS:
                url = self.unsubscribe_url(citizen.ente_id, citizen.citizen_id, topic, address_hash)
            if opted_out(connection, citizen, channel=claim.channel, topic=topic, address_hash=address_hash):
                raise Skipped(OPTED_OUT[claim.channel])
        # Whoever only looks at a delivery holds no lease; what a provider has accepted is past putting off.
        if claim.claimed_at is not None and not claim.accepted and not self._is_alarm(row, message):
            until = quiet_until(wishes_of(connection, self.vault, citizen).quiet, told.now)
            if until is not None and until < claim.expires_at:
                raise PutOff("citizen.quiet_hours", until)
        return url

    def _is_alarm(self, row: RowMapping, message: Message) -> bool:
        """An alert of a vendor that may wake people; any other's is a message."""
        vendor = self.registry().vendors.get((row["ente_id"], row["vendor_id"]))
        return message.kind == "alert" and vendor is not None and ALERTS in vendor.rights


def _last_moment(due_at: datetime | None) -> datetime | None:
    """The end of a day as its last second: the midnight that it is would be told as the day after."""
    midnight = due_at is not None and due_at.astimezone(ROME).time() == time()
    return due_at - timedelta(seconds=1) if due_at is not None and midnight else due_at


def application_of(message: Message, item: Item) -> str | None:
    """The application that a message is about, or that its vendor linked it to, by its source's own name."""
    if isinstance(item, Application):
        return item.external_id
    return next((link.external_id for link in message.links if link.rel == "application"), None)


def _action(message: Message, now: datetime) -> Action | None:
    open_now = [
        action
        for action in message.actions
        if (action.valid_from is None or action.valid_from <= now)
        and (action.valid_to is None or action.valid_to > now)
    ]
    return next((a for a in open_now if a.primary), open_now[0] if open_now else None)
