"""What a connector is told: one message, for one citizen, opened just for the moment of the delivery."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial

from sqlalchemy import Connection, RowMapping

from contracts.connector import Legal, Notice
from contracts.failures import Deferred, Rejected, Skipped
from contracts.items import ALWAYS_TOLD, SEND, Action, Application, Item, Message
from contracts.positions import PAGOPA
from hub.registry import ALERTS, Registry
from hub.store.citizens import Citizen, Citizens
from hub.store.configuration import RESTRICTED
from hub.store.contacts import EMAIL, contact_of
from hub.store.database import Database
from hub.store.drafts import NO_ADDRESS
from hub.store.erasing import ERASED
from hub.store.opening import opened
from hub.store.optouts import ANY_ADDRESS, NO_SERVICE, OPTED_OUT, opted_out
from hub.store.outbox import Claim
from hub.store.ports import Vault
from hub.store.preferences import ROME, quiet_until, wishes_of
from hub.store.reach import unreached_scopes
from hub.store.reports import DEAD, is_dead

from .confirming import is_letter
from .enclosures import Enclosures, payment_of
from .positions import position_notice

_TOLD_IN_BULK = frozenset({"io"})
"""Channels whose providers say in bulk whom they do not reach."""
# Whoever has paid meanwhile is not asked to pay.
_SETTLED = frozenset({"paid", "paid_elsewhere", "cancelled", "refunded"})


class PutOff(Deferred):
    """Nothing is wrong: it is not to be sent yet, and looking at it was no attempt."""

    def __init__(self, reason: str, until: datetime) -> None:
        super().__init__(reason, about="message")
        self.until = until


@dataclass(frozen=True, slots=True)
class Notices:
    """Builds notices from claims."""

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

    def of(self, claim: Claim) -> Notice:
        """The notice of a claimed delivery. Raises Skipped when it was withdrawn, is moot, was opted out of, or has no
        address that works; PutOff before its time, and in the citizen's quiet hours. A debt position is told to no
        citizen."""
        if claim.channel == PAGOPA:
            return position_notice(self, claim)
        with self.database.read() as connection:
            try:
                tax_code, citizen = self.citizens.tax_code(connection, claim.ente_id, claim.citizen_id)
            except LookupError:
                raise Skipped(ERASED) from None
            row, message = opened(connection, self.vault, citizen, claim.message_id)
            about, item = row, message
            if row["about_item_id"] is not None:
                about, item = opened(connection, self.vault, citizen, row["about_item_id"])
            if "restricted" in (row["lifecycle"], about["lifecycle"]):
                raise Deferred(RESTRICTED, about="message")  # claimed before it was; what has not left yet waits
            withdrawn = {row["lifecycle"], about["lifecycle"]} != {"active"}
            there = claim.accepted or claim.maybe_sent
            if withdrawn and not (claim.channel == SEND and there):
                raise Skipped("item.withdrawn")
            if about["collection"] == "payments" and about["state"] in _SETTLED:
                raise Skipped("notice.moot")
            until = max(row["visible_from"] or claim.created_at, about["visible_from"] or claim.created_at)
            if until > self.database.now(connection) and not claim.accepted:
                raise PutOff("item.embargoed", until)
            assert isinstance(message, Message)
            email = message.recipient.email
            if claim.channel == EMAIL and email is None:
                email = contact_of(connection, self.vault, citizen)
                if email is None:
                    raise Skipped(NO_ADDRESS)
            letter = is_letter(row, message)
            if claim.channel == EMAIL and email is not None and not letter:
                address_hash = self.vault.keyed_hash("email", email.lower())
                if is_dead(connection, claim.ente_id, address_hash, self.database.now(connection)):
                    raise Skipped(DEAD)
            asked = self.confirmation(connection, citizen, message, claim.created_at) if letter else None
            unsubscribe_url, legal = None, None
            if claim.channel == SEND:
                if not (claim.accepted or withdrawn):
                    legal = self._enclosed(connection, claim, citizen, row, message)
            # A letter to an address that its owner has just given waits for nothing.
            elif not letter:
                unsubscribe_url = self._wished(connection, claim, citizen, row, message, email)
            service_id, unreached = row["service_id"] or about["service_id"], frozenset[str]()
            if claim.channel in _TOLD_IN_BULK:
                now, scopes = self.database.now(connection), {"", service_id or ""}
                unreached = unreached_scopes(connection, self.vault, claim.lane, tax_code, scopes, now)
        ente = self.registry().ente(claim.ente_id)
        link = partial(self.action_url, claim.ente_id, claim.message_id)
        # As it stood when it was to leave, and not now: what may be sent twice must be the same both times.
        action = asked or _action(message, max(claim.created_at, row["visible_from"] or claim.created_at))
        if action is not None and asked is None and claim.channel == EMAIL:
            # The vendor's own address may name the citizen, or have expired when it is opened.
            action = action.model_copy(update={"url": link(message.actions.index(action) + 1)})
        return Notice(
            delivery_id=claim.delivery_id,
            ente_name=ente.name,
            kind=message.kind,
            language=message.language,
            created_at=claim.created_at,
            deep_link=link(0) if claim.channel == EMAIL else f"{ente.portal_url}/items/{about['item_id']}",
            tax_code=tax_code,
            email=email,
            title=message.title,
            body_markdown=message.body_markdown,
            sensitive=message.sensitivity == "sensitive",
            due_at=_last_moment(about["due_at"]),
            payment=payment_of(item, about["state"]),
            action=action,
            digital_address=message.recipient.digital_address,
            unsubscribe_url=unsubscribe_url,
            service_id=service_id,
            has_files=about["content_key"] is not None,
            unreached=tuple(sorted(unreached)),
            application=application_of(message, item),
            version=row["version"],
            legal=legal,
            withdrawn=withdrawn,
        )

    def _enclosed(
        self, connection: Connection, claim: Claim, citizen: Citizen, row: RowMapping, message: Message
    ) -> Legal | None:
        """What goes along. None where it is gone, but the provider may have it: that is asked first."""
        try:
            return self.enclosures.of(connection, citizen, row, message)
        except Rejected:
            if claim.maybe_sent:
                return None
            raise

    def _wished(
        self,
        connection: Connection,
        claim: Claim,
        citizen: Citizen,
        row: RowMapping,
        message: Message,
        email: str | None,
    ) -> str | None:
        """The address to switch the topic off for this mailbox, where it can be. Raises Skipped where it was switched
        off, PutOff in quiet hours."""
        topic, url = row["service_id"] or NO_SERVICE, None
        if message.kind not in ALWAYS_TOLD:
            address_hash = ANY_ADDRESS
            if claim.channel == EMAIL and email is not None:
                address_hash = self.vault.keyed_hash("email", email.lower())
                url = self.unsubscribe_url(citizen.ente_id, citizen.citizen_id, topic, address_hash)
            if opted_out(connection, citizen, channel=claim.channel, topic=topic, address_hash=address_hash):
                raise Skipped(OPTED_OUT[claim.channel])
        # Whoever only looks at a delivery holds no lease; what a provider has accepted is past putting off.
        if claim.claimed_at is not None and not claim.accepted and not self._is_alarm(row, message):
            now = self.database.now(connection)
            until = quiet_until(wishes_of(connection, self.vault, citizen).quiet, now)
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
