"""What administrators made of a connector, version by version: sealed settings, who, when, whether it was tested."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import orjson
from sqlalchemy import Connection, delete, func, insert, select, update

from .database import Tx
from .ports import Vault
from .tables import clipped, connector_versions

Environment = Literal["production", "test"]


@dataclass(frozen=True, slots=True)
class Content:
    """What a version consists of."""

    type: str
    settings: Mapping[str, Any] = field(repr=False)
    limits: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """By service: settings that replace those of all."""
    environment: Environment = "production"


@dataclass(frozen=True, slots=True)
class Version:
    """One version, as it was saved."""

    version: int
    content: Content
    author: str
    made_at: datetime
    checked_at: datetime | None
    check_outcome: str | None
    check_reason: str | None
    activated_at: datetime | None


class Versions:
    """Reads and writes them."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def add(self, tx: Tx, ente_id: str, connector_id: str, content: Content, author: str) -> int:
        """Save one more; its number."""
        its = connector_versions.c
        where = (its.ente_id == ente_id) & (its.connector_id == connector_id)
        newest = tx.connection.execute(select(func.max(its.version)).where(where)).scalar() or 0
        number = newest + 1
        row = {
            "ente_id": ente_id,
            "connector_id": connector_id,
            "version": number,
            "type": content.type,
            "environment": content.environment,
            "settings_sealed": self._sealed(content.settings, version_place(ente_id, connector_id, number)),
            "overrides_sealed": None,
            "limits": dict(content.limits),
            "author": clipped(author, 200),
            "made_at": tx.now,
        }
        if content.overrides:
            place = version_overrides_place(ente_id, connector_id, number)
            row["overrides_sealed"] = self._sealed(content.overrides, place)
        tx.connection.execute(insert(connector_versions), row)
        return number

    def all_of(self, connection: Connection, ente_id: str, connector_id: str) -> list[Version]:
        """All of a connector, the newest first."""
        its = connector_versions.c
        query = select(connector_versions).where(its.ente_id == ente_id, its.connector_id == connector_id)
        return [self._version(row) for row in connection.execute(query.order_by(its.version.desc()))]

    def names(self, connection: Connection, ente_id: str) -> list[str]:
        """The connectors of an ente of which there is a version."""
        query = select(connector_versions.c.connector_id).where(connector_versions.c.ente_id == ente_id).distinct()
        return sorted(connection.execute(query).scalars())

    def note_check(
        self, tx: Tx, ente_id: str, connector_id: str, version: int, *, passed: bool, reason: str | None
    ) -> None:
        """What a check of the version found."""
        values = {
            "checked_at": tx.now,
            "check_outcome": "passed" if passed else "failed",
            "check_reason": None if reason is None else clipped(reason, 100),
        }
        tx.connection.execute(update(connector_versions).where(_one(ente_id, connector_id, version)).values(values))

    def note_activation(self, tx: Tx, ente_id: str, connector_id: str, version: int) -> None:
        """The version is in force from now on."""
        one = _one(ente_id, connector_id, version)
        tx.connection.execute(update(connector_versions).where(one).values(activated_at=tx.now))

    def _sealed(self, value: Mapping[str, Any], place: str) -> bytes:
        return self._vault.seal(orjson.dumps(dict(value)), place)

    def _version(self, row: Any) -> Version:
        names = (row.ente_id, row.connector_id, row.version)
        overrides = {}
        if row.overrides_sealed is not None:
            overrides = orjson.loads(self._vault.open(row.overrides_sealed, version_overrides_place(*names)))
        content = Content(
            row.type,
            orjson.loads(self._vault.open(row.settings_sealed, version_place(*names))),
            row.limits,
            overrides,
            row.environment,
        )
        return Version(
            row.version,
            content,
            row.author,
            row.made_at,
            row.checked_at,
            row.check_outcome,
            row.check_reason,
            row.activated_at,
        )


def forget_versions(tx: Tx, ente_id: str, connector_id: str) -> int:
    """Take every version of a connector away, with its secrets; how many there were."""
    its = connector_versions.c
    where = (its.ente_id == ente_id) & (its.connector_id == connector_id)
    return tx.connection.execute(delete(connector_versions).where(where)).rowcount


def _one(ente_id: str, connector_id: str, version: int) -> Any:
    its = connector_versions.c
    return (its.ente_id == ente_id) & (its.connector_id == connector_id) & (its.version == version)


def version_place(ente_id: str, connector_id: str, version: int) -> str:
    """Where a version's settings are sealed for."""
    return f"connector_versions|settings|{ente_id}|{connector_id}|{version}"


def version_overrides_place(ente_id: str, connector_id: str, version: int) -> str:
    """The same of what holds for single services."""
    return f"connector_versions|overrides|{ente_id}|{connector_id}|{version}"
