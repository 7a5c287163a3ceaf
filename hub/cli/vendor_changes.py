"""`vendor suspend`, `readmit`, `rotate`: what changes in the life of a vendor, in effect within seconds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from hub.registry import Vendor
from hub.store.database import Tx
from hub.store.directory import AlreadyThere, NewKey, add_keys, retire_keys, set_profile, set_vendor_active

from .console import Failed, WrongUsage, told
from .options import HOME, AsJson, EnteCode, HomeFolder, instant, opened
from .profiles import CHANNEL_KINDS, Held, changed_profile, shown_profile
from .trust_material import read_material
from .vendors import (
    Anchor,
    Certificate,
    ChannelAnchor,
    ChannelThumbprint,
    Jwks,
    PublicAnchor,
    Thumbprint,
    VendorId,
    act_on,
    vendor_of,
)


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
    channel_anchor: ChannelAnchor = None,
    channel_thumbprint: ChannelThumbprint = None,
    overlap_hours: Annotated[
        float, typer.Option("--overlap-hours", min=0, max=8760, help="How long the old keys still hold; 0: no longer.")
    ] = 24,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="RFC 3339: when the new keys begin to hold; now.")
    ] = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Add new keys; the present ones end after the overlap, which begins with the new ones."""
    begin = instant(since, name="--from") if since else None
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
            channel_anchor=channel_anchor,
            channel_thumbprints=channel_thumbprint,
            now=one.clock.now(),
            channel_alone=True,
        )
        fresh = [replace(key, valid_from=begin) for key in _fresh(keys, vendor)]
        owner = f"vendor:{vendor.vendor_id}"
        done: list[tuple[int, datetime]] = []

        if begin is not None and begin < one.clock.now():
            raise WrongUsage("--from: it is in the past")

        def replace_keys(tx: Tx) -> None:
            ends = (begin or tx.now) + timedelta(hours=overlap_hours)
            done.append((retire_keys(tx, vendor.ente_id, owner, ends, kinds=_replaced(fresh, vendor)), ends))
            add_keys(tx, vendor.ente_id, owner, fresh)

        act_on(one, "rotate_vendor_keys", vendor, replace_keys)
    ended, ends = done[-1]
    told(
        {"vendor_id": vendor.vendor_id, "added": len(fresh), "ending": ended, "end_at": ends},
        as_json=as_json,
        text=f"vendor {vendor.vendor_id}: {len(fresh)} new, {ended} old until {ends:%Y-%m-%d %H:%M} UTC",
    )


def set_(
    vendor_id: VendorId,
    settings: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...", help="Settings of its profile.")],
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Change how a vendor proves who it is: patterns, algorithms, tolerances, PDND clients and purposes."""
    with opened(home) as one:
        with one.database.read() as connection:
            vendor = vendor_of(connection, ente, vendor_id)
        held = Held(vendor.trust, vendor.signature_only, frozenset(key.kind for key in vendor.keys))
        profile = changed_profile(vendor.profile, settings, option=vendor_id, held=held)

        def put(tx: Tx) -> Failed | None:
            try:
                set_profile(tx, vendor.ente_id, vendor.vendor_id, profile)
            except AlreadyThere as taken:
                return Failed(f"clients: {taken} is another vendor's")
            return None

        act_on(one, "change_vendor", vendor, put)
    told(
        {"vendor_id": vendor.vendor_id, "profile": shown_profile(profile)},
        as_json=as_json,
        text=f"vendor {vendor.vendor_id}: {', '.join(sorted(pair.partition('=')[0] for pair in settings))} changed",
    )


commands: Mapping[str, Callable[..., None]] = {"suspend": suspend, "readmit": readmit, "rotate": rotate, "set": set_}


def _activate(vendor_id: str, ente: str | None, home: Path, *, active: bool, as_json: bool) -> None:
    with opened(home) as one:
        with one.database.read() as connection:
            vendor = vendor_of(connection, ente, vendor_id)
        act_on(
            one,
            "change_vendor",
            vendor,
            lambda tx: set_vendor_active(tx, vendor.ente_id, vendor.vendor_id, active=active),
        )
    state = "may publish again" if active else "is suspended"
    told({"vendor_id": vendor.vendor_id, "active": active}, as_json=as_json, text=f"vendor {vendor.vendor_id} {state}")


def _replaced(fresh: Sequence[NewKey], vendor: Vendor) -> frozenset[str]:
    """The kinds that new keys stand in for: those of the channel, or of signatures, never one for the other."""
    channel = {key.kind in CHANNEL_KINDS for key in fresh}
    return frozenset(key.kind for key in vendor.keys if (key.kind in CHANNEL_KINDS) in channel)


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
