"""From the commit to the provider: what the simulators' own ledgers hold, whatever went wrong on the way."""

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from connectors.app_io.simulator import Io
from connectors.email.simulator import Fault, Simulator, mailbox_messages
from connectors.registry import simulate
from contracts.connector import Connector, ConnectorType, Continue, Done, Idempotency, Manifest
from contracts.failures import Deferred, Misconfigured
from hub.home import Home
from hub.store.citizens import Subject
from hub.store.configuration import set_status
from hub.store.operations import show_delivery
from hub.store.tables import channel_opt_outs, connectors, deliveries, items
from tests.flows.making import described_hub, fresh, make_document, new_person, notice_number, published, rows
from tests.harness import BASE, ENTE, HubUnderTest, eventually, make_message, make_payment, make_receipt, served

QUICK = {"timeout_s": 1.5, "retry_base_s": 0.05, "retry_cap_s": 0.1}
NOT_ON_IO = new_person()
NOT_ALLOWED = new_person()


@dataclass
class Providers:
    """A hub with App IO and a mail server, both simulated."""

    hub: HubUnderTest
    io: Io
    io_folder: Path
    io_settings: dict[str, Any]
    mail: Simulator

    def io_messages(self, person: str) -> list[dict[str, Any]]:
        ledger = self.io_folder / "app_io.jsonl"
        found = [json.loads(line) for line in ledger.read_text().splitlines()]
        return [entry["message"] for entry in found if entry["fiscal_code"] == person]

    def mails(self, address: str) -> list[Any]:
        return [m for m in mailbox_messages(self.mail.mailbox) if m["To"] and address in m["To"]]

    def io_fault(self, **fault: Any) -> None:
        base = self.io_settings["base_url"].removesuffix("/api/v1")
        httpx.post(f"{base}/_sim/faults", json=[fault]).raise_for_status()

    def told(self, item_id: str, *, within_s: float = 30) -> dict[str, dict[str, Any]]:
        """The deliveries about an item, by channel, once all have come to rest."""

        def look() -> list[dict[str, Any]]:
            about = {row["item_id"] for row in rows(self.hub, items, about_item_id=item_id)} | {item_id}
            return [d for d in self.hub.deliveries() if d["message_id"] in about]

        found = eventually(
            look, lambda all_: all(d["state"] not in ("queued", "waiting") for d in all_), within_s=within_s
        )
        return {d["channel"]: d for d in found}


@contextmanager
def providers(folder, **options):
    io_folder = folder / "io"
    io = simulate("app_io", io_folder, status_polls=0, not_allowed={NOT_ALLOWED}, **options)
    mail = Simulator(folder / "mail")
    with mail:
        io_settings = dict(io.start()) | {"status_delay_s": 0.05}
        mail_settings = {"host": "127.0.0.1", "port": mail.port, "security": "none"}
        mail_settings |= {"from_address": "avvisi@comune.example.it"}
        try:
            with described_hub(
                folder / "home",
                connectors={"io": ("app_io", io_settings), "mail": ("email", mail_settings)},
                limits=QUICK,
            ) as hub:
                yield Providers(hub, io, io_folder, io_settings, mail)
        finally:
            io.stop()


class Registered:
    """Everybody is on IO but one."""

    def __contains__(self, person):
        return person != NOT_ON_IO


@pytest.fixture(scope="module")
def at_work(kind, tmp_path_factory):
    with providers(tmp_path_factory.mktemp("delivery"), registered=Registered()) as running:
        yield running


@pytest.fixture
def address():
    return f"{fresh('casella')}@example.org"


def to(person, address=None, **fields):
    return {"recipient": {"tax_code": person, **({"email": address} if address else {})}} | fields


IO_ONLY = {"notify": {"channels": ["io"]}}
MAIL_ONLY = {"notify": {"channels": ["email"]}}


# --- the happy way


@pytest.mark.req("S14", "S27", "S28")
def test_a_message_reaches_io_and_the_mailbox_and_stands_among_the_messages(at_work, person, address):
    item_id = published(at_work.hub, "messages", make_message(fresh(), **to(person, address), title="Mensa aperta"))
    told = at_work.told(item_id)
    assert {channel: d["state"] for channel, d in told.items()} == {"io": "delivered", "email": "delivered"}
    assert len(at_work.io_messages(person)) == 1
    (mail,) = at_work.mails(address)
    assert mail["Message-ID"] == told["email"]["provider_id"]
    assert [i["title"] for i in at_work.hub.read("/messages", person).json()["items"]] == ["Mensa aperta"]


