"""What the configured connectors do not serve: the channels that nobody is there for."""

from contracts.items import USUAL_CHANNELS
from hub.dispatch.pool import serving
from hub.home import Home
from hub.store.directory import load_registry


def unserved(home: Home) -> dict[str, list[str]]:
    """By ente, the usual channels without a connector; only enti that have such channels."""
    with home.database.read() as connection:
        configs, registry = home.configuration.load(connection), load_registry(connection)
    found: dict[str, list[str]] = {}
    for ente in registry.enti:
        code = ente.ente_id
        found[code] = [each for each in USUAL_CHANNELS if serving(home.types, configs, code, each) is None]
    return {ente_id: channels for ente_id, channels in found.items() if channels}
