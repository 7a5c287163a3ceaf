"""`source`: what is agreed with the systems of vendors, and how they stand (S18, S25, S30)."""

import re
from typing import Annotated

import typer

from contracts.base import Code
from contracts.source_administration import LONGEST_SILENCE_S, VendorSourcePatch
from hub.admin.sources import agree, vendor_sources
from hub.catalogue import DRAFT_DAYS
from hub.store.directory import load_registry

from .console import WrongUsage, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, checked, opened
from .revealing import actor_of, perform
from .vendors import VendorId, vendor_there

group = typer.Typer(name="source", help="The systems of vendors: how often they are heard of, how long drafts stay.")

_SECONDS = {"m": 60, "h": 3600, "d": 86_400}
_NEVER = "never"


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
    given = {} if every is None else {"every_s": _interval(every)}
    if draft_days is not None:
        given["draft_days"] = draft_days
    checked(Code, source, name="the source")
    with opened(home) as one:
        with one.database.read() as connection:
            vendor = vendor_there(connection, ente, vendor_id)

        patch = VendorSourcePatch.model_validate(given)
        view = perform(one, agree(actor_of(vendor.ente_id), vendor.vendor_id, source, patch, lambda _: None))
    names = ("vendor_id", "source", "every_s", "draft_days")
    answer = {"ente_id": vendor.ente_id} | {name: view[name] for name in names}
    told(answer, as_json=as_json, text=f"source {source} of {vendor.vendor_id} is set")


@group.command("list")
def list_(home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The sources with which something is agreed, and those with open applications: how fresh they are."""
    with opened(home) as one, one.database.read() as connection:
        now = one.clock.now()
        enti = sorted(ente.ente_id for ente in load_registry(connection).enti)
        rows = [
            {"ente_id": ente_id, **view} for ente_id in enti for _, view in vendor_sources(connection, ente_id, now)
        ]
    table(rows, as_json=as_json, empty="nothing is agreed with any source")


def _interval(text: str) -> int:
    """Seconds; 0 for `never`."""
    if text == _NEVER:
        return 0
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", text)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST_SILENCE_S:
        raise WrongUsage("--every: minutes, hours or days of at most a year, such as 30m, 24h, 7d; or never")
    return seconds
