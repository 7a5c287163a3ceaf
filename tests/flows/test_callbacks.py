"""What vendors are told at their own addresses, and the feed of events that misses nothing."""

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import jwt
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.base.serving import LoopbackServer
from contracts.callbacks import CallbackSettings
from hub.registry import Vendor
from hub.security.digest import digest_header
from hub.store import directory
from hub.store.configuration import withdraw
from hub.store.pushing import GONE, TYPE, connector_of
from hub.store.tables import timeline, vendor_events
from tests.flows.making import described_hub, fresh, mail_folder, new_person, notice_number, published, rows
from tests.flows.test_batches import code, element, messages, path_of, result_of
from tests.harness import (
    ALL_COLLECTIONS,
    ENTE,
    PUBLISH_AUDIENCE,
    Caller,
    eventually,
    make_message,
    make_payment,
    make_receipt,
)


@dataclass
class Receiver:
    """A vendor's server: keeps what it is told, and answers as the test wishes."""

    answers: list[int] = field(default_factory=list)
    told: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    async def take(self, request: Request) -> Response:
        body = await request.body()
        with self.lock:
            self.told.append((request.url.path, dict(request.headers), body))
            status = self.answers.pop(0) if self.answers else 200
        headers = {"Location": "http://127.0.0.1:1/"} if status in (301, 307) else {}
        return JSONResponse({"received": "ok"}, status, headers)


@contextmanager
def receiving():
    receiver = Receiver()
    server = LoopbackServer(Starlette(routes=[Route("/{path:path}", receiver.take, methods=["GET", "POST"])]))
    server.start()
    try:
        yield receiver, server.url
    finally:
        server.stop()


@pytest.fixture(scope="module")
def place():
    with receiving() as found:
        yield found


@pytest.fixture
def receiver(place):
    place[0].told.clear()
    place[0].answers.clear()
    return place[0]


@pytest.fixture(scope="module")
def callers():
    return {"detailed": Caller("detailed"), "plain": Caller("plain"), "silent": Caller("silent")}


LIMITS = {"retry_base_s": 0.01, "retry_cap_s": 0.05, "rate_per_s": 1000, "burst": 1000}


def register(home, vendor_id, lane, **settings):
    settings = CallbackSettings(issuer=PUBLISH_AUDIENCE, private_hosts=("127.0.0.1",), **settings)
    with home.database.write() as tx:
        home.configuration.save(
            tx,
            ente_id=ENTE,
            connector_id=connector_of(lane, vendor_id),
            type=TYPE,
            settings=settings.model_dump(mode="json"),
            limits=LIMITS,
        )


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory, callers, place):
    url = place[1]

    def prepare(home, vendor, _portal):
        plain = Vendor(ENTE, "", "", "jwk", True, (), "", collections=ALL_COLLECTIONS)
        with home.database.write() as tx:
            for name, caller in callers.items():
                rights = frozenset({"delivery-detail"} if name == "detailed" else ())
                own = replace(plain, vendor_id=name, name=name, subject=name, rights=rights)
                directory.add_vendor(tx, own, [caller.jwk()])
        register(home, vendor.name, "replies", hosts=(url.removeprefix("http://"),))
        for name in ("detailed", "plain"):
            register(home, name, "events", url=f"{url}/events/{name}?key=1", audience=f"https://{name}.example.it")

    folder = tmp_path_factory.mktemp("callbacks")
    with described_hub(folder / "home", connectors=mail_folder(folder), prepare=prepare) as running:
        yield running


def send(hub, elements, reply_to, *, vendor=None, correlation="mine-1"):
    body = json.dumps({"items": elements}).encode()
    addresses = reply_to if isinstance(reply_to, list) else [reply_to]
    headers = [*hub.signed(body, vendor=vendor).items(), ("X-Correlation-ID", correlation)]
    return hub.client.post(
        "/publish/v1/batches", content=body, headers=[*headers, *(("X-ReplyTo", each) for each in addresses)]
    )


def claims_of(hub, headers, body, name):
    token = headers[name].removeprefix("Bearer ")
    key = jwt.PyJWK(hub.home.key.public_jwk()).key
    return jwt.decode(token, key, algorithms=["ES256"], options={"verify_aud": False})


def to_vendors(hub):
    return [each for each in hub.deliveries() if each["channel"] == "callback"]


def of_batch(hub, batch_id):
    return [each for each in hub.deliveries() if each["message_id"] == batch_id]


