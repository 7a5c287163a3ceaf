"""Broadcasts and ranked lists over HTTP: counted first, then begun; drafted, published, corrected, withdrawn."""

import json
from collections import Counter

import pytest

from contracts.subscription_services import ListPolicy, StatisticsPolicy
from hub.store.tables import access_log
from tests.flows.administering import admin_of
from tests.flows.making import (
    code,
    described_hub,
    fresh,
    mail_folder,
    make_subscription,
    new_person,
    new_subscription_service,
    published,
    rows,
)

pytestmark = pytest.mark.req("S41", "S45", "S46", "S47")


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("outreach")
    with described_hub(folder / "home", connectors=mail_folder(folder), sweep_s=300) as running:
        yield running


@pytest.fixture(scope="module")
def manager(hub):
    return admin_of(hub, "sara.neri", "service-manager")


@pytest.fixture
def service(hub):
    """A subscription service of the test's own, whose lists may be published, and of as few as three."""
    listed, counted = ListPolicy(published=True, order_keys=("-score",)), StatisticsPolicy(smallest=3)
    return new_subscription_service(hub, name="Nido blu", list_policy=listed, statistics=counted)


def enrolled(hub, service, score):
    person = new_person()
    fields = {
        "subscription_service": service,
        "state": "active",
        "title": "Nido di Ada",
        "recipient": {"tax_code": person},
        "attributes": [{"code": "score", "number": score}],
    }
    published(hub, "subscriptions", make_subscription(fresh(), **fields))
    return person


def text(service):
    return {"code": service, "it": {"title": "Chiusura di {service}", "body": "Per **{title}**: chiuso lunedì."}}


def acts(hub, target):
    found = [
        row for row in rows(hub, access_log) if (row["act"] or {}).get("target") == target and row["outcome"] == "ok"
    ]
    return [row["operation"] for row in sorted(found, key=lambda row: row["access_id"])]


def test_a_broadcast_is_counted_then_begun_to_so_many_and_no_others(hub, manager, service):
    people = [enrolled(hub, service, score) for score in range(2)]
    preview = manager.post("/broadcasts/previews", text(service)).json()
    assert (preview["persons"], preview["it"]["title"], preview["en"]) == (2, "Chiusura di Nido blu", None)
    enrolled(hub, service, 9)
    wish = {"broadcast": text(service), "expected_persons": 2}
    assert code(manager.post("/broadcasts", wish)) == (409, "broadcast.audience_changed")
    begun = manager.post("/broadcasts", wish | {"expected_persons": 3})
    assert (begun.status_code, begun.json()["expected"]) == (201, 3)
    path = begun.headers["Location"].removeprefix("/admin/v1")
    hub.hub.broadcasts.go_on()
    done = manager.get(path).json()
    assert done["state"] == "done"
    assert done["written"] == 3
    outcome = manager.get(f"{path}/outcome").json()["deliveries"]
    assert Counter(each["channel"] for each in outcome for _ in range(each["count"])) == {"email": 3, "io": 3}
    assert code(manager.get(f"/broadcasts/{'0' * 8}{done['broadcast_id'][8:]}/outcome")) == (404, "broadcast.unknown")
    assert code(manager.post(f"{path}/stops")) == (409, "broadcast.state")
    titles = [each["title"] for each in hub.read("/messages", people[0]).json()["items"]]
    assert "Chiusura di Nido blu" in titles
    listed = manager.get("/broadcasts?limit=100").json()["items"]
    assert [each["state"] for each in listed if each["broadcast_id"] == done["broadcast_id"]] == ["done"]
    assert acts(hub, f"broadcasts/{done['broadcast_id']}") == ["start_broadcast"]


def test_a_broadcast_is_stopped_and_goes_on_and_both_are_on_record(hub, manager, service):
    for score in range(2):
        enrolled(hub, service, score)
    wish = {"broadcast": text(service), "expected_persons": 2}
    path = f"/broadcasts/{manager.post('/broadcasts', wish).json()['broadcast_id']}"
    assert manager.post(f"{path}/stops").json()["state"] == "stopped"
    assert code(manager.post(f"{path}/stops")) == (409, "broadcast.state")
    assert manager.post(f"{path}/resumptions").json()["state"] == "running"
    assert acts(hub, path.removeprefix("/")) == ["start_broadcast", "stop_broadcast", "resume_broadcast"]
    stopped = [row["act"] for row in rows(hub, access_log, operation="stop_broadcast", outcome="ok")]
    mine = [act for act in stopped if act["target"] == path.removeprefix("/")]
    assert [(act["before"]["state"], act["after"]["state"]) for act in mine] == [("running", "stopped")]


def test_a_list_is_drafted_published_corrected_and_withdrawn(hub, manager, service):
    people = [enrolled(hub, service, score) for score in (1, 3, 5)]
    drafted = manager.post("/ranked-lists", {"code": service, "title": "Graduatoria"})
    assert (drafted.status_code, drafted.json()["state"], drafted.json()["size"]) == (201, "draft", 3)
    assert [each["shown"]["score"] for each in drafted.json()["entries"]] == [5, 3, 1]
    assert not [person for person in people if person in drafted.text]
    path = drafted.headers["Location"].removeprefix("/admin/v1")
    public = f"/public/v1{path}"
    assert hub.client.get(public).status_code == 404
    over = manager.post(f"{path}/publications", {"until": "2020-01-01"})
    assert (code(over), over.json()["errors"][0]["pointer"]) == ((422, "contract.violation"), "/until")
    assert code(manager.post(f"{path}/corrections", {"reason": "Presto"})) == (409, "ranked_list.state")
    assert manager.post(f"{path}/publications", {"until": "2199-12-31"}).json()["state"] == "published"
    assert hub.client.get(public).status_code == 200
    enrolled(hub, service, 9)
    assert code(manager.post(f"{path}/corrections", {"reason": people[0]})) == (422, "contract.violation")
    corrected = manager.post(f"{path}/corrections", {"reason": "Ricorso accolto"}).json()
    assert (corrected["size"], corrected["corrections"][0]["changed"]) == (4, 4)
    assert manager.post(f"{path}/withdrawals").json()["size"] == 0
    assert hub.client.get(public).status_code in (404, 410)
    steps = ("draft", "publish", "correct", "withdraw")
    assert acts(hub, path.removeprefix("/")) == [f"{step}_ranked_list" for step in steps]


def test_what_the_service_does_not_allow_is_refused_with_the_reason(hub, manager, service):
    enrolled(hub, service, 1)
    few = manager.post("/ranked-lists", {"code": service, "title": "Di uno"})
    assert (code(few), "fewer than 3" in few.json()["detail"]) == ((409, "ranked_list.refused"), True)
    assert service not in json.dumps(manager.get("/ranked-lists?limit=100").json())
