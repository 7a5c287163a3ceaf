"""`serve --simulate`: simulated providers beside the hub, and connectors that point at them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from contracts.items import COLLECTIONS
from hub.bootstrap import simulations
from hub.home import Home, HomeError, sole
from hub.registry import Vendor
from hub.store.configuration import ConnectorConfig, set_status
from hub.store.directory import add_vendor, load_registry

from .console import WrongUsage

FOLDER = "simulated"
_RECORD = "settings.json"
_LOCK = "simulating.lock"
_NOT_YET = "a simulated source: activate it to read it"


@contextmanager
def simulating_alone(home: Home) -> Iterator[None]:
    """Until the block ends no other process of the home simulates: its connectors can point at one set of providers.

    Raises:
        WrongUsage: another process simulates.
    """
    (home.folder / FOLDER).mkdir(mode=0o700, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(sole(home.folder / FOLDER / _LOCK))
        except HomeError:
            raise WrongUsage("--simulate: another process of this home simulates the providers already") from None
        yield


def is_simulating(home: Home) -> bool:
    """Whether a process of the home simulates the providers now."""
    lock = home.folder / FOLDER / _LOCK
    try:
        with sole(lock) if lock.exists() else nullcontext():
            return False
    except HomeError:
        return True


@contextmanager
def simulated(home: Home) -> Iterator[Mapping[str, Path]]:
    """The simulated providers at work until the block ends; gives the folder of each, by connector.

    Every ente's connector of the simulated type's name gets a new version that points at the provider, unless the ente
    has left; its limits, and settings that the simulator does not speak of, stay. Where one of such a type, under
    whatever name, points at a real provider, nothing is simulated: its credentials would be lost, or notices meant for
    it go to the simulator.

    Raises:
        WrongUsage: there is such a connector.
    """
    folder = home.folder / FOLDER
    found = simulations(folder, home.types)
    for (ente_id, name), config in _configs(home).items():
        if (name in found or config.type in found) and not is_simulated(home, config):
            raise WrongUsage(
                f"--simulate: connector {name} of {ente_id} was configured by a person: its notices would go to a "
                "simulator, its settings be lost; simulate in another --home"
            )
    with ExitStack() as stack:
        for name, simulation in found.items():
            settings = dict(simulation.start())
            stack.callback(simulation.stop)
            (folder / name / _RECORD).write_text(json.dumps(settings, indent=2) + "\n")
            _point(home, name, settings)
        yield {name: folder / name for name in found}


def addresses_of(folders: Mapping[str, Path]) -> dict[str, str]:
    """The base address of each simulator that speaks HTTP, by connector: where its faults are switched on."""
    found = {}
    for name, folder in folders.items():
        settings: dict[str, Any] = json.loads((folder / _RECORD).read_text())
        urls = [urlsplit(value) for value in settings.values() if isinstance(value, str)]
        plain = [f"{url.scheme}://{url.netloc}" for url in urls if url.scheme == "http" and url.netloc]
        if plain:
            found[name] = plain[0]
    return found


def still_simulated(home: Home) -> list[tuple[str, str]]:
    """The connectors that point at a simulator, as (ente_id, connector_id)."""
    return [key for key, config in sorted(_configs(home).items()) if is_simulated(home, config)]


def is_simulated(home: Home, config: ConnectorConfig) -> bool:
    """Whether the connector still points at a simulator.

    Then some text that the last one gave is still in its settings, and every whole number: a real mail server may also
    be at 127.0.0.1, but not at the same port.
    """
    try:
        last: dict[str, Any] = json.loads((home.folder / FOLDER / config.connector_id / _RECORD).read_text())
    except (OSError, ValueError):
        return False
    kept = {key for key, value in last.items() if config.settings.get(key) == value}
    numbers = {key for key, value in last.items() if isinstance(value, int)}
    texts = {key for key, value in last.items() if isinstance(value, str)}
    return numbers <= kept and not texts.isdisjoint(kept)


def _point(home: Home, name: str, settings: Mapping[str, Any]) -> None:
    configs, vendor_id = _configs(home), settings.get("vendor_id")
    with home.database.write() as tx:
        registry = load_registry(tx.connection)
        for ente in registry.served:
            if isinstance(vendor_id, str) and (ente.ente_id, vendor_id) not in registry.vendors:
                add_vendor(tx, _source(ente.ente_id, vendor_id), [])
            present = configs.get((ente.ente_id, name))
            home.configuration.save(
                tx,
                ente_id=ente.ente_id,
                connector_id=name,
                type=name,
                settings={**(present.settings if present else {}), **settings},
                limits=present.limits if present else {},
                overrides=present.overrides if present else {},
                environment=present.environment if present else "production",
                author="serve --simulate",
            )
            if present is None and vendor_id is not None:
                # It has items of its own, which nobody who tries out his own is waiting for.
                set_status(tx, ente.ente_id, name, status="paused", reason=_NOT_YET)


def _source(ente_id: str, vendor_id: str) -> Vendor:
    """Whose items a simulated source has. Without a key it can sign nothing itself."""
    name = f"{vendor_id} (simulato)"
    return Vendor(ente_id, vendor_id, name, "jwk", True, (), vendor_id, collections=frozenset(COLLECTIONS))


def _configs(home: Home) -> dict[tuple[str, str], ConnectorConfig]:
    with home.database.read() as connection:
        return home.configuration.load(connection)
