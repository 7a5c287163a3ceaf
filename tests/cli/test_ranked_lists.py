"""Ranked lists on the command line: off by default, never of few, each step in the access log."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.flows.making import new_person

from .conftest import Raccordo
from .subscribing import subscribe

pytestmark = pytest.mark.req("S45", "S46", "S47")

SERVICE = ("subscription-service", "add", "nido-2026", "--name", "Nido")
DRAFT = ("ranked-list", "draft", "nido-2026", "--title", "Graduatoria")


def test_drafted_published_corrected_withdrawn(raccordo: Raccordo, home: Path) -> None:
    raccordo(*SERVICE, "--list", "--order-keys", "-score")
    people = [new_person() for _ in range(5)]
    for score, person in enumerate(people):
        subscribe(home, [person], attributes=[{"code": "score", "number": score}])
    list_id = raccordo(*DRAFT, "--json").json["list_id"]
    shown = raccordo("ranked-list", "show", list_id, "--json")
    assert [each["shown"]["score"] for each in shown.json["entries"]] == [4, 3, 2, 1, 0]
    assert not any(person in shown.out for person in people)
    assert raccordo("ranked-list", "publish", list_id, "--until", "2020-01-01", "--yes").code == 2
    assert raccordo("ranked-list", "publish", list_id, "--until", "ieri", "--yes").code == 2
    assert raccordo("ranked-list", "publish", list_id, "--until", "2199-12-31", "--yes").code == 0
    subscribe(home, [new_person()], attributes=[{"code": "score", "number": 9}])
    assert raccordo("ranked-list", "correct", list_id, "--reason", "RSSMRA80A01H501U").code == 2
    assert raccordo("ranked-list", "correct", list_id, "--reason", "Errore", "--json").json["changed"] == 6
    (row,) = raccordo("ranked-list", "list", "--json").json
    assert (row["state"], row["entries"]) == ("published", 6)
    assert raccordo("ranked-list", "withdraw", list_id, "--yes").code == 0
    again = raccordo("ranked-list", "withdraw", list_id, "--yes")
    assert (again.code, "withdrawn" in again.err) == (1, True)
    with closing(sqlite3.connect(home / "raccordo.db")) as database:
        found = database.execute("SELECT operation FROM access_log WHERE outcome = 'ok' ORDER BY access_id").fetchall()
    steps = ("draft", "publish", "correct", "withdraw")
    assert [operation for (operation,) in found][2:] == [f"{step}_ranked_list" for step in steps]


@pytest.mark.parametrize(
    ("policy", "people", "told"),
    [
        (("--order-keys", "-score"), 5, "not to be published"),
        (("--list",), 5, "order"),
        (("--list", "--order-keys", "-score", "--with-names"), 5, "names"),
        (("--list", "--order-keys", "-score"), 1, "fewer than 5"),
        (("--list", "--order-keys", "-score"), 4, "fewer than 5"),
    ],
)
def test_what_may_not_be_published_is_not_even_drafted(
    raccordo: Raccordo, home: Path, policy: tuple[str, ...], people: int, told: str
) -> None:
    raccordo(*SERVICE, *policy)
    subscribe(home, [new_person() for _ in range(people)])
    answer = raccordo(*DRAFT)
    assert (answer.code, told in answer.err) == (1, True), answer.err
    assert raccordo("ranked-list", "list", "--json").json == []


def test_a_policy_that_was_switched_off_stops_a_draft(raccordo: Raccordo, home: Path) -> None:
    raccordo(*SERVICE, "--list", "--order-keys", "-score")
    subscribe(home, [new_person() for _ in range(5)])
    list_id = raccordo(*DRAFT, "--json").json["list_id"]
    raccordo("subscription-service", "set", "nido-2026", "--no-list")
    answer = raccordo("ranked-list", "publish", list_id, "--until", "2199-12-31", "--yes")
    assert (answer.code, "not to be published" in answer.err) == (1, True)
