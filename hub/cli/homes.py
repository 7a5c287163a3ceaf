"""`init`, `ente`, `migrate`: the home, the bodies it serves, and its schema."""

from datetime import datetime
from typing import Annotated

import typer

from contracts.base import HttpsUrl, Label
from contracts.identifiers import IpaCode
from hub.admin.acting import Acted
from hub.admin.vendors import changed_parts
from hub.home import Home
from hub.registry import Ente
from hub.store.database import Tx
from hub.store.directory import AlreadyThere, add_ente, change_ente, load_registry

from .console import Failed, WrongUsage, table, told
from .options import HOME, AsJson, HomeFolder, checked, ente_id_of, ente_of, home_at, opened
from .revealing import act, on_record

group = typer.Typer(name="ente", help="The bodies that this hub serves.")

LOCAL_URL = "http://127.0.0.1:8000"
Name = Annotated[str, typer.Option("--name", help="The name that citizens read.")]
PortalUrl = Annotated[
    str | None, typer.Option("--portal-url", help="Base of the links in notices; by default the public URL.")
]


def init(
    code: Annotated[str, typer.Option("--ente", metavar="CODE", help="IPA code of the first ente, such as c_h501.")],
    name: Name,
    public_url: Annotated[
        str, typer.Option("--public-url", envvar="RACCORDO_PUBLIC_URL", help="Base URL at which vendors call.")
    ] = LOCAL_URL,
    portal_url: PortalUrl = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Make the home: hub key, vault key, database. Refuses to overwrite."""
    body = _ente(code, name, public_url, portal_url)
    made = home_at(home)
    try:
        made.create()
        _add(made, body)
    finally:
        made.database.close()
    text = f"{home} is ready for {body.name} ({code}){_without_portal(body)}"
    told(_shown(body) | {"home": str(home)}, as_json=as_json, text=text)


@group.command("add")
def add(
    code: Annotated[str, typer.Argument(metavar="CODE", help="IPA code.")],
    name: Name,
    public_url: Annotated[str, typer.Option("--public-url", help="Base URL at which vendors call; its own.")],
    portal_url: PortalUrl = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """One more ente on the same hub."""
    body = _ente(code, name, public_url, portal_url)
    with opened(home) as one:
        _add(one, body)
    text = f"{body.name} ({code}) is served at {body.public_url}{_without_portal(body)}"
    told(_shown(body), as_json=as_json, text=text)


@group.command("change")
def change(
    code: Annotated[str, typer.Argument(metavar="CODE", help="IPA code.")],
    name: Annotated[str | None, typer.Option("--name", help="The name that citizens read.")] = None,
    portal_url: Annotated[str | None, typer.Option("--portal-url", help="Base of the links in notices.")] = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Its name, or where its portal is; the links of e-mails that were sent before lead there, too."""
    if name is None and portal_url is None:
        raise WrongUsage("--name, --portal-url: one of them at least")
    name = None if name is None else checked(Label, name, name="--name")
    portal = None if portal_url is None else _portal(portal_url)
    with opened(home) as one:
        ente_id = ente_id_of(one, code)

        def put(tx: Tx) -> Acted:
            before = _shown(ente_of(tx.connection, ente_id))
            change_ente(tx, ente_id, name=name, portal_url=portal)
            now = ente_of(tx.connection, ente_id)
            return Acted(now, _target(ente_id), *changed_parts(before, _shown(now)))

        body: Ente = act(one, "change_ente", ente_id, put)
    told(_shown(body), as_json=as_json, text=f"{body.name} ({code}): links lead to {body.portal_url}")


@group.command("list")
def list_(home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The enti and the audiences that vendors and portals sign for."""
    with opened(home) as one, one.database.read() as connection:
        rows = [_shown(body) for body in load_registry(connection).enti]
    table(rows, as_json=as_json, empty="there is no ente yet")


def migrate(home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """Bring the database to the newest migration."""
    one = home_at(home)
    try:
        before, after = one.migrate()
        if before != after:
            with on_record(one, "migrate_database", None, "database") as told_of:
                told_of |= {"before": before, "after": after}
    finally:
        one.database.close()
    text = f"the database is at {after}" if before == after else f"the database went from {before} to {after}"
    told({"before": before, "after": after}, as_json=as_json, text=text)


def _add(one: Home, body: Ente) -> None:
    """Raises Failed where its code or its address is another's."""

    def put(tx: Tx) -> Acted | Failed:
        try:
            add_ente(tx, body)
        except AlreadyThere:
            return Failed(f"an ente {body.ente_id} or one at {body.public_url} is registered already")
        return Acted(None, _target(body.ente_id), after=_shown(body))

    act(one, "add_ente", body.ente_id, put)


def _target(ente_id: str) -> str:
    return f"enti/{ente_id}"


def _ente(code: str, name: str, public_url: str, portal_url: str | None) -> Ente:
    base = checked(HttpsUrl, public_url, name="--public-url").rstrip("/")
    if "?" in base or "#" in base:
        raise WrongUsage("--public-url: a base URL has neither query nor fragment")
    portal = _portal(portal_url) if portal_url else base
    return Ente(
        ente_id=checked(IpaCode, code, name="the ente's IPA code"),
        name=checked(Label, name, name="--name"),
        public_url=base,
        publish_audience=f"{base}/publish/v1",
        feed_audience=f"{base}/feed/v1",
        portal_url=portal,
    )


def _portal(url: str) -> str:
    return str(checked(HttpsUrl, url, name="--portal-url")).rstrip("/")


def _without_portal(body: Ente) -> str:
    """What to do where citizens' links would lead to the hub, which shows them nothing."""
    if body.portal_url != body.public_url:
        return ""
    return f"; links in notices need its portal: raccordo ente change {body.ente_id} --portal-url URL"


def _shown(body: Ente) -> dict[str, str | datetime | None]:
    return {
        "ente_id": body.ente_id,
        "name": body.name,
        "public_url": body.public_url,
        "publish_audience": body.publish_audience,
        "feed_audience": body.feed_audience,
        "portal_url": body.portal_url,
        "pdnd_audience": body.pdnd.audience if body.pdnd else None,
        "ended_at": body.ended_at,
    }
