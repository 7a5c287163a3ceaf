"""Connectors as administrators see them: types, versions, what differs between two; never a secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from contracts.base import rfc3339
from contracts.connector import ConnectorType, Limits
from hub.dispatch import settings_form
from hub.dispatch.settings_form import schema_of, secret_names, secrets
from hub.store.configuration import Configuration, ConnectorConfig
from hub.store.connector_versions import Content, Version
from hub.store.tables import clipped

from .errors import ConnectorTypeUnknown, ConnectorUnknown, ConnectorVersionUnknown, none_such


@dataclass(frozen=True, slots=True)
class Known:
    """A connector with all its versions, newest first; `config` is what is in force."""

    ente_id: str
    connector_id: str
    config: ConnectorConfig | None
    versions: tuple[Version, ...]

    @property
    def newest(self) -> Version:
        return self.versions[0]

    @property
    def in_force(self) -> int | None:
        return None if self.config is None else self.config.content_version

    def version(self, number: int) -> Version:
        """That version. Raises ConnectorVersionUnknown."""
        found = [one for one in self.versions if one.version == number]
        if not found:
            raise ConnectorVersionUnknown(
                none_such("nessuna versione", "version", sorted(each.version for each in self.versions))
            )
        return found[0]

    def state_of(self, version: Version) -> str:
        """Where a version is in its life."""
        if self.config is not None and version.version == self.in_force:
            return self.config.status
        if version.activated_at is not None:
            return "superseded"
        return "tested" if version.check_outcome == "passed" else "draft"

    @property
    def state(self) -> str:
        return self.config.status if self.config is not None else self.state_of(self.newest)


@dataclass(frozen=True, slots=True)
class ConnectorViews:
    """Connectors and their types as administrators see them; each reading is of one ente."""

    types: Mapping[str, ConnectorType]
    configuration: Configuration

    def type_views(self) -> list[tuple[str, dict[str, Any]]]:
        """The types, by name."""
        return [(name, self.type_view(name)) for name in sorted(self.types)]

    def type_view(self, name: str) -> dict[str, Any]:
        """contracts.connector_administration.ConnectorTypeView. Raises ConnectorTypeUnknown."""
        kind = self.types.get(name)
        if kind is None:
            raise ConnectorTypeUnknown(none_such("nessun tipo di connettore", "type of connector", sorted(self.types)))
        schema = schema_of(kind.settings)
        return {
            "connector_type": name,
            "title": kind.manifest.title,
            "channel": kind.manifest.channel,
            "settings_schema": schema,
            "limits_schema": schema_of(Limits),
            "default_limits": kind.manifest.limits.model_dump(mode="json"),
            "secret_members": secret_names(schema),
        }

    def all_of(self, connection: Connection, ente_id: str) -> list[Known]:
        """Those of an ente, drafts too."""
        configs = self.configuration.load(connection)
        names = self.configuration.versions.names(connection, ente_id)
        found = [self._known(connection, configs, ente_id, name) for name in names]
        return [one for one in found if one is not None]

    def one_of(self, connection: Connection, ente_id: str, connector_id: str) -> Known:
        """One of them. Raises ConnectorUnknown."""
        found = self._known(connection, self.configuration.load(connection), ente_id, connector_id)
        if found is None:
            names = self.configuration.versions.names(connection, ente_id)
            raise ConnectorUnknown(none_such("nessun connettore", "connector", names))
        return found

    def _known(
        self, connection: Connection, configs: Mapping[tuple[str, str], ConnectorConfig], ente_id: str, name: str
    ) -> Known | None:
        versions = tuple(self.configuration.versions.all_of(connection, ente_id, name))
        return Known(ente_id, name, configs.get((ente_id, name)), versions) if versions else None

    def view(self, one: Known) -> dict[str, Any]:
        """contracts.connector_administration.ConnectorView."""
        return {
            "connector_id": one.connector_id,
            "connector_type": one.newest.content.type,
            "state": one.state,
            "paused_reason": None if one.config is None else one.config.paused_reason,
            "version_in_force": one.in_force,
            "newest": self.version_view(one, one.newest),
        }

    def version_view(self, one: Known, version: Version) -> dict[str, Any]:
        """contracts.connector_administration.ConnectorVersion."""
        return {
            "version": version.version,
            "state": one.state_of(version),
            **self.shown(version.content),
            "author": clipped(version.author, 120),
            "made_at": rfc3339(version.made_at),
            "checked_at": None if version.checked_at is None else rfc3339(version.checked_at),
            "check_outcome": version.check_outcome,
            "check_reason": version.check_reason,
            "activated_at": None if version.activated_at is None else rfc3339(version.activated_at),
        }

    def differences(self, before: Version, after: Version) -> list[dict[str, Any]]:
        """What differs between two versions, by JSON pointer."""
        old, new = (self._leaves(version.content) for version in (before, after))
        found = []
        for pointer in sorted(old.keys() | new.keys()):
            was, now = old.get(pointer), new.get(pointer)
            if was == now or _is_filled(pointer, was, new) or _is_filled(pointer, now, old):
                continue
            change = "added" if was is None else "removed" if now is None else "changed"
            secret = any(each is not None and each[0] for each in (was, now))
            values = {} if secret else {"before": was and was[1], "after": now and now[1]}
            found.append({"pointer": pointer, "change": change, "secret": secret} | values)
        return found

    def shown(self, content: Content) -> dict[str, Any]:
        """A version's content without its secrets."""
        schema = self._schema(content.type)
        settings, hidden = settings_form.shown(schema, content.settings)
        overrides: dict[str, Any] = {}
        found = {f"/settings{pointer}": reference for pointer, reference in hidden.items()}
        for service_id, own in content.overrides.items():
            overrides[service_id], hidden = settings_form.shown(schema, own)
            found |= {f"/service_overrides/{service_id}{pointer}": each for pointer, each in hidden.items()}
        told = [
            {"pointer": pointer, "reference": None if each == "set" else each}
            for pointer, each in sorted(found.items())
        ]
        return {
            "environment": content.environment,
            "settings": settings,
            "limits": dict(content.limits),
            "service_overrides": overrides,
            "secrets": told,
        }

    def _leaves(self, content: Content) -> dict[str, tuple[bool, Any]]:
        """Every member by its pointer: whether it is a secret, and its value."""
        schema = self._schema(content.type)
        hidden = {f"/settings{pointer}": value for pointer, value in secrets(schema, content.settings).items()}
        for service_id, own in content.overrides.items():
            place = f"/service_overrides/{service_id}"
            hidden |= {f"{place}{pointer}": value for pointer, value in secrets(schema, own).items()}
        whole = {
            "connector_type": content.type,
            "environment": content.environment,
            "settings": content.settings,
            "limits": content.limits,
            "service_overrides": content.overrides,
        }
        found = {pointer: (pointer in hidden, value) for pointer, value in _leaves(whole, "", frozenset(hidden))}
        return {pointer: each for pointer, each in found.items() if each[1] is not None}

    def _schema(self, name: str) -> Mapping[str, Any]:
        kind = self.types.get(name)
        return {"properties": {}, "additionalProperties": False} if kind is None else schema_of(kind.settings)


