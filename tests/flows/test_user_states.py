"""Many marks at once: each item answered, all that may be changed changed together, the token used once."""

import json

import pytest

from contracts.user_states import MOST_CHANGES
from hub.store.tables import access_log, user_states
from tests.flows.making import code, fresh, new_person, published, rows
from tests.harness import make_message

NOBODYS = "019b0000-0000-7000-8000-000000000000"


def letters(hub, person, count, **fields):
    own = {"tax_code": person, "notify": {"channels": []}} | fields
    return [published(hub, "messages", make_message(fresh(), **own)) for _ in range(count)]


def mark_many(hub, wishes, person, *, headers=None):
    body = wishes if isinstance(wishes, str) else {"items": [{"item_id": i, "patch": p} for i, p in wishes]}
    return hub.write("/user-states", body, person, headers=headers)


def states(hub, person, ids):
    return [hub.read(f"/items/{item_id}", person).json()["user_state"] for item_id in ids]


def test_each_item_takes_its_own_patch(hub, person):
    ids = letters(hub, person, 3)
    wishes = [(ids[0], {"read": True}), (ids[1], {"archived": True, "starred": True}), (ids[2], {"archived": True})]
    response = mark_many(hub, wishes, person)
    assert response.status_code == 200
    assert [one["item_id"] for one in response.json()["items"]] == ids
    assert [one["user_state"] for one in response.json()["items"]] == states(hub, person, ids)
    flags = [(s["read"], s["archived"], s["starred"]) for s in states(hub, person, ids)]
    assert flags == [(True, False, False), (False, True, True), (False, True, False)]


def test_what_was_archived_together_is_restored_together(hub, person):
    ids = letters(hub, person, 2)
    mark_many(hub, [(i, {"archived": True}) for i in ids], person)
    assert hub.read("/items", person).json()["items"] == []
    mark_many(hub, [(i, {"archived": False}) for i in ids], person)
    assert {item["item_id"] for item in hub.read("/items", person).json()["items"]} == set(ids)


def test_a_hundred_go_at_once_and_changes_tell_of_each(hub, person):
    ids = letters(hub, person, MOST_CHANGES)
    cursor = None
    while (page := hub.read("/changes?limit=100" + (f"&after={cursor}" if cursor else ""), person).json())["items"]:
        cursor = page["next_cursor"]
    response = mark_many(hub, [(i, {"read": True}) for i in ids], person)
    assert {one["outcome"] for one in response.json()["items"]} == {"changed"}
    changed = hub.read(f"/changes?limit=100&after={cursor}", person).json()
    assert {one["item_id"] for one in changed["items"]} == set(ids)
    assert all(one["item"]["user_state"]["read"] for one in changed["items"])


@pytest.mark.req("S60")
def test_what_is_not_the_citizens_is_refused_and_the_rest_changes(hub, person):
    (mine,), (theirs,) = letters(hub, person, 1), letters(hub, other := new_person(), 1)
    hub.withdraw(gone := letters(hub, person, 1)[0])
    (hidden,) = letters(hub, person, 1, min_loa=3)
    wishes = [(i, {"read": True}) for i in (theirs, NOBODYS, mine, gone, hidden)]
    found = mark_many(hub, wishes, person).json()["items"]
    assert [one["code"] for one in found] == ["item.unknown", "item.unknown", None, "item.unknown", "item.unknown"]
    assert [one["user_state"] is None for one in found] == [True, True, False, True, True]
    assert rows(hub, user_states, item_id=theirs) == rows(hub, user_states, item_id=hidden) == []
    assert states(hub, other, [theirs])[0]["read"] is False
    assert states(hub, person, [mine])[0]["read"] is True


def test_whoever_has_nothing_changes_nothing(hub, person):
    assert [one["code"] for one in mark_many(hub, [(NOBODYS, {"read": True})], person).json()["items"]] == [
        "item.unknown"
    ]


