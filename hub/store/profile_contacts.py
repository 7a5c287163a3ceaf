"""The address that a citizen gives, which counts once whoever reads its mail has opened a link sent there (S5)."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson
from sqlalchemy import Connection, and_, delete, func, insert, select, update

from contracts.faults import bilingual
from contracts.identifiers import new_uuid7
from hub.errors import QuotaExceeded

from .attributes import Attribute, attributes_of
from .changing import OwnChange, change_each
from .citizens import Citizen, Citizens
from .contacts import EMAIL, contact_place, email_hash
from .database import Tx, lock_names
from .directory import HUB_VENDOR
from .drafts import Draft
from .ports import Vault
from .preferences import wishes_of
from .publications import Publications
from .readers import Access, record_access
from .rows import Batch
from .tables import citizen_contacts, dead_addresses, item_identities, items

LETTER = "contact-"
"""How the names of the messages begin that ask for a confirmation."""
CITIZEN = "citizen"
"""The source of an address that the citizen gave."""
_TAKEN_BACK = "taken-back"
"""In its place where the citizen took an address back before it was verified."""
CONFIRM_WITHIN = timedelta(hours=48)
_AGAIN_AFTER = timedelta(minutes=10)
"""Before that the letter that was sent is the one to be looked for."""
_A_DAY = 5
"""Letters that one citizen can have sent to addresses that may be others'."""

_ITS = citizen_contacts.c


