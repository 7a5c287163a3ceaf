"""`vendor suspend`, `readmit`, `rotate`: what changes in the life of a vendor, in effect within seconds."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from hub.registry import Vendor
from hub.store.directory import NewKey, add_keys, retire_keys, set_vendor_active

from .console import Failed, told
from .options import HOME, AsJson, EnteCode, HomeFolder, opened
from .trust_material import read_material
from .vendors import Anchor, Certificate, Jwks, PublicAnchor, Thumbprint, VendorId, vendor_of


def suspend(vendor_id: VendorId, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Refuse everything of a vendor, within seconds."""
    _activate(vendor_id, ente, home, active=False, as_json=as_json)


def readmit(vendor_id: VendorId, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Let a suspended vendor publish again."""
    _activate(vendor_id, ente, home, active=True, as_json=as_json)


def rotate(
    vendor_id: VendorId,
    anchor: Anchor = None,
    public_anchor: PublicAnchor = None,
    thumbprint: Thumbprint = None,
    certificate: Certificate = None,
    jwks: Jwks = None,
    overlap_hours: Annotated[
        float, typer.Option("--overlap-hours", min=0, max=8760, help="How long the old keys still hold; 0: no longer.")
    ] = 24,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Add new keys; the present ones end after the overlap."""
    with opened(home) as one:
        with one.database.read() as connection:
            vendor = vendor_of(connection, ente, vendor_id)
        keys = read_material(
            vendor.trust,
            anchor=anchor,
            public_anchor=public_anchor,
            thumbprints=thumbprint,
            certificates=certificate,
            jwks=jwks,
            now=one.clock.now(),
        )
        fresh = _fresh(keys, vendor)
        owner = f"vendor:{vendor.vendor_id}"
        with one.database.write() as tx:
            ends = tx.now + timedelta(hours=overlap_hours)
            ended = retire_keys(tx, vendor.ente_id, owner, ends)
            add_keys(tx, vendor.ente_id, owner, fresh)
    told(
        {"vendor_id": vendor.vendor_id, "added": len(fresh), "ending": ended, "end_at": ends},
        as_json=as_json,
        text=f"vendor {vendor.vendor_id}: {len(fresh)} new, {ended} old until {ends:%Y-%m-%d %H:%M} UTC",
    )


changes = (suspend, readmit, rotate)


def _activate(vendor_id: str, ente: str | None, home: Path, *, active: bool, as_json: bool) -> None:
    with opened(home) as one:
        with one.database.read() as connection:
            vendor = vendor_of(connection, ente, vendor_id)
        with one.database.write() as tx:
            set_vendor_active(tx, vendor.ente_id, vendor.vendor_id, active=active)
    state = "may publish again" if active else "is suspended"
    told({"vendor_id": vendor.vendor_id, "active": active}, as_json=as_json, text=f"vendor {vendor.vendor_id} {state}")


def _fresh(keys: Sequence[NewKey], vendor: Vendor) -> list[NewKey]:
    """The keys that the vendor does not have yet; a set often holds the old ones too."""
    known = {key.kid: key.material for key in vendor.keys if key.kid}
    for key in keys:
        if key.kid in known and known[key.kid] != key.material:
            raise Failed(f"kid {key.kid!r} is registered already, with another key; new keys have new names")
    present = {key.material for key in vendor.keys}
    fresh = [key for key in keys if key.material not in present]
    if not fresh:
        raise Failed("there is no new key among these")
    return fresh