def _leaves(value: Any, pointer: str, whole: frozenset[str]) -> list[tuple[str, Any]]:
    if pointer in whole or not isinstance(value, Mapping) or (pointer and not value):
        return [(pointer, value)]
    return [
        leaf
        for name, member in value.items()
        for leaf in _leaves(member, f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}", whole)
    ]


def _is_filled(pointer: str, leaf: tuple[bool, Any] | None, other: Mapping[str, Any]) -> bool:
    """Whether it is an empty object here and has members there, which are what differs."""
    return leaf == (False, {}) and any(place.startswith(f"{pointer}/") for place in other)


def sides(differences: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was and what is now, for the record: of a secret, that it is another one."""
    before, after = {}, {}
    for each in differences:
        hidden = "(secret)" if each["secret"] else None
        if each["change"] != "added":
            before[each["pointer"]] = hidden or each.get("before")
        if each["change"] != "removed":
            after[each["pointer"]] = f"{hidden} changed" if hidden else each.get("after")
    return before, after


def standing(one: Known) -> dict[str, Any]:
    """How a connector stands, for the record."""
    reason = None if one.config is None else one.config.paused_reason
    return {"state": one.state, "version_in_force": one.in_force, "paused_reason": reason}


def target_of(connector_id: str) -> str:
    """What stands in the record for the connector."""
    return f"connectors/{connector_id}"
