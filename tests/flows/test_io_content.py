"""A citizen opens a message on the IO app: what it leads to stays in the hub, and is given to IO for its reader alone.
And what he did there, days later, is known to him and to whoever may know it."""

import base64
import json
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import update

from connectors.app_io.feed import FIRST_DAY
from connectors.registry import simulate
from hub.store.configuration import set_status
from hub.store.tables import access_log, deliveries, unreached
from tests.flows.making import described_hub, events, fresh, make_document, new_person, published, rows, to
from tests.harness import ENTE, eventually

FILE = b"%PDF-1.7 certificato di residenza"
SHARED = "the-key-that-io-bears"


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    made = simulate(
        "app_io", tmp_path_factory.mktemp("io"), status_polls=0, advanced=True, remote_content=True, manage_keys=None
    )
    yield made
    made.stop()


@pytest.fixture(scope="module")
def io(provider):
    """The settings, and where the simulation is scripted."""
    settings = dict(provider.start())
    return settings, settings["base_url"].removesuffix("/api/v1")


@pytest.fixture(scope="module")
def hub(kind, io, tmp_path_factory):
    settings, origin = io
    lollipop = {
        "assertion_url": f"{origin}/lollipop/api/v1",
        "assertion_key": "a-key",
        "idp_keys_url": f"{origin}/idp-keys",
    }
    folder = tmp_path_factory.mktemp("io-content")
    with described_hub(folder / "home", connectors={"io": ("app_io", settings)}) as running:
        register = {
            "name": "Area personale",
            "description": "Testi e documenti",
            "has_precondition": "NEVER",
            "is_lollipop_enabled": True,
            "disable_lollipop_for": [],
            "prod_environment": {
                "base_url": f"{running.url}/callbacks/v1/{ENTE}/io",
                "details_authentication": {"header_key_name": "X-Raccordo-Key", "key": SHARED, "type": "API-KEY"},
            },
        }
        url = f"{settings['base_url']}/messages-sending/remote-contents/configurations"
        headers = {"Ocp-Apim-Subscription-Key": "manage"}
        made = httpx.post(url, json=register, headers=headers, trust_env=False).json()
        remote = {"configuration_id": made["configuration_id"], "key": SHARED, "lollipop": lollipop}
        changed = settings | {"advanced": True, "remote_content": remote}
        with running.home.database.write() as tx:
            running.home.configuration.save(
                tx, ente_id=ENTE, connector_id="io", type="app_io", settings=changed, limits={}
            )
        eventually(lambda: running.hub.connectors.get(ENTE, "io", 2), lambda found: found is not None)
        yield running


def opened(io, delivery, path="", **changes):
    """What came of it, as IO has it: status and body."""
    wish = {"message_id": delivery["provider_id"], "path": path} | changes
    answer = httpx.post(f"{io[1]}/_sim/open", json=wish, trust_env=False, timeout=20).json()
    return answer["status"], base64.b64decode(answer["body"])


def delivered(hub, person, **fields):
    """A document told of on IO: its delivery."""
    item = make_document(fresh(), FILE, title="Certificato di residenza", **fields) | to(person, None)
    item_id = published(hub, "documents", item)
    assert hub.upload(item_id, FILE).status_code in (200, 201, 204)
    about = [each["item_id"] for each in hub.read("/messages", person).json()["items"]]
    return item_id, eventually(
        lambda: [row for row in rows(hub, deliveries) if row["message_id"] in about and row["channel"] == "io"],
        lambda found: [row["state"] for row in found] == ["delivered"],
    )[0]


def test_the_recipient_reads_the_text_and_the_file_and_nobody_else_does(hub, io, person):
    _, delivery = delivered(hub, person)
    status, body = opened(io, delivery)
    found = json.loads(body)
    assert status == 200, body
    assert "Certificato" in found["details"]["subject"] + found["details"]["markdown"]
    (file,) = found["attachments"]
    assert opened(io, delivery, file["url"]) == (200, FILE)
    stranger = new_person()
    assert opened(io, delivery, fiscal_code=stranger)[0] == 404
    assert opened(io, delivery, file["url"], fiscal_code=stranger)[0] == 404
    assert opened(io, delivery, "files/other")[0] == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Raccordo-Key": "guessed"}, 401),
        ({"signature": None}, 400),
        ({"x-pagopa-lollipop-user-id": "RSSMRA80A01H501U"}, 403),
        ({"x-pagopa-lollipop-original-url": "https://api-app.io.pagopa.it/api/v1/third-party-messages/X"}, 403),
        ({"x-pagopa-lollipop-auth-jwt": "a.b.c"}, 403),
    ],
)
def test_what_is_not_proved_is_refused(hub, io, headers, status):
    _, delivery = delivered(hub, new_person())
    assert opened(io, delivery, headers=headers)[0] == status


def test_each_reading_is_in_the_citizens_access_log(hub, io, person):
    _, delivery = delivered(hub, person)
    assert opened(io, delivery)[0] == 200
    read = [row for row in rows(hub, access_log, citizen_id=delivery["citizen_id"]) if row["portal_id"] == "io"]
    assert [row["item_id"] for row in read] == [delivery["message_id"]]


def test_what_was_withdrawn_is_not_given_any_more(hub, io, person):
    item_id, delivery = delivered(hub, person)
    assert opened(io, delivery)[0] == 200
    assert hub.withdraw(item_id).status_code == 201
    assert opened(io, delivery)[0] == 404


def test_days_later_the_citizen_has_read_it(hub, io, person):
    """The vendor without the right `delivery-detail` sees nothing of it (settled 8)."""
    item_id, delivery = delivered(hub, person)
    done = {"fiscal_code": person, "read_status": "READ"}
    httpx.post(f"{io[1]}/_sim/people", json=done, trust_env=False)
    with hub.home.database.write() as tx:
        mine = deliveries.c.delivery_id == delivery["delivery_id"]
        tx.connection.execute(update(deliveries).where(mine).values(follow_up_at=tx.now - timedelta(seconds=1)))
    eventually(lambda: events(hub, person, item_id), lambda found: "read_on_channel" in found, within_s=20)
    shown = hub.vendor_get(f"/items/{item_id}")
    assert shown.status_code == 200
    assert "read_on_channel" not in shown.text
    told = hub.vendor_get("/events")
    assert "read_on_channel" not in told.text


def test_whom_io_does_not_reach_is_read_day_by_day(hub, io):
    person = new_person()
    day = {"date": str(FIRST_DAY), "unsubscriptions": [person]}
    httpx.post(f"{io[1]}/_sim/feed", json=day, trust_env=False)
    with hub.home.database.write() as tx:
        settings = io[0] | {"subscriptions_feed": True}
        hub.home.configuration.save(tx, ente_id=ENTE, connector_id="z", type="app_io", settings=settings, limits={})
    eventually(lambda: rows(hub, unreached, connector_id="z"), lambda found: len(found) == 2)
    with hub.home.database.write() as tx:
        set_status(tx, ENTE, "z", status="paused", reason="the test is over")


def test_a_paused_connector_asks_io_to_come_again(hub, io, person):
    _, delivery = delivered(hub, person)
    for status, expected in (("paused", 503), ("active", 200)):
        with hub.home.database.write() as tx:
            set_status(tx, ENTE, "io", status=status, reason="a test")
        eventually(lambda: opened(io, delivery)[0], lambda found, expected=expected: found == expected)
