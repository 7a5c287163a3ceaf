"""Connectors as administrators configure them: versioned, secrets sealed, effective on every process within seconds."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from contracts.following import Follows

from .connector_versions import Content, Environment, Versions, forget_versions
from .database import Tx, among, keys, upsert
from .directory import NotThere, bump
from .lanes import reset
from .ports import Vault
from .standing import Lane
from .tables import clipped, connectors, deliveries, missing_records, source_positions, source_records

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
    environment: Environment = "production"
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """By service: settings that replace those of all."""
    content_version: int | None = None
    """Which of its versions is in force; None for what was saved before versions were kept."""

    @property
    def content(self) -> Content:
        return Content(self.type, self.settings, self.limits, self.overrides, self.environment)


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
        self.versions = Versions(vault)

    def load(self, connection: Connection) -> dict[tuple[str, str], ConnectorConfig]:
        """All that are in force, by (ente_id, connector_id)."""
        found = connection.execute(select(connectors).where(connectors.c.status != REMOVED))
        return {(row.ente_id, row.connector_id): self._config(row) for row in found}

    def save(
        self,
        tx: Tx,
        *,
        ente_id: str,
        connector_id: str,
        type: str,
        settings: Mapping[str, Any],
        limits: Mapping[str, Any],
        overrides: Mapping[str, Mapping[str, Any]] | None = None,
        environment: Environment = "production",
        author: str = "-",
    ) -> None:
        """Make a connector, which is active at once, or give it a new version: one that is paused stays so."""
        self.adopt(tx, ente_id, connector_id)
        content = Content(type, settings, limits, overrides or {}, environment)
        version = self.versions.add(tx, ente_id, connector_id, content, author)
        where = (connectors.c.ente_id == ente_id) & (connectors.c.connector_id == connector_id)
        status = tx.connection.execute(select(connectors.c.status).where(where).with_for_update()).scalar()
        self.put_in_force(tx, ente_id, connector_id, content, version, stays_paused=status == "paused")

    def put_in_force(
        self, tx: Tx, ente_id: str, connector_id: str, content: Content, version: int, *, stays_paused: bool = False
    ) -> None:
        """Let a version hold from now on; what waited goes out, unless it stays paused."""
        places = settings_place(ente_id, connector_id), overrides_place(ente_id, connector_id)
        overrides = self._vault.seal(orjson.dumps(dict(content.overrides)), places[1]) if content.overrides else None
        values = {
            "type": content.type,
            "settings_sealed": self._vault.seal(orjson.dumps(dict(content.settings)), places[0]),
            "overrides_sealed": overrides,
            "environment": content.environment,
            "content_version": version,
            "limits": dict(content.limits),
            "follows": _filter(content.settings) if content.type == FOLLOWER else None,
            "updated_at": tx.now,
        }
        values |= {} if stays_paused else {"status": "active", "paused_reason": None}
        fresh = {"status": "active", "version": 1} | values
        statement = upsert(connectors).values(ente_id=ente_id, connector_id=connector_id, **fresh)
        statement = statement.on_conflict_do_update(
            index_elements=["ente_id", "connector_id"], set_={**values, "version": connectors.c.version + 1}
        )
        tx.connection.execute(statement)
        self.versions.note_activation(tx, ente_id, connector_id, version)
        if not stays_paused:
            _let_go(tx, ente_id, connector_id)
        bump(tx, "connectors")

    def adopt(self, tx: Tx, ente_id: str, connector_id: str) -> None:
        """Keep what is in force as a version, where that was saved before versions were kept."""
        its = connectors.c
        where = (its.ente_id == ente_id) & (its.connector_id == connector_id)
        row = tx.connection.execute(select(connectors).where(where).with_for_update()).first()
        if row is None or row.status == REMOVED or row.content_version is not None:
            return
        version = self.versions.add(tx, ente_id, connector_id, self._config(row).content, "-")
        tx.connection.execute(update(connectors).where(where).values(content_version=version))

    def adopt_all(self, tx: Tx) -> None:
        """The same of every connector: once, when versions begin to be kept."""
        its = connectors.c
        before = select(its.ente_id, its.connector_id).where(its.content_version.is_(None), its.status != REMOVED)
        for ente_id, connector_id in tx.connection.execute(before).all():
            self.adopt(tx, ente_id, connector_id)

    def _config(self, row: Any) -> ConnectorConfig:
        overrides = {}
        if row.overrides_sealed is not None:
            place = overrides_place(row.ente_id, row.connector_id)
            overrides = orjson.loads(self._vault.open(row.overrides_sealed, place))
        return ConnectorConfig(
            row.ente_id,
            row.connector_id,
            row.type,
            row.status,
            row.version,
            orjson.loads(self._vault.open(row.settings_sealed, settings_place(row.ente_id, row.connector_id))),
            row.limits,
            row.paused_reason,
            row.environment,
            overrides,
            row.content_version,
        )


def hold(tx: Tx, names: Collection[tuple[str, str]]) -> None:
    """Whoever changes one of these connectors, (ente_id, connector_id), is waited for, until this transaction ends.

    Connectors come before their deliveries, and those before the counter that says that connectors changed: so whoever
    has to do with several connectors, or with deliveries and then with their connector, begins with this.
    """
    if names:
        query = select(connectors.c.connector_id).where(among("held", connectors.c.ente_id, connectors.c.connector_id))
        in_order = query.order_by(connectors.c.ente_id, connectors.c.connector_id).with_for_update()
        tx.connection.execute(in_order, keys("held", names)).all()


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
    if count := left(tx.connection, ente_id, connector_id):
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


def left(connection: Connection, ente_id: str, connector_id: str) -> int:
    """How many deliveries of a connector have not ended."""
    return int(connection.execute(select(func.count()).where(_left(ente_id, connector_id))).scalar_one())


def _left(ente_id: str, connector_id: str) -> ColumnElement[bool]:
    its = (deliveries.c.ente_id == ente_id) & (deliveries.c.connector_id == connector_id)
    return its & deliveries.c.state.in_(("queued", "waiting", "held"))


def _forget(tx: Tx, vault: Vault, ente_id: str, connector_id: str) -> None:
    where = (connectors.c.ente_id == ente_id) & (connectors.c.connector_id == connector_id)
    nothing = vault.seal(b"{}", settings_place(ente_id, connector_id))
    emptied = {"settings_sealed": nothing, "overrides_sealed": None, "content_version": None}
    tx.connection.execute(update(connectors).where(where).values(**emptied, limits={}, follows=None))
    forget_versions(tx, ente_id, connector_id)
    for table in (source_records, source_positions, missing_records):  # one of that name that comes later begins anew
        tx.connection.execute(delete(table).where(table.c.ente_id == ente_id, table.c.connector_id == connector_id))
    reset(tx, Lane(ente_id, connector_id))


def pause(tx: Tx, pauses: Sequence[Pause]) -> list[None]:
    """A Committer handler: connectors whose configuration failed; what was changed meanwhile is tried anew instead."""
    hold(tx, {(each.ente_id, each.connector_id) for each in pauses})
    for each in pauses:
        query = select(connectors.c.version, connectors.c.status).where(
            connectors.c.ente_id == each.ente_id, connectors.c.connector_id == each.connector_id
        )
        row = tx.connection.execute(query).one()
        if row.version == each.version:
            set_status(tx, each.ente_id, each.connector_id, status="paused", reason=clipped(each.reason, 200))
        elif row.status == "active":
            _let_go(tx, each.ente_id, each.connector_id)
    return [None] * len(pauses)


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


def overrides_place(ente_id: str, connector_id: str) -> str:
    """The same of what holds for single services."""
    return f"connectors|overrides|{ente_id}|{connector_id}"
