"""The catalogue as an administrator keeps it, and the record of who changed it."""

import pytest

from hub.cli.options import opened
from hub.store.directory import load_registry
from hub.store.tables import access_log

from .conftest import Raccordo


@pytest.mark.req("S9")
def test_a_card_is_changed_field_by_field(raccordo: Raccordo) -> None:
    given = ("--life-events", "Figli, Scuola", "--category", "Educazione", "--max-response-days", 30)
    assert raccordo("service", "add", "nido", "--name", "Nido", *given).code == 0
    assert (
        raccordo("service", "set", "nido", "--name", "Asilo nido", "--state", "suspended", "--clear", "category").code
        == 0
    )
    card = raccordo("service", "show", "nido", "--json").json
    assert (card["name"], card["state"], card["category"]) == ("Asilo nido", "suspended", None)
    assert (card["life_events"], card["max_response_days"]) == (["Figli", "Scuola"], 30)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("nido",), 2),
        (("nido", "--clear", "name"), 2),
        (("nido", "--clear", "category", "--category", "x"), 2),
        (("nido", "--state", "open"), 2),
        (("nido", "--start-url", "http://x.example.it"), 2),
        (("nowhere", "--name", "x"), 1),
    ],
)
def test_a_wrong_change_is_told_and_changes_nothing(raccordo: Raccordo, arguments: tuple[str, ...], code: int) -> None:
    raccordo("service", "add", "nido", "--name", "Nido")
    before = raccordo("service", "show", "nido", "--json").json
    assert raccordo("service", "set", *arguments).code == code
    assert raccordo("service", "show", "nido", "--json").json == before


def test_who_changed_the_catalogue_is_in_the_access_log(raccordo: Raccordo, home) -> None:
    raccordo("service", "add", "nido", "--name", "Nido")
    raccordo("service", "set", "nido", "--min-loa", 3)
    raccordo("service", "set", "nowhere", "--min-loa", 3)
    with opened(home) as one, one.database.read() as connection:
        found = [row.operation for row in connection.execute(access_log.select().order_by(access_log.c.at))]
        registry = load_registry(connection)
    assert found == ["add_ente", "add_service", "set_service"]
    assert [(card.service_id, card.min_loa) for card in registry.catalogue("c_h501")] == [("nido", 3)]


def test_nothing_is_agreed_with_sources_at_first(raccordo: Raccordo) -> None:
    assert raccordo("source", "list", "--json").json == []
    assert raccordo("compliance", "--json").json == []
    assert raccordo("service", "proposals", "--json").json == []
