"""What must be nowhere: no tax code, token or address in a log; no code, title or text in the bytes on the disk."""

import io
import json
import logging
import re
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from sqlalchemy import select, update

from connectors.registry import simulate
from contracts.broadcasts import Broadcast, BroadcastText
from hub.app import create_app
from hub.home import Home, HomeError
from hub.ingest.ranking import LISTED, ranked
from hub.ingest.subscribers import subscribers
from hub.security.sign import LIFETIME_S
from hub.security.vault import VaultError
from hub.settings import Settings
from hub.store.broadcasts import begin_broadcast
from hub.store.ranked_lists import Frozen, draft_list, new_list_id, publish_list
from hub.store.tables import access_log, citizens, evidence, item_versions
from hub.telemetry import JsonLines, configure
from tests.flows.making import (
    described_hub,
    fresh,
    make_application,
    make_document,
    make_subscription,
    new_person,
    notice_number,
    published,
    rows,
)
from tests.harness import ENTE, Caller, eventually, make_message, make_payment, make_receipt, served

MARK = "Zanzibar"
"""Stands in every title, text, file and address, and nowhere else."""
ADDRESS = f"{MARK.lower()}@example.org"
FILE = f"%PDF-1.7 {MARK}".encode()
TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{10,}\.")


@dataclass
class Run:
    """What a hub left behind after a day's work: its logs, and its bytes while it ran and after it stopped."""

    person: str
    log: str
    json_log: str
    alive: dict[str, bytes]
    rested: dict[str, bytes]
    external_id: str
    refusals: list[str]


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file but the keys, which are secret by themselves."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("vault.json", "hub-key.pem")
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("privacy")
    raw, structured = io.StringIO(), io.StringIO()
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    configure(level="INFO", stream=structured)
    plain = logging.StreamHandler(raw)  # unredacted: what slips through must show
    root.addHandler(plain)
    for name in ("hub", "connectors"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    provider = simulate("app_io", folder / "io", status_polls=0)
    mail = simulate("email", folder / "mail")
    person = new_person()
    try:
        connectors = {
            "io": ("app_io", dict(provider.start()) | {"status_delay_s": 0.05}),
            "mail": ("email", dict(mail.start())),
        }
        with described_hub(folder / "home", connectors=connectors) as hub:
            external_id, refusals = a_days_work(hub, person)
            alive = bytes_of(folder / "home")
        rested = bytes_of(folder / "home")
    finally:
        mail.stop()
        provider.stop()
        for name in ("hub", "connectors"):
            logging.getLogger(name).setLevel(logging.NOTSET)
        root.setLevel(before[0])
        root.handlers[:] = before[1]
    return Run(person, raw.getvalue(), structured.getvalue(), alive, rested, external_id, refusals)


def a_days_work(hub, person):
    """Everything that handles personal data, the refused and the broken as well as the good."""
    own = {"recipient": {"tax_code": person, "email": ADDRESS}, "title": f"Titolo {MARK}", "summary": f"Som {MARK}"}
    number = notice_number()
    paid = {"creditor_tax_code": "00488410010", "notice_number": number}
    external_id = fresh("in-chiaro")
    message = make_message(external_id, **own, body_markdown=f"Testo {MARK}", beneficiaries=[])
    item_id = published(hub, "messages", message)
    document_id = published(hub, "documents", make_document(fresh(), FILE, **own, filename=f"{MARK}.pdf"))
    hub.upload(document_id, FILE)
    published(hub, "payments", make_payment(fresh(), **own, notice_number=number, reason=MARK))
    published(hub, "receipts", make_receipt(fresh(), **own, payment=paid))
    hub.publish("messages", message | {"version": 2})
    steps = [{"order": 1, "title": f"Passo {MARK}", "state": "current"}]
    past = [{"at": "2026-11-24T09:00:00Z", "state": "submitted", "label": f"Inviata {MARK}"}]
    practice = {"state": "in_progress", "procedure_steps": steps, "history": past, "outcome_reason": MARK}
    application_id = published(hub, "applications", make_application(fresh(), **own, **practice))
    draft = make_application(fresh(), **own, state="draft", resume_url=f"https://servizi.example.it/{MARK}")
    hub.withdraw(published(hub, "applications", draft), f"pulizia di {MARK}")
    hub.publish("applications", draft | {"version": 2, "draft_expires_at": "2026-12-01T00:00:00Z"})
    hub.hub.after_sweep()
    hub.read(f"/items/{application_id}", person)
    subscribed = own | {"attributes": [{"code": "nota", "text": MARK}], "state": "renewal_due", "renewal": "manual"}
    shared = [{"tax_code": new_person(), "role": "co_holder"}, {"tax_code": person, "role": "child"}]
    subscription = make_subscription(fresh(), **subscribed, beneficiaries=shared, reason=MARK)
    subscribed_id = published(hub, "subscriptions", subscription)
    asked = hub.write(f"/subscriptions/{subscribed_id}/requests", {"kind": "renew"}, person).json()
    answer = {"request_id": asked["request_id"], "outcome": "refused", "reason": f"Motivo {MARK}"}
    published(hub, "subscriptions", subscription | {"version": 2, "answers_request": answer})
    to_all_subscribers(hub, own)
    for path in ("/items", f"/items?q={MARK}", "/summary?view=tabs", "/changes", f"/items/{item_id}"):
        hub.read(path, person)
    hub.read(f"/documents/{document_id}/content", person)
    hub.mark(item_id, {"read": True}, person)
    hub.write("/user-states", {"items": [{"item_id": item_id, "patch": {"starred": True}}]}, person)
    nearly = {"now": datetime.now(UTC) - timedelta(seconds=LIFETIME_S - 6), "auth_time": datetime.now(UTC)}
    assert MARK in hub.client.get("/feed/v1/events", headers=hub.reader(person, **nearly)).text
    hub.settled()
    eventually(hub.deliveries, lambda all_: all(d["state"] != "waiting" for d in all_))
    refusals = [
        hub.publish("messages", make_message(person)),
        hub.publish("messages", message | {"version": 3, person: 1}),
        hub.publish("messages", message | {"version": 3, "recipient": {"tax_code": person[:15] + "?"}}),
        hub.publish("messages", message | {"version": 3, "recipient": {"tax_code": person, "email": f"{ADDRESS}@"}}),
        hub.publish("messages", f'{{"title": "{person}'.encode()),
        hub.publish("messages", message | {"version": 3, "title": ""}),
        hub.publish("messages", message | {"recipient": {"tax_code": new_person(), "email": ADDRESS}}),
        hub.vendor_get(f"/items?{person}=1"),
        hub.vendor_get(f"/items/{person}"),
        hub.vendor_get(f"/items?external_id={person}&collection={person}"),
        hub.client.get(f"/feed/v1/{person}", headers=hub.reader(person)),
        hub.read(f"/items/{person}", person),
        hub.client.post(f"/feed/v1/subscriptions/{person}/requests", content=person, headers=hub.reader(person)),
        hub.publish("subscriptions", subscription | {"version": 3, "subscription_service": "nessuno"}),
        hub.read(f"/items?{person}=1", person),
        hub.read(f"/items?sort={person}", person),
        hub.read(f"/items?cursor={person}", person),
        hub.mark(person, {"read": True}, person),
        hub.read(f"/services?q={person}&state={person}", person),
        hub.read(f"/events?after={person}", person),
        hub.write("/user-states", {"items": [{"item_id": person, "patch": {person: True}}]}, person),
        hub.client.get("/feed/v1/items", headers=hub.reader(person, sub=person)),
        hub.client.get("/feed/v1/items", headers=hub.reader(person) | {"X-Correlation-ID": "a b"}),
        hub.client.get("/feed/v1/items", headers=hub.reader(person, fiscal_number=f"{person}X")),
        hub.client.get(f"/{person}"),
        hub.client.post("/publish/v1/messages", content=person.encode(), headers=hub.signed(b"{}")),
    ]
    hub.withdraw(item_id, f"errore di {MARK}")
    return external_id, [f"{r.status_code} {r.text}" for r in refusals]


def to_all_subscribers(hub, own):
    """A broadcast to the citizen, and a ranked list that he is in."""
    secret = [{"code": "via", "text": MARK}]
    published(hub, "subscriptions", make_subscription(fresh(), **own, attributes=secret))
    database, vault = hub.home.database, hub.home.vault
    text = BroadcastText(title=f"A tutti {MARK}", body=f"Testo {MARK}")
    list_id = new_list_id()
    with database.write() as tx:
        begin_broadcast(tx, vault, ENTE, Broadcast(code="nido-2026", it=text), 1)
        entries = ranked(subscribers(database, vault, ENTE, "nido-2026", LISTED, tx.now), ["via"], vault, list_id)
        draft_list(tx, vault, list_id, Frozen(ENTE, "nido-2026", "Graduatoria", ["via"], entries))
        publish_list(tx, list_id, tx.now + timedelta(days=1))
    hub.hub.after_sweep()
    assert len(entries) == 2  # the one that he asked to renew is there too
    assert MARK in hub.read("/messages", own["recipient"]["tax_code"]).text
    hub.client.get(f"/public/v1/ranked-lists/{list_id}")


@pytest.mark.req("S60", "S61")
def test_no_tax_code_is_in_the_logs_before_any_redaction(run):
    assert "request.done" in run.log
    assert "delivery.settled" in run.log
    assert run.person.lower() not in run.log.lower()


@pytest.mark.req("S60")
def test_no_token_is_in_the_logs(run):
    assert not TOKEN.search(run.log)


@pytest.mark.req("S60")
@pytest.mark.parametrize("what", [MARK, "example.org"])
def test_no_title_text_or_address_is_in_the_logs(run, what):
    assert what.lower() not in run.log.lower()


def test_nothing_had_to_be_blotted_out(run):
    assert "[tax code]" not in run.json_log
    assert "[token]" not in run.json_log


def test_each_line_of_the_log_is_one_object(run):
    events = [json.loads(line)["event"] for line in run.json_log.splitlines()]
    assert {"request.done", "delivery.settled"} <= set(events)


@pytest.mark.req("S60")
def test_no_refusal_repeats_a_tax_code(run):
    assert [r for r in run.refusals if run.person.lower() in r.lower()] == []


@pytest.mark.req("S60", "S61")
@pytest.mark.parametrize("when", ["alive", "rested"])
@pytest.mark.parametrize("what", ["the tax code", MARK, ADDRESS, "Titolo", "%PDF"])
def test_no_byte_on_the_disk_tells_whose_it_is_or_what_it_says(run, when, what):
    wanted = (run.person if what == "the tax code" else what).encode().lower()
    found = [name for name, content in getattr(run, when).items() if wanted in content.lower()]
    assert found == []


def test_the_search_of_the_disk_would_find_something(run):
    """The ground of the test above: what is kept in clear is found by it, in the write-ahead log too."""
    assert [n for n, content in run.alive.items() if run.external_id.encode() in content]
    assert any(name.endswith("-wal") for name in run.alive)
    assert any(name.startswith("files/") for name in run.alive)


def test_what_is_on_the_disk_is_the_hubs_users_alone(tmp_path):
    home = Home(Settings(home=tmp_path / "home"))
    home.create()
    assert (tmp_path / "home").stat().st_mode & 0o077 == 0
    for secret in ("vault.json", "hub-key.pem"):
        assert (tmp_path / "home" / secret).stat().st_mode & 0o077 == 0
    home.database.close()


def test_a_formatted_exception_says_where_and_never_what():
    try:
        raise ValueError("RSSMRA80A01H501U")
    except ValueError:
        record = logging.getLogger("x").makeRecord("x", logging.ERROR, "f", 1, "it.failed id=%s", ("1",), None)
        record.exc_info = sys.exc_info()
    written = json.loads(JsonLines().format(record))
    assert written["error"] == "ValueError"
    assert "RSSMRA" not in json.dumps(written)


# --- the seal


@pytest.fixture
def sealed(tmp_path):
    """A hub that held one item and stopped: its folder, its portal, the citizen."""
    person = new_person()
    with described_hub(tmp_path / "home") as hub:
        published(hub, "messages", make_message(fresh(), tax_code=person, title=MARK))
        portal = hub.portal
    return tmp_path / "home", portal, person


def reopened(folder, portal, person):
    """The feed of the citizen, by a hub that starts anew over the folder."""
    nobody = Caller("nobody")
    with served(Home(Settings(home=folder)), nobody, nobody, portal) as hub:
        return hub.read("/items", person)


def rewrite_vault(folder, **changes):
    path = folder / "vault.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_with_its_own_key_the_feed_is_there_after_a_restart(sealed):
    assert MARK in reopened(*sealed).text


@pytest.mark.req("S61")
def test_with_another_key_nothing_opens_and_nothing_is_said(sealed):
    folder, _, _ = sealed
    key_id = json.loads((folder / "vault.json").read_text())["current"]
    rewrite_vault(folder, keys={key_id: "00" * 32})
    response = reopened(*sealed)
    assert (response.status_code, response.json()["code"]) == (500, "hub.error")
    assert MARK not in response.text


@pytest.mark.req("S61")
def test_with_another_pepper_nobody_is_found(sealed):
    rewrite_vault(sealed[0], pepper="00" * 32)
    with pytest.raises(HomeError, match=r"vault\.json is not the key of this database"):
        reopened(*sealed)
    with closing(sqlite3.connect(sealed[0] / "raccordo.db")) as database, database:
        database.execute("DELETE FROM versions WHERE name = 'vault.json'")  # as a version before this one left it
    assert reopened(*sealed).json()["items"] == []


def test_a_hub_with_connectors_does_not_even_start_with_another_key(tmp_path):
    (tmp_path / "box").mkdir()
    settings = {"folder": str(tmp_path / "box")}
    with described_hub(tmp_path / "home", connectors={"mail": ("loopback", settings)}):
        pass
    key_id = json.loads((tmp_path / "home" / "vault.json").read_text())["current"]
    rewrite_vault(tmp_path / "home", keys={key_id: "00" * 32})
    home = Home(Settings(home=tmp_path / "home"))
    with pytest.raises(VaultError):
        create_app(home)
    home.database.close()


@pytest.fixture(scope="module")
def moved(kind, tmp_path_factory):
    with described_hub(tmp_path_factory.mktemp("moved") / "home") as running:
        yield running


def payload(hub, item_id):
    return rows(hub, item_versions, item_id=item_id)[0]["payload_sealed"]


def put(hub, item_id, sealed):
    with hub.home.database.write() as tx:
        tx.connection.execute(
            update(item_versions).where(item_versions.c.item_id == item_id).values(payload_sealed=sealed)
        )


@pytest.mark.req("S61")
@pytest.mark.parametrize("whose", ["the citizen's own", "another's"])
def test_a_ciphertext_moved_to_another_row_does_not_open(moved, whose):
    person = new_person()
    first = published(moved, "messages", make_message(fresh(), tax_code=person, title="primo"))
    other = person if whose == "the citizen's own" else new_person()
    second = published(moved, "messages", make_message(fresh(), tax_code=other, title=MARK))
    put(moved, first, payload(moved, second))
    response = moved.read("/items", person)
    assert response.status_code == 500
    assert MARK not in response.text


@pytest.mark.req("S61")
def test_a_ciphertext_with_one_bit_changed_does_not_open(moved):
    person = new_person()
    item_id = published(moved, "messages", make_message(fresh(), tax_code=person))
    whole = bytearray(payload(moved, item_id))
    whole[20] ^= 1
    put(moved, item_id, bytes(whole))
    assert moved.read(f"/items/{item_id}", person).status_code == 500


@pytest.mark.req("S61")
def test_a_citizens_tax_code_moved_to_another_citizen_is_not_used(moved):
    """The code of B under the identity of A would send A's notices to B."""
    a, b = (published(moved, "messages", make_message(fresh(), tax_code=new_person())) for _ in range(2))
    ids = [rows(moved, evidence, item_id=item_id)[0]["citizen_id"] for item_id in (a, b)]
    mine, theirs = (rows(moved, citizens, citizen_id=citizen_id)[0] for citizen_id in ids)
    with moved.home.database.write() as tx:
        tx.connection.execute(
            update(citizens)
            .where(citizens.c.citizen_id == mine["citizen_id"])
            .values(tax_code_sealed=theirs["tax_code_sealed"])
        )
    store = moved.hub.feed._citizens
    with moved.home.database.read() as connection, pytest.raises(VaultError):
        store.tax_code(connection, mine["ente_id"], mine["citizen_id"])


def test_the_evidence_of_a_body_opens_with_its_citizens_key_alone(moved):
    person = new_person()
    body = orjson.dumps(make_message(fresh(), tax_code=person))
    item_id = moved.publish("messages", body).json()["item_id"]
    (row,) = rows(moved, evidence, item_id=item_id)
    vault, store = moved.home.vault, moved.hub.feed._citizens
    with moved.home.database.read() as connection:
        _, citizen = store.tax_code(connection, row["ente_id"], row["citizen_id"])
    place = f"evidence|body|{row['ente_id']}|{row['evidence_id']}"
    assert vault.open_with(citizen.data_key, row["body_sealed"], place) == body
    with pytest.raises(VaultError):
        vault.open_with(vault.new_data_key(), row["body_sealed"], place)


def test_the_access_log_names_nobody(moved):
    person = new_person()
    moved.read("/items", person)
    with moved.home.database.read() as connection:
        written = str(connection.execute(select(access_log)).all())
    assert person not in written
