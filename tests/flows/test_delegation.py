"""Who acts for another does so under a delegation that holds now, and the other sees it (`settled` 6)."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from hub.store.tables import access_log
from tests.flows.making import fresh, new_person, published, rows, titles
from tests.harness import make_message

pytestmark = pytest.mark.req("S61", "S63")


@pytest.fixture
def give(raccordo, monkeypatch):
    """Let the one person give a delegation to the other, for some days around now; its id."""

    def call(principal, delegate, *, begin=-1, end=1):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{principal}\n{delegate}\n"))
        days = [(datetime.now(UTC) + timedelta(days=n)).isoformat() for n in (begin, end)]
        return raccordo("delegation", "add", "--from", days[0], "--to", days[1], "--json")["delegation_id"]

    return call


def read_for(hub, principal, delegate, path="/items"):
    return hub.client.get(f"/feed/v1{path}", headers=hub.reader(delegate, on_behalf_of=f"TINIT-{principal}"))


def something_of(hub, person, title="di altri"):
    return published(hub, "messages", make_message(fresh(), tax_code=person, title=title, notify={"channels": []}))


def test_who_was_delegated_reads_and_marks_and_the_other_sees_it(hub, give):
    principal, delegate = new_person(), new_person()
    item_id = something_of(hub, principal)
    delegation_id = give(principal, delegate)
    assert titles(read_for(hub, principal, delegate)) == ["di altri"]
    headers = hub.reader(delegate, on_behalf_of=f"TINIT-{principal}")
    marked = hub.mark(item_id, {"read": True}, headers=headers)
    assert marked.status_code == 200, marked.text
    seen = hub.read("/access-log", principal).json()["items"]
    by_other = {e["operation"] for e in seen if e["delegation_id"] == delegation_id}
    assert by_other == {"list_items", "change_user_state"}
    assert {e["delegate_tax_code"] for e in seen if e["delegation_id"] == delegation_id} == {delegate}
    assert {e["delegate_tax_code"] for e in seen if e["delegation_id"] is None} == {None}
    hub.read("/items", principal)
    own = hub.read("/access-log?limit=2", principal).json()["items"]
    assert [e["delegation_id"] for e in own] == [None, None]
    assert titles(hub.read("/items", delegate)) == [], "his own feed is his own"


@pytest.mark.parametrize(("begin", "end"), [(-2, -1), (1, 2)])
def test_one_that_does_not_hold_now_is_refused_clearly(hub, give, begin, end):
    principal, delegate = new_person(), new_person()
    something_of(hub, principal)
    give(principal, delegate, begin=begin, end=end)
    refused = read_for(hub, principal, delegate)
    assert (refused.status_code, refused.json()["code"]) == (403, "delegation.inactive")
    assert principal not in refused.text
    [line] = [e for e in hub.read("/access-log", principal).json()["items"] if e["actor"] == "portal"]
    assert (line["operation"], line["outcome"]) == ("list_items", "delegation.inactive")


def test_one_that_was_ended_is_refused_at_once(hub, give, raccordo):
    principal, delegate = new_person(), new_person()
    something_of(hub, principal)
    delegation_id = give(principal, delegate)
    assert read_for(hub, principal, delegate).status_code == 200
    raccordo("delegation", "end", delegation_id)
    assert read_for(hub, principal, delegate).status_code == 403
    listed = {row["delegation_id"]: row["active"] for row in raccordo("delegation", "list", "--json")}
    assert listed[delegation_id] is False


def test_a_delegation_is_of_one_to_one_and_one_way(hub, give):
    principal, delegate, other = new_person(), new_person(), new_person()
    for person in (principal, delegate, other):
        something_of(hub, person)
    give(principal, delegate)
    assert read_for(hub, delegate, principal).status_code == 403
    assert read_for(hub, principal, other).status_code == 403
    assert read_for(hub, other, delegate).status_code == 403


@pytest.mark.parametrize("value", ["x", "TINIT-00488410010", 7])
def test_what_is_no_person_is_refused_as_anything_before_the_signature(hub, value):
    answer = hub.client.get("/feed/v1/items", headers=hub.reader(new_person(), on_behalf_of=value))
    assert (answer.status_code, answer.json()["code"]) == (401, "request.refused")


def test_the_chain_holds_over_the_access_under_a_delegation(hub, give, raccordo):
    principal, delegate = new_person(), new_person()
    something_of(hub, principal)
    give(principal, delegate)
    read_for(hub, principal, delegate)
    assert [row for row in rows(hub, access_log) if row["delegation_id"]]
    assert raccordo("audit", "verify", "--json")["ok"]


def test_nobody_delegates_to_himself(hub, raccordo, monkeypatch):
    person = new_person()
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{person}\n{person}\n"))
    raccordo("delegation", "add", "--to", "2099-01-01T00:00:00Z", code=2)


def test_a_line_that_is_missing_is_called_so(hub, raccordo, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{new_person()}\n"))
    said = raccordo("delegation", "add", "--to", "2099-01-01T00:00:00Z", code=2)
    assert "the second tax code on standard input: there is none" in said


def test_one_that_is_over_is_not_said_to_hold(hub, raccordo, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{new_person()}\n{new_person()}\n"))
    said = raccordo("delegation", "add", "--from", "2026-01-01T00:00:00Z", "--to", "2026-01-02T00:00:00Z")
    assert "lets nobody act" in said
    assert "holds" not in said
