"""What the configured connectors do not serve: the channels that nobody is there for."""

from contracts.items import USUAL_CHANNELS
from hub.dispatch.pool import serving
from hub.home import Home
from hub.store.directory import load_registry


def unserved(home: Home) -> dict[tuple[str, ...], list[str]]:
    """The usual channels without a connector, and the enti that lack just these; of those that are served."""
    with home.database.read() as connection:
        configs, registry = home.configuration.load(connection), load_registry(connection)
    found: dict[tuple[str, ...], list[str]] = {}
    for code in (ente.ente_id for ente in registry.served):
        lacking = tuple(each for each in USUAL_CHANNELS if serving(home.types, configs, code, each) is None)
        if lacking:
            found.setdefault(lacking, []).append(code)
    return found
