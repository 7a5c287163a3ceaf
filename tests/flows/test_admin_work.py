"""Deliveries that are looked after over HTTP, what stands in quarantine, previews of samples."""

import pytest

from hub.store.quarantine import Misfit, keep_misfits
from hub.store.tables import access_log, deliveries, quarantine
from tests.flows.administering import admin_of
from tests.flows.making import code, described_hub, fresh, new_person, rows, to
from tests.harness import ENTE, eventually, make_message


@pytest.fixture(scope="module")
def box(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    (folder / "box").mkdir()
    return folder / "box"


@pytest.fixture(scope="module")
def hub(box):
    connectors = {"posta": ("loopback", {"folder": str(box)})}
    with described_hub(box.parent / "home", connectors=connectors) as hub:
        yield hub


@pytest.fixture(scope="module")
def admin(hub):
    return admin_of(hub, "olga.bianchi", "operator")


def delivered(hub):
    person = new_person()
    item = make_message(fresh(), **to(person), title="Un titolo segreto", notify={"channels": ["email"]})
    assert hub.publish("messages", item).status_code == 201
    newest = hub.deliveries()[0]["delivery_id"]
    eventually(lambda: rows(hub, deliveries, delivery_id=newest)[0]["state"], lambda state: state == "delivered")
    return newest, person


def ended(hub, state="rejected"):
    """A delivery that ended without arriving, as far as anybody can see."""
    delivery_id, person = delivered(hub)
    with hub.home.database.write() as tx:
        its = deliveries.c.delivery_id == delivery_id
        tx.connection.execute(deliveries.update().where(its).values(state=state, reason="test.rejected"))
    return delivery_id, person


def test_deliveries_are_listed_page_by_page_and_shown_without_personal_data(hub, admin):
    made = [delivered(hub) for _ in range(3)]
    ids, cursor = [], ""
    while cursor is not None:
        page = admin.get(f"/deliveries?limit=2{f'&cursor={cursor}' if cursor else ''}").json()
        ids += [each["delivery_id"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert len(ids) == len(set(ids))
    assert ids[:3] == [delivery_id for delivery_id, _ in reversed(made)]
    shown = admin.get(f"/deliveries/{made[0][0]}")
    assert (shown.json()["state"], shown.json()["replayable"]) == ("delivered", False)
    assert [each["outcome"] for each in shown.json()["attempt_log"]] == ["done"]
    for person in (made[0][1], "Un titolo segreto", "qualcuno@example.org"):
        assert person not in shown.text
    assert admin.get("/deliveries?state=parked").json()["items"] == []
    assert code(admin.get("/deliveries?state=inventato")) == (400, "request.invalid")
    assert code(admin.get("/deliveries/manca")) == (404, "delivery.unknown")


def test_a_dry_run_says_what_would_go_out_and_shows_no_value(hub, admin):
    delivery_id, person = ended(hub)
    answer = admin.post(f"/deliveries/{delivery_id}/replays", {"dry_run": True})
    found = answer.json()
    assert (found["outcome"], found["connector_id"]) == ("would_be_queued", "posta")
    assert found["calls"][0]["field_lengths"]["title"] == len("Un titolo segreto")
    assert person not in answer.text
    assert "Un titolo segreto" not in answer.text
    assert admin.get(f"/deliveries/{delivery_id}").json()["state"] == "rejected"


def test_an_ended_delivery_goes_out_again_once_and_it_is_on_record_whose_it_was(hub, admin, box):
    delivery_id, _ = ended(hub)
    (box / f"{delivery_id}.json").unlink()
    assert admin.post(f"/deliveries/{delivery_id}/replays").json()["outcome"] == "queued"
    eventually((box / f"{delivery_id}.json").exists, bool)
    eventually(lambda: admin.get(f"/deliveries/{delivery_id}").json()["state"], lambda state: state == "delivered")
    assert code(admin.post(f"/deliveries/{delivery_id}/replays")) == (409, "delivery.not_replayable")
    acts = [row for row in rows(hub, access_log, operation="replay_delivery") if row["outcome"] == "ok"]
    mine = [row for row in acts if row["act"]["target"] == f"deliveries/{delivery_id}"]
    citizen_id = rows(hub, deliveries, delivery_id=delivery_id)[0]["citizen_id"]
    assert [row["citizen_id"] for row in mine] == [citizen_id]


def test_the_citizen_sees_that_an_administrator_sent_it_again_and_not_who(hub, admin):
    delivery_id, person = ended(hub)
    admin.post(f"/deliveries/{delivery_id}/replays")
    entries = hub.read("/access-log", person).json()["items"]
    (act,) = [each for each in entries if each["operation"] == "replay_delivery"]
    assert (act["actor"], act["actor_id"], act["outcome"]) == ("administrator", None, "ok")
    assert "olga.bianchi" not in hub.read("/access-log", person).text
    assert "olga.bianchi" not in hub.read("/export", person).text


def test_nothing_is_sent_again_by_a_connector_that_is_paused(hub, admin):
    delivery_id, _ = ended(hub)
    admin.post("/connectors/posta/pauses", {"reason": "prova"})
    answer = admin.post(f"/deliveries/{delivery_id}/replays", {"dry_run": True})
    assert code(answer) == (409, "delivery.not_replayable")
    assert "paused" in answer.json()["detail"]
    root = admin_of(hub, fresh("root"), "administrator")
    assert root.post("/connectors/posta/activations").json()["state"] == "active"


def test_what_stands_in_quarantine_is_listed_without_its_content_and_can_be_discarded(hub, admin):
    fault = {"pointer": "/state", "code": "field.not_allowed", "detail": "not a known state"}
    with hub.home.database.write() as tx:
        keep_misfits(tx, hub.home.vault, [Misfit(ENTE, "fonte", "p-1", "applications", (fault,), b"segreto")])
    (entry,) = admin.get("/quarantine?connector_id=fonte").json()["items"]
    assert (entry["record_name"], entry["wrong"], entry["times"]) == ("p-1", [fault], 1)
    path = f"/quarantine/{entry['quarantine_id']}"
    assert admin.call("DELETE", path).status_code == 204
    assert admin.get("/quarantine?connector_id=fonte").json()["items"] == []
    (row,) = rows(hub, quarantine, quarantine_id=entry["quarantine_id"])
    assert (row["decided"], row["raw_sealed"]) == ("discarded", None)
    assert code(admin.call("DELETE", path)) == (404, "quarantine.unknown")


def test_a_connector_that_reads_no_samples_says_so(hub):
    manager = admin_of(hub, fresh("servizi"), "service-manager")
    answer = manager.post("/mappings/previews", {"connector_id": "posta", "sample": "{}"})
    assert code(answer) == (422, "contract.violation")
    assert answer.json()["errors"][0]["pointer"] == "/connector_id"
    assert code(manager.post("/mappings/previews", {"connector_id": "manca", "sample": "{}"})) == (
        404,
        "connector.unknown",
    )
