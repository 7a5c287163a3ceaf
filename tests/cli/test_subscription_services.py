"""What citizens subscribe to, as an administrator sets it (settled 15)."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from .conftest import Raccordo

PLAN = [
    {"n": 1, "amount_cents": 30_000, "due_date": "2026-12-15", "reason": "Rata 1"},
    {"n": 2, "amount_cents": 30_000, "due_date": "2027-03-15", "reason": "Rata 2"},
]


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(PLAN))
    return path


@pytest.mark.req("S32", "S33", "S35", "S37")
def test_its_rules_are_set_and_shown_and_what_is_not_given_stays(raccordo: Raccordo, plan: Path) -> None:
    own = ("--renewal", "manual", "--notice-days", 45, "--plan", plan, "--plan-total-cents", 60_000)
    window = ("--period", "2026-09-01,2027-07-31", "--enrol-window", "2026-03-01T08:00:00Z,2026-04-30T22:00:00Z")
    assert raccordo("subscription-service", "add", "nido-2026", "--name", "Nido", *own, *window).code == 0
    changed = raccordo("subscription-service", "set", "nido-2026", "--cancellation", "auto", "--order-keys", "-score")
    assert changed.code == 0
    shown = raccordo("subscription-service", "show", "nido-2026", "--json").json
    assert (shown["renewal"], shown["cancellation"], shown["notice_days"]) == ("manual", "auto", 45)
    assert shown["period"] == {"first_day": "2026-09-01", "last_day": "2027-07-31"}
    assert [part["due_date"] for part in shown["payment_plan"]] == ["2026-12-15", "2027-03-15"]
    assert shown["list_policy"] == {"published": False, "order_keys": ["-score"], "anonymise": True}
    (row,) = raccordo("subscription-service", "list", "--json").json
    assert (row["code"], row["renewal"]) == ("nido-2026", "manual")


def test_who_changed_it_is_written_down(raccordo: Raccordo, home: Path) -> None:
    raccordo("subscription-service", "add", "nido-2026", "--name", "Nido")
    raccordo("subscription-service", "set", "nido-2026", "--capacity", 20)
    with closing(sqlite3.connect(home / "raccordo.db")) as database:
        found = database.execute("SELECT operation FROM access_log ORDER BY access_id").fetchall()
    assert [operation for (operation,) in found] == ["add_ente", "add_subscription_service", "set_subscription_service"]


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--renewal", "sometimes"), 2, "--renewal"),
        (("--period", "2027-01-01,2026-01-01"), 2, "--period"),
        (("--period", "2027-01-01"), 2, "--period"),
        (("--enrol-window", "2026-04-30T22:00:00,2026-03-01T08:00:00Z"), 2, "--enrol-window"),
        (("--notice-days", 366), 2, "--notice-days"),
        (("--creditor", "00488410011"), 2, "--creditor"),
        (("--service", "nessuno"), 1, "--service"),
        (("--order-keys", "score,-score"), 2, "--order-keys"),
    ],
)
def test_what_cannot_be_is_refused_by_name(raccordo: Raccordo, options: tuple[str, ...], code: int, told: str) -> None:
    answer = raccordo("subscription-service", "add", "nido-2026", "--name", "Nido", *options)
    assert answer.code == code
    assert told in answer.err
    assert raccordo("subscription-service", "list", "--json").json == []


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ([PLAN[0], PLAN[1] | {"amount_cents": 29_999}], "do not add up"),
        ([PLAN[0], PLAN[1] | {"n": 3}], "numbered"),
        ([PLAN[0] | {"due_date": "2027-04-01"}, PLAN[1]], "before the one"),
        ([PLAN[0] | {"notice_number": "301000000000000012"}, PLAN[1]], "nobody's yet"),
        ("rata", "--plan"),
    ],
)
def test_a_plan_that_does_not_add_up_is_refused(raccordo: Raccordo, tmp_path: Path, plan: object, told: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan))
    own = ("--plan", path, "--plan-total-cents", 60_000)
    answer = raccordo("subscription-service", "add", "nido-2026", "--name", "Nido", *own)
    assert answer.code == 2
    assert told in answer.err


def test_one_that_is_there_is_not_added_and_one_that_is_not_is_not_set(raccordo: Raccordo) -> None:
    assert raccordo("subscription-service", "set", "nido-2026", "--capacity", 3).code == 1
    assert raccordo("subscription-service", "add", "nido-2026").code == 2  # it has no name
    raccordo("subscription-service", "add", "nido-2026", "--name", "Nido")
    assert raccordo("subscription-service", "add", "nido-2026", "--name", "Nido").code == 1


def test_what_is_wrong_in_a_plan_is_named_within_it(raccordo: Raccordo, tmp_path: Path) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps([PLAN[0], {name: value for name, value in PLAN[1].items() if name != "reason"}]))
    answer = raccordo("subscription-service", "add", "nido-2027", "--name", "Nido", "--plan", path)
    assert (answer.code, "--plan: /1/reason: Manca: è obbligatorio / Field required" in answer.err) == (2, True)
