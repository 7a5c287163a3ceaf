"""The citizen sees who touched his data and to whom it went: all of it, and nothing of anybody else's (S63)."""

import pytest

from hub.cli.revealing import log_reveal
from hub.store.tables import access_log, deliveries, timeline
from tests.flows.making import described_hub, fresh, mail_folder, new_person, published, rows, to
from tests.harness import make_message

pytestmark = pytest.mark.req("S61", "S63")


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("handling")
    with described_hub(folder / "home", connectors=mail_folder(folder)) as running:
        yield running


def item_of(hub, person, **fields):
    return published(hub, "messages", make_message(fresh(), **to(person), **fields))


def all_of(hub, path, person, limit=2):
    """Every entry, page by page."""
    found, cursor = [], ""
    while True:
        page = hub.read(f"{path}?limit={limit}{cursor}", person).json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def test_every_read_and_every_act_is_listed_with_who_did_it(hub):
    person = new_person()
    item_id = item_of(hub, person)
    hub.read(f"/items/{item_id}", person)
    hub.mark(item_id, {"read": True}, person)
    hub.withdraw(item_id, "errore")
    seen = hub.read("/access-log", person).json()["items"]
    assert [(e["actor"], e["actor_id"], e["operation"]) for e in seen if e["actor"] != "hub"] == [
        ("vendor", "acme", "withdrawn"),
        ("portal", "portale", "change_user_state"),
        ("portal", "portale", "show_item"),
        ("vendor", "acme", "accepted"),
    ]
    assert {e["item_id"] for e in seen} == {item_id}
    assert [e["at"] for e in seen] == sorted((e["at"] for e in seen), reverse=True)


def test_an_administrators_look_is_listed_and_no_name_given(hub):
    person = new_person()
    item_of(hub, person)
    hub.settled()
    [row] = rows(hub, deliveries, message_id=items_of(hub, person)[0]["item_id"], connector_id="mail")
    log_reveal(hub.home, row, "show_delivery")
    [look] = [e for e in all_of(hub, "/access-log", person) if e["actor"] == "administrator"]
    assert (look["actor_id"], look["operation"]) == (None, "show_delivery")


def items_of(hub, person):
    return hub.read("/items", person).json()["items"]


def test_the_pages_together_are_the_rows_of_the_database(hub):
    person = new_person()
    ids = [item_of(hub, person) for _ in range(3)]
    hub.settled()
    items_of(hub, person)
    [citizen_id] = {row["citizen_id"] for item_id in ids for row in rows(hub, timeline, item_id=item_id)}
    logged = {row["access_id"] for row in rows(hub, access_log, citizen_id=citizen_id)}
    happened = {row["event_id"] for row in rows(hub, timeline, citizen_id=citizen_id) if row["event"] == "accepted"}
    found = [entry["entry_id"] for entry in all_of(hub, "/access-log", person, limit=3)]
    assert logged | happened <= set(found)
    assert len(found) == len(set(found))


def test_a_refused_read_is_listed_with_why(hub):
    person, other = new_person(), new_person()
    item_of(hub, person)
    theirs = item_of(hub, other)
    hub.read(f"/items/{theirs}", person)
    first = hub.read("/access-log?limit=1", person).json()["items"][0]
    assert (first["operation"], first["outcome"], first["item_id"]) == ("show_item", "item.unknown", None)


def test_to_whom_something_went(hub):
    person = new_person()
    item_id = item_of(hub, person)
    hub.settled()
    found = all_of(hub, "/sharing", person)
    assert {(e["recipient"], e["recipient_id"], e["channel"], e["what"], e["state"]) for e in found} == {
        ("channel", "mail", "email", "message", "delivered"),
        ("vendor", "acme", None, "accepted", None),
    }
    assert {e["item_id"] for e in found} == {item_id}


def test_a_lower_level_learns_nothing_of_an_item_for_the_higher_one(hub):
    person = new_person()
    item_id = item_of(hub, person, min_loa=3)
    hub.settled()
    for path in ("/access-log", "/sharing"):
        assert item_id not in hub.read(path, person).text
        high = hub.reader(person, acr="https://www.spid.gov.it/SpidL3")
        assert item_id in hub.client.get(f"/feed/v1{path}", headers=high).text


@pytest.mark.parametrize("path", ["/access-log", "/sharing"])
def test_nobody_known_has_an_empty_list(hub, path):
    assert hub.read(path, new_person()).json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("query", ["limit=0", "q=x", "cursor=abc"])
def test_a_wrong_parameter_is_refused(hub, query):
    assert hub.read(f"/access-log?{query}", new_person()).status_code == 400
