"""What the configured connectors serve: which channel, for whom, and which channels nobody serves."""

from collections.abc import Mapping
from typing import get_args

from contracts.connector import ConnectorType
from contracts.failures import Misconfigured
from contracts.items import Channel
from hub.dispatch.pool import BadConfiguration, Configs, build
from hub.home import Home
from hub.store.configuration import ConnectorConfig
from hub.store.directory import load_registry

CHANNELS: tuple[str, ...] = get_args(Channel)


def pick(types: Mapping[str, ConnectorType], configs: Configs, ente_id: str, channel: str) -> ConnectorConfig | None:
    """The connector that serves a channel of an ente: the first active one by id, else the first paused one."""
    found = [
        config
        for (ente, _), config in sorted(configs.items())
        if ente == ente_id and _channel(types, config) == channel
    ]
    active = (config for config in found if config.status == "active")
    return next(active, found[0] if found else None)


def unserved(home: Home) -> dict[str, list[str]]:
    """By ente, the channels without a connector; only enti that have such channels."""
    with home.database.read() as connection:
        configs, registry = home.configuration.load(connection), load_registry(connection)
    found = {
        ente.ente_id: [channel for channel in CHANNELS if pick(home.types, configs, ente.ente_id, channel) is None]
        for ente in registry.enti
    }
    return {ente_id: channels for ente_id, channels in found.items() if channels}


def _channel(types: Mapping[str, ConnectorType], config: ConnectorConfig) -> str | None:
    """None where the settings do not fit. The connector is made, as its settings may choose the channel."""
    try:
        connector = build(types, config)
    except (BadConfiguration, Misconfigured):
        return None
    connector.close()
    return connector.manifest.channel
