"""Connectors ready for use, one instance a configuration version (`settled` 31)."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import orjson
from pydantic import ValidationError

from contracts.connector import Connector, ConnectorType, Limits
from hub.store.configuration import ConnectorConfig
from hub.store.lanes import LimitsOf
from hub.store.snapshot import Snapshot

from .routing import Outlet, Outlets

log = logging.getLogger(__name__)

Configs = dict[tuple[str, str], ConnectorConfig]


class BadConfiguration(Exception):
    """The settings of a connector do not fit its type; the text names the settings, never their values."""


class ConnectorPool:
    """Makes connectors from their configurations, and keeps them while the version holds."""

    def __init__(self, types: Mapping[str, ConnectorType], configs: Snapshot[Configs]) -> None:
        self._types = types
        self._configs = configs
        self._ready: dict[tuple[str, str], tuple[int, Connector]] = {}
        self._retired: list[Connector] = []
        self._lock = threading.Lock()
        self._routes: tuple[Configs, Outlets] | None = None
        self._limits: tuple[Configs, LimitsOf] | None = None

    def get(self, ente_id: str, connector_id: str, version: int = 0) -> Connector | None:
        """The connector in force, at `version` or newer; None when it is gone or its settings no longer fit."""
        key = (ente_id, connector_id)
        config = self._configs().get(key)
        if version > (config.version if config else 0):
            # Changed less than a second ago: working with the old settings could pause what was just set right.
            self._configs.poll()
            config = self._configs().get(key)
        if config is None:
            return None
        with self._lock:
            ready = self._ready.get(key)
            if ready is not None and ready[0] == config.version:
                return ready[1]
            try:
                connector = build(self._types, config)
            except BadConfiguration as exc:
                log.warning("connector.unusable connector=%s problem=%s", connector_id, exc)
                return None
            if ready is not None:
                # Somebody may be using it now, so it is closed with the pool; configurations change seldom.
                self._retired.append(ready[1])
            self._ready[key] = (config.version, connector)
            return connector

    def close(self) -> None:
        """Close every connector made here; nobody may be using one any more."""
        with self._lock:
            for connector in (*self._retired, *(ready for _, ready in self._ready.values())):
                connector.close()
            self._retired, self._ready = [], {}

    def outlets(self) -> Outlets:
        """For each ente and channel, the connector that serves it; of several, the first by id."""
        configs = self._configs()
        if self._routes is not None and self._routes[0] is configs:
            return self._routes[1]
        found: dict[tuple[str, str], Outlet] = {}
        for (ente_id, connector_id), _ in sorted(configs.items()):
            connector = self.get(ente_id, connector_id)
            if connector is not None:
                manifest = connector.manifest
                max_age = timedelta(seconds=manifest.limits.max_age_s)
                outlet = Outlet(connector_id, max_age, ordered=manifest.ordered)
                found.setdefault((ente_id, manifest.channel), outlet)
        self._routes = (configs, found)
        return found

    def resending(self) -> frozenset[tuple[str, str]]:
        """The connectors whose deliveries go on by themselves after an unknown outcome."""
        return frozenset(
            key for key in self._configs() if (connector := self.get(*key)) is not None and connector.may_repeat
        )

    def limits(self) -> LimitsOf:
        """The limits in force, by (ente_id, connector_id)."""
        configs = self._configs()
        if self._limits is None or self._limits[0] is not configs:
            found = {key: connector.manifest.limits for key in configs if (connector := self.get(*key)) is not None}
            self._limits = (configs, found)
        return self._limits[1]


def build(types: Mapping[str, ConnectorType], config: ConnectorConfig) -> Connector:
    """The connector of a configuration. Raises BadConfiguration."""
    kind = types.get(config.type)
    if kind is None:
        raise BadConfiguration(f"there is no connector type {config.type}")
    try:
        settings = kind.settings.model_validate_json(orjson.dumps(dict(config.settings)))
        limits = Limits.model_validate({**kind.manifest.limits.model_dump(), **config.limits})
    except ValidationError as exc:
        faults = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors(include_input=False))
        raise BadConfiguration("; ".join(faults)) from None
    connector = kind.connect(settings, limits)
    # Retries and age follow the limits in force, whatever manifest the connector carries.
    return replace(connector, manifest=connector.manifest.model_copy(update={"limits": limits}))
