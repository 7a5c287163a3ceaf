"""`portal`: who may read the feed on behalf of a citizen."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from contracts.base import Code, Label
from hub.admin.acting import Acted
from hub.registry import Portal
from hub.store.database import Tx
from hub.store.directory import AlreadyThere, add_portal, load_registry

from .console import Failed, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, checked, ente_of, opened, subset
from .revealing import act
from .trust_material import read_jwks

group = typer.Typer(name="portal", help="Who may read the feed on behalf of a citizen.")

SCOPES = ("feed:read", "feed:write")


@group.command("add")
def add(
    portal_id: Annotated[str, typer.Argument(metavar="ID", help="The portal's id, its `iss`.")],
    jwks: Annotated[Path, typer.Option("--jwks", exists=True, dir_okay=False, help="JWK set of its public keys.")],
    assertion_jwks: Annotated[
        Path | None,
        typer.Option("--assertion-jwks", exists=True, dir_okay=False, help="Keys of the citizen assertions."),
    ] = None,
    scopes: Annotated[str | None, typer.Option("--scopes", help="a,b; default: feed:read,feed:write.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Default: the id.")] = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Register a portal; the same keys sign the citizen assertions unless others are given."""
    keys = read_jwks(jwks, name="--jwks")
    if assertion_jwks:
        keys += read_jwks(assertion_jwks, kind="assertion_jwk", name="--assertion-jwks")
    else:  # not read again: standard input is read once
        keys += [replace(key, kind="assertion_jwk") for key in keys]
    checked(Code, portal_id, name="the portal's id")
    with opened(home) as one:
        with one.database.read() as connection:
            ente_id = ente_of(connection, ente).ente_id
        portal = Portal(
            ente_id=ente_id,
            portal_id=portal_id,
            name=checked(Label, name or portal_id, name="--name"),
            active=True,
            keys=(),
            scopes=subset(scopes, SCOPES, name="--scopes"),
        )
        kids = sorted({key.kid for key in keys if key.kid})
        made = {"portal_id": portal_id, "scopes": sorted(portal.scopes), "keys": kids}

        def put(tx: Tx) -> Acted | Failed:
            try:
                add_portal(tx, portal, keys)
            except AlreadyThere:
                return Failed(f"there is a portal {portal_id!r} in {ente_id} already")
            return Acted(None, f"portals/{portal_id}", after={"name": portal.name} | made)

        act(one, "add_portal", ente_id, put)
    told(
        {"ente_id": ente_id} | made,
        as_json=as_json,
        text=f"portal {portal_id} may use {', '.join(sorted(portal.scopes))} of {ente_id}",
    )


@group.command("list")
def list_(home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The portals."""
    with opened(home) as one, one.database.read() as connection:
        found = load_registry(connection).portals
    rows = [
        {
            "ente_id": ente_id,
            "portal_id": portal_id,
            "name": portal.name,
            "active": portal.active,
            "scopes": sorted(portal.scopes),
            "keys": sum(key.kind == "jwk" for key in portal.keys),
            "assertion_keys": sum(key.kind == "assertion_jwk" for key in portal.keys),
        }
        for (ente_id, portal_id), portal in sorted(found.items())
    ]
    table(rows, as_json=as_json, empty="no portal is registered")