def test_the_result_comes_to_the_address_that_was_named_signed_under_the_same_correlation(hub, place, receiver):
    url = f"{place[1]}/answers/7?of=batch"
    accepted = send(hub, messages(3), url)
    assert (accepted.status_code, accepted.headers["X-Correlation-ID"]) == (202, "mine-1")
    result = result_of(hub, accepted)
    ((path, headers, body),) = eventually(lambda: list(receiver.told), bool)
    assert (path, headers["x-correlation-id"]) == ("/answers/7", "mine-1")
    assert json.loads(body) == result
    assert headers["digest"] == digest_header(body)
    claims = claims_of(hub, headers, body, "agid-jwt-signature")
    assert (claims["iss"], claims["aud"]) == (PUBLISH_AUDIENCE, f"{place[1]}/answers/7")
    signed = {name: value for each in claims["signed_headers"] for name, value in each.items()}
    assert signed["digest"] == headers["digest"]
    assert signed["x-correlation-id"] == "mine-1"
    assert signed["content-type"] == headers["content-type"]
    assert claims_of(hub, headers, body, "authorization")["jti"]
    (delivery,) = eventually(lambda: of_batch(hub, result["batch_id"]), lambda d: d[0]["state"] == "delivered")
    assert delivery["channel"] == "callback"


def test_what_is_not_acknowledged_is_told_again_under_the_same_correlation_with_a_fresh_token(hub, place, receiver):
    receiver.answers[:] = [503, 500]
    result_of(hub, send(hub, messages(1), f"{place[1]}/again", correlation="again-1"))
    told = eventually(lambda: list(receiver.told), lambda told: len(told) == 3)
    assert {headers["x-correlation-id"] for _, headers, _ in told} == {"again-1"}
    assert len({body for _, _, body in told}) == 1
    assert len({claims_of(hub, headers, body, "authorization")["jti"] for _, headers, body in told}) == 3


@pytest.mark.parametrize("status", [202, 204, 301, 307, 400, 404, 422])
def test_what_the_vendor_refuses_is_a_dead_letter(hub, place, receiver, status):
    receiver.answers[:] = [status]
    result = result_of(hub, send(hub, messages(1), f"{place[1]}/no"))
    (delivery,) = eventually(lambda: of_batch(hub, result["batch_id"]), lambda d: d[0]["state"] != "queued")
    assert (delivery["state"], delivery["reason"]) == ("rejected", f"callback.status_{status}")
    assert len(receiver.told) == 1


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example.it/",
        "https://127.0.0.1/",
        "http://127.0.0.1:1/",
        "http://localhost/",
        "https://hub.comune.example.it/",
        "http://169.254.169.254/latest/meta-data/",
    ],
)
def test_an_address_at_a_host_that_is_not_registered_is_refused(hub, address):
    assert code(send(hub, messages(1), address)) == (422, "reply_to.not_registered")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://",
        "127.0.0.1",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "https://user:secret@127.0.0.1/",
        "https://127.0.0.1#@evil.example",
        "https://127.0.0.1\\@evil.example/",
        "https://[::1]/",
        "HTTPS://127.0.0.1/",
        "https://127.0.0.1 /",
        "https://127.0.0.1:99999999/",
        f"https://a.example/{'x' * 2000}",
        ["https://a.example/", "https://b.example/"],
    ],
)
def test_an_address_in_no_proper_form_is_refused(hub, address):
    response = send(hub, messages(1), address)
    assert code(response) == (400, "request.invalid")
    assert response.json()["errors"][0]["pointer"] == "#header/X-ReplyTo"


@pytest.mark.parametrize("where", ["/cb/{}", "/cb?cf={}", "/cb?cf=R%53SMRA80A01H501U"])
def test_an_address_that_names_a_citizen_is_refused_and_kept_nowhere(hub, place, where):
    """A tax code in X-ReplyTo was kept in clear beside the batch."""
    response = send(hub, messages(1), place[1] + where.format("RSSMRA80A01H501U"))
    assert code(response) == (400, "request.invalid")
    assert "RSSMRA" not in response.text
    assert response.json()["errors"][0]["code"] == "header.personal_data"


def test_a_correlation_that_names_a_citizen_is_replaced(hub, place, receiver):
    """A tax code in X-Correlation-ID was kept in clear beside the batch, and told on."""
    accepted = send(hub, messages(1), f"{place[1]}/named", correlation="x.RSSMRA80A01H501U")
    assert "RSSMRA" not in accepted.headers["X-Correlation-ID"]
    result_of(hub, accepted)
    ((_, headers, _),) = eventually(lambda: list(receiver.told), bool)
    assert headers["x-correlation-id"] == accepted.headers["X-Correlation-ID"]


