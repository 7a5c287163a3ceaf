"""Statistics of subscribers over HTTP (S42-S44): without small numbers, as JSON and as CSV, and who looked."""

import csv
import io

import pytest

from contracts.subscription_services import StatisticsPolicy
from hub.ingest import statistics
from hub.store.tables import access_log
from tests.flows.administering import admin_of
from tests.flows.making import code, fresh, make_subscription, new_person, new_subscription_service, published, rows

pytestmark = pytest.mark.req("S42", "S43", "S44")

AREAS = ("=Centro", "Lunetà")


@pytest.fixture(scope="module")
def manager(hub):
    return admin_of(hub, fresh("gestore"), "service-manager")


@pytest.fixture(scope="module")
def nursery(hub):
    """A service with six subscribers in each of two areas, one who lives alone in a third, and one who is gone."""
    name = new_subscription_service(hub, statistics=StatisticsPolicy(area_attribute="quartiere"))
    homes = [*(area for area in AREAS for _ in range(6)), "Via Rossi 3"]
    people = [new_person() for _ in homes]
    for person, area in zip(people, homes, strict=True):
        subscribe(hub, name, person, attributes=[{"code": "quartiere", "text": area}])
    subscribe(hub, name, new_person(), state="ended")
    return name, people


def subscribe(hub, name, person, **fields):
    item = make_subscription(fresh(), tax_code=person, subscription_service=name, notify={"channels": []}, **fields)
    published(hub, "subscriptions", item)


def asked(admin, name, accept=None):
    headers = {} if accept is None else {"Accept": accept}
    return admin.call("GET", f"/subscription-statistics/{name}", headers=headers)


def test_the_numbers_are_told_and_none_that_speaks_of_a_person(hub, manager, nursery):
    name, people = nursery
    answer = asked(manager, name)
    counted = answer.json()
    cells = {(one["dimension"], one["value"]): one["number"] for one in counted["cells"]}
    assert (counted["subscription_service"], counted["smallest"], cells["total", ""]) == (name, 5, 13)
    assert (cells["state", "active"], cells["sex", "M"]) == (13, 13)
    # One lives alone: his number is not told, nor another, from which it could be worked out; nor where he lives.
    assert cells["area", "other"] is None
    assert sorted(cells["area", area] is None for area in AREAS) == [False, True]
    assert "Rossi" not in answer.text
    assert not any(person in answer.text for person in people)


def test_the_same_as_csv_that_no_spreadsheet_takes_for_a_formula(manager, nursery):
    name, _ = nursery
    answer = asked(manager, name, "text/csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}.csv"'
    assert answer.content.startswith(b"dimension,value,number\r\n")
    told = list(csv.reader(io.StringIO(answer.content.decode("utf-8"))))[1:]
    assert not [cell for row in told for cell in row if cell.startswith(("=", "+", "-", "@"))]
    same = [(one["dimension"], one["value"], one["number"]) for one in asked(manager, name).json()["cells"]]
    assert [(kind, value.lstrip("'"), int(number) if number else None) for kind, value, number in told] == same


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("text/csv, application/json;q=0.5", "text/csv"),
        ("application/json, text/csv;q=0.5", "application/json"),
        ("*/*", "application/json"),
    ],
)
def test_whoever_takes_both_gets_what_he_likes_more(manager, nursery, accept, media):
    assert asked(manager, nursery[0], accept).headers["Content-Type"].startswith(media)


def test_who_looked_stands_in_the_audit_records(hub, manager, nursery):
    auditor = admin_of(hub, fresh("dpo"), "data-protection")
    name = admin_of(hub, who := fresh("gestore"), "service-manager")
    asked(name, nursery[0])
    (line,) = [each for each in auditor.get("/audit-records").json()["items"] if each["actor"] == who][:1]
    assert (line["operation"], line["outcome"]) == ("show_subscription_statistics", "ok")
    assert line["target"] == f"subscription-statistics/{nursery[0]}"
    assert asked(name, "manca").status_code == 404
    last = auditor.get("/audit-records?target=subscription-statistics/manca").json()["items"][0]
    assert (last["actor"], last["outcome"]) == (who, "subscription_service.unknown")


def test_a_question_that_cannot_be_answered_is_refused(hub, manager, nursery, monkeypatch):
    name, _ = nursery
    assert code(asked(manager, "manca")) == (404, "subscription_service.unknown")
    assert code(manager.get(f"/subscription-statistics/{name}?anno=2026")) == (400, "request.invalid")
    assert code(asked(manager, name, "application/pdf")) == (406, "media.not_acceptable")
    operator = admin_of(hub, fresh("operatore"), "operator")
    assert code(asked(operator, name)) == (403, "role.missing")
    monkeypatch.setattr(statistics, "MOST_AREAS", 2)
    assert code(asked(manager, name)) == (409, "statistics.areas_too_many")
    assert rows(hub, access_log, outcome="statistics.areas_too_many")
