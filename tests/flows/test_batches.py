"""Batches: many items under one signature, durable before the answer, worked off beside everything else."""

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.errors import StoreUnavailable
from hub.home import Home
from hub.registry import Vendor
from hub.security.digest import digest_header
from hub.store import batches as store
from hub.store import directory
from hub.store.batches import MOST_RUNNING, next_batches
from hub.store.committer import FULL
from hub.store.tables import batch_items, batches, evidence, items, quota_usage
from tests.flows.making import described_hub, fresh, make_document, make_service, new_person, published, rows, titles
from tests.harness import (
    ALL_COLLECTIONS,
    ENTE,
    Caller,
    HubUnderTest,
    eventually,
    make_message,
    make_payment,
    make_receipt,
    served,
)


@pytest.fixture(scope="module")
def callers():
    return {"narrow": Caller("narrow"), "ten-a-day": Caller("ten-a-day")}


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory, callers):
    def prepare(home, _vendor, _portal):
        plain = Vendor(ENTE, "", "", "jwk", True, (), "", collections=ALL_COLLECTIONS)
        special = {"narrow": {"collections": frozenset({"messages"})}, "ten-a-day": {"daily_quota": 10}}
        with home.database.write() as tx:
            for name, own in special.items():
                vendor = replace(plain, vendor_id=name, name=name, subject=name, **own)
                directory.add_vendor(tx, vendor, [callers[name].jwk()])

    with described_hub(tmp_path_factory.mktemp("batches") / "home", prepare=prepare) as running:
        yield running


def code(response):
    return response.status_code, response.json()["code"]


def element(item, collection="messages"):
    return {"collection": collection, "item": item}


def messages(count, **fields):
    return [element(make_message(fresh(), tax_code=new_person(), **fields)) for _ in range(count)]


def send(hub: HubUnderTest, elements, **how):
    body = elements if isinstance(elements, bytes) else json.dumps({"items": elements}).encode()
    return hub.client.post("/publish/v1/batches", content=body, headers=hub.signed(body, **how))


def path_of(response):
    assert response.status_code == 202, response.text
    return response.headers["Location"].partition("/publish/v1")[2]


def result_of(hub, response, **how):
    path = path_of(response)
    seen = eventually(lambda: hub.vendor_get(path, **how), lambda r: r.status_code == 303)
    result = hub.vendor_get(seen.headers["Location"].partition("/publish/v1")[2], **how)
    assert result.status_code == 200, result.text
    return result.json()


def outcomes(result):
    return [each["outcome"] if each["code"] is None else each["code"] for each in result["items"]]


def test_a_batch_of_every_collection_is_accepted_and_each_item_gets_its_outcome(hub):
    person = new_person()
    elements = [
        element(make_message(fresh(), tax_code=person)),
        element(make_document(fresh(), tax_code=person), "documents"),
        element(make_payment(fresh(), tax_code=person), "payments"),
        element(make_receipt(fresh(), tax_code=person), "receipts"),
        element(make_service(fresh()), "services"),
    ]
    accepted = send(hub, elements)
    body = json.dumps({"items": elements}).encode()
    assert accepted.json()["request_digest"] == digest_header(body)
    result = result_of(hub, accepted)
    assert outcomes(result) == ["created"] * 5
    assert [each["external_id"] for each in result["items"]] == [each["item"]["external_id"] for each in elements]
    assert result["request_digest"] == digest_header(body)
    paid = hub.vendor_get(f"/items/{result['items'][2]['item_id']}").json()
    assert paid["state"] == "paid"  # a payment and its receipt in one piece know each other
    assert elements[0]["item"]["title"] in titles(hub.read("/messages", person))


def test_one_items_refusal_does_not_concern_its_neighbours_and_repeats_no_personal_data(hub):
    person = new_person()
    good = make_message(fresh(), tax_code=person)
    elements = [
        element(good),
        element(good | {"title": ""}),
        element(make_message(f"x-{person}", tax_code=person)),
        {"collection": "messages"},
        element(good, "invoices"),
        element(good | {person: 1}),
        element(good | {"service_id": "unheard"}),
        "no object",
        element(make_message(fresh(), tax_code=person)),
    ]
    result = result_of(hub, send(hub, elements))
    assert outcomes(result) == [
        "created",
        "contract.violation",
        "external_id.personal_data",
        "contract.violation",
        "contract.violation",
        "contract.violation",
        "service.unknown",
        "contract.violation",
        "created",
    ]
    assert result["items"][1]["errors"][0]["pointer"] == "/items/1/item/title"
    assert result["items"][3]["errors"][0]["pointer"] == "/items/3/item"
    assert result["items"][4]["errors"][0]["pointer"] == "/items/4/collection"
    assert person not in json.dumps(result)
    assert len(titles(hub.read("/messages", person))) == 2


