"""`connector poll` and `connector upload`: what a source has is taken in now, with its progress."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from contracts.connector import Connector
from contracts.failures import Failure
from contracts.inbound import Found
from hub.bootstrap import Hub
from hub.errors import StoreUnavailable
from hub.home import Home
from hub.inbound.polling import Progress
from hub.inbound.taking import Source, Tally
from hub.store.configuration import ConnectorConfig

from .connector_settings import failed
from .connectors import ConnectorId, config_of
from .console import Failed, WrongUsage, complain, told
from .options import HOME, AsJson, EnteCode, HomeFolder, opened

_TELL_EVERY = 1000
"""Records between two words of how far a reading is."""
_ORDER = ("taken", "withdrawn", "unchanged", "quarantined", "passed")


def poll(connector_id: ConnectorId, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Read a source now, to the end of what it has, whenever its next turn would be."""
    with opened(home) as one:
        config = config_of(one, ente, connector_id)
        with _at_work(one) as hub, _told_failures(connector_id):
            tally = hub.inbound.polling.once(config, watch=_progress())
    _tell(config, tally or Tally(), as_json=as_json)


def upload(
    connector_id: ConnectorId,
    file: Annotated[Path, typer.Option("--file", metavar="FILE", help="What the source exported.")],
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Take in a file that a source exported; what has not changed since the last one is passed over."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise WrongUsage(f"--file: {error.strerror or error}") from None
    with opened(home) as one:
        config = config_of(one, ente, connector_id)
        with _at_work(one) as hub, _told_failures(connector_id):
            tally = taken_in(hub, config, content, again=False)
    _tell(config, tally, as_json=as_json)


def taken_in(hub: Hub, config: ConnectorConfig, content: bytes, *, again: bool) -> Tally:
    """Take in what a connector reads of some content. Raises Failed where it reads none, and as `Taker.take`."""
    connector: Connector | None = hub.connectors.get(config.ente_id, config.connector_id)
    if connector is None or connector.read is None:
        raise Failed(f"connector {config.connector_id} of type {config.type} reads no files")
    source = Source.of(config)
    found: Iterator[Found] = iter(connector.read(content))
    watch = _progress()
    return hub.inbound.taker.take(source, found, again=again, seen=lambda tally: watch(Progress(0, tally, False)))


@contextmanager
def _at_work(home: Home) -> Iterator[Hub]:
    hub = Hub(home)
    with hub.working():
        yield hub


@contextmanager
def _told_failures(connector_id: str) -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        raise failed(connector_id, failure) from None
    except StoreUnavailable as fault:
        raise Failed(f"connector {connector_id}: {fault.code}: {fault.cause}; what was taken before stays") from None


def _progress() -> Callable[[Progress], None]:
    """Tells how far it is on standard error, so that what is printed at the end can be read by a machine."""
    told_at = 0

    def watch(progress: Progress) -> None:
        nonlocal told_at
        if progress.tally.total >= told_at + _TELL_EVERY:
            told_at = progress.tally.total
            complain(f"... {told_at} records")

    return watch


def _tell(config: ConnectorConfig, tally: Tally, *, as_json: bool) -> None:
    counts: dict[str, Any] = {name: tally.counts[name] for name in _ORDER}
    text = ", ".join(f"{number} {name}" for name, number in counts.items() if number) or "nothing there"
    told({"connector_id": config.connector_id, **counts}, as_json=as_json, text=f"{config.connector_id}: {text}")


commands: dict[str, Callable[..., None]] = {"poll": poll, "upload": upload}
