"""`service`: the catalogue, which is the administrator's (`settled` 15)."""

from dataclasses import asdict
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from contracts.base import Code, HttpsUrl, Label
from hub.admin.services import Services
from hub.catalogue import CARD_STATES, Card, card_of, record_of
from hub.home import Home
from hub.store.catalogue import set_service, show_service
from hub.store.database import Tx
from hub.store.directory import AlreadyThere, NotThere, add_service, load_registry

from .console import Failed, WrongUsage, complain, record, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, checked, ente_id_of, ente_of, listed, opened
from .revealing import administer

group = typer.Typer(name="service", help="The catalogue of services.")

ServiceId = Annotated[str, typer.Argument(metavar="ID")]
CardUrl = Annotated[str | None, typer.Option("--card-url", help="Public page of the service.")]
StartUrl = Annotated[str | None, typer.Option("--start-url", help="Where a new application begins.")]
Category = Annotated[str | None, typer.Option("--category", help="Category of the catalogue.")]
LifeEvents = Annotated[str | None, typer.Option("--life-events", help="a,b")]
Office = Annotated[str | None, typer.Option("--owner-office", help="The office that answers for it.")]
Days = Annotated[
    int | None, typer.Option("--max-response-days", min=1, max=3650, help="The term of the procedure, in days.")
]
Level = Annotated[int | None, typer.Option("--min-loa", min=1, max=3, help="Lowest SPID or CIE level for its items.")]
State = Annotated[str | None, typer.Option("--state", help=f"One of {', '.join(CARD_STATES)}.")]

CLEARED = ("card_url", "start_url", "category", "life_events", "owner_office", "max_response_days", "min_loa")


@group.command("add")
def add(
    service_id: ServiceId,
    name: Annotated[str, typer.Option("--name", help="The name that citizens read.")],
    card_url: CardUrl = None,
    start_url: StartUrl = None,
    category: Category = None,
    life_events: LifeEvents = None,
    owner_office: Office = None,
    max_response_days: Days = None,
    min_loa: Level = None,
    state: State = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Put a service into the catalogue."""
    given = _given(name, card_url, start_url, category, life_events, owner_office, max_response_days, min_loa, state)
    checked(Code, service_id, name="the service's id")
    card = Card(service_id, **given)
    with opened(home) as one:
        ente_id = ente_id_of(one, ente)

        def put(tx: Tx) -> dict[str, Any] | Failed:
            try:
                add_service(tx, ente_id, service_id, record_of(card))
            except AlreadyThere:
                return Failed(f"there is a service {service_id!r} in {ente_id} already")
            return shown_card(ente_id, card)

        answer = administer(one, "add_service", ente_id, put)
    told(answer, as_json=as_json, text=f"service {service_id} is in the catalogue of {ente_id}")


@group.command("set")
def set_(
    service_id: ServiceId,
    name: Annotated[str | None, typer.Option("--name", help="The name that citizens read.")] = None,
    card_url: CardUrl = None,
    start_url: StartUrl = None,
    category: Category = None,
    life_events: LifeEvents = None,
    owner_office: Office = None,
    max_response_days: Days = None,
    min_loa: Level = None,
    state: State = None,
    clear: Annotated[str | None, typer.Option("--clear", help=f"a,b of {', '.join(CLEARED)}.")] = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Change what is given of a card; the rest stays. Items already published keep what followed from it."""
    given = _given(name, card_url, start_url, category, life_events, owner_office, max_response_days, min_loa, state)
    gone = listed(clear)
    if unknown := [each for each in gone if each not in CLEARED]:
        raise WrongUsage(f"--clear: there is no {unknown[0]!r}; there are {', '.join(CLEARED)}")
    if both := [each for each in gone if each in given]:
        raise WrongUsage(f"--clear: {both[0]} is given as well")
    given |= {each: () if each == "life_events" else None for each in gone}
    if not given:
        raise WrongUsage("give what is to change, such as --max-response-days 30")
    with opened(home) as one:
        ente_id = ente_id_of(one, ente)

        def change(tx: Tx) -> dict[str, Any] | Failed:
            try:
                return shown_card(ente_id, set_service(tx, ente_id, service_id, given))
            except NotThere:
                return _unknown(service_id, ente_id)

        answer = administer(one, "set_service", ente_id, change)
        with one.database.read() as connection:
            naming = _naming(one, connection, ente_id, service_id)
    told(answer, as_json=as_json, text=f"service {service_id}: {', '.join(sorted(given))} changed")
    if naming and state not in (None, "published"):
        complain(f"note: {', '.join(naming)} name it in their settings and go on with it: change them if it is over")


@group.command("list")
def list_(home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The services."""
    with opened(home) as one, one.database.read() as connection:
        found = load_registry(connection).services
    columns = ("ente_id", "service_id", "name", "state", "card_url", "max_response_days", "min_loa")
    cards = [shown_card(ente_id, card_of(service_id, entry)) for (ente_id, service_id), entry in sorted(found.items())]
    rows = [{name: card[name] for name in columns} for card in cards]
    table(rows, as_json=as_json, empty="the catalogue is empty")


@group.command("show")
def show(service_id: ServiceId, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """One card, whole."""
    with opened(home) as one, one.database.read() as connection:
        ente_id = ente_of(connection, ente).ente_id
        try:
            card = show_service(connection, ente_id, service_id)
        except NotThere:
            raise _unknown(service_id, ente_id) from None
        naming = _naming(one, connection, ente_id, service_id)
    record(shown_card(ente_id, card) | {"named_by": naming}, as_json=as_json)


def shown_card(ente_id: str, card: Card) -> dict[str, Any]:
    """A card as it is printed."""
    return {"ente_id": ente_id} | asdict(card)


def _naming(one: Home, connection: Connection, ente_id: str, service_id: str) -> list[str]:
    """The connectors whose settings name it."""
    return list(Services(one.types, one.configuration).naming(connection, ente_id).get(service_id, ()))


def _unknown(service_id: str, ente_id: str) -> Failed:
    return Failed(f"there is no service {service_id!r} in {ente_id}")


def _given(
    name: str | None,
    card_url: str | None,
    start_url: str | None,
    category: str | None,
    life_events: str | None,
    owner_office: str | None,
    max_response_days: int | None,
    min_loa: int | None,
    state: str | None,
) -> dict[str, Any]:
    """The fields of a card that were given, checked."""
    if state is not None and state not in CARD_STATES:
        raise WrongUsage(f"--state: one of {', '.join(CARD_STATES)}")
    events = tuple(checked(Label, each, name="--life-events") for each in listed(life_events))
    given: dict[str, Any] = {
        "name": name and checked(Label, name, name="--name"),
        "state": state,
        "card_url": card_url and checked(HttpsUrl, card_url, name="--card-url"),
        "start_url": start_url and checked(HttpsUrl, start_url, name="--start-url"),
        "category": category and checked(Label, category, name="--category"),
        "life_events": events or None,
        "owner_office": owner_office and checked(Label, owner_office, name="--owner-office"),
        "max_response_days": max_response_days,
        "min_loa": min_loa,
    }
    return {key: value for key, value in given.items() if value}
