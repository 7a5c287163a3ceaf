"""What follows from an item: its notices, its deadlines, and what the hub does by itself when a moment has come."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.store.tables import agenda, items
from tests.flows.making import (
    code,
    described_hub,
    fresh,
    mail_folder,
    make_application,
    make_deadline,
    new_person,
    notice_number,
    published,
    reminders_come,
    rows,
    titles,
    to,
)
from tests.harness import make_message, make_payment, make_receipt

PAST, FUTURE = "2025-01-31", "2099-01-31"


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("following")
    with described_hub(folder / "home", connectors=mail_folder(folder), sweep_s=300) as running:
        yield running


def about(hub, item_id, collection):
    """What the hub made of an item: (state, title) in order."""
    made = rows(hub, items, about_item_id=item_id, collection=collection)
    return [row["state"] for row in sorted(made, key=lambda row: row["item_id"])]


def messages(hub, person):
    shown = hub.read("/messages?sort=occurred_at", person).json()["items"]
    return sorted((one["item_id"], one["title"]) for one in shown)


def titles_of(hub, person):
    return [title for _, title in messages(hub, person)]


@pytest.mark.req("S6")
@pytest.mark.parametrize("door", ["receipt", "version", "withdrawal"])
def test_a_deadline_closes_whichever_door_the_thing_was_done_through(hub, door):
    person, number = new_person(), notice_number()
    payment = make_payment(fresh(), **to(person), notice_number=number, due_date=FUTURE)
    item_id = published(hub, "payments", payment)
    (deadline,) = hub.read("/deadlines", person).json()["items"]
    assert (deadline["state"], deadline["due_at"]) == ("open", "2099-01-31T23:00:00Z")
    assert rows(hub, agenda, item_id=item_id) != []
    if door == "receipt":
        paid = {"creditor_tax_code": payment["creditor_tax_code"], "notice_number": number}
        published(hub, "receipts", make_receipt(fresh(), **to(person), payment=paid))
    elif door == "version":
        published(hub, "payments", payment | {"version": 2, "state": "paid"})
    else:
        assert hub.withdraw(item_id).status_code == 201
    left = hub.read("/deadlines", person).json()["items"]
    assert [one["state"] for one in left] == ([] if door == "withdrawal" else ["met"])
    assert rows(hub, agenda, item_id=item_id) == []


@pytest.mark.parametrize("last", [False, True], ids=["payable", "not payable any more"])
def test_what_is_not_paid_in_time_is_overdue(hub, last):
    person = new_person()
    payment = make_payment(fresh(), **to(person), due_date=PAST, notice_number=notice_number(), invalid_after_due=last)
    item_id = published(hub, "payments", payment)
    assert about(hub, item_id, "deadlines") == ["open"]
    hub.hub.after_sweep()
    (row,) = rows(hub, items, item_id=item_id)
    assert (row["state"], row["turn"]) == (("expired", "none") if last else ("overdue", "citizen"))
    assert about(hub, item_id, "deadlines") == ["missed"]
    assert rows(hub, agenda, item_id=item_id) == []
    published(hub, "payments", payment | {"version": 2, "state": "paid"})
    assert about(hub, item_id, "deadlines") == ["met"]


@pytest.mark.req("S6")
def test_a_deadline_is_moved_with_what_it_comes_from_and_goes_with_it(hub):
    person = new_person()
    payment = make_payment(fresh(), **to(person), due_date=FUTURE, notice_number=notice_number())
    published(hub, "payments", payment)
    published(hub, "payments", payment | {"version": 2, "due_date": "2099-03-31"})
    (deadline,) = hub.read("/deadlines", person).json()["items"]
    assert (deadline["due_at"], deadline["state"]) == ("2099-03-31T22:00:00Z", "open")
    del payment["due_date"]
    published(hub, "payments", payment | {"version": 3})
    (deadline,) = hub.read("/deadlines", person).json()["items"]
    assert deadline["state"] == "cancelled"


@pytest.mark.req("S6")
def test_a_reminder_comes_ahead_once_and_not_where_the_thing_is_done(hub):
    soon = datetime.now(UTC) + timedelta(days=1, hours=12)
    wished = {"due_at": soon.isoformat().replace("+00:00", "Z"), "reminder_offsets": [1]}
    reminded, done = new_person(), new_person()
    waits = published(hub, "deadlines", make_deadline(fresh(), **to(reminded), **wished))
    other = make_deadline(fresh(), **to(done), **wished)
    met = published(hub, "deadlines", other)
    published(hub, "deadlines", other | {"version": 2, "state": "met"})
    hub.hub.after_sweep()
    assert titles_of(hub, reminded) == []
    reminders_come(hub, waits, met)
    for _ in range(2):
        hub.hub.after_sweep()
    (found,) = titles_of(hub, reminded)
    assert found.startswith("Scade il ")
    assert titles_of(hub, done) == []


@pytest.mark.req("S27", "S28", "S29")
def test_each_stage_of_an_application_is_told_once(hub):
    person = new_person()
    item = make_application(fresh(), **to(person), title="Nido", state="submitted")
    published(hub, "applications", item)
    stages = [
        {"state": "in_progress", "due_date": "2099-02-28"},
        {"state": "integration_requested", "integration": {"requested_at": "2026-11-24T09:00:00Z", "reason": "ISEE"}},
        {"state": "integration_requested", "integration": {"requested_at": "2026-11-24T09:00:00Z", "reason": "ISEE"}},
        {"state": "integration_submitted"},
        {"state": "in_progress"},
        {"state": "integration_requested", "integration": {"requested_at": "2026-11-25T09:00:00Z", "reason": "Foto"}},
        {"state": "completed", "outcome": "accepted"},
    ]
    for version, stage in enumerate(stages, start=2):
        published(hub, "applications", item | stage | {"version": version})
    assert titles_of(hub, person) == [
        "Domanda inviata: Nido",
        "Domanda presa in carico: Nido",
        "Integrazione richiesta: Nido",
        "Integrazione ricevuta: Nido",
        "Integrazione richiesta: Nido",
        "Domanda conclusa: Nido",
    ]


@pytest.mark.req("S6", "S29")
@pytest.mark.parametrize(("state", "left"), [("integration_submitted", "met"), ("withdrawn", "cancelled")])
def test_what_the_citizen_had_to_do_is_met_when_it_is_the_bodys_turn(hub, state, left):
    person = new_person()
    wanted = {"requested_at": "2026-11-24T09:00:00Z", "due_at": f"{FUTURE}T12:00:00Z", "reason": "ISEE"}
    item = make_application(fresh(), **to(person), state="integration_requested")
    item_id = published(hub, "applications", item | {"integration": wanted})
    assert about(hub, item_id, "deadlines") == ["open"]
    published(hub, "applications", item | {"version": 2, "state": state})
    assert about(hub, item_id, "deadlines") == [left]


@pytest.mark.req("S28")
def test_a_notice_is_among_what_is_new_however_old_the_thing_is(hub):
    person = new_person()
    item = make_application(fresh(), **to(person), title="Nido", occurred_at="2026-01-08T09:00:00Z")
    published(hub, "applications", item)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    published(hub, "messages", make_message(fresh(), **to(person), title="Avviso", occurred_at=yesterday))
    asked = {"integration": {"requested_at": yesterday, "reason": "ISEE"}}
    published(hub, "applications", item | asked | {"version": 2, "state": "integration_requested"})
    newest = ["Integrazione richiesta: Nido", "Domanda inviata: Nido", "Avviso"]
    assert titles(hub.read("/messages", person)) == newest
    sections = {each["code"]: each for each in hub.read("/summary?view=desk", person).json()["view_sections"]}
    assert [each["title"] for each in sections["messages"]["latest"]] == newest


@pytest.mark.req("S26")
def test_leaps_and_reopenings_of_a_source_are_in_the_history(hub):
    person = new_person()
    item = make_application(fresh(), **to(person), state="submitted")
    item_id = published(hub, "applications", item)
    for version, state in enumerate(["completed", "in_progress", "submitted"], start=2):
        assert code(hub.publish("applications", item | {"version": version, "state": state})) == (200, "updated")
    timeline = hub.read(f"/items/{item_id}", person).json()["timeline"]
    told = [(one["event"], one["data"].get("skipped"), one["data"].get("unforeseen")) for one in timeline]
    assert [one for one in told if one[0] in ("updated", "reopened")] == [
        ("updated", "registered,in_progress", None),
        ("updated", None, None),
        ("reopened", None, None),
        ("updated", None, "in_progress"),
    ]


@pytest.mark.parametrize(
    ("state", "turn"), [("draft", "citizen"), ("registered", "body"), ("completed", "none"), ("suspended", "body")]
)
def test_whose_turn_it_is(hub, state, turn):
    person = new_person()
    published(hub, "applications", make_application(fresh(), **to(person), state=state))
    assert [one["turn"] for one in hub.read("/applications", person).json()["items"]] == [turn]
