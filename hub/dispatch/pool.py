"""Connectors ready for use, one instance a configuration version (`settled` 31)."""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.connector import Connector, ConnectorType, Limits, Manifest
from hub.store.configuration import ConnectorConfig
from hub.store.connector_versions import Environment
from hub.store.drafts import Registration
from hub.store.faults import error_name
from hub.store.snapshot import Snapshot
from hub.store.standing import LimitsOf

from .building import BadConfiguration, build, named_secrets
from .routing import Outlet, Outlets, Registrars

log = logging.getLogger(__name__)

LOOK_S = 2.0
"""So often a secret that is only named is looked at again: whoever changes it restarts nothing."""

Configs = dict[tuple[str, str], ConnectorConfig]

ByCreditor = Mapping[tuple[str, str, Environment], Sequence[str]]
"""By (ente_id, creditor_tax_code, environment), the connectors in force, as they are preferred."""


@dataclass(frozen=True, slots=True)
class _Derived:
    """What follows from one picture of the configuration, and from the connectors `made` by then."""

    configs: Configs
    made: int
    outlets: Outlets
    test_outlets: Outlets
    limits: LimitsOf
    resending: frozenset[tuple[str, str]]
    registrars: Registrars
    acting: ByCreditor


@dataclass(slots=True)
class _Ready:
    """A connector as it was made of one version, and of the secrets that this only names."""

    version: int
    connector: Connector
    named: bytes | None
    look_again_at: float