@pytest.mark.req("S4", "S12")
def test_the_mail_leads_to_the_item_by_an_address_that_names_nobody(at_work, person, address):
    item_id = published(at_work.hub, "messages", make_message(fresh(), **to(person, address)))
    at_work.told(item_id)
    text = at_work.mails(address)[0].get_body(("plain",)).get_content()
    (link,) = re.findall(rf"{re.escape(BASE)}(/public/v1/actions/[A-Za-z0-9_-]+)", text)
    led = at_work.hub.client.get(link, follow_redirects=False)
    assert led.headers["Location"] == f"https://servizi.comune.example.it/items/{item_id}"
    assert person not in text


@pytest.mark.req("S11", "S14")
def test_a_payment_reaches_io_with_its_notice(at_work, person):
    number = notice_number()
    item_id = published(
        at_work.hub, "payments", make_payment(fresh(), **to(person), **IO_ONLY, notice_number=number, amount_cents=990)
    )
    assert at_work.told(item_id)["io"]["state"] == "delivered"
    (message,) = at_work.io_messages(person)
    data = message["content"]["payment_data"]
    assert (data["notice_number"], data["amount"]) == (number, 990)


@pytest.mark.req("S56", "S57")
def test_a_document_is_told_on_both_channels_once_its_file_is_here(at_work, person, address):
    content = b"%PDF-1.7"
    item_id = published(at_work.hub, "documents", make_document(fresh(), content, **to(person, address)))
    assert at_work.told(item_id) == {}
    at_work.hub.upload(item_id, content)
    assert {c: d["state"] for c, d in at_work.told(item_id).items()} == {"io": "delivered", "email": "delivered"}
    assert (len(at_work.io_messages(person)), len(at_work.mails(address))) == (1, 1)


def test_what_is_asked_to_be_silent_is_told_to_nobody(at_work, person, address):
    item_id = published(at_work.hub, "messages", make_message(fresh(), **to(person, address), notify={"channels": []}))
    assert at_work.told(item_id) == {}


def test_a_sensitive_title_is_in_no_mail(at_work, person, address):
    item = make_message(fresh(), **to(person, address), sensitivity="sensitive", title="Contributo affitto")
    at_work.told(published(at_work.hub, "messages", item))
    assert "affitto" not in at_work.mails(address)[0].as_string()


# --- who cannot be reached


@pytest.mark.req("S14")
@pytest.mark.parametrize(("who", "reason"), [(NOT_ON_IO, "io.not_registered"), (NOT_ALLOWED, "io.sender_not_allowed")])
def test_who_is_not_on_io_is_passed_over_and_that_is_no_failure(at_work, who, reason):
    item_id = published(at_work.hub, "messages", make_message(fresh(), **to(who), **IO_ONLY))
    delivery = at_work.told(item_id)["io"]
    assert (delivery["state"], delivery["reason"]) == ("skipped", reason)
    assert at_work.io_messages(who) == []


def test_without_an_address_there_is_no_mail(at_work, person):
    item_id = published(at_work.hub, "messages", make_message(fresh(), **to(person), **MAIL_ONLY))
    delivery = at_work.told(item_id)["email"]
    assert (delivery["state"], delivery["reason"]) == ("skipped", "email.no_address")


# --- trouble on the way


def test_what_is_throttled_is_tried_again_and_delivered_once(at_work, person):
    at_work.io_fault(kind="throttle", retry_after=1)
    item_id = published(at_work.hub, "messages", make_message(fresh(), **to(person), **IO_ONLY))
    delivery = at_work.told(item_id)["io"]
    assert (delivery["state"], len(at_work.io_messages(person))) == ("delivered", 1)
    assert delivery["attempts"] == 2


@pytest.mark.parametrize("fault", [{"kind": "error", "status": 503}, {"kind": "drop"}], ids=["503", "cut line"])
def test_a_provider_that_stumbles_is_asked_again(at_work, person, fault):
    at_work.io_fault(on="profiles", **fault)
    item_id = published(at_work.hub, "messages", make_message(fresh(), **to(person), **IO_ONLY))
    assert at_work.told(item_id)["io"]["state"] == "delivered"
    assert len(at_work.io_messages(person)) == 1


