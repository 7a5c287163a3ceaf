"""Systems of the ente that follow the personal area: what they are told, and that each way of proving a call holds."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from sqlalchemy import select

from contracts.base import rfc3339
from contracts.following import FollowedEvent, ItemEvent
from hub.security.headers import SignedRequest
from hub.store.erasing import ERASED, erase_citizen
from hub.store.rows import OPEN_EVENTS
from hub.store.tables import items
from tests.flows.following import LIMITS, SECRET, follower, receiving, to_followers, until
from tests.flows.making import (
    command_line,
    described_hub,
    fresh,
    mail_folder,
    make_document,
    new_person,
    notice_number,
    published,
)
from tests.harness import ENTE, eventually, make_message, make_payment


@pytest.fixture(scope="module")
def place(kind):
    with receiving() as found:
        yield found


@pytest.fixture
def receiver(place):
    place[0].answers.clear()
    return place[0]


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory, place):
    url = place[1]
    everything = ",".join(get_args(FollowedEvent))
    folder = tmp_path_factory.mktemp("webhooks")
    connectors = mail_folder(folder) | {
        "ids": follower(url, "/ids"),
        "whole": follower(url, "/whole", payload="notice"),
        "some": follower(url, "/some", collections=["payments"], services=["tari"], events=["accepted"]),
        "all": follower(url, "/all", events=everything),
    }
    with described_hub(folder / "home", connectors=connectors, limits=LIMITS) as running:
        yield running


def signature_holds(request: SignedRequest) -> bool:
    """As the specification says it, by hand."""
    headers = dict(request.headers)
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    mac = hmac.new(base64.b64decode(SECRET.removeprefix("whsec_")), content, hashlib.sha256).digest()
    return headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()


def test_whatever_a_vendor_is_told_of_its_item_can_be_followed():
    assert set(get_args(FollowedEvent)) >= OPEN_EVENTS


def test_ids_alone_are_told_signed_and_under_a_name_of_their_own(hub, receiver):
    person = new_person()
    item_id = published(hub, "messages", make_message(fresh(), tax_code=person, title="Segreto di famiglia"))
    ((headers, body),) = until(receiver, item_id, "/ids", ["accepted"])
    assert signature_holds(receiver.request(item_id, "/ids"))
    assert abs(int(headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60
    event = ItemEvent.model_validate_json(json.dumps(body))
    assert headers["webhook-id"] == event.data.event_id
    assert (event.data.collection, event.data.vendor_id, event.data.notice) == ("messages", "acme", None)
    raw = receiver.request(item_id, "/ids").body.decode()
    assert person not in raw
    assert "Segreto" not in raw


def test_what_happens_to_an_item_is_told_and_a_withdrawn_one_says_no_more(hub, receiver):
    name, person = fresh(), new_person()
    item_id = published(hub, "messages", make_message(name, tax_code=person, title="Prima"))
    until(receiver, item_id, "/whole", ["accepted"])
    published(hub, "messages", make_message(name, tax_code=person, title="Seconda", version=2))
    ((_, first), (_, second)) = until(receiver, item_id, "/whole", ["accepted", "updated"])
    assert (first["data"]["notice"]["title"], second["data"]["notice"]["title"]) == ("Prima", "Seconda")
    assert first["data"]["notice"]["tax_code"] == person
    assert first["data"]["notice"]["body_markdown"] == "Testo del messaggio."
    assert second["data"]["detail"]["version"] == 2
    assert hub.withdraw(item_id).status_code == 201
    *_, (_, last) = until(receiver, item_id, "/whole", ["accepted", "updated", "withdrawn"])
    assert last["data"]["notice"] is None
    assert len({headers["webhook-id"] for headers, _ in receiver.of(item_id, "/whole")}) == 3


def test_a_payment_is_told_with_its_notice_while_it_can_be_paid(hub, receiver):
    number = notice_number()
    item = make_payment(fresh(), tax_code=new_person(), notice_number=number)
    item_id = published(hub, "payments", item)
    ((_, body),) = until(receiver, item_id, "/whole", ["accepted"])
    assert body["data"]["notice"]["payment"] == {
        "notice_number": number,
        "amount_cents": 12_500,
        "creditor_tax_code": "00488410010",
    }


def test_of_a_sensitive_item_neither_title_nor_text_is_told(hub, receiver):
    item = make_message(fresh(), tax_code=new_person(), title="Servizi sociali", sensitivity="sensitive")
    item_id = published(hub, "messages", item)
    ((_, body),) = until(receiver, item_id, "/whole", ["accepted"])
    assert body["data"]["notice"]["sensitive"] is True
    assert "sociali" not in json.dumps(body)


def test_a_filter_is_asked_before_anything_is_queued(hub, receiver):
    wanted = make_payment(fresh(), tax_code=new_person(), notice_number=notice_number(), service_id="tari")
    unwanted = [
        published(hub, "payments", make_payment(fresh(), tax_code=new_person(), notice_number=notice_number())),
        published(hub, "messages", make_message(fresh(), tax_code=new_person(), service_id="tari")),
    ]

    item_id = published(hub, "payments", wanted)
    published(hub, "payments", wanted | {"version": 2, "title": "altro"})
    until(receiver, item_id, "/ids", ["accepted", "updated"])
    until(receiver, item_id, "/some", ["accepted"])
    for other in unwanted:
        until(receiver, other, "/ids", ["accepted"])
        assert receiver.of(other, "/some") == []
    told = [body for path, _, body in receiver.told if path == "/some"]
    assert len(to_followers(hub, "some")) == len(told)


def test_how_the_citizen_was_told_is_told_to_whom_asks_and_telling_is_told_to_nobody(hub, receiver):
    recipient = {"tax_code": new_person(), "email": "mario@example.org"}
    item_id = published(hub, "messages", make_message(fresh(), recipient=recipient))
    found = until(receiver, item_id, "/all", ["accepted", "notified"])
    detail = {body["type"]: body["data"]["detail"] for _, body in found}
    assert detail["item.notified"] == {"channel": "email", "state": "delivered"}
    eventually(lambda: to_followers(hub, "all"), lambda rows: {row["state"] for row in rows} == {"delivered"})
    until(receiver, item_id, "/ids", ["accepted"])
    # Nothing about the calls themselves: that would never end.
    assert len(receiver.of(item_id, "/all")) == 2


def test_a_file_that_arrives_is_told(hub, receiver):
    content = b"%PDF-1.7 prova"
    item_id = published(hub, "documents", make_document(fresh(), content, recipient={"tax_code": new_person()}))
    assert hub.upload(item_id, content).status_code in (200, 201)
    until(receiver, item_id, "/ids", ["accepted", "available"])


def test_before_its_time_nothing_is_told(hub, receiver):
    later = rfc3339(datetime.now(UTC) + timedelta(hours=1))
    item_id = published(hub, "messages", make_message(fresh(), tax_code=new_person(), visible_from=later))

    def waiting():
        rows = to_followers(hub, "ids")
        return [row for row in rows if row["state"] == "queued" and row["due_at"] > datetime.now(UTC)]

    (row,) = eventually(waiting, lambda rows: len(rows) == 1 and rows[0]["attempts"] == 0)
    assert row["due_at"] > datetime.now(UTC) + timedelta(minutes=50)
    assert row["expires_at"] > row["due_at"] + timedelta(days=2)
    assert receiver.of(item_id, "/ids") == []


def test_every_try_bears_the_same_id_and_a_time_and_signature_of_its_own(kind, tmp_path, place, receiver, caplog):
    connectors = {"only": follower(place[1], "/tries")}
    with described_hub(tmp_path / "home", connectors=connectors, limits=LIMITS) as hub:
        receiver.answers[:] = [500, 429, 503]
        item_id = published(hub, "messages", make_message(fresh(), tax_code=new_person()))
        eventually(lambda: to_followers(hub, "only"), lambda rows: [row["state"] for row in rows] == ["delivered"])
        tries = receiver.of(item_id, "/tries")
        assert len(tries) == 4
        assert len({headers["webhook-id"] for headers, _ in tries}) == 1
        assert len({json.dumps(body) for _, body in tries}) == 1
        (delivery,) = to_followers(hub, "only")
        assert delivery["attempts"] == 4
    assert SECRET.removeprefix("whsec_") not in caplog.text
    assert tries[0][0]["webhook-signature"] not in caplog.text


def test_gone_pauses_the_connector_and_loses_nothing(kind, tmp_path, place, receiver, monkeypatch, capsys):
    connectors = {"only": follower(place[1], "/gone")}
    with described_hub(tmp_path / "home", connectors=connectors, limits=LIMITS) as hub:
        receiver.answers[:] = [410]
        item_id = published(hub, "messages", make_message(fresh(), tax_code=new_person()))
        (row,) = eventually(lambda: to_followers(hub, "only"), lambda rows: rows[0]["state"] == "held")
        assert (row["reason"], row["attempts"]) == ("webhook.gone", 0)
        raccordo = command_line(hub, monkeypatch, capsys)
        (shown,) = raccordo("connector", "list", "--json")
        assert (shown["status"], shown["paused_reason"]) == ("paused", "webhook.gone")
        raccordo("connector", "activate", "only")
        until(receiver, item_id, "/gone", ["accepted", "accepted"])


def test_nobody_follows_a_person_who_was_erased(kind, tmp_path, place, receiver, monkeypatch, capsys):
    connectors = {"only": follower(place[1], "/erased", payload="notice")}
    with described_hub(tmp_path / "home", connectors=connectors, limits=LIMITS) as hub:
        raccordo = command_line(hub, monkeypatch, capsys)
        raccordo("connector", "pause", "only")
        eventually(lambda: hub.hub.connectors.get(ENTE, "only", 2), lambda found: found is not None)
        item_id = published(hub, "messages", make_message(fresh(), tax_code=new_person()))
        (row,) = to_followers(hub, "only")
        assert row["state"] == "queued"
        with hub.home.database.read() as connection:
            query = select(items.c.citizen_id).where(items.c.item_id == item_id)
            citizen_id = connection.execute(query).scalar_one()
        with hub.home.database.write() as tx:
            erase_citizen(tx, ENTE, citizen_id)
        raccordo("connector", "activate", "only")
        (row,) = eventually(lambda: to_followers(hub, "only"), lambda rows: rows[0]["state"] != "queued")
        assert (row["state"], row["reason"]) == ("skipped", ERASED)
        assert receiver.of(item_id, "/erased") == []
