"""`service`: the catalogue, which is the administrator's (`settled` 15)."""

from typing import Annotated, Any

import typer

from contracts.base import Code, HttpsUrl, Label
from hub.store.directory import AlreadyThere, add_service, load_registry

from .console import Failed, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, checked, ente_of, opened

group = typer.Typer(name="service", help="The catalogue of services.")


@group.command("add")
def add(
    service_id: Annotated[str, typer.Argument(metavar="ID")],
    name: Annotated[str, typer.Option("--name", help="The name that citizens read.")],
    card_url: Annotated[str | None, typer.Option("--card-url", help="Public page of the service.")] = None,
    max_response_days: Annotated[
        int | None, typer.Option("--max-response-days", min=1, max=3650, help="The term of the procedure.")
    ] = None,
    min_loa: Annotated[
        int | None, typer.Option("--min-loa", min=1, max=3, help="Lowest SPID or CIE level for its items.")
    ] = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Put a service into the catalogue."""
    given: dict[str, Any] = {
        "name": checked(Label, name, name="--name"),
        "card_url": checked(HttpsUrl, card_url, name="--card-url") if card_url else None,
        "max_response_days": max_response_days,
        "min_loa": min_loa,
    }
    entry = {key: value for key, value in given.items() if value is not None}
    checked(Code, service_id, name="the service's id")
    with opened(home) as one:
        with one.database.read() as connection:
            ente_id = ente_of(connection, ente).ente_id
        try:
            with one.database.write() as tx:
                add_service(tx, ente_id, service_id, entry)
        except AlreadyThere:
            raise Failed(f"there is a service {service_id!r} in {ente_id} already") from None
    told(
        {"ente_id": ente_id, "service_id": service_id} | entry,
        as_json=as_json,
        text=f"service {service_id} is in the catalogue of {ente_id}",
    )


@group.command("list")
def list_(home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The services."""
    with opened(home) as one, one.database.read() as connection:
        found = load_registry(connection).services
    columns = ("name", "card_url", "max_response_days", "min_loa")
    rows = [
        {"ente_id": ente_id, "service_id": service_id} | {name: entry.get(name) for name in columns}
        for (ente_id, service_id), entry in sorted(found.items())
    ]
    table(rows, as_json=as_json, empty="the catalogue is empty")