def test_a_member_that_occurs_twice_is_refused_in_its_item_alone(hub):
    person = new_person()
    twice = json.dumps(element(make_message(fresh(), tax_code=person)))[:-2] + ', "title": "another"}}'
    once = json.dumps(element(make_message(fresh(), tax_code=person)))
    result = result_of(hub, send(hub, f'{{"items": [{twice}, {once}]}}'.encode()))
    assert outcomes(result) == ["contract.violation", "created"]


def test_items_of_one_name_follow_each_other(hub):
    first = make_message(fresh(), tax_code=new_person())
    second = first | {"version": 2, "title": "seconda"}
    elements = [element(first), element(second), element(first), element(second), element(second | {"title": "altra"})]
    result = result_of(hub, send(hub, elements))
    assert outcomes(result) == ["created", "updated", "superseded", "unchanged", "version.conflict"]
    assert len({each["item_id"] for each in result["items"][:4]}) == 1


def test_the_same_batch_again_changes_nothing(hub):
    elements = messages(40)
    assert set(outcomes(result_of(hub, send(hub, elements)))) == {"created"}
    assert set(outcomes(result_of(hub, send(hub, elements)))) == {"unchanged"}


def test_a_batch_in_a_collection_that_is_not_allowed_is_refused_item_by_item(hub, callers):
    elements = [*messages(1), element(make_payment(fresh(), tax_code=new_person()), "payments")]
    accepted = send(hub, elements, vendor=callers["narrow"])
    assert outcomes(result_of(hub, accepted, vendor=callers["narrow"])) == ["created", "collection.not_allowed"]


def test_five_hundred_items_and_no_more(hub):
    assert code(send(hub, [element({})] * 501)) == (422, "contract.violation")
    result = result_of(hub, send(hub, [element({})] * 500))
    assert len(result["items"]) == 500
    assert [each["position"] for each in result["items"]] == list(range(500))


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        (b"", (400, "request.invalid")),
        (b"{", (400, "request.invalid")),
        (b"[]", (400, "request.invalid")),
        (b'"items"', (400, "request.invalid")),
        (b'{"items": [1}', (400, "request.invalid")),
        (b'{"items": [{}]} {}', (400, "request.invalid")),
        (b'{"items": [{},]}', (400, "request.invalid")),
        (b'{"items": ["\xff"]}', (400, "request.invalid")),
        (b'{"items": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", (400, "request.invalid")),
        (b"{}", (422, "contract.violation")),
        (b'{"items": []}', (422, "contract.violation")),
        (b'{"items": {}}', (422, "contract.violation")),
        (b'{"items": null}', (422, "contract.violation")),
        (b'{"items": [{}], "more": 1}', (422, "contract.violation")),
        (b'{"items": [{}], "items": [{}]}', (422, "contract.violation")),
    ],
)
def test_a_frame_that_is_not_that_of_a_batch_is_refused_whole(hub, body, refused):
    before = len(rows(hub, batches))
    assert code(send(hub, body)) == refused
    assert len(rows(hub, batches)) == before


def test_a_batch_is_json(hub):
    body = b'{"items": [{}]}'
    headers = hub.signed(body, content_type="text/plain")
    assert code(hub.client.post("/publish/v1/batches", content=body, headers=headers)) == (415, "media.unsupported")


def test_a_replayed_batch_is_refused(hub):
    body = json.dumps({"items": messages(1)}).encode()
    headers = hub.signed(body)
    path_of(hub.client.post("/publish/v1/batches", content=body, headers=headers))
    assert code(hub.client.post("/publish/v1/batches", content=body, headers=headers)) == (409, "token.replayed")


def test_another_vendors_batch_does_not_exist(hub):
    accepted = send(hub, messages(1))
    path = path_of(accepted)
    result_of(hub, accepted)
    for each in (path, f"{path}/result"):
        assert code(hub.vendor_get(each, vendor=hub.other_vendor)) == (404, "batch.unknown")
    assert code(hub.vendor_get("/batches/none")) == (404, "batch.unknown")


