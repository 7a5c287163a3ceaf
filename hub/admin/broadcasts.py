"""Broadcasts as administrators begin, follow and stop them (S41)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from contracts.base import rfc3339
from contracts.broadcasts import Broadcast
from contracts.faults import bilingual
from hub.ingest.broadcasting import count_audience, rendered
from hub.store.broadcasts import (
    NotSo,
    begin_broadcast,
    count_deliveries,
    list_broadcasts,
    resume_broadcast,
    standing_broadcast,
    stop_broadcast,
)
from hub.store.database import Database, Tx
from hub.store.directory import NotThere
from hub.store.ports import Vault

from .acting import Acted, Actor, Order
from .errors import AudienceChanged, BroadcastElsewhere, BroadcastUnknown
from .subscription_services import service_of

_INSTANTS = ("created_at", "ended_at")


@dataclass(frozen=True, slots=True)
class BroadcastDesk:
    """The broadcasts of all enti; each reading and each order is of one."""

    database: Database
    vault: Vault

    def preview(self, ente_id: str, content: Broadcast) -> dict[str, Any]:
        """contracts.outreach_administration.BroadcastPreview. Raises SubscriptionServiceUnknown."""
        with self.database.read() as connection:
            service = service_of(connection, ente_id, content.code)
            now = self.database.now(connection)
        # A subscription's own title may say whose child it is about: the sample has the service's name for it.
        facts = {"title": service.name, "service": service.name}
        samples = {
            language: dict(zip(("title", "body"), rendered(content, facts, language), strict=True))
            for language in (("it",) if content.en is None else ("it", "en"))
        }
        persons = count_audience(self.database, self.vault, ente_id, content, now)
        return {"persons": persons, "it": samples["it"], "en": samples.get("en")}

    def count(self, ente_id: str, content: Broadcast) -> int:
        """How many persons it reaches. Raises SubscriptionServiceUnknown."""
        with self.database.read() as connection:
            service_of(connection, ente_id, content.code)
            now = self.database.now(connection)
        return count_audience(self.database, self.vault, ente_id, content, now)

    def start(self, actor: Actor, content: Broadcast, expected: int) -> Order:
        """`begin`, to as many persons as were expected. Raises SubscriptionServiceUnknown, and AudienceChanged where
        they are others in number."""
        persons = self.count(actor.ente_id, content)
        if persons != expected:
            raise AudienceChanged(
                bilingual(
                    f"Ora raggiungerebbe {persons} persone, ne erano previste {expected}",
                    f"it would reach {persons} persons now, and {expected} were expected",
                )
            )
        return self.begin(actor, content, persons)

    def begin(self, actor: Actor, content: Broadcast, persons: int) -> Order:
        """Write to them from now on: to as many as were counted just now."""

        def do(tx: Tx) -> Acted:
            broadcast_id = begin_broadcast(tx, self.vault, actor.ente_id, content, persons)
            after = {"code": content.code, "expected": persons, "per_second": content.per_second}
            view = _standing(tx.connection, actor.ente_id, broadcast_id)
            return Acted(view, target_of(broadcast_id), after=after)

        return Order("start_broadcast", actor, do, "broadcasts")

    def stop(self, actor: Actor, broadcast_id: str) -> Order:
        """Write to nobody more; what is written already stays. The order raises BroadcastUnknown,
        BroadcastElsewhere."""
        return self._turned("stop_broadcast", actor, broadcast_id, stop_broadcast)

    def resume(self, actor: Actor, broadcast_id: str) -> Order:
        """Go on where it was stopped. The order raises BroadcastUnknown, BroadcastElsewhere."""
        return self._turned("resume_broadcast", actor, broadcast_id, resume_broadcast)

    def all_of(self, connection: Connection, ente_id: str) -> list[tuple[str, dict[str, Any]]]:
        """contracts.outreach_administration.BroadcastView of each, by id: the oldest first."""
        return sorted((row["broadcast_id"], _view(row)) for row in list_broadcasts(connection, ente_id))

    def one_of(self, connection: Connection, ente_id: str, broadcast_id: str) -> dict[str, Any]:
        """The same of one. Raises BroadcastUnknown."""
        return _standing(connection, ente_id, broadcast_id)

    def outcome_of(self, connection: Connection, ente_id: str, broadcast_id: str) -> dict[str, Any]:
        """contracts.outreach_administration.BroadcastOutcome. Raises BroadcastUnknown."""
        _standing(connection, ente_id, broadcast_id)
        return {"deliveries": count_deliveries(connection, ente_id, broadcast_id)}

    def _turned(self, operation: str, actor: Actor, broadcast_id: str, turn: Callable[[Tx, str, str], None]) -> Order:
        target = target_of(broadcast_id)

        def do(tx: Tx) -> Acted:
            before = _standing(tx.connection, actor.ente_id, broadcast_id)
            try:
                turn(tx, actor.ente_id, broadcast_id)
            except NotSo as state:
                raise BroadcastElsewhere(
                    bilingual(f"L'invio {broadcast_id} è {state}", f"the broadcast {broadcast_id} is {state}")
                ) from None
            after = _standing(tx.connection, actor.ente_id, broadcast_id)
            return Acted(after, target, _told(before), _told(after))

        return Order(operation, actor, do, target)


def _standing(connection: Connection, ente_id: str, broadcast_id: str) -> dict[str, Any]:
    """The view of one of an ente's. Raises BroadcastUnknown."""
    try:
        row = standing_broadcast(connection, broadcast_id)
    except NotThere:
        raise BroadcastUnknown from None
    if row["ente_id"] != ente_id:
        raise BroadcastUnknown
    return _view(row)


def target_of(broadcast_id: str) -> str:
    """What stands in the record for the broadcast."""
    return f"broadcasts/{broadcast_id}"


def _told(view: dict[str, Any]) -> dict[str, Any]:
    return {name: view[name] for name in ("state", "written")}


def _view(row: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in row.items() if name != "ente_id"}
    return told | {name: None if row[name] is None else rfc3339(row[name]) for name in _INSTANTS}
