"""Connectors as administrators configure them: versioned, secrets sealed, effective on every process within seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from contracts.following import Follows

from .database import Tx, upsert
from .directory import NotThere, bump
from .lanes import reset
from .ports import Vault
from .standing import Lane
from .tables import clipped, connectors, deliveries, source_positions, source_records

REMOVED = "removed"
"""The status of a connector that is there no more. Its row stays, for its version: one of the same name that comes
later is a newer one, whatever a process still holds of the old."""

FOLLOWER = "webhook"
"""The type of connector that follows items (`hub.store.following`)."""

RESTRICTED = "item.restricted"
"""Why a delivery is held that no connector can set free."""
RESTORED = "restored"
"""Why a delivery of a restored back-up is held: it may have been sent since, so that a person releases it."""


class StillPending(Exception):
    """Deliveries of the connector have not ended; the text says how many."""


@dataclass(frozen=True, slots=True)
class ConnectorConfig:
    """One configured connector of one ente."""

    ente_id: str
    connector_id: str
    type: str
    status: str
    version: int
    settings: Mapping[str, Any] = field(repr=False)
    limits: Mapping[str, Any]
    paused_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Our credentials or set-up are wrong: nothing goes out until an administrator has looked."""

    ente_id: str
    connector_id: str
    version: int
    """The configuration that failed: a newer one has not been tried yet, and is not paused for it."""
    reason: str


