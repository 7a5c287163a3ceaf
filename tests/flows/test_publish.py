"""Publishing, as a vendor meets it: one identity, one outcome, one signed receipt."""

import base64
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import jwt
import pytest
from sqlalchemy.exc import OperationalError

from contracts.base import ROME
from hub.registry import Vendor
from hub.store import directory
from hub.store.erasing import erase_citizen
from hub.store.jose_headers import whole
from hub.store.tables import citizens, deliveries, evidence, item_versions, items, replays
from tests.flows.making import (
    MAKERS,
    code,
    described_hub,
    fresh,
    mail_folder,
    make_document,
    make_service,
    new_person,
    notice_number,
    published,
    rows,
    titles,
)
from tests.harness import (
    ALL_COLLECTIONS,
    ENTE,
    PUBLISH_AUDIENCE,
    Caller,
    HubUnderTest,
    eventually,
    make_message,
    make_payment,
    make_receipt,
)

PDF = b"%PDF-1.7 the certificate"


@pytest.fixture(scope="module")
def callers():
    gamma = Caller("gamma")
    return {
        "narrow": Caller("narrow"),
        "asleep": Caller("asleep"),
        "gamma": gamma,
        "gamma-alias": Caller("gamma-alias", gamma.key),
        "three-a-day": Caller("three-a-day"),
        "crowd": Caller("crowd"),
        "detail": Caller("detail"),
    }


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory, callers):
    def prepare(home, _vendor, _portal):
        plain = Vendor(ENTE, "", "", "jwk", True, (), "", collections=ALL_COLLECTIONS)
        special = {
            "narrow": {"collections": frozenset({"messages"}), "services": frozenset({"tari"})},
            "asleep": {"active": False},
            "gamma": {"aliases": frozenset({"gamma-alias"})},
            "three-a-day": {"daily_quota": 3},
            "crowd": {"daily_quota": 3},
            "detail": {"rights": frozenset({"delivery-detail"})},
        }
        with home.database.write() as tx:
            directory.add_service(tx, ENTE, "anagrafe", {"name": "Anagrafe"})
            for name, own in special.items():
                vendor = replace(plain, vendor_id=name, name=name, subject=name, **own)
                directory.add_vendor(tx, vendor, [callers[name].jwk()])

    folder = tmp_path_factory.mktemp("publish")
    with described_hub(folder / "home", connectors=mail_folder(folder), prepare=prepare) as running:
        yield running


# --- outcomes


@pytest.mark.req("S1", "S69")
@pytest.mark.parametrize("collection", sorted(MAKERS))
def test_a_first_version_is_created_in_every_collection(hub, collection):
    external_id = fresh()
    response = hub.publish(collection, MAKERS[collection](external_id))
    assert code(response) == (201, "created")
    assert response.headers["Location"] == f"{PUBLISH_AUDIENCE}/items/{response.json()['item_id']}"


def test_the_same_content_with_other_whitespace_is_unchanged(hub):
    item = make_message(fresh())
    first = hub.publish("messages", item)
    again = hub.publish("messages", json.dumps(item, indent=4, sort_keys=True).encode())
    assert code(again) == (200, "unchanged")
    assert again.json()["item_id"] == first.json()["item_id"]
    assert "Location" not in again.headers


def test_an_optional_field_given_with_its_default_is_the_same_content(hub):
    item = make_message(fresh())
    hub.publish("messages", item)
    assert code(hub.publish("messages", item | {"language": "it", "kind": "info"})) == (200, "unchanged")


def test_a_newer_version_updates(hub, person):
    item = make_message(fresh(), tax_code=person)
    hub.publish("messages", item)
    assert code(hub.publish("messages", item | {"version": 2, "title": "Nuovo"})) == (200, "updated")
    assert titles(hub.read("/items", person)) == ["Nuovo"]


def test_an_older_version_that_comes_late_is_kept_and_changes_nothing(hub, person):
    item = make_message(fresh(), tax_code=person)
    item_id = published(hub, "messages", item | {"version": 3, "title": "Terza"})
    assert code(hub.publish("messages", item | {"version": 2, "title": "Seconda"})) == (200, "superseded")
    assert titles(hub.read("/items", person)) == ["Terza"]
    assert sorted(row["version"] for row in rows(hub, item_versions, item_id=item_id)) == [2, 3]


