"""The catalogue of services: the administrator's cards, and what vendors propose for them (`settled` 15)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import orjson
from sqlalchemy import Connection, insert, select, update

from hub.catalogue import PROPOSED, Card, card_of, record_of

from .citizens import Citizens, Subject
from .database import Tx
from .directory import NotThere, bump
from .item_history import version_payload
from .ports import Vault
from .rows import Batch, lock_items
from .tables import items, service_decisions, services

Decision = Literal["accepted", "refused"]


class AlreadyDecided(Exception):
    """This version of the proposal was accepted or refused before; the text says which."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The newest version of the card that a vendor proposed for a service."""

    item_id: str
    vendor_id: str
    service_id: str
    version: int
    decision: Decision | None
    received_at: datetime
    card: Mapping[str, Any]
    """The fields of `PROPOSED` that it has."""


def show_service(connection: Connection, ente_id: str, service_id: str) -> Card:
    """A card. Raises NotThere."""
    its = services.c
    query = select(its.record).where(its.ente_id == ente_id, its.service_id == service_id)
    record = connection.execute(query).scalar_one_or_none()
    if record is None:
        raise NotThere(service_id)
    return card_of(service_id, record)


def services_of(connection: Connection, ente_id: str) -> set[str]:
    """All that the ente's catalogue has, by name."""
    return set(connection.execute(select(services.c.service_id).where(services.c.ente_id == ente_id)).scalars())


def set_service(tx: Tx, ente_id: str, service_id: str, changes: Mapping[str, Any]) -> Card:
    """Change fields of a card, None to take one away; the card as it is then. Raises NotThere."""
    bump(tx, "trust")
    card = replace(show_service(tx.connection, ente_id, service_id), **changes)
    where = (services.c.ente_id == ente_id) & (services.c.service_id == service_id)
    tx.connection.execute(update(services).where(where).values(record=record_of(card)))
    return card


class Proposals:
    """What vendors proposed, opened with the key of the ente, whose items they are."""

    def __init__(self, citizens: Citizens, vault: Vault) -> None:
        self._citizens = citizens
        self._vault = vault

    def find(self, connection: Connection, ente_id: str, *, item_id: str | None = None) -> list[Proposal]:
        """All that were not withdrawn, oldest first."""
        body = self._citizens.find(connection, Subject(ente_id, "ente", ente_id))
        if body is None:
            return []
        its, made = items.c, service_decisions.c
        same = (made.ente_id == its.ente_id) & (made.item_id == its.item_id) & (made.version == its.version)
        query = (
            select(its.item_id, its.vendor_id, its.service_id, its.version, its.updated_at, made.decision)
            .outerjoin(service_decisions, same)
            .where(its.ente_id == ente_id, its.citizen_id == body.citizen_id)
            .where(its.collection == "services", its.lifecycle == "active")
            .order_by(its.item_id)
        )
        if item_id is not None:
            query = query.where(its.item_id == item_id)
        found = []
        for row in connection.execute(query).all():
            payload = version_payload(connection, self._vault, body, item_id=row.item_id, version=row.version)
            content = orjson.loads(payload or b"{}")
            card = {name: content[name] for name in PROPOSED if name in content}
            names = (row.item_id, row.vendor_id, row.service_id, row.version)
            found.append(Proposal(*names, row.decision, row.updated_at, card))
        return found

    def decide(
        self, tx: Tx, ente_id: str, item_id: str, decision: Decision, *, who: str, reason: str | None = None
    ) -> Proposal:
        """Accept a proposal, by which the card takes its fields and keeps the administrator's own; or refuse it. Its
        vendor is told by an event.

        Raises:
            NotThere: there is no such proposal.
            AlreadyDecided: its newest version has an answer.
        """
        bump(tx, "trust")
        # The item first: its vendor may be publishing the next version, which nobody has looked at.
        known = self._items(tx, ente_id, item_id)
        lock_items(tx, {(row["ente_id"], row["citizen_id"], row["item_id"]) for row in known})
        found = self.find(tx.connection, ente_id, item_id=item_id)
        if not found:
            raise NotThere(item_id)
        proposal = found[0]
        if proposal.decision is not None:
            raise AlreadyDecided(proposal.decision)
        names = {"ente_id": ente_id, "item_id": item_id, "version": proposal.version, "decided_at": tx.now}
        row = names | {"decision": decision, "reason": reason, "decided_by": who}
        tx.connection.execute(insert(service_decisions), row)
        if decision == "accepted":
            _take(tx, ente_id, proposal)
        batch = Batch()
        told = {"version": proposal.version} | ({"reason": reason} if reason else {})
        batch.event(self._items(tx, ente_id, item_id)[0], tx.now, f"proposal_{decision}", **told)
        batch.write(tx)
        return replace(proposal, decision=decision)

    def _items(self, tx: Tx, ente_id: str, item_id: str) -> list[dict[str, Any]]:
        body = self._citizens.find(tx.connection, Subject(ente_id, "ente", ente_id))
        if body is None:
            return []
        its = items.c
        query = select(items).where(its.ente_id == ente_id, its.citizen_id == body.citizen_id, its.item_id == item_id)
        return [dict(row) for row in tx.connection.execute(query).mappings()]


def _take(tx: Tx, ente_id: str, proposal: Proposal) -> None:
    """What the vendor left out is taken away; what is the administrator's stays."""
    given: dict[str, Any] = dict.fromkeys(PROPOSED) | dict(proposal.card)
    given["life_events"] = tuple(given["life_events"] or ())
    given["state"] = given["state"] or "published"
    try:
        set_service(tx, ente_id, proposal.service_id, given)
    except NotThere:
        card = Card(proposal.service_id, **given)
        row = {"ente_id": ente_id, "service_id": card.service_id, "record": record_of(card), "created_at": tx.now}
        tx.connection.execute(insert(services), row)