class ConnectorPool:
    """Makes connectors from their configurations, and keeps them while the version holds."""

    def __init__(self, types: Mapping[str, ConnectorType], configs: Snapshot[Configs]) -> None:
        for config in configs().values():
            types.get(config.type)  # loaded now: one that is broken stops the start, and no publication
        self._types = types
        self._configs = configs
        self._ready: dict[tuple[str, str], _Ready] = {}
        self._retired: list[Connector] = []
        self._lock = threading.Lock()
        self._made = 0
        self._known: _Derived | None = None

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
            current = ready if ready is not None and ready.version == config.version else None
            if current is not None and time.monotonic() < current.look_again_at:
                return current.connector
            named = named_secrets(self._types, config)
            if current is not None:
                current.look_again_at = time.monotonic() + LOOK_S
                if named == current.named:
                    return current.connector
            try:
                connector = build(self._types, config)
            except Exception as exc:  # noqa: BLE001 - one that has a bug must not take the others along
                problem = exc if isinstance(exc, BadConfiguration) else error_name(exc)
                log.warning("connector.unusable ente=%s connector=%s problem=%s", *key, problem)
                # Where what is named is being changed, and half of it is there, what was read before serves on.
                return current.connector if current is not None else None
            if ready is not None:
                # Somebody may be using it now, so it is closed with the pool; configurations change seldom.
                self._retired.append(ready.connector)
            self._ready[key] = _Ready(config.version, connector, named, time.monotonic() + LOOK_S)
            self._made += 1
            return connector

    def configs(self) -> Configs:
        """The configurations in force, whatever comes of them."""
        return self._configs()

    def environment(self, ente_id: str, connector_id: str) -> Environment:
        """That of a connector in force; of one that is gone, with which nothing is done, production."""
        config = self._configs().get((ente_id, connector_id))
        return "production" if config is None else config.environment

    def close(self) -> None:
        """Close every connector made here; whoever still uses one has given its claim back."""
        with self._lock:
            for connector in (*self._retired, *(ready.connector for ready in self._ready.values())):
                connector.close()
            self._retired, self._ready = [], {}

    def certificate_ends(self) -> dict[tuple[str, str], datetime]:
        """When the client certificates end of those connectors that are made, and in force. Whoever only looks makes
        none; where what one names was changed, it is made anew, as at its next use."""
        configs = self._configs()
        with self._lock:
            made = [key for key, one in self._ready.items() if key in configs and one.version == configs[key].version]
        found = ((key, self.get(*key)) for key in made)
        shown = {key: [each.ends for each in one.certificates] for key, one in found if one is not None}
        return {key: min(ends) for key, ends in shown.items() if ends}

    def outlets(self) -> Outlets:
        """For each ente and channel, the connector that serves it; of several, the first of `in_turn`. Those for tests
        are none of them."""
        return self._derived().outlets

    def served(self) -> Outlets | None:
        """The outlets as they were last asked for, None before: whoever only looks makes no connector."""
        return None if self._known is None else self._known.outlets

    def test_outlets(self) -> Outlets:
        """The same of connectors for tests: what vendors in their sandbox publish goes by these alone."""
        return self._derived().test_outlets

    def resending(self) -> frozenset[tuple[str, str]]:
        """The connectors whose deliveries go on by themselves after an unknown outcome."""
        return self._derived().resending

    def limits(self) -> LimitsOf:
        """The limits in force, by (ente_id, connector_id)."""
        return self._derived().limits

    def registrars(self) -> Registrars:
        """For each ente and creditor, the connector of each environment that registers its debt positions; of several,
        as for a channel."""
        return self._derived().registrars

    def acting(self) -> ByCreditor:
        """The connectors in force that act for creditors at pagoPA."""
        return self._derived().acting

    def _derived(self) -> _Derived:
        configs, made = self._configs(), self._made
        if self._known is None or self._known.configs is not configs or self._known.made != made:
            outlets: dict[str, dict[tuple[str, str], Outlet]] = {"production": {}, "test": {}}
            limits: dict[tuple[str, str], Limits] = {}
            resending = set()
            registrars: dict[tuple[str, str], dict[Environment, Registration]] = {}
            acting: dict[tuple[str, str, Environment], list[str]] = {}
            for config in in_turn(configs):
                key = (config.ente_id, config.connector_id)
                connector = self.get(*key)
                if connector is not None:
                    limits[key] = connector.manifest.limits
                    if connector.may_repeat:
                        resending.add(key)
                manifest = connector.manifest if connector else _manifest_of_type(self._types, config)
                if manifest is None:
                    continue
                max_age = timedelta(seconds=manifest.limits.max_age_s)
                outlet = Outlet(config.connector_id, max_age, ordered=manifest.ordered)
                outlets[config.environment].setdefault((config.ente_id, manifest.channel), outlet)
                if connector is None or (numbering := connector.numbering) is None:
                    continue
                whose = (config.ente_id, numbering.creditor_tax_code)
                registration = Registration(config.connector_id, max_age, numbering)
                registrars.setdefault(whose, {}).setdefault(config.environment, registration)
                if config.status == "active":
                    acting.setdefault((*whose, config.environment), []).append(config.connector_id)
            of = outlets["production"], outlets["test"]
            self._known = _Derived(configs, made, *of, limits, frozenset(resending), registrars, acting)
        return self._known


def in_turn(configs: Configs) -> list[ConnectorConfig]:
    """In the order in which they are preferred for a channel: the active ones first, then by id."""
    return sorted(configs.values(), key=lambda one: (one.ente_id, one.status != "active", one.connector_id))


def serving(
    types: Mapping[str, ConnectorType],
    configs: Configs,
    ente_id: str,
    channel: str,
    environment: Environment = "production",
) -> ConnectorConfig | None:
    """The connector that serves a channel of an ente: the first active one by id, else the first paused one."""
    its = (one for one in in_turn(configs) if one.ente_id == ente_id and one.environment == environment)
    return next((config for config in its if channel_of(types, config) == channel), None)


def channel_of(types: Mapping[str, ConnectorType], config: ConnectorConfig) -> str | None:
    """The channel that a configuration serves; None where its type is unknown. Makes the connector, as its settings may
    choose the channel, and closes it."""
    try:
        connector = build(types, config)
    except BadConfiguration:
        manifest = _manifest_of_type(types, config)
        return None if manifest is None else manifest.channel
    connector.close()
    return connector.manifest.channel


def _manifest_of_type(types: Mapping[str, ConnectorType], config: ConnectorConfig) -> Manifest | None:
    """What stands for a connector that cannot be made: its channel is served, and what goes there is held."""
    kind = types.get(config.type)
    return None if kind is None else kind.manifest