def test_the_same_version_with_other_content_is_a_conflict(hub):
    item = make_message(fresh())
    hub.publish("messages", item)
    assert code(hub.publish("messages", item | {"title": "Altro"})) == (409, "version.conflict")


def test_a_late_version_with_other_content_than_before_is_a_conflict(hub):
    item = make_message(fresh())
    for version in (1, 3):
        hub.publish("messages", item | {"version": version})
    assert code(hub.publish("messages", item)) == (200, "superseded")
    assert code(hub.publish("messages", item | {"title": "Altro"})) == (409, "version.conflict")


def test_an_item_never_changes_its_citizen(hub, person):
    item = make_message(fresh())
    hub.publish("messages", item)
    other = item | {"version": 2, "recipient": {"tax_code": person}}
    assert code(hub.publish("messages", other)) == (422, "recipient.changed")
    assert titles(hub.read("/items", person)) == []


@pytest.mark.parametrize(
    ("collection", "make", "first", "then"),
    [
        ("payments", make_payment, {"state": "paid"}, {"state": "due"}),
        ("payments", make_payment, {"state": "refunded"}, {"state": "paid"}),
        ("documents", make_document, {"state": "revoked"}, {"title": "Di nuovo valido"}),
    ],
)
def test_a_terminal_state_is_not_left(hub, collection, make, first, then):
    item = make(fresh())
    hub.publish(collection, item | first)
    assert code(hub.publish(collection, item | first | then | {"version": 2, "state": then.get("state")})) == (
        422,
        "state.terminal",
    )


def test_a_paid_payment_may_be_refunded(hub):
    item = make_payment(fresh(), state="paid")
    hub.publish("payments", item)
    assert code(hub.publish("payments", item | {"version": 2, "state": "refunded"})) == (200, "updated")


def test_the_same_external_id_of_another_source_is_another_item(hub):
    item = make_message(fresh())
    first = published(hub, "messages", item)
    assert published(hub, "messages", item | {"source": "demografici"}) != first


# --- the receipt


def receipt_of(hub, response):
    """The claims of an answer's signature, verified by a library that is not the hub's, with the hub's public keys."""
    key = jwt.PyJWK.from_dict(hub.client.get("/.well-known/jwks.json").json()["keys"][0])
    token = response.headers["Agid-JWT-Signature"]
    return jwt.decode(token, key, algorithms=["ES256", "RS256"], audience="acme", issuer=PUBLISH_AUDIENCE)


@pytest.mark.req("S70")
@pytest.mark.parametrize("attempt", ["created", "unchanged"])
def test_the_receipt_is_signed_by_the_hub_over_the_bytes_it_sent(hub, attempt):
    item = make_message(fresh())
    if attempt == "unchanged":
        hub.publish("messages", item)
    body = json.dumps(item).encode()
    response = hub.publish("messages", body)
    claims = receipt_of(hub, response)
    digest = "SHA-256=" + base64.b64encode(hashlib.sha256(response.content).digest()).decode()
    request_digest = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert response.headers["Digest"] == digest
    assert {"digest": digest} in claims["signed_headers"]
    assert {"content-type": response.headers["Content-Type"]} in claims["signed_headers"]
    assert claims["request_digest"] == response.json()["request_digest"] == request_digest


def test_withdrawals_and_uploads_are_receipted_too(hub):
    item_id = published(hub, "documents", make_document(fresh(), PDF))
    for response in (hub.upload(item_id, PDF), hub.withdraw(item_id)):
        assert receipt_of(hub, response)["request_digest"] == response.json()["request_digest"]


def test_a_withdrawal_that_says_two_things_is_refused_and_the_item_stays(hub, person):
    """The last reason won, while another reader of the signed bytes may take the first."""
    item_id = published(hub, "messages", make_message(fresh(), tax_code=person))
    body = b'{"reason": "Errore", "reason": "Doppione"}'
    answer = hub.client.post(f"/publish/v1/items/{item_id}/withdrawals", content=body, headers=hub.signed(body))
    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["code"], fault["pointer"]) == (422, "field.duplicate", "/reason")
    assert hub.read(f"/items/{item_id}", person).json()["lifecycle"] == "active"


