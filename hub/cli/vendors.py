"""`vendor`: who may publish, and with which keys."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from sqlalchemy import Connection

from contracts.base import Code, Label
from contracts.items import COLLECTIONS
from hub.admin.acting import Acted
from hub.admin.catalogue_names import not_in_catalogue
from hub.admin.trust_material import name_of
from hub.admin.vendors import Vendors, changed_parts, target_of
from hub.home import Home
from hub.profile import defaults_of
from hub.registry import Key, Vendor
from hub.store.database import Tx
from hub.store.directory import HUB_VENDOR, AlreadyThere, add_vendor, load_registry
from hub.store.quotas import used_today

from .console import Failed, WrongUsage, record, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, checked, ente_of, listed, opened, subset
from .profiles import Held, changed_profile, shown_profile
from .revealing import act
from .trust_material import read_material

group = typer.Typer(name="vendor", help="Who may publish, and with which keys.")

RIGHTS = ("alerts", "delivery-detail", "settles-notices")
VendorId = Annotated[str, typer.Argument(metavar="ID", help="The vendor's id, its `iss`.")]
Anchor = Annotated[Path | None, typer.Option("--anchor", exists=True, dir_okay=False, help="CA of this vendor alone.")]
PublicAnchor = Annotated[
    Path | None, typer.Option("--public-anchor", exists=True, dir_okay=False, help="Issuing CA that serves others too.")
]
Thumbprint = Annotated[list[str] | None, typer.Option("--thumbprint", help="Hex SHA-256 of a certificate; repeatable.")]
ChannelAnchor = Annotated[
    Path | None,
    typer.Option("--channel-anchor", exists=True, dir_okay=False, help="CA of its TLS clients."),
]
ChannelThumbprint = Annotated[
    list[str] | None, typer.Option("--channel-thumbprint", help="Hex SHA-256 of a TLS client certificate; repeatable.")
]
Certificate = Annotated[
    list[Path] | None,
    typer.Option("--certificate", exists=True, dir_okay=False, help="The vendor's own, then its issuer; repeatable."),
]
Jwks = Annotated[Path | None, typer.Option("--jwks", exists=True, dir_okay=False, help="JWK set of public keys.")]


@group.command("add")
def add(
    vendor_id: VendorId,
    name: Annotated[str, typer.Option("--name")],
    trust: Annotated[Literal["x509", "jwk", "pdnd"], typer.Option("--trust")],
    anchor: Anchor = None,
    public_anchor: PublicAnchor = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="CN or organizationIdentifier of its certificates; default: the id.")
    ] = None,
    thumbprint: Thumbprint = None,
    certificate: Certificate = None,
    jwks: Jwks = None,
    channel_anchor: ChannelAnchor = None,
    channel_thumbprint: ChannelThumbprint = None,
    profile: Annotated[
        list[str] | None,
        typer.Option("--profile", metavar="NAME=VALUE", help="A setting as of `vendor set`; repeatable."),
    ] = None,
    collections: Annotated[str | None, typer.Option("--collections", help="a,b; default: all.")] = None,
    services: Annotated[str | None, typer.Option("--services", help="a,b; default: every service.")] = None,
    alias: Annotated[list[str] | None, typer.Option("--alias", help="Another accepted `iss`; repeatable.")] = None,
    right: Annotated[
        list[str] | None, typer.Option("--right", help="alerts, delivery-detail or settles-notices; repeatable.")
    ] = None,
    signature_only: Annotated[
        bool, typer.Option("--signature-only", help="Agid-JWT-Signature alone is enough.")
    ] = False,
    quota_per_day: Annotated[int | None, typer.Option("--quota-per-day", min=1, help="Requests a day.")] = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Register a vendor with its trust material."""
    for each in (vendor_id, *(alias or ())):
        _free_name(each)
    with opened(home) as one:
        keys = read_material(
            trust,
            anchor=anchor,
            public_anchor=public_anchor,
            thumbprints=thumbprint,
            certificates=certificate,
            jwks=jwks,
            channel_anchor=channel_anchor,
            channel_thumbprints=channel_thumbprint,
            now=one.clock.now(),
        )
        held = Held(trust, signature_only, frozenset(key.kind for key in keys))
        agreed = changed_profile(defaults_of(trust), profile or (), option="--profile", held=held)
        with one.database.read() as connection:
            ente_id = ente_of(connection, ente).ente_id
            wanted = [checked(Code, each, name="--services") for each in listed(services)]
            unknown = not_in_catalogue(connection, ente_id, wanted)
        if unknown:
            raise WrongUsage(
                f"--services: not in the catalogue of {ente_id}: {', '.join(unknown)} (add each first with "
                "`raccordo service add`)"
            )
        vendor = Vendor(
            ente_id=ente_id,
            vendor_id=vendor_id,
            name=checked(Label, name, name="--name"),
            trust=trust,
            active=True,
            keys=(),
            subject=checked(Label, subject or vendor_id, name="--subject"),
            aliases=frozenset(alias or ()),
            collections=subset(collections, list(COLLECTIONS), name="--collections"),
            services=frozenset(wanted),
            rights=subset(",".join(right), RIGHTS, name="--right") if right else frozenset(),
            signature_only=signature_only,
            daily_quota=quota_per_day,
            profile=agreed,
        )

        def put(tx: Tx) -> Acted | Failed:
            try:
                add_vendor(tx, vendor, keys)
            except AlreadyThere:
                return Failed(f"vendor {vendor_id}: the id, an alias or a PDND client is taken in {ente_id}")
            return Acted(None, target_of(vendor_id), after=audited(tx, vendor))

        act(one, "add_vendor", ente_id, put)
    told(
        _shown(vendor) | {"keys": [key.kid or key.kind for key in keys]},
        as_json=as_json,
        text=f"vendor {vendor_id} may publish to {ente_id} with {len(keys)} {'key' if len(keys) == 1 else 'keys'}",
    )


