"""`vendor keys`, `vendor revoke`: what a vendor proves itself with, in what state, and the end of a key at once."""

from datetime import datetime
from typing import Annotated, Any

import typer

from hub.admin.trust_material import name_of
from hub.admin.vendor_views import key_state
from hub.registry import Key
from hub.store.database import Tx
from hub.store.directory import NotThere, revoke_keys

from .console import Failed, WrongUsage, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, instant, opened
from .vendors import VendorId, act_on, vendor_of


def keys(vendor_id: VendorId, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The keys of a vendor: coming, current, retiring (an end is set), revoked or ended."""
    with opened(home) as one, one.database.read() as connection:
        vendor = vendor_of(connection, ente, vendor_id)
        now = one.database.now(connection)
    rows = [_shown(key, now) for key in sorted(vendor.keys, key=lambda key: key.key_id)]
    table(rows, as_json=as_json, empty="no key")


def revoke(
    vendor_id: VendorId,
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="key_id or name as `vendor keys` shows them, or a thumbprint.")
    ],
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="RFC 3339; by default at once, within two seconds.")
    ] = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Refuse a key from now on, whatever its end was. There is no way back: register the key anew."""
    with opened(home) as one:
        with one.database.read() as connection:
            vendor = vendor_of(connection, ente, vendor_id)
            now = one.database.now(connection)
        when = instant(at, name="--at") if at else now
        if when < now:
            raise WrongUsage("--at: it is in the past: what was accepted by then stays accepted")
        found = [each for each in vendor.keys if key in (each.key_id, each.kid, name_of(each))]
        live = [each for each in found if key_state(each, now) != "revoked"]
        if not found:
            raise Failed(f"vendor {vendor.vendor_id} has no key {key!r}; `raccordo vendor keys` lists them")
        if not live:
            raise Failed(f"key {key!r} of vendor {vendor.vendor_id} is revoked already")
        if len(live) > 1:
            raise Failed(f"{len(live)} keys of vendor {vendor.vendor_id} are called {key!r}: name one by its key_id")

        def put(tx: Tx) -> Failed | None:
            try:
                revoke_keys(tx, vendor.ente_id, f"vendor:{vendor.vendor_id}", [live[0].key_id], when)
            except NotThere:
                return Failed(f"key {key!r} is there no more")
            return None

        act_on(one, "revoke_vendor_key", vendor, put)
        left = [each for each in vendor.keys if each is not live[0] and each.usable(when)]
    warning = "" if left else "; it has no other key in force"
    told(
        {"vendor_id": vendor.vendor_id, "key_id": live[0].key_id, "revoked_at": when, "keys_left": len(left)},
        as_json=as_json,
        text=f"vendor {vendor.vendor_id}: {name_of(live[0])} is revoked from {when:%Y-%m-%d %H:%M:%S} UTC{warning}",
    )


commands = typer.Typer()
for command in (keys, revoke):
    # One thumbprint in sixty-four begins with a dash, and is no option.
    commands.command(context_settings={"ignore_unknown_options": True})(command)


def _shown(key: Key, now: datetime) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "kind": key.kind,
        "name": name_of(key),
        "state": key_state(key, now),
        "valid_from": key.valid_from,
        "valid_to": key.valid_to,
        "revoked_at": key.revoked_at,
    }