def test_what_was_accepted_is_kept_as_evidence_with_its_tokens(hub):
    body = json.dumps(make_message(fresh())).encode()
    headers = hub.signed(body)
    item_id = hub.client.post("/publish/v1/messages", content=body, headers=headers).json()["item_id"]
    (row,) = rows(hub, evidence, item_id=item_id)
    assert (row["verdict"], row["code"], row["vendor_id"]) == ("accepted", "item.created", "acme")
    assert row["body_sha256"] == hashlib.sha256(body).hexdigest()
    sent = {name.lower(): value for name, value in headers.items()}
    with hub.home.database.read() as connection:
        assert whole(connection, row["tokens"]) == {
            "authorization": sent["authorization"].removeprefix("Bearer "),
            "agid-jwt-signature": sent["agid-jwt-signature"],
        }


# --- idempotence and replay


def test_thirty_identical_requests_at_once_make_one_item_with_one_delivery_a_channel(hub, person):
    item = make_message(fresh(), recipient={"tax_code": person, "email": "rossi@example.org"})
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: hub.publish("messages", item), range(30)))
    assert sorted(a.json()["outcome"] for a in answers) == ["created"] + ["unchanged"] * 29
    (item_id,) = {a.json()["item_id"] for a in answers}
    assert sorted(row["channel"] for row in rows(hub, deliveries, message_id=item_id)) == ["email", "io"]


@pytest.mark.req("S70")
def test_of_a_thousand_uses_of_one_token_exactly_one_is_accepted(hub):
    body = json.dumps(make_message(fresh())).encode()
    headers = hub.signed(body)
    with ThreadPoolExecutor(30) as pool:
        send = lambda _: hub.client.post("/publish/v1/messages", content=body, headers=headers)  # noqa: E731
        answers = list(pool.map(send, range(1000)))
    assert sorted(code(a) for a in answers) == [(201, "created")] + [(409, "token.replayed")] * 999


def test_a_token_is_consumed_even_when_its_body_breaks_the_contract(hub):
    body = json.dumps(make_message(fresh(), title="")).encode()
    headers = hub.signed(body)
    answers = [hub.client.post("/publish/v1/messages", content=body, headers=headers) for _ in range(2)]
    assert [code(a) for a in answers] == [(422, "contract.violation"), (409, "token.replayed")]


def test_a_token_used_for_one_collection_is_not_good_for_another(hub):
    body = json.dumps(make_message(fresh())).encode()
    headers = hub.signed(body)
    assert hub.client.post("/publish/v1/messages", content=body, headers=headers).status_code == 201
    assert code(hub.client.post("/publish/v1/payments", content=body, headers=headers)) == (409, "token.replayed")


def test_a_vendors_read_consumes_its_token(hub):
    headers = hub.signed(b"", method="GET", content_type=None)
    answers = [hub.client.get("/publish/v1/items", headers=headers) for _ in range(2)]
    assert [a.status_code for a in answers] == [200, 409]


def test_the_body_must_be_the_signed_one(hub):
    headers = hub.signed(json.dumps(make_message(fresh())).encode())
    before = len(rows(hub, replays))
    response = hub.client.post("/publish/v1/messages", content=b'{"altro": 1}', headers=headers)
    assert code(response) == (401, "request.refused")
    assert len(rows(hub, replays)) == before


# --- who may publish what


@pytest.mark.req("S60")
@pytest.mark.parametrize(
    "given", ["RSSMRA80A01H501U", "rssmra80a01h501u", "TARI-RSSMRA80A01H501U-1", "RSSMRA80A01H50MM"]
)
def test_an_external_id_with_a_tax_code_is_refused(hub, given):
    assert code(hub.publish("messages", make_message(given))) == (422, "external_id.personal_data")


def test_an_unknown_service_is_refused(hub):
    assert code(hub.publish("messages", make_message(fresh(), service_id="nessuno"))) == (422, "service.unknown")


def test_a_service_of_others_is_refused(hub, callers):
    item = make_message(fresh(), service_id="anagrafe")
    assert code(hub.publish("messages", item, vendor=callers["narrow"])) == (403, "service.not_allowed")