class Configuration:
    """Reads and writes connector configurations."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def load(self, connection: Connection) -> dict[tuple[str, str], ConnectorConfig]:
        """All of them, by (ente_id, connector_id)."""
        return {
            (row.ente_id, row.connector_id): ConnectorConfig(
                row.ente_id,
                row.connector_id,
                row.type,
                row.status,
                row.version,
                orjson.loads(self._vault.open(row.settings_sealed, settings_place(row.ente_id, row.connector_id))),
                row.limits,
                row.paused_reason,
            )
            for row in connection.execute(select(connectors).where(connectors.c.status != REMOVED))
        }

    def save(
        self,
        tx: Tx,
        *,
        ente_id: str,
        connector_id: str,
        type: str,
        settings: Mapping[str, Any],
        limits: Mapping[str, Any],
    ) -> None:
        """Make a connector, which is active at once, or give it a new version: one that is paused stays so."""
        where = (connectors.c.ente_id == ente_id) & (connectors.c.connector_id == connector_id)
        status = tx.connection.execute(select(connectors.c.status).where(where).with_for_update()).scalar()
        stays = status == "paused"
        values = {
            "type": type,
            "settings_sealed": self._vault.seal(orjson.dumps(dict(settings)), settings_place(ente_id, connector_id)),
            "limits": dict(limits),
            "follows": _filter(settings) if type == FOLLOWER else None,
            "updated_at": tx.now,
        }
        values |= {} if stays else {"status": "active", "paused_reason": None}
        fresh = {"status": "active", "version": 1} | values
        statement = upsert(connectors).values(ente_id=ente_id, connector_id=connector_id, **fresh)
        statement = statement.on_conflict_do_update(
            index_elements=["ente_id", "connector_id"], set_={**values, "version": connectors.c.version + 1}
        )
        tx.connection.execute(statement)
        if not stays:
            _let_go(tx, ente_id, connector_id)
        bump(tx, "connectors")


def set_status(tx: Tx, ente_id: str, connector_id: str, *, status: str, reason: str | None = None) -> None:
    """Pause or activate. What a pause held goes out again. Raises NotThere."""
    its = (connectors.c.ente_id == ente_id) & (connectors.c.connector_id == connector_id)
    where = its & (connectors.c.status != REMOVED)
    values = {"status": status, "paused_reason": reason, "updated_at": tx.now, "version": connectors.c.version + 1}
    if tx.connection.execute(update(connectors).where(where).values(values)).rowcount == 0:
        raise NotThere(connector_id)
    if status == "active":
        _let_go(tx, ente_id, connector_id)
    bump(tx, "connectors")


def remove(tx: Tx, vault: Vault, ente_id: str, connector_id: str) -> None:
    """Take a connector away, and its secrets with it. Raises NotThere, StillPending.

    What another process plans in the second before it has seen this waits: a connector of that name takes it over.
    """
    set_status(tx, ente_id, connector_id, status=REMOVED)
    count = tx.connection.execute(select(func.count()).where(_left(ente_id, connector_id))).scalar_one()
    if count:
        raise StillPending(str(count))
    _forget(tx, vault, ente_id, connector_id)


def withdraw(tx: Tx, vault: Vault, ente_id: str, connector_id: str, *, reason: str) -> int:
    """Take a connector away whatever it had still to deliver, which is skipped for that reason. How many those were.

    A delivery on its way ends as it will. Raises NotThere.
    """
    set_status(tx, ente_id, connector_id, status=REMOVED)
    waiting = _left(ente_id, connector_id) & deliveries.c.claim_id.is_(None)
    skipped = {"state": "skipped", "reason": reason, "updated_at": tx.now}
    count = tx.connection.execute(update(deliveries).where(waiting).values(skipped)).rowcount
    _forget(tx, vault, ente_id, connector_id)
    return count


def _left(ente_id: str, connector_id: str) -> ColumnElement[bool]:
    its = (deliveries.c.ente_id == ente_id) & (deliveries.c.connector_id == connector_id)
    return its & deliveries.c.state.in_(("queued", "waiting", "held"))


def _forget(tx: Tx, vault: Vault, ente_id: str, connector_id: str) -> None:
    where = (connectors.c.ente_id == ente_id) & (connectors.c.connector_id == connector_id)
    nothing = vault.seal(b"{}", settings_place(ente_id, connector_id))
    tx.connection.execute(update(connectors).where(where).values(settings_sealed=nothing, limits={}, follows=None))
    for table in (source_records, source_positions):  # one of that name that comes later begins anew
        tx.connection.execute(delete(table).where(table.c.ente_id == ente_id, table.c.connector_id == connector_id))
    reset(tx, Lane(ente_id, connector_id))


def pause(tx: Tx, pauses: Sequence[Pause]) -> None:
    """Pause connectors whose configuration failed; what was changed meanwhile is tried anew instead."""
    for each in pauses:
        query = select(connectors.c.version, connectors.c.status).where(
            connectors.c.ente_id == each.ente_id, connectors.c.connector_id == each.connector_id
        )
        row = tx.connection.execute(query.with_for_update()).one()
        if row.version == each.version:
            set_status(tx, each.ente_id, each.connector_id, status="paused", reason=clipped(each.reason, 200))
        elif row.status == "active":
            _let_go(tx, each.ente_id, each.connector_id)


def _filter(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Which events of items, in the clear: a commit asks it, and opens no settings. Raises ValueError."""
    own = {name: settings[name] for name in Follows.model_fields if name in settings}
    return Follows.model_validate_json(orjson.dumps(own)).model_dump(mode="json")


def _let_go(tx: Tx, ente_id: str, connector_id: str) -> None:
    """What was held goes out again, and what waits for its next attempt need not wait for the old fault's sake."""
    its = (deliveries.c.ente_id == ente_id) & (deliveries.c.connector_id == connector_id)
    values = {"state": "queued", "reason": None, "due_at": tx.now, "updated_at": tx.now}
    ours = deliveries.c.reason.is_(None) | deliveries.c.reason.not_in((RESTORED, RESTRICTED))
    held = (deliveries.c.state == "held") & ours
    tx.connection.execute(update(deliveries).where(its, held).values(values))
    retried = (deliveries.c.state == "queued") & (deliveries.c.attempts > 0) & deliveries.c.claim_id.is_(None)
    tx.connection.execute(update(deliveries).where(its, retried).values(due_at=tx.now))
    tx.work_is_due = True
    reset(tx, Lane(ente_id, connector_id))


def settings_place(ente_id: str, connector_id: str) -> str:
    """Where a connector's settings are sealed for."""
    return f"connectors|settings|{ente_id}|{connector_id}"
