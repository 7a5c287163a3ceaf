"""What the configured connectors serve: which channel, for whom, and which channels nobody serves."""

from collections.abc import Mapping

from contracts.connector import ConnectorType
from contracts.items import USUAL_CHANNELS
from hub.dispatch.pool import Configs, channel_of, in_turn
from hub.home import Home
from hub.store.configuration import ConnectorConfig
from hub.store.connector_versions import Environment
from hub.store.directory import load_registry


def pick(
    types: Mapping[str, ConnectorType],
    configs: Configs,
    ente_id: str,
    channel: str,
    environment: Environment = "production",
) -> ConnectorConfig | None:
    """The connector that serves a channel of an ente: the first active one by id, else the first paused one."""
    its = (one for one in in_turn(configs) if one.ente_id == ente_id and one.environment == environment)
    return next((config for config in its if channel_of(types, config) == channel), None)


def unserved(home: Home) -> dict[str, list[str]]:
    """By ente, the usual channels without a connector; only enti that have such channels."""
    with home.database.read() as connection:
        configs, registry = home.configuration.load(connection), load_registry(connection)
    found: dict[str, list[str]] = {}
    for ente in registry.enti:
        code = ente.ente_id
        found[code] = [each for each in USUAL_CHANNELS if pick(home.types, configs, code, each) is None]
    return {ente_id: channels for ente_id, channels in found.items() if channels}
