"""Ranked lists (S45-S47): frozen, in order, under pseudonyms that their owners alone know, and gone when withdrawn."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from contracts.items.subscription import Attribute
from contracts.subscription_services import ListPolicy
from hub.ingest.ranking import LISTED, ranked
from hub.ingest.subscribers import subscribers
from hub.store.ranked_lists import (
    Frozen,
    NotSo,
    correct_list,
    draft_list,
    entries_of,
    new_list_id,
    publish_list,
    withdraw_list,
)
from hub.store.tables import ranked_entries, ranked_lists
from tests.flows.making import (
    described_hub,
    fresh,
    make_subscription,
    new_person,
    new_subscription_service,
    published,
    rows,
)
from tests.harness import ENTE

pytestmark = pytest.mark.req("S45", "S46", "S47")

PSEUDONYM = re.compile(r"[A-Z2-7]{5}-[A-Z2-7]{5}")
HTML = {"Accept": "text/html,application/xhtml+xml"}
KEYS = ("-score", "distance")


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    with described_hub(tmp_path_factory.mktemp("ranked") / "home", sweep_s=300) as running:
        yield running


@pytest.fixture
def code(hub):
    return new_subscription_service(hub, list_policy=ListPolicy(published=True, order_keys=KEYS))


def enrolled(hub, code, *, person=None, external_id=None, version=1, state="waitlisted", **numbers):
    person = person or new_person()
    attributes = [{"code": key, "number": value} for key, value in numbers.items()]
    item = make_subscription(
        external_id or fresh(),
        version=version,
        subscription_service=code,
        state=state,
        title="Iscrizione di Ada",
        recipient={"tax_code": person},
        attributes=attributes,
    )
    return person, published(hub, "subscriptions", item)


def frozen(hub, code, list_id, keys=KEYS):
    home = hub.home
    found = subscribers(home.database, home.vault, ENTE, code, LISTED, datetime.now(UTC))
    return Frozen(ENTE, code, "Graduatoria <2026>", keys, ranked(found, keys, home.vault, list_id))


def drafted(hub, code, keys=KEYS):
    list_id = new_list_id()
    with hub.home.database.write() as tx:
        draft_list(tx, hub.home.vault, list_id, frozen(hub, code, list_id, keys))
    return list_id


def publish(hub, list_id, *, until=None):
    with hub.home.database.write() as tx:
        publish_list(tx, list_id, until or datetime.now(UTC) + timedelta(days=15))


def get(hub, list_id, **headers):
    return hub.client.get(f"/public/v1/ranked-lists/{list_id}", headers=headers)


def places(hub, person, item_id):
    response = hub.read(f"/items/{item_id}", person)
    assert response.status_code == 200, response.text
    return response.json()["ranked_lists"]


def test_a_draft_is_nobodys_to_read_and_a_published_list_everybodys(hub, code):
    person, item_id = enrolled(hub, code, score=10)
    list_id = drafted(hub, code)
    assert (get(hub, list_id).status_code, places(hub, person, item_id)) == (404, [])
    publish(hub, list_id)
    assert get(hub, list_id).status_code == 200
    with pytest.raises(NotSo):
        publish(hub, list_id)


def test_in_the_order_of_its_keys_and_each_knows_his_own_place_alone(hub, code):
    people = [
        enrolled(hub, code, score=10, distance=900),
        enrolled(hub, code, score=30, distance=500),
        enrolled(hub, code, score=10, distance=100),
        enrolled(hub, code, distance=1),
        enrolled(hub, code, score=30, distance=500, state="active"),
    ]
    list_id = drafted(hub, code)
    publish(hub, list_id)
    answer = get(hub, list_id).json()
    entries = answer["entries"]
    assert [one["values"] for one in entries] == [
        {"score": 30, "distance": 500},
        {"score": 30, "distance": 500},
        {"score": 10, "distance": 100},
        {"score": 10, "distance": 900},
        {"distance": 1},
    ]
    assert [one["tied"] for one in entries] == [False, True, False, False, False]
    own = [places(hub, person, item_id) for person, item_id in people]
    assert all(len(mine) == 1 for mine in own)
    by_name = {one["pseudonym"]: one for one in entries}
    assert len(by_name) == 5
    assert all(by_name[mine["pseudonym"]]["position"] == mine["position"] for (mine,) in own)
    assert [mine["position"] for (mine,) in (own[2], own[0], own[3])] == [3, 4, 5]
    # Nothing in it leads to anybody.
    text = get(hub, list_id).text + get(hub, list_id, **HTML).text
    assert not any(person in text or item_id in text for person, item_id in people)
    assert "Ada" not in text


def test_pseudonyms_stay_in_a_list_and_differ_between_lists(hub, code):
    person, item_id = enrolled(hub, code, score=1)
    first, second = drafted(hub, code), drafted(hub, code)
    publish(hub, first)
    publish(hub, second)
    names = {each["list_id"]: each["pseudonym"] for each in places(hub, person, item_id)}
    assert len(set(names.values())) == 2
    assert all(PSEUDONYM.fullmatch(name) for name in names.values())
    assert hub.home.vault.keyed_hash("x", item_id)[:5] not in "".join(names.values())


def test_a_list_is_frozen_until_it_is_corrected_with_a_line_in_its_log(hub, code):
    external_id = fresh()
    person, item_id = enrolled(hub, code, external_id=external_id, score=1)
    others = [enrolled(hub, code, score=score) for score in (5, 4)]
    list_id = drafted(hub, code)
    publish(hub, list_id)
    before = get(hub, list_id).json()
    enrolled(hub, code, person=person, external_id=external_id, version=2, score=9)
    assert get(hub, list_id).json() == before
    with hub.home.database.write() as tx:
        assert correct_list(tx, hub.home.vault, list_id, frozen(hub, code, list_id), "Punteggio <errato>") == 3
    after = get(hub, list_id).json()
    assert [line["reason"] for line in after["corrections"]] == ["Punteggio <errato>"]
    assert after["corrections"][0]["changed"] == 3
    assert {one["pseudonym"] for one in after["entries"]} == {one["pseudonym"] for one in before["entries"]}
    assert places(hub, person, item_id)[0]["position"] == 1
    assert [places(hub, *other)[0]["position"] for other in others] == [2, 3]
    page = get(hub, list_id, **HTML).text
    assert "Punteggio &lt;errato&gt;" in page
    assert "<errato>" not in page


def test_withdrawn_it_is_gone_with_its_entries(hub, code):
    person, item_id = enrolled(hub, code, score=1)
    list_id = drafted(hub, code)
    publish(hub, list_id)
    with hub.home.database.write() as tx:
        withdraw_list(tx, list_id)
    assert (get(hub, list_id).status_code, get(hub, list_id, **HTML).status_code) == (410, 410)
    assert places(hub, person, item_id) == []
    assert rows(hub, ranked_entries, list_id=list_id) == []
    with pytest.raises(NotSo), hub.home.database.write() as tx:
        correct_list(tx, hub.home.vault, list_id, frozen(hub, code, list_id), "x")


def test_after_its_last_day_it_is_gone_at_once_and_deleted_by_the_next_sweep(hub, code):
    person, item_id = enrolled(hub, code, score=1)
    list_id, other = drafted(hub, code), drafted(hub, code)
    publish(hub, list_id, until=datetime.now(UTC) - timedelta(seconds=1))
    publish(hub, other)
    assert get(hub, list_id).status_code == 410
    assert [each["list_id"] for each in places(hub, person, item_id)] == [other]
    hub.hub.after_sweep()
    assert rows(hub, ranked_entries, list_id=list_id) == []
    assert [row["state"] for row in rows(hub, ranked_lists, list_id=list_id)] == ["withdrawn"]
    assert get(hub, other).status_code == 200


def test_the_page_is_of_plain_html_and_loads_nothing(hub, code):
    enrolled(hub, code, score=1)
    list_id = drafted(hub, code)
    publish(hub, list_id)
    response = get(hub, list_id, **HTML)
    assert response.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-robots-tag"] == "noindex, noarchive"
    page = response.text
    assert '<html lang="it">' in page
    assert "<h1>Graduatoria &lt;2026&gt;</h1>" in page
    assert '<th scope="row">' in page
    assert "<caption" in page
    assert "<script" not in page


@pytest.mark.parametrize("list_id", ["x", "0191b0b0-0000-7000-8000-000000000000", "%00", "a" * 3000])
def test_a_list_that_is_none_is_unknown(hub, list_id):
    assert get(hub, list_id).status_code == 404


def test_a_text_orders_but_is_not_shown_and_rank_is_the_sources_own(hub, code):
    person = new_person()
    item = make_subscription(
        fresh(),
        subscription_service=code,
        recipient={"tax_code": person},
        rank=7,
        attributes=[Attribute(code="area", text="Via Roma 3").model_dump(exclude_none=True)],
    )
    published(hub, "subscriptions", item)
    list_id = drafted(hub, code, ("rank", "area"))
    with hub.home.database.read() as connection:
        (entry,) = entries_of(connection, ENTE, list_id)
    assert entry["shown"] == {"rank": 7}