@group.command("list")
def list_(ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The vendors."""
    with opened(home) as one, one.database.read() as connection:
        code = ente_of(connection, ente).ente_id if ente else None
        found = {id(vendor): vendor for vendor in load_registry(connection).vendors.values()}.values()
    rows = [
        {
            "ente_id": v.ente_id,
            "vendor_id": v.vendor_id,
            "name": v.name,
            "trust": v.trust,
            "stage": v.stage,
            "active": v.active,
            "ended_at": v.ended_at,
            "keys": len(v.keys),
            "collections": sorted(v.collections),
            "quota_per_day": v.daily_quota,
        }
        for v in sorted(found, key=lambda v: (v.ente_id, v.vendor_id))
        if code in (None, v.ente_id)
    ]
    table(rows, as_json=as_json, empty="no vendor is registered")


@group.command("show")
def show(vendor_id: VendorId, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """One vendor and its keys."""
    with opened(home) as one, one.database.read() as connection:
        vendor = vendor_of(connection, ente, vendor_id)
        now = one.clock.now()
        used = None if vendor.daily_quota is None else used_today(connection, vendor.ente_id, vendor.vendor_id, now)
    keys = [_shown_key(key, now) for key in vendor.keys]
    facts = _shown(vendor) | {"used_today": used}
    if as_json:
        record(facts | {"keys": keys}, as_json=True)
    else:
        record(facts | facts.pop("profile"), as_json=False)
        print()
        table(keys, as_json=False, empty="no key")


def vendor_of(connection: Connection, ente: str | None, vendor_id: str) -> Vendor:
    """The vendor of that id or alias. Raises Failed."""
    code = ente_of(connection, ente).ente_id
    found = load_registry(connection).vendors.get((code, vendor_id))
    if found is None:
        raise Failed(f"there is no vendor {vendor_id!r} in {code}")
    return found


def vendor_there(connection: Connection, ente: str | None, vendor_id: str) -> Vendor:
    """The same, for what is agreed with it anew. Raises Failed where it has left, too."""
    vendor = vendor_of(connection, ente, vendor_id)
    if vendor.ended_at is not None:
        raise _left(vendor)
    return vendor


def audited(tx: Tx, vendor: Vendor) -> dict[str, Any]:
    """The vendor as it stands now, with its profile and keys, for the record."""
    desk, names = Vendors(), (vendor.ente_id, vendor.vendor_id)
    now = desk.one_of(tx.connection, *names)
    keys = [view for _, view in desk.keys(tx.connection, *names, tx.now)]
    return desk.view(tx.connection, *names, tx.now) | {"profile": shown_profile(now.profile), "keys": keys}


def act_on(home: Home, operation: str, vendor: Vendor, change: Callable[[Tx], Failed | None]) -> None:
    """Change a vendor, with what differs before and after on record. Raises the Failed that `change` returns."""

    def put(tx: Tx) -> Acted | Failed:
        if vendor.ended_at is not None:
            return _left(vendor)
        before = audited(tx, vendor)
        if (failed := change(tx)) is not None:
            return failed
        return Acted(None, target_of(vendor.vendor_id), *changed_parts(before, audited(tx, vendor)))

    act(home, operation, vendor.ente_id, put)


def _left(vendor: Vendor) -> Failed:
    return Failed(f"vendor {vendor.vendor_id} has left: register it anew, under another id")


def _free_name(name: str) -> None:
    checked(Code, name, name="the vendor's id or --alias")
    if name == HUB_VENDOR:
        raise WrongUsage(f"the vendor's id: {HUB_VENDOR!r} is the hub's own name")


def _shown(vendor: Vendor) -> dict[str, Any]:
    return {
        "ente_id": vendor.ente_id,
        "vendor_id": vendor.vendor_id,
        "name": vendor.name,
        "trust": vendor.trust,
        "stage": vendor.stage,
        "active": vendor.active,
        "ended_at": vendor.ended_at,
        "subject": vendor.subject,
        "aliases": sorted(vendor.aliases),
        "collections": sorted(vendor.collections),
        "services": sorted(vendor.services) or "all",
        "rights": sorted(vendor.rights),
        "signature_only": vendor.signature_only,
        "quota_per_day": vendor.daily_quota,
        "profile": shown_profile(vendor.profile),
    }


def _shown_key(key: Key, now: datetime) -> dict[str, Any]:
    return {
        "kind": key.kind,
        "name": name_of(key),
        "usable": key.usable(now),
        "valid_from": key.valid_from,
        "valid_to": key.valid_to,
        "revoked_at": key.revoked_at,
    }
