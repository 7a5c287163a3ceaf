"""`quarantine`: what sources had and could not become an item."""

from typing import Annotated, Any

import typer

from hub.admin.errors import ConnectorUnknown
from hub.admin.quarantine import discarded, retried
from hub.admin.sources import Sources
from hub.home import Home
from hub.security.left import EnteEnded
from hub.store.quarantine import Entry, NotInQuarantine, entries, entry, raw_of

from .console import Failed, WrongUsage, record, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, ente_of, opened
from .reading_sources import at_work, told_failures
from .revealing import Reveal, actor_of, log_access, perform

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
    """Read entries anew, after the mapping, the catalogue or the vendor's rights were set right.

    A record about which somebody has to decide, such as a second receipt of one notice, is taken by its name alone:
    --connector leaves it, and of a body that has left all but receipts.
    """
    if not quarantine_ids and connector is None:
        raise WrongUsage("name entries, or --connector")
    with opened(home) as one:
        with one.database.read() as connection:
            code = ente_of(connection, ente).ente_id
            if quarantine_ids:
                found = [_entry(connection, code, each) for each in quarantine_ids]
            else:
                found = entries(connection, code, connector_id=connector, limit=_MOST)
        results = []
        with at_work(one) as hub:
            for each in found:
                if each.decided is not None:
                    continue
                if not quarantine_ids and each.is_for_a_person:
                    results.append({"quarantine_id": each.quarantine_id, "result": "needs_decision"})
                    continue
                try:
                    results.append(_retried(one, hub.sources, each))
                except EnteEnded as refusal:
                    if quarantine_ids:
                        raise
                    results.append({"quarantine_id": each.quarantine_id, "result": refusal.code})
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
            if _entry(connection, code, quarantine_id).decided is not None:
                raise Failed(f"about {quarantine_id} it was decided already")
        perform(one, discarded(actor_of(code), quarantine_id))
    value = {"quarantine_id": quarantine_id, "decided": "discarded"}
    told(value, as_json=as_json, text=f"{quarantine_id} is discarded")


def _retried(home: Home, sources: Sources, each: Entry) -> dict[str, Any]:
    try:
        with told_failures(each.connector_id):
            before, after = sources.retry(each.ente_id, each.quarantine_id)
    except ConnectorUnknown:
        raise Failed(
            f"connector {each.connector_id} is gone: discard {each.quarantine_id}, or set it up again"
        ) from None
    perform(home, retried(actor_of(each.ente_id), before, after))
    return {"quarantine_id": each.quarantine_id, "result": after.decided or "quarantined"}


def _entry(connection: Any, ente_id: str, quarantine_id: str) -> Entry:
    try:
        return entry(connection, ente_id, quarantine_id)
    except NotInQuarantine:
        raise Failed(f"there is no entry {quarantine_id!r} in {ente_id}") from None


def _shown(each: Entry) -> dict[str, Any]:
    return {
        "quarantine_id": each.quarantine_id,
        "ente_id": each.ente_id,
        "connector_id": each.connector_id,
        "name": each.name,
        "collection": each.collection,
        "times": each.times,
        "first_at": each.first_at,
        "last_at": each.last_at,
        "decided": each.decided,
        "wrong": [dict(one) for one in each.wrong],
    }