def test_a_service_that_is_allowed_is_taken(hub, callers):
    item = make_message(fresh(), service_id="tari")
    assert code(hub.publish("messages", item, vendor=callers["narrow"])) == (201, "created")


def test_a_collection_that_is_not_allowed_is_refused_before_its_body_is_looked_at(hub, callers):
    assert code(hub.publish("payments", b"{}", vendor=callers["narrow"])) == (403, "collection.not_allowed")


def test_a_vendor_without_documents_may_upload_none(hub, callers):
    item_id = published(hub, "documents", make_document(fresh(), PDF))
    assert code(hub.upload(item_id, PDF, vendor=callers["narrow"])) == (403, "collection.not_allowed")


def test_a_suspended_vendor_is_told_so_and_leaves_evidence(hub, callers):
    before = len(rows(hub, evidence, code="vendor.suspended"))
    response = hub.publish("messages", make_message(fresh()), vendor=callers["asleep"])
    assert code(response) == (403, "vendor.suspended")
    assert len(rows(hub, evidence, code="vendor.suspended")) == before + 1


def test_a_suspension_takes_effect_within_seconds(hub):
    def send():
        return hub.publish("messages", make_message(fresh()), vendor=hub.other_vendor).status_code

    assert send() == 201
    try:
        with hub.home.database.write() as tx:
            directory.set_vendor_active(tx, ENTE, "beta", active=False)
        eventually(send, lambda status: status == 403)
    finally:
        with hub.home.database.write() as tx:
            directory.set_vendor_active(tx, ENTE, "beta", active=True)
        eventually(send, lambda status: status == 201)


def test_an_alias_is_the_same_vendor(hub, callers):
    item = make_message(fresh())
    first = hub.publish("messages", item, vendor=callers["gamma"])
    again = hub.publish("messages", item, vendor=callers["gamma-alias"])
    assert code(again) == (200, "unchanged")
    assert again.json()["item_id"] == first.json()["item_id"]


def test_the_key_of_one_vendor_is_not_good_in_the_name_of_another(hub):
    thief = Caller("acme", hub.other_vendor.key)
    assert code(hub.publish("messages", make_message(fresh()), vendor=thief)) == (401, "request.refused")


# --- quota


def seconds_to_midnight():
    now = datetime.now(UTC)
    tomorrow = now.astimezone(ROME).date() + timedelta(days=1)
    return (datetime.combine(tomorrow, time(), ROME) - now).total_seconds()


