"""`quarantine`: what sources had and could not become an item."""

from typing import Annotated, Any

import typer

from hub.bootstrap import Hub
from hub.errors import StoreUnavailable
from hub.home import Home
from hub.store.configuration import ConnectorConfig
from hub.store.quarantine import Entry, NotInQuarantine, discard, entries, entry, raw_of

from .console import Failed, record, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, ente_of, opened
from .reading_sources import taken_in
from .revealing import Reveal, administer, log_access

group = typer.Typer(name="quarantine", help="What sources had and could not become an item.")
QuarantineId = Annotated[str, typer.Argument(metavar="QUARANTINE_ID")]
_MOST = 500


@group.command("list")
def list_(
    connector: Annotated[str | None, typer.Option("--connector", metavar="ID", help="Of one connector alone.")] = None,
    decided: Annotated[bool, typer.Option("--decided", help="Those too about which something was decided.")] = False,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """The entries, oldest first, with the first of their faults: nothing personal."""
    with opened(home) as one, one.database.read() as connection:
        code = ente_of(connection, ente).ente_id
        found = entries(connection, code, connector_id=connector, open_only=not decided, limit=_MOST)
    rows = [_shown(each) for each in found]
    if not as_json:
        for row in rows:
            row["wrong"] = "; ".join(f"{one['pointer']} {one['code']}".strip() for one in row["wrong"][:2])
    table(rows, as_json=as_json, empty="nothing is in quarantine")


@group.command("show")
def show(
    quarantine_id: QuarantineId,
    reveal: Reveal = False,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """One entry with each of its faults; with --reveal what came as well, which is personal data."""
    with opened(home) as one:
        with one.database.read() as connection:
            code = ente_of(connection, ente).ente_id
            found = _entry(connection, code, quarantine_id)
        value = _shown(found)
        if reveal:
            log_access(one, "reveal_quarantine", ente_id=code)
            with one.database.read() as connection:
                try:
                    value["raw"] = raw_of(connection, one.vault, code, quarantine_id).decode("utf-8", "replace")
                except NotInQuarantine:
                    value["raw"] = None
    record(value, as_json=as_json)


@group.command("retry")
def retry(
    quarantine_ids: Annotated[list[str] | None, typer.Argument(metavar="QUARANTINE_ID...")] = None,
    connector: Annotated[str | None, typer.Option("--connector", metavar="ID", help="All of one connector.")] = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Read entries anew, after the mapping, the catalogue or the vendor's rights were set right."""
    if not quarantine_ids and connector is None:
        raise Failed("name entries, or --connector")
    with opened(home) as one:
        with one.database.read() as connection:
            code = ente_of(connection, ente).ente_id
            if quarantine_ids:
                found = [_entry(connection, code, each) for each in quarantine_ids]
            else:
                found = entries(connection, code, connector_id=connector, limit=_MOST)
            configs = one.configuration.load(connection)
        hub = Hub(one)
        with hub.working():
            results = [_retried(hub, one, configs, each) for each in found if each.decided is None]
    out = sum(result["result"] == "taken" for result in results)
    value = {"taken": out, "left": len(results) - out, "entries": results}
    told(value, as_json=as_json, text=f"{out} taken, {len(results) - out} left in quarantine")
    if out < len(results):
        raise typer.Exit(1)


@group.command("discard")
def discard_(
    quarantine_id: QuarantineId, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False
) -> None:
    """Decide that nothing will become of an entry. Its content goes; that it was there stays on record."""
    with opened(home) as one:
        with one.database.read() as connection:
            code = ente_of(connection, ente).ente_id
            _entry(connection, code, quarantine_id)
        try:
            administer(one, "discard_quarantine", code, lambda tx: discard(tx, code, quarantine_id))
        except NotInQuarantine:
            raise Failed(f"about {quarantine_id} it was decided already") from None
    value = {"quarantine_id": quarantine_id, "decided": "discarded"}
    told(value, as_json=as_json, text=f"{quarantine_id} is discarded")


def _retried(hub: Hub, home: Home, configs: dict[tuple[str, str], ConnectorConfig], each: Entry) -> dict[str, Any]:
    config = configs.get((each.ente_id, each.connector_id))
    if config is None:
        raise Failed(f"connector {each.connector_id} is gone: discard {each.quarantine_id}, or set it up again")
    with home.database.read() as connection:
        raw = raw_of(connection, home.vault, each.ente_id, each.quarantine_id)
    try:
        taken_in(hub, config, raw, again=True)
    except StoreUnavailable as fault:
        raise Failed(f"{fault.code}: {fault.cause}") from None
    with home.database.read() as connection:
        decided = entry(connection, each.ente_id, each.quarantine_id).decided
    return {"quarantine_id": each.quarantine_id, "result": decided or "quarantined"}


def _entry(connection: Any, ente_id: str, quarantine_id: str) -> Entry:
    try:
        return entry(connection, ente_id, quarantine_id)
    except NotInQuarantine:
        raise Failed(f"there is no entry {quarantine_id} in {ente_id}") from None


def _shown(each: Entry) -> dict[str, Any]:
    return {
        "quarantine_id": each.quarantine_id,
        "ente_id": each.ente_id,
        "connector_id": each.connector_id,
        "name": each.name,
        "collection": each.collection,
        "times": each.times,
        "first_at": each.first_at.isoformat(),
        "last_at": each.last_at.isoformat(),
        "decided": each.decided,
        "wrong": [dict(one) for one in each.wrong],
    }