def test_a_confirmation_among_them_is_one_and_is_told_in_the_timeline(hub, person):
    ids = letters(hub, person, 2, requires_confirmation=True)
    mark_many(hub, [(ids[0], {"confirmed": True}), (ids[1], {"read": True})], person)
    first, second = (hub.read(f"/items/{i}", person).json() for i in ids)
    assert (first["turn"], second["turn"]) == ("none", "citizen")
    assert [event["event"] for event in first["timeline"]].count("confirmed") == 1


@pytest.mark.parametrize(
    ("body", "expected", "pointer"),
    [
        ("{", (400, "request.invalid"), ""),
        ("[]", (400, "request.invalid"), ""),
        ('{"items": []}', (422, "contract.violation"), "/items"),
        (json.dumps({"items": [{"item_id": NOBODYS}]}), (422, "contract.violation"), "/items/0/patch"),
        (json.dumps({"items": [{"item_id": "x", "patch": {"read": True}}]}), (422, "contract.violation"), "item_id"),
        (json.dumps({"items": [{"item_id": NOBODYS, "patch": {}}]}), (422, "contract.violation"), "/items/0/patch"),
        (json.dumps({"items": [{"item_id": NOBODYS, "patch": {"read": None}}]}), (422, "contract.violation"), "patch"),
        (json.dumps({"items": [{"item_id": NOBODYS, "patch": {"red": True}}]}), (422, "contract.violation"), "red"),
        (
            json.dumps({"items": [{"item_id": NOBODYS, "patch": {"confirmed": False}}]}),
            (422, "contract.violation"),
            "confirmed",
        ),
        (
            json.dumps({"items": [{"item_id": NOBODYS, "patch": {"read": True}}] * 2}),
            (422, "contract.violation"),
            "/items/1/item_id",
        ),
        (
            json.dumps({"items": [{"item_id": NOBODYS, "patch": {"read": True}}] * (MOST_CHANGES + 1)}),
            (422, "contract.violation"),
            "/items",
        ),
    ],
)
def test_one_bad_entry_refuses_all_by_name_and_changes_nothing(hub, person, body, expected, pointer):
    (mine,) = letters(hub, person, 1)
    response = mark_many(hub, body.replace(NOBODYS, mine), person)
    assert code(response) == expected
    (fault,) = response.json()["errors"]
    assert pointer in fault["pointer"]
    assert "Tuple" not in fault["detail"]
    assert rows(hub, user_states, item_id=mine) == []


def test_it_is_sent_as_json(hub, person):
    wishes = [(NOBODYS, {"read": True})]
    assert code(mark_many(hub, wishes, person, headers={"Content-Type": "text/plain"})) == (415, "media.unsupported")


def test_a_body_that_is_too_large_is_refused(hub, person):
    assert code(mark_many(hub, " " * 40_000, person))[0] == 413


@pytest.mark.req("S61")
def test_the_tokens_count_once_also_when_all_was_refused(hub, person):
    (mine,) = letters(hub, person, 1)
    headers = hub.reader(person)
    assert mark_many(hub, "{}", person, headers=headers).status_code == 422
    again = mark_many(hub, [(mine, {"read": True})], person, headers=headers)
    assert code(again) == (409, "token.replayed")
    assert rows(hub, user_states, item_id=mine) == []


@pytest.mark.req("S63")
def test_each_item_leaves_its_access_record(hub, person):
    mine, pseudonym = letters(hub, person, 2), fresh("session")
    wishes = [(item_id, {"read": True}) for item_id in (*mine, NOBODYS)]
    mark_many(hub, wishes, person, headers=hub.reader(person, sub=pseudonym))
    found = {(row["item_id"], row["operation"], row["outcome"]) for row in rows(hub, access_log, pseudonym=pseudonym)}
    expected = {(item_id, "change_user_states", "ok") for item_id in mine}
    assert found == expected | {(NOBODYS, "change_user_states", "item.unknown")}


def test_a_token_for_reading_changes_nothing(hub, person):
    headers = hub.reader(person, scopes="feed:read")
    assert code(mark_many(hub, [(NOBODYS, {"read": True})], person, headers=headers)) == (403, "scope.missing")