def test_the_result_is_read_again_only_where_it_changed(hub):
    accepted = send(hub, messages(1))
    result_of(hub, accepted)
    path = f"{path_of(accepted)}/result"
    tag = hub.vendor_get(path).headers["ETag"]
    assert hub.vendor_get(path, headers={"If-None-Match": tag}).status_code == 304


def test_the_quota_counts_items_and_a_batch_beyond_it_is_refused_whole(hub, callers):
    vendor = callers["ten-a-day"]
    path_of(send(hub, messages(6), vendor=vendor))
    refused = send(hub, messages(5), vendor=vendor)
    assert code(refused) == (429, "quota.exceeded")
    assert int(refused.headers["Retry-After"]) > 0
    path_of(send(hub, messages(4), vendor=vendor))
    assert code(send(hub, messages(1), vendor=vendor)) == (429, "quota.exceeded")
    assert rows(hub, quota_usage, vendor_id=vendor.name)[0]["used"] == 10


def test_the_body_goes_when_the_batch_is_done_and_the_evidence_names_each_item(hub):
    accepted = send(hub, [*messages(2), element({})])
    result = result_of(hub, accepted)
    (row,) = rows(hub, batches, batch_id=result["batch_id"])
    assert row["body_sealed"] is None
    found = rows(hub, evidence, request_id=row["request_id"])
    assert sorted(each["code"] for each in found) == [
        "batch.accepted",
        "contract.violation",
        "item.created",
        "item.created",
    ]
    (whole,) = [each for each in found if each["code"] == "batch.accepted"]
    assert whole["tokens"]
    assert whole["body_sealed"] is None
    assert all(each["body_sealed"] for each in found if each["code"] == "item.created")


def test_the_body_is_sealed_while_the_batch_waits(kind, tmp_path):
    with waiting_hub(tmp_path / "home") as hub:
        person = new_person()
        path_of(send(hub, [element(make_message(fresh(), tax_code=person, title="Segreto"))]))
        (row,) = rows(hub, batches)
        assert row["state"] == "running"
        for secret in (person.encode(), b"Segreto"):
            assert secret not in row["body_sealed"]


def test_what_was_accepted_goes_on_after_a_restart_at_the_first_item_without_an_outcome(kind, tmp_path):
    elements = messages(80)
    with waiting_hub(tmp_path / "home") as hub:
        accepted = send(hub, elements)
        path = path_of(accepted)
        shown = hub.vendor_get(path)
        assert (shown.status_code, shown.json()["decided"]) == (200, 0)
        assert code(hub.vendor_get(f"{path}/result")) == (404, "batch.running")
        hub.hub.batch_runner.round()
        hub.hub.batch_runner.round()
        assert hub.vendor_get(path).json()["decided"] == 64
    with served(Home(hub.home.settings), *hub.callers) as hub:
        seen = eventually(lambda: hub.vendor_get(path), lambda r: r.status_code == 303)
        assert seen.headers["Location"].endswith("/result")
        result = hub.vendor_get(f"{path}/result").json()
        assert outcomes(result) == ["created"] * 80
        assert len(rows(hub, items)) == 80


def test_nothing_is_decided_twice_by_two_who_work_off_the_same(kind, tmp_path):
    with waiting_hub(tmp_path / "home") as hub:
        path_of(send(hub, messages(5)))
        runner = hub.hub.batch_runner
        with hub.home.database.read() as connection:
            (batch,) = next_batches(connection)
        elements = runner._elements(batch)
        twice = [runner._item(batch, n, elements[n]) for n in (0, 1)]
        for _ in range(2):
            results = hub.hub.committer.write_all(hub.hub.intake.record, twice)
        assert [type(each).__name__ for each in results] == ["StoreUnavailable"] * 2
        assert len(rows(hub, batch_items)) == 2
        while runner.round():
            pass
        assert len(rows(hub, batch_items)) == 5