def test_a_vendor_without_registered_hosts_may_name_none(hub, place):
    assert code(send(hub, messages(1), f"{place[1]}/x", vendor=hub.other_vendor)) == (422, "reply_to.not_registered")


def test_a_host_that_was_taken_back_is_not_called(kind, tmp_path, place, receiver):
    def prepare(home, vendor, _portal):
        register(home, vendor.name, "replies", hosts=(place[1].removeprefix("http://"),))

    with described_hub(tmp_path / "home", prepare=prepare) as hub:
        hub.hub.batch_runner.stop()
        hub.hub.batch_runner._stopping.clear()
        path_of(send(hub, messages(1), f"{place[1]}/late"))
        register(hub.home, hub.vendor.name, "replies", hosts=("other.example.it",))
        while hub.hub.batch_runner.round():
            pass
        (delivery,) = eventually(lambda: to_vendors(hub), lambda d: d and d[0]["state"] != "queued")
        assert (delivery["state"], delivery["reason"]) == ("rejected", "callback.not_allowed")
        assert receiver.told == []


def test_a_removed_lane_skips_what_it_had_to_tell(kind, tmp_path, place, receiver):
    def prepare(home, vendor, _portal):
        register(home, vendor.name, "replies", hosts=(place[1].removeprefix("http://"),))

    with described_hub(tmp_path / "home", prepare=prepare) as hub:
        receiver.answers[:] = [503] * 1000
        result_of(hub, send(hub, messages(1), f"{place[1]}/busy"))
        eventually(lambda: list(receiver.told), bool)
        connector_id = connector_of("replies", hub.vendor.name)

        def taken_away():
            with hub.home.database.write() as tx:
                if to_vendors(hub)[0]["claim_id"] is None:
                    return withdraw(tx, hub.home.vault, ENTE, connector_id, reason=GONE)
            return None

        assert eventually(taken_away, lambda n: n is not None) == 1
        (delivery,) = to_vendors(hub)
        assert (delivery["state"], delivery["reason"]) == ("skipped", "callback.removed")


# --- events


def paid_pair(hub, vendor):
    person, notice = new_person(), notice_number()
    item_id = published(hub, "payments", make_payment(fresh(), tax_code=person, notice_number=notice), vendor=vendor)
    receipt = make_receipt(fresh(), tax_code=person)
    receipt["payment"]["notice_number"] = notice
    published(hub, "receipts", receipt, vendor=vendor)
    return item_id


def told_of(receiver, item_id):
    found = [json.loads(body)["items"][0] for _, _, body in list(receiver.told)]
    return [each["event"] for each in found if each["item_id"] == item_id]


def feed(hub, vendor, after=None, limit=100):
    found = []
    while True:
        query = f"?limit={limit}" + (f"&after={after}" if after else "")
        page = hub.vendor_get(f"/events{query}", vendor=vendor)
        assert page.status_code == 200, page.text
        found += page.json()["items"]
        after = page.json()["next_cursor"]
        if not page.json()["more"]:
            return found, after


def test_an_event_is_told_at_the_registered_address_signed_for_the_vendors_audience(hub, place, receiver, callers):
    item_id = paid_pair(hub, callers["plain"])
    eventually(lambda: told_of(receiver, item_id), lambda told: told == ["paid"])
    (path, headers, body) = next(each for each in receiver.told if item_id in each[2].decode())
    assert path == "/events/plain"
    event = json.loads(body)["items"][0]
    assert headers["x-correlation-id"] == event["event_id"]
    assert claims_of(hub, headers, body, "agid-jwt-signature")["aud"] == "https://plain.example.it"
    events, _ = feed(hub, callers["plain"])
    assert event in events


def test_a_withdrawal_is_told(hub, receiver, callers):
    item_id = published(hub, "messages", make_message(fresh(), tax_code=new_person()), vendor=callers["plain"])
    hub.withdraw(item_id, vendor=callers["plain"])
    eventually(lambda: told_of(receiver, item_id), lambda told: told == ["withdrawn"])


def mailed(hub, vendor):
    recipient = {"tax_code": new_person(), "email": "a@example.org"}
    return published(hub, "messages", make_message(fresh(), recipient=recipient), vendor=vendor)


def test_who_has_no_right_to_detail_learns_that_the_citizen_was_told_and_not_how(hub, receiver, callers):
    item_id = mailed(hub, callers["plain"])
    eventually(lambda: told_of(receiver, item_id), lambda told: told == ["notification"])
    events, _ = feed(hub, callers["plain"])
    own = [(each["event"], each["data"]) for each in events if each["item_id"] == item_id]
    assert own == [("accepted", {"version": 1}), ("notification", {"notification": "sent"})]