def test_the_daily_quota_ends_with_the_time_to_wait(hub, callers):
    vendor = callers["three-a-day"]
    assert hub.publish("messages", b"{}", vendor=vendor).status_code == 422  # a refused request uses nothing up
    statuses = [hub.publish("messages", make_message(fresh()), vendor=vendor).status_code for _ in range(3)]
    over = hub.publish("messages", make_message(fresh()), vendor=vendor)
    assert (statuses, code(over)) == ([201] * 3, (429, "quota.exceeded"))
    assert int(over.headers["Retry-After"]) == pytest.approx(seconds_to_midnight(), abs=5)
    told = [over.headers[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")]
    assert told == ["3", "0", over.headers["Retry-After"]], "of the day's limit, not of the minute's"


def test_the_daily_quota_is_exact_under_many_at_once(hub, callers):
    with ThreadPoolExecutor(20) as pool:
        send = lambda _: hub.publish("messages", make_message(fresh()), vendor=callers["crowd"]).status_code  # noqa: E731
        statuses = list(pool.map(send, range(20)))
    assert sorted(statuses) == [201] * 3 + [429] * 17


# --- services


@pytest.mark.req("S9")
def test_a_proposed_service_is_in_nobodys_feed(hub, person):
    marker = fresh("proposta")
    published(hub, "messages", make_message(fresh(), tax_code=person))
    published(hub, "services", make_service(fresh(), title=marker))
    paths = ("/items", "/items?collection=services", "/summary", "/changes", f"/items?q={marker}")
    assert not any(marker in hub.read(path, person).text for path in paths)


def test_a_proposed_service_need_not_be_in_the_catalogue(hub):
    assert code(hub.publish("services", make_service(fresh(), service_id="nuovo"))) == (201, "created")


# --- withdrawal


def test_a_withdrawn_item_leaves_the_feed_with_its_notice(hub, person):
    item_id = published(hub, "payments", make_payment(fresh(), tax_code=person, notice_number=notice_number()))
    assert len(titles(hub.read("/items", person))) == 3  # with its notice and its deadline
    response = hub.withdraw(item_id)
    assert (response.status_code, response.json()["lifecycle"]) == (201, "withdrawn")
    assert titles(hub.read("/items", person)) == []


def test_a_withdrawal_is_done_once(hub):
    item_id = published(hub, "messages", make_message(fresh()))
    hub.withdraw(item_id)
    assert code(hub.withdraw(item_id)) == (409, "item.withdrawn")


def test_a_newer_version_does_not_bring_a_withdrawn_item_back(hub):
    item = make_message(fresh())
    hub.withdraw(published(hub, "messages", item))
    assert code(hub.publish("messages", item | {"version": 2})) == (409, "item.withdrawn")


def test_another_vendors_item_cannot_be_withdrawn(hub, person):
    item_id = published(hub, "messages", make_message(fresh(), tax_code=person))
    assert code(hub.withdraw(item_id, vendor=hub.other_vendor)) == (404, "item.unknown")
    assert len(titles(hub.read("/items", person))) == 1


@pytest.fixture
def erased(hub, person):
    """A document whose citizen was erased."""
    item_id = published(hub, "documents", make_document(fresh(), PDF, tax_code=person))
    (row,) = rows(hub, items, item_id=item_id)
    with hub.home.database.write() as tx:
        erase_citizen(tx, ENTE, row["citizen_id"])
    return item_id


@pytest.mark.parametrize("act", [HubUnderTest.withdraw, lambda hub, item_id: hub.upload(item_id, PDF)])
def test_what_was_erased_is_unknown_to_its_vendor(hub, erased, act):
    """It was a 500: a withdrawal broke its whole batch, an upload left its token unused and no evidence."""
    before, used = len(rows(hub, evidence)), len(rows(hub, replays))
    assert code(act(hub, erased)) == (404, "item.unknown")
    assert len(rows(hub, evidence)) == before + 1
    assert len(rows(hub, replays)) > used


@pytest.mark.parametrize(
    ("fault", "answer"),
    [(RuntimeError("a bug"), (500, "hub.error")), (OperationalError("", {}, Exception()), (503, "store.unavailable"))],
)
def test_whatever_goes_wrong_in_judging_a_request_its_token_is_used_up(hub, monkeypatch, fault, answer):
    item_id = published(hub, "documents", make_document(fresh(), PDF))

    def broken(*_args, **_more):
        raise fault

    monkeypatch.setattr(hub.hub.uploads._files, "put", broken)
    headers = hub.signed(PDF, method="PUT", content_type="application/pdf")
    put = lambda: hub.client.put(f"/publish/v1/documents/{item_id}/content", content=PDF, headers=headers)  # noqa: E731
    assert code(put()) == answer
    monkeypatch.undo()
    assert code(put()) == (409, "token.replayed")


@pytest.mark.parametrize("body", [b"{}", b'{"reason": ""}', b'{"reason": "x", "altro": 1}', b'{"reason": "a\\nb"}'])
def test_a_withdrawal_needs_a_reason_and_nothing_else(hub, body):
    item_id = published(hub, "messages", make_message(fresh()))
    response = hub.client.post(
        f"/publish/v1/items/{item_id}/withdrawals", content=body, headers=hub.signed(body, method="POST")
    )
    assert code(response) == (422, "contract.violation")


# --- files


def test_an_upload_that_makes_the_notice_says_that_it_is_pending(hub, person):
    """It answered not_sent, so that nobody was called to send it either."""
    item = make_document(fresh(), PDF, recipient={"tax_code": person, "email": "a@example.org"})
    item_id = published(hub, "documents", item)
    assert hub.upload(item_id, PDF).json()["notification"] == "pending"


@pytest.mark.req("S49")
def test_a_document_is_announced_until_its_file_is_here(hub, person):
    item_id = published(hub, "documents", make_document(fresh(), PDF, tax_code=person))
    assert hub.read(f"/items/{item_id}", person).json()["state"] == "announced"
    response = hub.upload(item_id, PDF)
    assert (code(response), response.json()["state"]) == ((201, "created"), "available")
    assert hub.read(f"/documents/{item_id}/content", person).content == PDF


@pytest.mark.req("S28", "S48")
def test_the_message_about_a_document_comes_once_and_only_with_its_file(hub, person):
    item_id = published(hub, "documents", make_document(fresh(), PDF, tax_code=person))
    assert titles(hub.read("/messages", person)) == []
    for _ in range(2):
        hub.upload(item_id, PDF)
    assert len(titles(hub.read("/messages", person))) == 1


@pytest.mark.parametrize(
    ("content", "media_type"),
    [(b"%PDF-1.7 the certificatE", "application/pdf"), (PDF + b" ", "application/pdf"), (PDF, "image/png")],
    ids=["other bytes", "other size", "other type"],
)
def test_a_file_that_is_not_the_announced_one_is_refused(hub, content, media_type):
    item_id = published(hub, "documents", make_document(fresh(), PDF))
    assert code(hub.upload(item_id, content, media_type)) == (422, "content.mismatch")
    assert rows(hub, items, item_id=item_id)[0]["content_key"] is None


def test_the_same_file_again_is_unchanged(hub):
    item_id = published(hub, "documents", make_document(fresh(), PDF))
    assert [code(hub.upload(item_id, PDF)) for _ in range(2)] == [(201, "created"), (200, "unchanged")]


def test_the_file_of_another_vendors_document_is_unknown(hub):
    item_id = published(hub, "documents", make_document(fresh(), PDF))
    assert code(hub.upload(item_id, PDF, vendor=hub.other_vendor)) == (404, "item.unknown")


def test_a_message_has_no_file(hub):
    item_id = published(hub, "messages", make_message(fresh()))
    assert code(hub.upload(item_id, PDF)) == (404, "item.unknown")


@pytest.mark.parametrize(
    "fields", [{"filename": None}, {"content_url": "https://files.example.it/1"}], ids=["no file", "kept elsewhere"]
)
def test_a_file_that_was_not_announced_is_unexpected(hub, fields):
    item = make_document(fresh()) if fields == {"filename": None} else make_document(fresh(), PDF, **fields)
    assert code(hub.upload(published(hub, "documents", item), PDF)) == (422, "content.unexpected")


def test_a_withdrawn_document_takes_no_file(hub):
    item_id = published(hub, "documents", make_document(fresh(), PDF))
    hub.withdraw(item_id)
    assert code(hub.upload(item_id, PDF)) == (409, "item.withdrawn")


def test_a_new_version_with_the_same_file_keeps_it(hub, person):
    item = make_document(fresh(), PDF, tax_code=person)
    item_id = published(hub, "documents", item)
    hub.upload(item_id, PDF)
    hub.publish("documents", item | {"version": 2, "title": "Corretto"})
    whole = hub.read(f"/items/{item_id}", person).json()
    assert (whole["state"], whole["content_available"]) == ("available", True)


def test_a_new_version_with_another_file_awaits_it(hub, person):
    item = make_document(fresh(), PDF, tax_code=person)
    item_id = published(hub, "documents", item)
    hub.upload(item_id, PDF)
    other = PDF + b" second edition"
    hub.publish("documents", make_document(item["external_id"], other, tax_code=person, version=2))
    assert hub.read(f"/documents/{item_id}/content", person).status_code == 404
    assert code(hub.upload(item_id, PDF)) == (422, "content.mismatch")
    assert code(hub.upload(item_id, other)) == (201, "created")
    assert hub.read(f"/documents/{item_id}/content", person).content == other


# --- payments and receipts


@pytest.mark.req("S58")
@pytest.mark.parametrize("first", ["payments", "receipts"])
def test_payment_and_receipt_make_paid_in_either_order(hub, person, first):
    number = notice_number()
    payment = make_payment(fresh(), tax_code=person, notice_number=number)
    paid = {"creditor_tax_code": "00488410010", "notice_number": number}
    receipt = make_receipt(fresh(), tax_code=person, payment=paid)
    for collection, item in sorted([("payments", payment), ("receipts", receipt)], reverse=first == "receipts"):
        published(hub, collection, item)
    (shown,) = hub.read("/payments", person).json()["items"]
    assert (shown["state"], shown["turn"]) == ("paid", "none")


def test_a_receipt_of_another_notice_pays_nothing(hub, person):
    published(hub, "payments", make_payment(fresh(), tax_code=person, notice_number=notice_number()))
    paid = {"creditor_tax_code": "00488410010", "notice_number": notice_number()}
    published(hub, "receipts", make_receipt(fresh(), tax_code=person, payment=paid))
    assert hub.read("/payments", person).json()["items"][0]["state"] == "due"


@pytest.mark.parametrize("state", ["due", "overdue", "cancelled"])
def test_paid_by_a_receipt_stays_paid_whatever_the_source_still_says(hub, person, state):
    number = notice_number()
    payment = make_payment(fresh(), tax_code=person, notice_number=number)
    paid = {"creditor_tax_code": "00488410010", "notice_number": number}
    published(hub, "payments", payment)
    receipt_id = published(hub, "receipts", make_receipt(fresh(), tax_code=person, payment=paid))
    published(hub, "payments", payment | {"version": 2, "state": state})
    hub.withdraw(receipt_id)
    published(hub, "payments", payment | {"version": 3, "state": state})
    assert hub.read("/payments", person).json()["items"][0]["state"] == "paid"


def test_the_notice_of_a_payment_is_made_exactly_once(hub, person):
    payment = make_payment(fresh(), tax_code=person, notice_number=notice_number(), state="creating")
    published(hub, "payments", payment)
    assert titles(hub.read("/messages", person)) == []
    for version, state in ((2, "due"), (3, "overdue"), (4, "due")):
        published(hub, "payments", payment | {"version": version, "state": state})
    assert len(titles(hub.read("/messages", person))) == 1


def test_a_payment_already_paid_is_told_to_nobody(hub, person):
    number = notice_number()
    paid = {"creditor_tax_code": "00488410010", "notice_number": number}
    silent = {"notify": {"channels": []}}
    published(hub, "receipts", make_receipt(fresh(), tax_code=person, payment=paid, **silent))
    recipient = {"tax_code": person, "email": "rossi@example.org"}
    item_id = published(hub, "payments", make_payment(fresh(), recipient=recipient, notice_number=number))
    messages = {row["item_id"] for row in rows(hub, items, about_item_id=item_id)}
    told = [row for row in rows(hub, deliveries) if row["message_id"] in messages]
    assert [row for row in told if row["state"] != "skipped"] == []


def test_a_due_date_at_the_end_of_time_is_refused(hub):
    """31 December 9999 is how some sources write "no deadline"; the day after it does not exist, and that was a 500."""
    assert code(hub.publish("payments", make_payment(fresh(), due_date="9999-12-31"))) == (422, "contract.violation")


# --- find and show


def test_a_vendor_finds_its_item_by_its_own_name(hub):
    external_id = fresh()
    item_id = published(hub, "messages", make_message(external_id))
    published(hub, "payments", make_payment(external_id))
    found = hub.vendor_get(f"/items?external_id={external_id}&collection=messages").json()["items"]
    assert [(item["item_id"], item["external_id"]) for item in found] == [(item_id, external_id)]


def test_another_vendors_items_are_neither_found_nor_shown(hub):
    external_id = fresh()
    item_id = published(hub, "messages", make_message(external_id))
    assert hub.vendor_get(f"/items?external_id={external_id}", vendor=hub.other_vendor).json()["items"] == []
    assert code(hub.vendor_get(f"/items/{item_id}", vendor=hub.other_vendor)) == (404, "item.unknown")


def test_a_vendors_list_is_paged_without_gap_or_repeat(hub, callers):
    expected = [published(hub, "messages", make_message(fresh()), vendor=callers["detail"]) for _ in range(5)]
    found, cursor = [], ""
    while cursor is not None:
        page = hub.vendor_get(f"/items?limit=2{cursor and f'&cursor={cursor}'}", vendor=callers["detail"]).json()
        found += [item["item_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert [item_id for item_id in found if item_id in expected] == sorted(expected)
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "#query/limit"),
        ("limit=101", "#query/limit"),
        ("limit=1&limit=2", "#query/limit"),
        ("collection=altro", "#query/collection"),
        ("cursor=x", "#query/cursor"),
        ("external_id=", "#query/external_id"),
        ("external_id=a%20b", "#query/external_id"),
        ("RSSMRA80A01H501U=1", "#query"),
    ],
)
def test_a_wrong_parameter_of_a_vendor_is_named_but_its_text_never_repeated(hub, query, pointer):
    response = hub.vendor_get(f"/items?{query}")
    assert (code(response), response.json()["errors"][0]["pointer"]) == ((400, "request.invalid"), pointer)
    assert "RSSMRA" not in response.text


def test_a_shown_item_has_an_etag_that_spares_the_answer(hub):
    item_id = published(hub, "messages", make_message(fresh(), notify={"channels": []}))
    tag = hub.vendor_get(f"/items/{item_id}").headers["ETag"]
    again = hub.vendor_get(f"/items/{item_id}", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_showing_an_item_knows_no_parameter(hub):
    item_id = published(hub, "messages", make_message(fresh()))
    assert code(hub.vendor_get(f"/items/{item_id}?x=1")) == (400, "request.invalid")


@pytest.mark.parametrize(("vendor", "sees"), [("gamma", False), ("detail", True)])
def test_only_the_right_delivery_detail_shows_how_the_citizen_was_told(hub, callers, person, vendor, sees):
    item = make_message(fresh(), recipient={"tax_code": person, "email": "rossi@example.org"})
    item_id = published(hub, "messages", item, vendor=callers[vendor])
    look = lambda: hub.vendor_get(f"/items/{item_id}", vendor=callers[vendor]).json()  # noqa: E731
    shown = eventually(look, lambda found: found["notification"] == "sent")
    assert ("notified" in [entry["event"] for entry in shown["timeline"]]) is sees


def test_a_vendor_learns_nothing_of_what_the_citizen_does(hub, person):
    item = make_message(fresh(), tax_code=person, requires_confirmation=True, notify={"channels": []})
    item_id = published(hub, "messages", item)
    before = hub.vendor_get(f"/items/{item_id}").content
    assert hub.mark(item_id, {"read": True, "archived": True, "confirmed": True}, person).status_code == 200
    assert hub.vendor_get(f"/items/{item_id}").content == before


@pytest.mark.req("S5")
def test_the_answer_is_the_same_for_a_citizen_the_hub_has_never_heard_of(hub, person):
    known = hub.publish("messages", make_message(fresh())).json()
    assert rows(hub, citizens) != []
    unknown = hub.publish("messages", make_message(fresh(), tax_code=person)).json()
    differing = {"item_id", "external_id", "received_at", "request_digest"}
    assert {k: v for k, v in known.items() if k not in differing} == {
        k: v for k, v in unknown.items() if k not in differing
    }


# --- BLOCK_REST: what a call may not be


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/*"])
def test_who_does_not_take_json_is_told_so_and_changes_nothing(hub, accept):
    item = make_message(fresh(), tax_code=new_person())
    body = json.dumps(item).encode()
    headers = hub.signed(body) | {"Accept": accept}
    assert code(hub.client.post("/publish/v1/messages", content=body, headers=headers)) == (406, "media.not_acceptable")
    assert hub.vendor_get(f"/items?external_id={item['external_id']}").json()["items"] == []
    again = hub.client.post("/publish/v1/messages", content=body, headers=headers | {"Accept": "*/*"})
    assert code(again) == (409, "token.replayed")


def test_another_media_type_is_told_what_is_taken(hub):
    body = json.dumps(make_message(fresh(), tax_code=new_person())).encode()
    headers = hub.signed(body, content_type="application/xml")
    response = hub.client.post("/publish/v1/messages", content=body, headers=headers)
    assert code(response) == (415, "media.unsupported")
    assert response.headers["Accept"] == "application/json"


@pytest.mark.parametrize(("method", "path"), [("PUT", "/messages"), ("DELETE", "/items/x"), ("PATCH", "/batches")])
def test_a_method_that_is_not_offered_is_told_which_are(hub, method, path):
    response = hub.client.request(method, f"/publish/v1{path}")
    assert code(response) == (405, "method.not_allowed")
    assert response.headers["Allow"]
