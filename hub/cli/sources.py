"""`source`: what is agreed with the systems of vendors, and how they stand (S18, S25, S30)."""

import re
from typing import Annotated, Any

import typer

from contracts.base import Code
from hub.catalogue import DRAFT_DAYS
from hub.store.database import Tx
from hub.store.directory import load_registry
from hub.store.sources import open_practices, set_source, standing_sources

from .console import WrongUsage, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, checked, opened
from .revealing import administer
from .vendors import VendorId, vendor_of

group = typer.Typer(name="source", help="The systems of vendors: how often they are heard of, how long drafts stay.")

_SECONDS = {"m": 60, "h": 3600, "d": 86_400}
_NEVER = "never"
_LONGEST_S = 366 * 86_400


@group.command("set")
def set_(
    vendor_id: VendorId,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The `source` of its items.")],
    every: Annotated[
        str | None, typer.Option("--every", help="Longest silence agreed on, such as 30m, 24h, 7d; `never`: none.")
    ] = None,
    draft_days: Annotated[
        int | None,
        typer.Option("--draft-days", max=3650, help=f"Days a draft is kept from its last edit, {DRAFT_DAYS} or more."),
    ] = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Agree on something with a source. Drafts that are there keep the date that was promised."""
    if every is None and draft_days is None:
        raise WrongUsage("give --every or --draft-days")
    if draft_days is not None and draft_days < DRAFT_DAYS:
        raise WrongUsage(f"--draft-days: drafts are kept at least {DRAFT_DAYS} days (S18)")
    every_s = None if every is None else _interval(every)
    checked(Code, source, name="the source")
    with opened(home) as one:
        with one.database.read() as connection:
            vendor = vendor_of(connection, ente, vendor_id)

        def change(tx: Tx) -> dict[str, Any]:
            set_source(tx, vendor.ente_id, vendor.vendor_id, source, every_s=every_s, draft_days=draft_days)
            name = (vendor.ente_id, vendor.vendor_id, source)
            every_one = standing_sources(tx.connection, tx.now)
            agreed = next(s for s in every_one if (s.ente_id, s.vendor_id, s.source) == name)
            return {
                "ente_id": agreed.ente_id,
                "vendor_id": agreed.vendor_id,
                "source": agreed.source,
                "every_s": agreed.every_s,
                "draft_days": agreed.draft_days,
            }

        answer = administer(one, "set_source", vendor.ente_id, change)
    told(answer, as_json=as_json, text=f"source {source} of {vendor.vendor_id} is set")


@group.command("list")
def list_(home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The sources with which something is agreed, and those with open applications: how fresh they are."""
    with opened(home) as one, one.database.read() as connection:
        now = one.clock.now()
        standing = {(s.ente_id, s.vendor_id, s.source): s for s in standing_sources(connection, now)}
        enti = {ente.ente_id for ente in load_registry(connection).enti}
        practices = {
            (ente_id, *name): counted
            for ente_id in sorted(enti)
            for name, counted in open_practices(connection, ente_id, now).items()
        }
    rows = []
    for name in sorted(standing.keys() | practices.keys()):
        agreed, (waiting, fresh) = standing.get(name), practices.get(name, (0, 0))
        rows.append(
            {
                "ente_id": name[0],
                "vendor_id": name[1],
                "source": name[2],
                "every_s": agreed.every_s if agreed else None,
                "heard_at": agreed.heard_at if agreed else None,
                "stale": agreed.stale if agreed else False,
                "draft_days": agreed.draft_days if agreed else DRAFT_DAYS,
                "open_applications": waiting,
                "fresh": fresh,
            }
        )
    table(rows, as_json=as_json, empty="nothing is agreed with any source")


def _interval(text: str) -> int:
    """Seconds; 0 for `never`."""
    if text == _NEVER:
        return 0
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", text)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < seconds <= _LONGEST_S:
        raise WrongUsage("--every: minutes, hours or days of at most a year, such as 30m, 24h, 7d; or never")
    return seconds