@dataclass(frozen=True, slots=True)
class Contact:
    """One address, in clear."""

    value: str = field(repr=False)
    verified_at: datetime | None
    asked_at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class HeldProfile:
    """What the profile shows."""

    contacts: tuple[Contact, ...]
    attributes: tuple[Attribute, ...]

    @property
    def tag(self) -> str:
        """Changes whenever it does."""
        shown = [
            [[each.value, each.verified_at, each.asked_at, each.source] for each in self.contacts],
            [[each.code, each.value, each.source, each.as_of] for each in self.attributes],
        ]
        return hashlib.sha256(orjson.dumps(shown)).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactChange(OwnChange):
    """A citizen gives an address, or takes his back (None). `letter` makes the message to it, in a language."""

    email: str | None = field(repr=False)
    letter: Callable[[str], Draft] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A link was opened: which address of whom it stands for."""

    ente_id: str
    citizen_id: str
    value_hash: str
    request_id: str


def profile_of(connection: Connection, vault: Vault, citizen: Citizen) -> HeldProfile:
    """The addresses, verified ones first, and what registers say."""
    rows = connection.execute(
        select(citizen_contacts)
        .where(*_mine(citizen), _ITS.kind == EMAIL, _ITS.source != _TAKEN_BACK)
        .order_by(_ITS.verified_at.is_(None), _ITS.updated_at.desc(), _ITS.contact_id)
        .limit(20)
    )
    contacts = tuple(
        Contact(
            vault.open_with(citizen.data_key, row.value_sealed, contact_place(citizen, row.contact_id)).decode(),
            row.verified_at,
            row.updated_at,
            row.source,
        )
        for row in rows
    )
    return HeldProfile(contacts, attributes_of(connection, vault, citizen))


def waits_for_confirmation(connection: Connection, citizen: Citizen, value_hash: str) -> bool:
    """Whether a link to that address would verify it."""
    waiting = _ITS.verified_at.is_(None) & (_ITS.source == CITIZEN)
    query = select(_ITS.contact_id).where(*_mine(citizen), _ITS.value_hash == value_hash, waiting)
    return connection.execute(query).first() is not None


@dataclass(frozen=True, slots=True)
class ContactKeeper:
    """Changes and verifies them."""

    citizens: Citizens
    vault: Vault
    publications: Publications

    def change(self, tx: Tx, changes: Sequence[ContactChange]) -> list[Any]:
        """A Committer handler: the profile as it is now, or why not."""
        held = partial(profile_of, tx.connection, self.vault)
        return change_each(tx, self.citizens, changes, lock=_lock, held=held, apply=self._change)

    def _change(self, tx: Tx, change: ContactChange, citizen: Citizen, _before: HeldProfile) -> None:
        old = (_ITS.verified_at.is_(None)) & (_ITS.updated_at < tx.now - CONFIRM_WITHIN)
        tx.connection.execute(delete(citizen_contacts).where(*_mine(citizen), old))
        if change.email is None:
            self._take_back(tx, citizen)
        else:
            self._give(tx, citizen, change.email, change.letter)

    def _take_back(self, tx: Tx, citizen: Citizen) -> None:
        own = (*_mine(citizen), _ITS.source == CITIZEN)
        tx.connection.execute(delete(citizen_contacts).where(*own, _ITS.verified_at.is_not(None)))
        tx.connection.execute(update(citizen_contacts).where(*own).values(source=_TAKEN_BACK))

    def _give(self, tx: Tx, citizen: Citizen, email: str, letter: Callable[[str], Draft]) -> None:
        value_hash = email_hash(self.vault, email)
        unverified = _ITS.verified_at.is_(None)
        rows = tx.connection.execute(select(citizen_contacts).where(*_mine(citizen), _ITS.kind == EMAIL)).all()
        same = next((row for row in rows if row.value_hash == value_hash), None)
        others = (*_mine(citizen), _ITS.source == CITIZEN, unverified, _ITS.value_hash != value_hash)
        if same is not None and same.verified_at is not None:
            tx.connection.execute(update(citizen_contacts).where(*others).values(source=_TAKEN_BACK))
            return
        if same is not None and same.source == CITIZEN and same.updated_at > tx.now - _AGAIN_AFTER:
            return
        if _letters_since(tx, citizen, tx.now - timedelta(days=1)) >= _A_DAY:
            raise QuotaExceeded(
                bilingual(
                    f"In un giorno sono già state chieste {_A_DAY} lettere",
                    f"{_A_DAY} letters were asked for within a day",
                ),
                headers={"Retry-After": "86400"},
            )
        tx.connection.execute(update(citizen_contacts).where(*others).values(source=_TAKEN_BACK))
        contact_id = same.contact_id if same is not None else new_uuid7()
        values = {
            "kind": EMAIL,
            "value_sealed": self.vault.seal_with(citizen.data_key, email.encode(), contact_place(citizen, contact_id)),
            "value_hash": value_hash,
            "verified_at": None,
            "source": CITIZEN,
            "updated_at": tx.now,
        }
        if same is not None:
            tx.connection.execute(
                update(citizen_contacts).where(*_mine(citizen), _ITS.contact_id == contact_id).values(values)
            )
        else:
            names = {"ente_id": citizen.ente_id, "citizen_id": citizen.citizen_id, "contact_id": contact_id}
            tx.connection.execute(insert(citizen_contacts), names | values)
        draft = letter(wishes_of(tx.connection, self.vault, citizen).language or "it")
        batch = Batch()
        message = self.publications.versions.create(tx, batch, draft, citizen)
        self.publications.follow(tx, batch, draft, citizen, message, None)
        batch.write(tx)
        tx.work_is_due = True

    def holds(self, connection: Connection, each: Confirmation) -> bool:
        """Whether the address is still one that the citizen gave."""
        found = select(_ITS.contact_id).where(*_given(each), _ITS.value_hash == each.value_hash)
        return connection.execute(found).first() is not None

    def confirm(self, tx: Tx, confirmations: Sequence[Confirmation]) -> list[str]:
        """A Committer handler: `confirmed`, also where it was before; `void` where the address is not the citizen's any
        more. The one verified now takes the place of the one before."""
        return [self._confirm(tx, each) for each in confirmations]

    def _confirm(self, tx: Tx, each: Confirmation) -> str:
        try:
            citizen = self.citizens.by_id(tx.connection, each.ente_id, each.citizen_id)
        except LookupError:
            return "void"
        lock_names(tx, {_lock(citizen)})
        own = _given(each)
        row = tx.connection.execute(select(citizen_contacts).where(*own, _ITS.value_hash == each.value_hash)).first()
        if row is None:
            return "void"
        if row.verified_at is None:
            mine = (*own, _ITS.value_hash == each.value_hash)
            tx.connection.execute(update(citizen_contacts).where(*mine).values(verified_at=tx.now, updated_at=tx.now))
            tx.connection.execute(
                delete(citizen_contacts).where(*own, _ITS.value_hash != each.value_hash, _ITS.verified_at.is_not(None))
            )
            # Whoever opened the link reads what comes there, whatever was bounced before.
            dead = dead_addresses.c
            tx.connection.execute(
                delete(dead_addresses).where(dead.ente_id == each.ente_id, dead.address_hash == each.value_hash)
            )
            record_access(tx, [_confirmed(each)])
        return "confirmed"


def _confirmed(each: Confirmation) -> Access:
    return Access(
        request_id=each.request_id,
        ente_id=each.ente_id,
        portal_id="public",
        pseudonym="public",
        acr="-",
        operation="confirm_contact",
        outcome="ok",
        citizen_id=each.citizen_id,
    )


def _mine(citizen: Citizen | Confirmation) -> tuple[Any, ...]:
    return (_ITS.ente_id == citizen.ente_id, _ITS.citizen_id == citizen.citizen_id)


def _given(each: Confirmation) -> tuple[Any, ...]:
    """The addresses that the citizen gave."""
    return (*_mine(each), _ITS.kind == EMAIL, _ITS.source == CITIZEN)


def _letters_since(tx: Tx, citizen: Citizen, moment: datetime) -> int:
    """The letters themselves: one address that is given again and again is one row, and has as many written to it."""
    its, names = items.c, item_identities.c
    query = (
        select(func.count())
        .select_from(items.join(item_identities, and_(names.ente_id == its.ente_id, names.item_id == its.item_id)))
        .where(
            its.ente_id == citizen.ente_id,
            its.citizen_id == citizen.citizen_id,
            its.vendor_id == HUB_VENDOR,
            its.received_at > moment,
            names.external_id.startswith(LETTER),
        )
    )
    return int(tx.connection.execute(query).scalar_one())


def _lock(citizen: Citizen) -> str:
    return f"contacts|{citizen.ente_id}|{citizen.citizen_id}"
