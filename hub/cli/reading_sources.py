"""`connector poll` and `connector upload`: what a source has is taken in now, with its progress; `connector missing`:
what it has no more."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from contracts.failures import Failure
from hub.admin.connector_views import target_of
from hub.admin.sources import counts_of
from hub.bootstrap import Hub
from hub.errors import StoreUnavailable
from hub.home import Home
from hub.inbound.taking import Tally
from hub.store.configuration import ConnectorConfig
from hub.store.missing import missing_of

from .connector_settings import failed
from .connectors import ConnectorId, config_of
from .console import Failed, WrongUsage, complain, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, opened
from .revealing import on_record

_TELL_EVERY = 1000
"""Records between two words of how far a reading is."""


def poll(connector_id: ConnectorId, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Read a source now, to the end of what it has, whenever its next turn would be."""
    with opened(home) as one:
        config = config_of(one, ente, connector_id)
        with taking(one, "poll_source", config) as (hub, after):
            watch = _progress()
            tally = hub.inbound.polling.once(config, watch=lambda progress: watch(progress.tally)) or Tally()
            after |= counts_of(tally)
    _tell(config, tally, as_json=as_json)


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
        with taking(one, "upload_source_file", config) as (hub, after):
            tally = hub.sources.take_in(config.ente_id, connector_id, content, seen=_progress())
            after |= counts_of(tally)
    _tell(config, tally, as_json=as_json)


def missing(
    connector_id: ConnectorId,
    withdrawn: Annotated[
        bool, typer.Option("--withdrawn", help="Those too that were taken back in the last 30 days.")
    ] = False,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """What a source seems to have no more. It is asked about each of them, and what it denies is taken back: up to
    `withdraw_at_most` a day, and none where there are more. `lacked_again`: a second whole round lacked it as well."""
    with opened(home) as one:
        config = config_of(one, ente, connector_id)
        with one.database.read() as connection:
            found = missing_of(connection, config.ente_id, connector_id, withdrawn=withdrawn)
    shown = ("name", "since", "lacked_again", "withdrawn_at")
    rows = [{name: getattr(each, name) for name in shown} for each in found]
    table(rows, as_json=as_json, empty="nothing is missing")


@contextmanager
def taking(home: Home, operation: str, config: ConnectorConfig) -> Iterator[tuple[Hub, dict[str, Any]]]:
    """A hub at work that takes in what a source has, which is on record, and where its counts go."""
    target = target_of(config.connector_id)
    with (
        told_failures(config.connector_id),
        on_record(home, operation, config.ente_id, target) as after,
        at_work(home) as hub,
    ):
        yield hub, after


@contextmanager
def at_work(home: Home) -> Iterator[Hub]:
    hub = Hub(home)
    with hub.working():
        yield hub


@contextmanager
def told_failures(connector_id: str) -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        raise failed(connector_id, failure) from None
    except StoreUnavailable as fault:
        raise Failed(f"connector {connector_id}: {fault.code}: {fault.cause}; what was taken before stays") from None


def _progress() -> Callable[[Tally], None]:
    """Tells how far it is on standard error, so that what is printed at the end can be read by a machine."""
    told_at = 0

    def watch(tally: Tally) -> None:
        nonlocal told_at
        if tally.total >= told_at + _TELL_EVERY:
            told_at = tally.total
            complain(f"... {told_at} records")

    return watch


def _tell(config: ConnectorConfig, tally: Tally, *, as_json: bool) -> None:
    counts = counts_of(tally)
    text = ", ".join(f"{number} {name}" for name, number in counts.items() if number) or "nothing there"
    told({"connector_id": config.connector_id, **counts}, as_json=as_json, text=f"{config.connector_id}: {text}")


commands: dict[str, Callable[..., None]] = {"poll": poll, "upload": upload, "missing": missing}