def test_who_has_the_right_learns_the_channel(hub, receiver, callers):
    item_id = mailed(hub, callers["detailed"])
    eventually(lambda: sorted(told_of(receiver, item_id)), lambda told: told == ["notification", "notified"])
    events, _ = feed(hub, callers["detailed"])
    own = {each["event"]: each["data"] for each in events if each["item_id"] == item_id}
    assert own["notified"] == {"channel": "email", "state": "delivered"}


def test_what_a_vendor_was_told_is_no_event_of_the_item(hub, receiver, callers):
    item_id = paid_pair(hub, callers["plain"])
    eventually(lambda: told_of(receiver, item_id), lambda told: told == ["paid"])
    eventually(lambda: {each["state"] for each in to_vendors(hub)}, lambda states: "queued" not in states)
    assert not [each for each in rows(hub, timeline) if each["data"].get("channel") == "callback"]
    assert hub.vendor_get(f"/items/{item_id}", vendor=callers["plain"]).json()["notification"] != "sent"


def test_the_feed_gives_every_event_once_in_order_whatever_the_page(hub, callers):
    vendor = callers["silent"]
    _, start = feed(hub, vendor)
    first = make_message(fresh(), tax_code=new_person())
    item_id = published(hub, "messages", first, vendor=vendor)
    published(hub, "messages", first | {"version": 2, "title": "due"}, vendor=vendor)
    hub.withdraw(item_id, vendor=vendor)
    by_one, after = feed(hub, vendor, start, limit=1)
    assert [each["event"] for each in by_one] == ["accepted", "updated", "withdrawn"]
    assert {each["external_id"] for each in by_one} == {first["external_id"]}
    assert by_one == feed(hub, vendor, start)[0]
    assert feed(hub, vendor, after) == ([], after)
    published(hub, "messages", make_message(fresh(), tax_code=new_person()), vendor=vendor)
    assert [each["event"] for each in feed(hub, vendor, after)[0]] == ["accepted"]


def test_nothing_is_missed_while_others_write(hub, callers):
    vendor = callers["silent"]
    _, start = feed(hub, vendor)
    expected, seen = set(), []

    def publish():
        for _ in range(10):
            expected.add(published(hub, "messages", make_message(fresh(), tax_code=new_person()), vendor=vendor))

    writers = [threading.Thread(target=publish) for _ in range(4)]
    for writer in writers:
        writer.start()
    after = start
    while any(writer.is_alive() for writer in writers) or not seen or feed(hub, vendor, after)[0]:
        found, after = feed(hub, vendor, after, limit=3)
        seen += [each["item_id"] for each in found]
    for writer in writers:
        writer.join()
    found, _ = feed(hub, vendor, after)
    seen += [each["item_id"] for each in found]
    assert sorted(seen) == sorted(expected)


def test_another_vendors_events_are_not_in_the_feed(hub, callers):
    published(hub, "messages", make_message(fresh(), tax_code=new_person()), vendor=callers["plain"])
    theirs = {each["event_id"] for each in feed(hub, callers["plain"])[0]}
    assert theirs
    assert not theirs & {each["event_id"] for each in feed(hub, callers["silent"])[0]}


@pytest.mark.parametrize(
    "query", ["after=x", "after=-1", f"after={2**63}", "after=1&after=2", "limit=0", "limit=101", "limit=a", "since=1"]
)
def test_a_wrong_question_is_400(hub, query):
    assert code(hub.vendor_get(f"/events?{query}")) == (400, "request.invalid")


def test_a_message_of_a_rule_tells_the_vendor_of_the_item_it_is_about(hub, receiver, callers):
    recipient = {"tax_code": new_person(), "email": "a@example.org"}
    item = make_payment(fresh(), recipient=recipient, notice_number=notice_number())
    item_id = published(hub, "payments", item, vendor=callers["plain"])
    eventually(lambda: told_of(receiver, item_id), lambda told: told == ["notification"])
    assert {each["item_id"] for each in rows(hub, vendor_events) if each["event"] == "notification"} >= {item_id}


def test_a_batchs_items_are_events_too(hub, callers):
    vendor = callers["silent"]
    _, after = feed(hub, vendor)
    body = json.dumps({"items": [element(make_message(fresh(), tax_code=new_person())) for _ in range(3)]}).encode()
    accepted = hub.client.post("/publish/v1/batches", content=body, headers=hub.signed(body, vendor=vendor))
    result = result_of(hub, accepted, vendor=vendor)
    events, _ = feed(hub, vendor, after)
    assert [each["item_id"] for each in events] == [each["item_id"] for each in result["items"]]