@pytest.mark.parametrize(
    "fault",
    [{"kind": "hang", "seconds": 30}, {"kind": "cut"}, {"kind": "error"}],
    ids=lambda fault: fault["kind"],
)
def test_what_io_may_have_taken_is_unconfirmed_and_never_sent_again(at_work, person, fault):
    at_work.io_fault(**fault)
    item_id = published(at_work.hub, "messages", make_message(fresh(), **to(person), **IO_ONLY))
    assert at_work.told(item_id)["io"]["state"] == "unconfirmed"
    # One that comes after it is delivered meanwhile: had the first been sent again, it would be in the ledger.
    after = published(at_work.hub, "messages", make_message(fresh(), **to(person), **IO_ONLY))
    assert at_work.told(after)["io"]["state"] == "delivered"
    assert len(at_work.io_messages(person)) == (1 if fault["kind"] == "error" else 2)
    assert at_work.told(item_id)["io"]["state"] == "unconfirmed"


def test_a_mail_that_may_have_been_taken_is_sent_again_as_the_same_mail(at_work, person, address):
    at_work.mail.misbehave(Fault("accepted", act="drop"))
    item_id = published(at_work.hub, "messages", make_message(fresh(), **to(person, address), **MAIL_ONLY))
    assert at_work.told(item_id)["email"]["state"] == "delivered"
    first, second = at_work.mails(address)
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] == second["Date"]


def test_an_address_that_the_server_refuses_is_the_end_of_it(at_work, person, address):
    at_work.mail.misbehave(Fault("rcpt", reply="550 5.1.1 No such user"))
    item_id = published(at_work.hub, "messages", make_message(fresh(), **to(person, address), **MAIL_ONLY))
    assert at_work.told(item_id)["email"]["state"] == "rejected"


def test_one_channel_in_trouble_does_not_hold_up_the_other(at_work, person, address):
    at_work.mail.misbehave(Fault("connect", reply="421 4.3.2 Busy", times=2))
    item_id = published(at_work.hub, "messages", make_message(fresh(), **to(person, address)))
    assert {c: d["state"] for c, d in at_work.told(item_id).items()} == {"io": "delivered", "email": "delivered"}
    assert len(at_work.mails(address)) == 1


def test_each_attempt_is_on_record(at_work, person):
    at_work.io_fault(kind="error", status=503, on="profiles")
    item_id = published(at_work.hub, "messages", make_message(fresh(), **to(person), **IO_ONLY))
    delivery = at_work.told(item_id)["io"]
    with at_work.hub.home.database.read() as connection:
        _, attempts = show_delivery(connection, delivery["delivery_id"])
    assert [a["outcome"] for a in attempts if a["outcome"] != "continue"] == ["deferred", "done"]


# --- switched off by the citizen


def one_click(hub, mail):
    """The address in List-Unsubscribe, on the running hub."""
    return re.search(r"<(https://[^>]+)>", mail["List-Unsubscribe"])[1].replace(BASE, hub.url)


@pytest.fixture
def invited(at_work, person, address):
    """A citizen with one mail, and its one-click address."""
    at_work.told(
        published(at_work.hub, "messages", make_message(fresh(), **to(person, address), **MAIL_ONLY, service_id="tari"))
    )
    (mail,) = at_work.mails(address)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    return person, address, one_click(at_work.hub, mail)


def opted_out(hub, person):
    citizen = hub.hub.feed.citizen
    with hub.home.database.read() as connection:
        citizen_id = citizen(connection, Subject(ENTE, "person", person)).citizen_id
    return [row["topic"] for row in rows(hub, channel_opt_outs, citizen_id=citizen_id)]


def again(at_work, person, address, **fields):
    item = make_message(fresh(), **to(person, address), **(MAIL_ONLY | {"service_id": "tari"} | fields))
    return at_work.told(published(at_work.hub, "messages", item))["email"]


@pytest.mark.req("S62")
def test_looking_at_the_link_changes_nothing(at_work, invited):
    person, address, url = invited
    page = httpx.get(url)
    assert page.status_code == 200
    assert '<form method="post">' in page.text
    assert opted_out(at_work.hub, person) == []
    assert again(at_work, person, address)["state"] == "delivered"


