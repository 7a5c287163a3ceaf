"""`breach`: whose data a vendor, a key, a portal or an interval touched (GDPR art. 33 and 34)."""

from contextlib import suppress
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from hub.admin.trust_material import name_of, signer_of
from hub.home import Home
from hub.registry import Registry
from hub.store.breaches import Suspicion, has_signed, touched
from hub.store.citizens import Citizens
from hub.store.directory import load_registry
from hub.store.handling import ADMINISTRATORS
from hub.store.readers import record_access

from .console import WrongUsage, emit, say, table
from .options import HOME, AsJson, EnteCode, HomeFolder, ente_of, instant, opened
from .revealing import access, committing

_OPERATION = "breach_query"


def breach(
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="Begin, RFC 3339.")],
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="End, not included.")],
    vendor: Annotated[str | None, typer.Option("--vendor", metavar="ID", help="What it published.")] = None,
    signer: Annotated[
        str | None,
        typer.Option(
            "--signer", metavar="KEY", help="What that key signed, named as `vendor show` or the evidence does."
        ),
    ] = None,
    portal: Annotated[
        str | None, typer.Option("--portal", metavar="ID", help="What it read; `cli` stands for administrators.")
    ] = None,
    tax_codes: Annotated[
        bool, typer.Option("--tax-codes", help="Also who they are; each is then in the access log.")
    ] = False,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """The citizens touched, as the hub's own ids and counts. The query itself is in the access log."""
    begin, end = instant(since, name="--from"), instant(until, name="--to")
    if end <= begin:
        raise WrongUsage("--to: must be later than --from")
    if portal is not None and (vendor is not None or signer is not None):
        raise WrongUsage("--portal: it goes with neither --vendor nor --signer; ask twice")
    with opened(home) as one:
        with one.database.read() as connection:
            ente_id = ente_of(connection, ente).ente_id
            registry = load_registry(connection)
            # "Nobody" of a name that was mistyped would sound as if all were well.
            known = None if vendor is None else registry.vendors.get((ente_id, vendor))
            if vendor is not None and known is None:
                raise WrongUsage(f"--vendor: there is no vendor {vendor!r} in {ente_id}")
            vendor_id = None if known is None else known.vendor_id  # of an alias, too
            if portal is not None and portal not in ADMINISTRATORS and (ente_id, portal) not in registry.portals:
                raise WrongUsage(f"--portal: there is no portal {portal!r} in {ente_id}")
            signers = None if signer is None else _signers(connection, registry, ente_id, signer)
            found = touched(connection, Suspicion(ente_id, begin, end, vendor_id, signers, portal))
        with committing(one) as committer:
            ids = [row["citizen_id"] for row in found] if tax_codes else [None]
            for citizen_id in ids or [None]:
                looked = access(_OPERATION, ente_id=ente_id, citizen_id=citizen_id)
                committer.write(record_access, looked)
        rows = [row | _named(one, ente_id, row["citizen_id"]) for row in found] if tax_codes else found
    if as_json:
        emit({"ente_id": ente_id, "from": begin, "to": end, "citizens": len(rows), "touched": rows})
        return
    table(rows, as_json=False, empty="nobody's data was touched")
    say(f"citizens: {len(rows)}")


def _signers(connection: Connection, registry: Registry, ente_id: str, key: str) -> tuple[str, ...]:
    """How evidence may name the key. Raises WrongUsage for one that is no vendor's and never signed anything."""
    vendors = (vendor for (of, _), vendor in registry.vendors.items() if of == ente_id)
    keys = (each for vendor in vendors for each in vendor.keys if key in (each.key_id, each.kid, name_of(each)))
    registered = {name for name in map(signer_of, keys) if name is not None}
    names = tuple(sorted({key, *registered, *(f"{kind}:{key}" for kind in ("jwk", "x5t#S256", "pdnd"))}))
    if not registered and not has_signed(connection, ente_id, names):
        raise WrongUsage(f"--signer: no vendor of {ente_id} has such a key, and none of that name ever signed anything")
    return names


def _named(home: Home, ente_id: str, citizen_id: str) -> dict[str, Any]:
    """Who it is; None for somebody who was erased."""
    with suppress(LookupError), home.database.read() as connection:
        return {"tax_code": Citizens(home.vault).tax_code(connection, ente_id, citizen_id)[0]}
    return {"tax_code": None}