def test_an_item_that_the_store_never_takes_does_not_stop_the_batch(kind, tmp_path, monkeypatch):
    with waiting_hub(tmp_path / "home") as hub:
        accepted = send(hub, messages(3))
        runner = hub.hub.batch_runner
        apply = hub.hub.intake._appliers
        draft = next(kind for kind in apply if kind.__name__ == "Draft")
        right = apply[draft]
        with hub.home.database.read() as connection:
            (batch,) = next_batches(connection)
        poison = json.loads(runner._elements(batch)[1])["item"]["external_id"]

        def wrong(tx, acts):
            if any(each.identity.external_id == poison for _, each in acts):
                raise RuntimeError("a bug")
            return right(tx, acts)

        apply[draft] = wrong
        for _ in range(20):
            runner.round()
        assert outcomes(result_of(hub, accepted)) == ["created", "hub.error", "created"]


def test_a_full_queue_refuses_no_item_however_often_it_was_full(kind, tmp_path, monkeypatch):
    with waiting_hub(tmp_path / "home") as hub:
        accepted = send(hub, messages(3))
        runner, committer = hub.hub.batch_runner, hub.hub.committer
        with monkeypatch.context() as busy:
            busy.setattr(committer, "write_all", lambda _, values, **__: [StoreUnavailable(cause=FULL)] * len(values))
            for _ in range(20):
                assert not runner.round()
        while runner.round():
            pass
        assert outcomes(result_of(hub, accepted)) == ["created"] * 3


def test_a_suspended_vendors_waiting_items_are_refused(kind, tmp_path):
    with waiting_hub(tmp_path / "home") as hub:
        path_of(send(hub, messages(2)))
        with hub.home.database.write() as tx:
            directory.set_vendor_active(tx, ENTE, hub.vendor.name, active=False)
        hub.hub.registry.poll()
        while hub.hub.batch_runner.round():
            pass
        assert [each["code"] for each in rows(hub, batch_items)] == ["vendor.suspended"] * 2


def test_there_is_an_end_to_what_one_vendor_may_leave_waiting(kind, tmp_path):
    with waiting_hub(tmp_path / "home") as hub:
        for _ in range(MOST_RUNNING):
            path_of(send(hub, messages(1)))
        assert code(send(hub, messages(1))) == (429, "quota.exceeded")
        assert send(hub, messages(1), vendor=hub.other_vendor).status_code == 202


def test_a_batch_that_cannot_be_opened_stands_in_nobodys_way(kind, tmp_path):
    with waiting_hub(tmp_path / "home") as hub:
        stuck = path_of(send(hub, messages(1)))
        path = path_of(send(hub, messages(1), vendor=hub.other_vendor))
        with hub.home.database.write() as tx:
            mine = batches.c.vendor_id == hub.vendor.name
            tx.connection.execute(batches.update().where(mine).values(body_sealed=b"broken"))
        while hub.hub.batch_runner.round():
            pass
        assert hub.vendor_get(path, vendor=hub.other_vendor).status_code == 303
        assert hub.vendor_get(stuck).status_code == 200


def test_vendors_take_turns(kind, tmp_path):
    with waiting_hub(tmp_path / "home") as hub:
        for _ in range(3):
            path_of(send(hub, messages(40)))
        path = path_of(send(hub, messages(1), vendor=hub.other_vendor))
        hub.hub.batch_runner.round()
        hub.hub.batch_runner.round()
        assert hub.vendor_get(path, vendor=hub.other_vendor).status_code == 303


def test_outcomes_are_forgotten_after_their_time(kind, tmp_path):
    with waiting_hub(tmp_path / "home") as hub:
        path = path_of(send(hub, messages(2)))
        while hub.hub.batch_runner.round():
            pass
        with hub.home.database.write() as tx:
            store.forget_batches(tx)
        assert hub.vendor_get(path).status_code == 303
        with hub.home.database.write() as tx:
            tx.now += store.KEPT + timedelta(days=1)
            store.forget_batches(tx)
        assert code(hub.vendor_get(path)) == (404, "batch.unknown")
        assert rows(hub, batch_items) == []
        assert len(rows(hub, items)) == 2


def test_a_large_batch_does_not_keep_a_single_publication_waiting(hub):
    accepted = send(hub, messages(500))
    answered = 0
    while hub.vendor_get(path_of(accepted)).status_code == 200:
        published(hub, "messages", make_message(fresh(), tax_code=new_person()), vendor=hub.other_vendor)
        answered += 1
    assert answered > 1, "the first waited for the whole batch"


@contextmanager
def waiting_hub(folder):
    """A hub whose batches are worked off only when the test says so."""
    with described_hub(folder) as hub:
        hub.hub.batch_runner.stop()
        hub.hub.batch_runner._stopping.clear()
        yield hub