@pytest.mark.req("S62")
def test_the_click_switches_the_optional_mails_of_that_service_off(at_work, invited):
    person, address, url = invited
    for _ in range(2):
        assert httpx.post(url, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert opted_out(at_work.hub, person) == ["tari"]
    delivery = again(at_work, person, address)
    assert (delivery["state"], delivery["reason"]) == ("skipped", "email.opted_out")
    assert again(at_work, person, address, service_id=None)["state"] == "delivered"


@pytest.mark.req("S29", "S62")
@pytest.mark.parametrize("needed", ["outcome", "alert", "integration_request"])
def test_what_the_citizen_must_know_still_comes_and_offers_no_switch(at_work, invited, needed):
    person, address, url = invited
    httpx.post(url)
    assert again(at_work, person, address, kind=needed)["state"] == "delivered"
    assert at_work.mails(address)[-1]["List-Unsubscribe"] is None


def test_switching_mail_off_leaves_io_on(at_work, invited):
    person, address, url = invited
    httpx.post(url)
    item = make_message(fresh(), **to(person, address), service_id="tari")
    told = at_work.told(published(at_work.hub, "messages", item))
    assert {c: d["state"] for c, d in told.items()} == {"io": "delivered", "email": "skipped"}


@pytest.mark.req("S60")
def test_the_link_holds_no_personal_data(invited):
    person, address, url = invited
    assert person not in url
    assert address not in url


@pytest.mark.parametrize("how", ["GET", "POST"])
@pytest.mark.parametrize("spoil", [lambda t: t[:-4] + "AAAA", lambda _: "x", lambda t: t + "é", lambda t: t[:40]])
def test_a_forged_link_is_unknown(at_work, invited, how, spoil):
    person, _, url = invited
    start, _, token = url.rpartition("/")
    assert httpx.request(how, f"{start}/{spoil(token)}").status_code == 404
    assert opted_out(at_work.hub, person) == []


def test_a_link_to_a_cursor_is_no_link(at_work, person):
    """Both are sealed by the same vault; the place they were sealed for keeps them apart."""
    cursor = at_work.hub.read("/changes", person).json()["next_cursor"]
    assert httpx.post(f"{at_work.hub.url}/public/v1/unsubscribes/{cursor}").status_code == 404


# --- paused, withdrawn, too old: a hub of its own, for the connectors are paused in it


@pytest.fixture
def alone(kind, tmp_path):
    with providers(tmp_path) as running:
        yield running


def switch(alone, status, connector_id="io"):
    with alone.hub.home.database.write() as tx:
        set_status(tx, ENTE, connector_id, status=status, reason=None)


def configure(alone, **settings):
    with alone.hub.home.database.write() as tx:
        alone.hub.home.configuration.save(
            tx, ente_id=ENTE, connector_id="io", type="app_io", settings=alone.io_settings | settings, limits=QUICK
        )


def only_delivery(alone):
    (delivery,) = alone.hub.deliveries()
    return delivery


def test_a_wrong_key_pauses_the_connector_and_the_right_one_sends_what_was_held(alone):
    """A stale picture of the configuration once paused the connector again with the key that had just been replaced."""
    configure(alone, api_key="wrong")
    person = new_person()
    item_id = published(alone.hub, "messages", make_message(fresh(), **to(person), **IO_ONLY))
    held = eventually(lambda: only_delivery(alone), lambda d: d["state"] == "held")
    look = lambda: rows(alone.hub, connectors, connector_id="io")[0]  # noqa: E731
    paused = eventually(look, lambda row: row["status"] == "paused")
    assert paused["paused_reason"].startswith("io.")
    assert held["attempts"] == 0
    assert alone.hub.vendor_get(f"/items/{item_id}").json()["notification"] == "pending"
    configure(alone)
    assert rows(alone.hub, connectors, connector_id="io")[0]["paused_reason"] == paused["paused_reason"]
    switch(alone, "active")
    assert alone.told(item_id)["io"]["state"] == "delivered"
    assert rows(alone.hub, connectors, connector_id="io")[0]["status"] == "active"
    assert len(alone.io_messages(person)) == 1


def test_a_paused_connector_sends_nothing_until_it_is_active_again(alone):
    switch(alone, "paused")
    person = new_person()
    item_id = published(alone.hub, "messages", make_message(fresh(), **to(person, "a@example.org")))
    eventually(alone.hub.deliveries, lambda all_: "delivered" in {d["state"] for d in all_})
    assert alone.io_messages(person) == []
    switch(alone, "active")
    assert alone.told(item_id)["io"]["state"] == "delivered"


def test_a_message_withdrawn_before_it_left_is_not_sent(alone):
    switch(alone, "paused")
    person = new_person()
    item_id = published(alone.hub, "messages", make_message(fresh(), **to(person), **IO_ONLY))
    alone.hub.withdraw(item_id)
    switch(alone, "active")
    delivery = alone.told(item_id)["io"]
    assert (delivery["state"], delivery["reason"]) == ("skipped", "item.withdrawn")
    assert alone.io_messages(person) == []


def test_the_notice_of_a_withdrawn_payment_is_not_sent_either(alone):
    switch(alone, "paused")
    item_id = published(alone.hub, "payments", make_payment(fresh(), **to(new_person()), **IO_ONLY))
    alone.hub.withdraw(item_id)
    assert alone.told(item_id)["io"]["reason"] == "item.withdrawn"


@pytest.mark.req("S58")
def test_whoever_has_paid_meanwhile_is_not_asked_to_pay(alone):
    """The receipt came while the notice waited for the connector; it was sent all the same."""
    switch(alone, "paused")
    person, number = new_person(), notice_number()
    item_id = published(alone.hub, "payments", make_payment(fresh(), **to(person), **IO_ONLY, notice_number=number))
    paid = {"creditor_tax_code": "00488410010", "notice_number": number}
    silent = {"notify": {"channels": []}}
    published(alone.hub, "receipts", make_receipt(fresh(), tax_code=person, payment=paid, **silent))
    switch(alone, "active")
    delivery = alone.told(item_id)["io"]
    assert (delivery["state"], delivery["reason"]) == ("skipped", "notice.moot")
    assert alone.io_messages(person) == []


def test_what_is_too_old_expires(alone):
    switch(alone, "paused")
    item_id = published(alone.hub, "messages", make_message(fresh(), **to(new_person()), **IO_ONLY))
    with alone.hub.home.database.write() as tx:
        tx.connection.execute(update(deliveries).values(expires_at=datetime.now(UTC)))
    delivery = alone.told(item_id)["io"]
    assert (delivery["state"], delivery["reason"]) == ("expired", "age.exceeded")
    assert alone.hub.vendor_get(f"/items/{item_id}").json()["notification"] == "not_sent"


def test_a_message_for_next_month_is_not_too_old_then(alone):
    """Its age was counted from its publication, so that it expired before it could leave."""
    then = datetime.now(UTC) + timedelta(days=30)
    item = make_message(fresh(), **to(new_person()), **IO_ONLY, visible_from=then.isoformat())
    published(alone.hub, "messages", item)
    delivery = only_delivery(alone)
    assert delivery["due_at"] == then
    assert delivery["expires_at"] > then + timedelta(days=1)


def test_what_was_claimed_before_it_was_embargoed_waits(alone):
    """The text of a new version left with the delivery of the one before, a year before it was to be shown."""
    then = datetime.now(UTC) + timedelta(days=2)
    item = make_message(fresh(), **to(new_person()), **IO_ONLY, visible_from=then.isoformat())
    published(alone.hub, "messages", item)
    message_id = only_delivery(alone)["message_id"]
    with alone.hub.home.database.write() as tx:
        tx.connection.execute(update(deliveries).where(deliveries.c.message_id == message_id).values(due_at=tx.now))
    delivery = eventually(lambda: only_delivery(alone), lambda found: found["reason"] is not None)
    assert (delivery["state"], delivery["reason"], delivery["due_at"]) == ("queued", "item.embargoed", then)


def test_what_waited_in_the_outbox_is_sent_by_the_hub_that_starts_next(kind, tmp_path):
    with providers(tmp_path / "first") as first:
        switch(first, "paused")
        person = new_person()
        published(first.hub, "messages", make_message(fresh(), **to(person), **IO_ONLY))
        switch(first, "active", "mail")
    with first.hub.home.database.write() as tx:
        set_status(tx, ENTE, "io", status="active")
    first.hub.home.database.close()
    io = simulate("app_io", tmp_path / "later", status_polls=0)
    settings = dict(io.start()) | {"status_delay_s": 0.05}

    home = Home(first.hub.home.settings)
    with home.database.write() as tx:
        home.configuration.save(tx, ente_id=ENTE, connector_id="io", type="app_io", settings=settings, limits=QUICK)
    try:
        with served(home, *first.hub.callers):
            ledger = tmp_path / "later" / "app_io.jsonl"
            eventually(ledger.read_text, lambda text: person in text)
    finally:
        io.stop()


# --- connectors with bugs


def crash(*_):
    raise RuntimeError("a bug")


def crash_while_sending(_notice, memo):
    if memo:
        raise RuntimeError("a bug")
    return Continue({"step": 1}, unsafe=True)


def never_ends(_notice, _memo):
    return Continue({})


def late_word(_notice, memo):
    """Taken, and then no final word for good."""
    if memo:
        raise Deferred("late.no_word")
    return Continue({"step": 1}, accepted=True, after=timedelta(milliseconds=1))


def fine(_notice, _memo):
    return Done("p-1")


def not_set_up(_notice, _memo):
    raise Misconfigured("odd.key")


@contextmanager
def hub_with(folder, advance, **idempotency):
    manifest = Manifest(name="odd", title="Odd", channel="io", idempotency=Idempotency(**idempotency))

    def connect(_settings, _limits):
        return Connector(manifest, advance, lambda: "fine")

    def prepare(home, _vendor, _portal):
        loopback = home.types["loopback"]
        home.__dict__["types"] = {**home.types, "odd": ConnectorType(manifest, loopback.settings, connect)}

    (folder / "box").mkdir(parents=True)
    with described_hub(
        folder / "home",
        prepare=prepare,
        connectors={"odd": ("odd", {"folder": str(folder / "box")})},
        limits=QUICK | {"max_attempts": 2},
    ) as hub:
        yield hub


@pytest.mark.parametrize(
    ("advance", "idempotency", "state", "reason", "attempts"),
    [
        (crash, {}, "expired", "bug.RuntimeError", 2),
        (crash_while_sending, {}, "unconfirmed", "bug.RuntimeError", 1),
        (crash_while_sending, {"honours_key": True}, "unconfirmed", "bug.RuntimeError", 2),
        (crash_while_sending, {"resend_unconfirmed": True}, "unconfirmed", "bug.RuntimeError", 2),
        (never_ends, {}, "parked", "bug.endless_steps", 1),
        (late_word, {}, "waiting", "late.no_word", 1),
        (not_set_up, {}, "held", "odd.key", 0),
        (fine, {}, "delivered", None, 1),
    ],
)
def test_a_connector_with_a_bug_harms_its_own_deliveries_only(tmp_path, advance, idempotency, state, reason, attempts):
    with hub_with(tmp_path, advance, **idempotency) as hub:
        item_id = published(hub, "messages", make_message(fresh(), **IO_ONLY))
        look = lambda: [(d["state"], d["reason"], d["attempts"]) for d in hub.deliveries()]  # noqa: E731
        eventually(look, lambda found: found == [(state, reason, attempts)])
        assert hub.read(f"/items/{item_id}").json()["deliveries"][0]["state"] == state
        assert hub.publish("messages", make_message(fresh(), notify={"channels": []})).status_code == 201


def test_a_connector_that_cannot_be_made_holds_its_own_deliveries_only(kind, tmp_path):
    """One CA file that could not be read, and the hub neither started nor took a message, on any channel."""
    (tmp_path / "box").mkdir()
    mail = {"host": "127.0.0.1", "security": "starttls", "from_address": "avvisi@comune.example.it"}
    ways = {
        "io": ("loopback", {"folder": str(tmp_path / "box"), "channel": "io"}),
        "mail": ("email", mail | {"ca_file": str(tmp_path / "gone.pem")}),
    }
    with described_hub(tmp_path / "home", connectors=ways) as hub:
        published(hub, "messages", make_message(fresh(), **to(new_person(), "a@example.org")))
        look = lambda: {d["channel"]: (d["state"], d["reason"]) for d in hub.deliveries()}  # noqa: E731
        wanted = {"io": ("delivered", None), "email": ("held", "connector.not_loaded")}
        eventually(look, lambda found: found == wanted)


def test_the_mail_of_the_ledger_is_the_mail_of_the_mailbox(at_work, person, address):
    """The ground of the counts above: what the simulator says it took is what lies in its folder."""
    at_work.told(published(at_work.hub, "messages", make_message(fresh(), **to(person, address), **MAIL_ONLY)))
    (entry,) = [e for e in at_work.mail.entries() if address in e["recipients"]]
    content = (at_work.mail.mailbox / entry["file"]).read_bytes()
    assert message_from_bytes(content, policy=default)["Message-ID"] == entry["message_id"]
