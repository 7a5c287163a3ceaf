"""What one party may not do to another, and what strangers may not cost. Each was once possible."""

import json
import socket
import time
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import select, update

from hub.http import exchange
from hub.registry import Vendor
from hub.store.citizens import Citizen
from hub.store.directory import add_vendor, bump
from hub.store.optouts import opted_out, record_opt_outs
from hub.store.tables import items, vendors
from tests.harness import (
    ALL_COLLECTIONS,
    ENTE,
    Caller,
    eventually,
    make_message,
    make_payment,
    make_receipt,
    running_hub,
)

PERSON = "VRDGPP70B15H501F"


@pytest.fixture(scope="module")
def collector():
    """A vendor that is given the right to settle the notices of others."""
    return Caller("collector")


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory, collector):
    def prepare(home, _vendor, _portal):
        vendor = Vendor(ENTE, "collector", "collector", "jwk", True, (), "collector", collections=ALL_COLLECTIONS)
        with home.database.write() as tx:
            add_vendor(tx, vendor, [collector.jwk()])

    with running_hub(tmp_path_factory.mktemp("strangers") / "home", prepare=prepare) as hub:
        yield hub


def state_of(hub, item_id):
    with hub.home.database.read() as connection:
        return connection.execute(select(items.c.state).where(items.c.item_id == item_id)).scalar_one()


def notice(number):
    paid = {"creditor_tax_code": "00488410010", "notice_number": number}
    return {"tax_code": PERSON, "notice_number": number}, {"tax_code": PERSON, "payment": paid}


def test_another_vendor_s_receipt_pays_nothing(hub):
    owed, paid = notice("301000000000000101")
    item_id = hub.publish("payments", make_payment("p-1", **owed)).json()["item_id"]
    assert hub.publish("receipts", make_receipt("r-1", **paid), vendor=hub.other_vendor).status_code == 201
    assert state_of(hub, item_id) == "due"


def test_a_vendor_with_the_right_settles_the_notices_of_others(hub, collector):
    owed, paid = notice("301000000000000102")
    item_id = hub.publish("payments", make_payment("p-2", **owed)).json()["item_id"]
    with hub.home.database.write() as tx:
        tx.connection.execute(
            update(vendors).where(vendors.c.vendor_id == collector.name).values(rights=["settles-notices"])
        )
        bump(tx, "trust")

    def published():
        receipt = make_receipt(f"r-{time.monotonic_ns()}", **paid)
        assert hub.publish("receipts", receipt, vendor=collector).status_code == 201
        return state_of(hub, item_id)

    eventually(published, lambda state: state == "paid")


def test_a_payment_whose_receipt_was_first_makes_no_notice(hub):
    owed, paid = notice("301000000000000103")
    hub.publish("receipts", make_receipt("r-3", **paid))
    item_id = hub.publish("payments", make_payment("p-3", **owed)).json()["item_id"]
    with hub.home.database.read() as connection:
        told = connection.execute(select(items.c.item_id).where(items.c.about_item_id == item_id)).all()
    assert told == []


def test_unsubscribing_speaks_only_for_the_mailbox_that_was_written_to(hub):
    """A vendor gave an address of its own, took the link from that mail, and silenced everybody's mails."""
    link = hub.hub.links.make(ENTE, "somebody", "*", "hash-of-the-spy-s-address")
    with hub.home.database.write() as tx:
        record_opt_outs(tx, [hub.hub.links.read(link.rpartition("/")[2])])
    somebody = Citizen(ENTE, "somebody", b"")
    with hub.home.database.read() as connection:
        silenced = [
            opted_out(connection, somebody, channel="email", topic="*", address_hash=address)
            for address in ("hash-of-the-spy-s-address", "hash-of-the-citizen-s-own")
        ]
    assert silenced == [True, False]


def test_a_large_body_is_not_read_from_whom_has_not_signed(hub, monkeypatch):
    async def unread(*_):
        raise AssertionError("the body was read")

    monkeypatch.setattr(exchange, "read_body", unread)
    answer = hub.client.put("/publish/v1/documents/x/content", content=b"x" * 200_000)
    assert (answer.status_code, answer.json()["code"]) == (400, "request.refused")


@contextmanager
def begun(hub, headers, size=25 * 2**20):
    """An upload that has sent its head and the first of its bytes; yields the status of an answer, if one comes."""
    lines = [f"{name}: {value}" for name, value in ({"Host": "x", "Content-Length": str(size)} | headers).items()]
    head = "\r\n".join(["PUT /publish/v1/documents/x/content HTTP/1.1", *lines, "", ""])
    with socket.create_connection((hub.client.base_url.host, hub.client.base_url.port)) as connection:
        connection.sendall(head.encode() + bytes(1000))

        def status(*, within_s=10):
            connection.settimeout(within_s)
            try:
                return int(connection.recv(1000).split()[1])
            except TimeoutError:
                return None

        yield status


def test_one_signature_opens_one_large_body(hub):
    """One signed head was sent again and again, and each time 25 MB were taken into memory."""
    headers = hub.signed(b"x", method="PUT", content_type="application/pdf")
    with begun(hub, headers) as first:
        assert first(within_s=0.5) is None
        with begun(hub, headers) as second:
            assert second() == 409


def test_a_vendor_has_few_large_bodies_at_once_and_the_others_theirs(hub):
    def headers(vendor):
        return hub.signed(b"x", method="PUT", content_type="application/pdf", vendor=vendor)

    with ExitStack() as stack:
        for _ in range(4):
            assert stack.enter_context(begun(hub, headers(hub.vendor)))(within_s=0.2) is None
        assert stack.enter_context(begun(hub, headers(hub.vendor)))() == 429
        assert stack.enter_context(begun(hub, headers(hub.other_vendor)))(within_s=0.2) is None

    def again():
        with begun(hub, headers(hub.vendor)) as status:
            return status(within_s=0.2)

    eventually(again, lambda status: status is None)


def test_a_used_signature_token_opens_no_read(hub):
    body = json.dumps(make_message("m-1")).encode()
    headers = hub.signed(body)
    assert hub.client.post("/publish/v1/messages", content=body, headers=headers).status_code == 201
    stolen = {"Authorization": f"Bearer {headers['Agid-JWT-Signature']}"}
    assert hub.client.get("/publish/v1/items", headers=stolen).status_code == 400


def test_a_trailing_slash_is_no_redirect(hub):
    answer = hub.client.get("/publish/v1/items/", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (404, "path.unknown")
