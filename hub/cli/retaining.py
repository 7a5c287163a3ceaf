"""`retention`: how long the items of each collection are kept once they are closed (P5)."""

from typing import Annotated

import typer

from hub.store.files import Files
from hub.store.retention import DEFAULTS, Expire, expire_items, over_now, periods, set_period

from .console import WrongUsage, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, ente_of, opened
from .revealing import administer, committing, on_record

group = typer.Typer(name="retention", help="How long items are kept once they are closed.")
_MOST_MONTHS = 1200


@group.command("set")
def set_(
    collection: Annotated[str, typer.Argument(metavar="COLLECTION")],
    months: Annotated[str, typer.Argument(metavar="MONTHS", help="1 to 1200, or `none`: until a period is set.")],
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Keep items of a collection for so many months after their closing; the hub removes them then by itself."""
    if collection not in DEFAULTS:
        raise WrongUsage(f"COLLECTION: one of {', '.join(DEFAULTS)}")
    if months != "none" and not (months.isascii() and months.isdigit() and 1 <= int(months[:6]) <= _MOST_MONTHS):
        raise WrongUsage(f"MONTHS: a whole number from 1 to {_MOST_MONTHS}, or none")
    period = None if months == "none" else int(months)
    with opened(home) as one:
        with one.database.read() as connection:
            ente_id = ente_of(connection, ente).ente_id
        administer(one, "set_retention", ente_id, lambda tx: set_period(tx, ente_id, collection, period))
    kept = (
        "until a period is set" if period is None else f"{period} {'month' if period == 1 else 'months'} after closing"
    )
    told(
        {"ente_id": ente_id, "collection": collection, "months": period},
        as_json=as_json,
        text=f"{collection} of {ente_id} are kept {kept}",
    )


@group.command("list")
def list_(ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The periods as they hold."""
    with opened(home) as one, one.database.read() as connection:
        found = periods(connection, ente_of(connection, ente).ente_id)
    rows = [{"collection": name, "months": months} for name, months in found.items()]
    table(rows, as_json=as_json, empty="")


@group.command("apply")
def apply(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would go; nothing does.")] = False,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Remove now what is over; a hub that runs does so by itself within hours."""
    if dry_run:
        with opened(home) as one:
            found = over_now(one.database, one.clock.now())
        rows = [{"ente_id": ente_id, "collection": name, "would_go": n} for (ente_id, name), n in sorted(found.items())]
        table(rows, as_json=as_json, empty="nothing would be removed")
        return
    count, place = 0, ""
    with (
        opened(home) as one,
        on_record(one, "apply_retention", None, "items") as after,
        committing(one) as committer,
    ):
        files = Files(one.folder / "files", one.vault)
        while True:
            done = committer.write(expire_items, Expire(place))
            files.remove(done.files)
            count, place = count + done.count, done.after
            if not place:
                break
        after["removed"] = count
    told({"removed": count}, as_json=as_json, text=f"{count} items were removed")
