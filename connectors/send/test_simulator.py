"""The simulated SEND: strict, and with a ledger that survives; whole lives of notifications."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from connectors.base.conformance import Walk
from connectors.send import connect
from connectors.send.config import Settings
from connectors.send.scripted_notices import notice_of, sample
from connectors.send.scripted_platform import KEY, good_request, pulled
from connectors.send.simulator import simulate
from contracts.connector import Continue, Done, Legal, Limits
from contracts.failures import Deferred, Misconfigured, Rejected, Skipped, Unconfirmed


def test_a_notification_from_end_to_end(start):
    send = start(page=2)
    connector = send.connector()
    memo, reports = pulled(connector, {})
    assert reports == []
    walk = send.walk()
    done = walk.finish()
    assert isinstance(done, Done)
    (entry,) = send.requests
    assert (entry["iun"], entry["state"]) == (done.provider_id, "ACCEPTED")
    assert entry["request"]["recipients"][0]["taxId"] == walk.notice.tax_code
    for status in ("DELIVERING", "DELIVERED", "VIEWED"):
        assert send.http.post("/_sim/advance", json={"iun": entry["iun"], "status": status}).status_code == 204
    memo, reports = pulled(connector, memo)
    assert {each.provider_id for each in reports} == {done.provider_id}
    assert [(each.event, each.step) for each in reports] == [
        ("delivered", None),
        ("step", "letter_delivered"),
        ("read", None),
        ("step", "viewed"),
    ]
    assert pulled(connector, memo)[1] == []


def test_what_a_lost_commit_forgot_is_told_again(start):
    send = start()
    connector = send.connector()
    memo, _ = pulled(connector, {})
    send.walk().finish()
    send.http.post("/_sim/advance", json={"iun": send.requests[0]["iun"], "status": "VIEWED"})
    first = connector.pull(memo)
    assert connector.pull(memo).reports == first.reports
    assert connector.pull(first.memo).reports == ()


def test_events_are_gone_only_once_their_reader_has_kept_them(start):
    send = start()
    connector = send.connector()
    memo, _ = pulled(connector, {})
    send.walk().finish()
    stream = next(iter(send.platform.streams.known.values()))
    step = connector.pull(memo)
    assert len(stream["events"]) == 1
    connector.pull(step.memo)
    assert stream["events"] == []


def test_a_stream_that_is_gone_is_made_again_and_once(start):
    send = start()
    connector = send.connector()
    memo, _ = pulled(connector, {})
    send.faults({"kind": "dead_stream", "on": "events"})
    assert connector.pull(memo).memo == {}
    memo, _ = pulled(connector, {})
    pulled(connector, {})
    assert list(send.platform.streams.known) == [memo["stream"]]


def test_whoever_goes_to_the_other_kind_of_stream_and_back_misses_nothing(start):
    send = start()
    memo: dict[str, Any] = {}
    for kind in ("STATUS", "TIMELINE", "STATUS"):
        memo, _ = pulled(send.connector(stream_kind=kind), memo)
    send.walk().finish()
    send.http.post("/_sim/advance", json={"iun": send.requests[0]["iun"], "status": "VIEWED"})
    _, reports = pulled(send.connector(), memo)
    assert [each.event for each in reports if each.event != "step"] == ["read"]


def test_an_unknown_outcome_is_looked_up_and_adopted(start):
    for fault in ({"kind": "cut"}, {"kind": "hang", "seconds": 20}):
        send = start()
        send.faults(fault | {"on": "requests"})
        walk = send.walk(timeout_s=1.5)
        while not walk.unsafe:
            walk.step()
        assert type(walk.step()) is Unconfirmed
        assert len(send.requests) == 1
        found = walk.connector.lookup(walk.notice, walk.memo)
        assert isinstance(found, Continue)
        assert found.accepted
        walk.memo = found.memo
        assert isinstance(walk.finish(), Done)
        assert len(send.requests) == 1
        send.platform.ledger.requests.clear()


def test_the_same_pair_again_is_409_and_ends_in_the_same_notification(start):
    send = start()
    walk = send.walk()
    while not walk.unsafe:
        walk.step()
    before = walk.memo
    first = walk.finish()
    walk.memo = before
    assert walk.finish() == first
    assert len(send.requests) == 1


def test_nothing_arrived_and_the_lookup_says_so(start):
    send = start()
    send.faults({"kind": "error", "status": 503})
    walk = send.walk()
    while not walk.unsafe:
        walk.step()
    assert type(walk.step()) is Unconfirmed
    assert walk.connector.lookup(walk.notice, walk.memo) is None
    assert isinstance(walk.finish(), Done)
    assert len(send.requests) == 1


def test_refused_and_corrected_under_the_same_number_and_a_new_token(start):
    send = start(refusals={"RSSMRA80A01H501U": ["NOT_VALID_ADDRESS", "SERVICE_UNAVAILABLE"]})
    walk = send.walk()
    refused = walk.finish()
    assert isinstance(refused, Rejected)
    assert refused.reason == "send.refused.not_valid_address"
    # As the hub does it for a newer version: another delivery.
    again = send.walk()
    again.notice = replace(again.notice, delivery_id="01890a5d-ac96-774b-bcce-b302099a8058")
    assert isinstance(again.finish(), Done)
    pairs = [entry["pair"] for entry in send.requests]
    assert len({tuple(pair) for pair in pairs}) == 3
    assert {pair[0] for pair in pairs} == {"2026/0004711"}
    assert [entry["status"] for entry in send.requests] == ["REFUSED", "REFUSED", "ACCEPTED"]


def test_an_upload_that_came_too_late_is_repeated_at_a_new_address(start):
    send = start()
    send.faults({"kind": "expired", "on": "upload"}, {"kind": "error", "status": 503, "on": "upload"})
    walk = send.walk()
    walk.step()
    assert isinstance(walk.step(), Continue)
    walk.step()
    assert type(walk.step()) is Deferred
    assert isinstance(walk.finish(), Done)
    assert sum(bool(each["versions"]) for each in send.platform.uploads.values()) == 2


def test_it_is_cancelled_where_its_item_was_taken_back(start):
    send = start()
    walk = send.walk()
    assert isinstance(walk.finish(), Done)
    walk.notice = replace(walk.notice, withdrawn=True, legal=Legal(walk.notice.legal.wish))
    assert isinstance(walk.finish(), Skipped)
    assert send.requests[0]["state"] == "CANCELLED"


def test_it_follows_to_the_end_where_there_is_no_stream(start):
    send = start()
    walk = send.walk(follow="poll")
    while walk.memo.get("step") != "follow":
        assert isinstance(walk.step(), Continue)
    assert isinstance(walk.step(), Continue)
    for status in ("DELIVERING", "UNREACHABLE"):
        send.http.post("/_sim/advance", json={"iun": send.requests[0]["iun"], "status": status})
    assert walk.step().reason == "send.unreachable"


def test_a_restart_between_any_two_calls_loses_and_doubles_nothing(start):
    send = start()
    send.faults(*[{"kind": "throttle", "on": on} for on in ("preload", "upload", "requests", "status")])
    walk = send.walk()
    result: Any = None
    for _ in range(40):
        walk.connector = send.connector()
        result = walk.step()
        if isinstance(result, Done):
            break
    assert isinstance(result, Done)
    assert [entry["status"] for entry in send.requests] == ["ACCEPTED"]


def test_a_restarted_platform_forgets_no_request_and_no_half_line_counts(start, tmp_path):
    first = start()
    first.walk().finish()
    with (tmp_path / "send.jsonl").open("a") as ledger:
        ledger.write('{"notificationRequestId": "half')
    second = start()
    assert [entry["state"] for entry in second.requests] == ["ACCEPTED"]


def test_key_and_voucher_are_wanted(start):
    send = start(vouchers=True)
    assert type(send.walk().finish()) is Misconfigured
    assert httpx.post(f"{send.server.url}/delivery/attachments/preload", json=[], trust_env=False).status_code == 403


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("subject", "x" * 135),
        ("abstract", "x" * 1025),
        ("paProtocolNumber", "x" * 257),
        ("idempotenceToken", "è"),
        ("taxonomyCode", "10202N"),
        ("senderTaxId", "00743110157"),
        ("senderDenomination", "a|b"),
        ("senderDenomination", "x" * 89),
        ("physicalCommunicationType", "LETTER"),
        ("notificationFeePolicy", "DELIVERY_MODE"),
        ("paFee", 101),
        ("recipients", []),
        ("documents", []),
        ("additionalLanguages", ["DE", "FR"]),
        ("surprise", 1),
        ("recipients/0/taxId", "RSSMRA80A01H501"),
        ("recipients/0/recipientType", "PX"),
        ("recipients/0/denomination", "☂"),
        ("recipients/0/physicalAddress", {"address": "Via Verdi 3"}),
        ("documents/0/contentType", "text/plain"),
        ("documents/0/digests/sha256", "0" * 64),
        ("documents/0/title", ""),
        ("documents/1/ref/key", "PN_NOTIFICATION_ATTACHMENTS-00.pdf"),
    ],
)
def test_what_send_would_refuse_is_refused(start, place, value):
    send, body = start(), good_request()
    *way, last = place.split("/")
    target: Any = body
    for each in way:
        target = target[int(each) if each.isdecimal() else each]
    target[last] = value
    answer = send.http.post("/delivery/v2.6/requests", json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert send.requests == []
    assert send.http.post("/delivery/v2.6/requests", json=good_request()).status_code == 202


def test_costs_are_on_a_payment_or_on_none(start):
    send = start()

    def answered(policy: str, *applied: bool, notice: str = "302000100000019421") -> int:
        paid = [{"pagoPa": {"noticeCode": notice, "creditorTaxId": "00301970190", "applyCost": a}} for a in applied]
        body = good_request() | {"notificationFeePolicy": policy, "idempotenceToken": f"{policy}{applied}"}
        body["recipients"][0]["payments"] = paid
        if policy == "DELIVERY_MODE":
            body |= {"paFee": 100, "vat": 22}
        return send.http.post("/delivery/v2.6/requests", json=body).status_code

    assert answered("FLAT_RATE", False) == answered("DELIVERY_MODE", True) == 202
    assert answered("FLAT_RATE", True) == answered("DELIVERY_MODE", False) == answered("FLAT_RATE", False, False) == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"x-amz-meta-secret": "another"},
        {"x-amz-checksum-sha256": "A" * 43 + "="},
        {"content-type": "text/plain"},
        {"trailer": "other"},
        {"x-api-key": KEY},
        {"authorization": "Bearer x"},
    ],
)
def test_an_upload_is_as_the_preload_said(start, wrong):
    send = start()
    checksum = sample("delivered.json")["exchanges"][0]["request"]["body"][0]["sha256"]
    asked = [{"preloadIdx": "0", "contentType": "application/pdf", "sha256": checksum}]
    (slot,) = send.http.post("/delivery/attachments/preload", json=asked).json()
    right = {"content-type": "application/pdf", "x-amz-meta-secret": slot["secret"]}
    right |= {"trailer": "x-amz-checksum-sha256", "x-amz-checksum-sha256": checksum}
    content = b"%PDF-1.7 verbale"
    put = {"content": content, "trust_env": False}
    assert httpx.put(slot["url"], headers=right | wrong, **put).status_code in (400, 403)
    assert httpx.put(slot["url"], headers=right, **put | {"content": b"%PDF other"}).status_code == 400
    answer = httpx.put(slot["url"], headers=right, **put)
    assert answer.status_code == 200
    assert answer.headers["x-amz-version-id"]


def test_a_file_that_is_not_there_is_found_missing_when_the_request_is_judged(start):
    send = start(waiting_polls=0)
    name = send.http.post("/delivery/v2.6/requests", json=good_request()).json()["notificationRequestId"]
    judged = send.http.get("/delivery/v2.6/requests", params={"notificationRequestId": name}).json()
    assert (judged["notificationRequestStatus"], judged["errors"][0]["code"]) == ("REFUSED", "FILE_NOTFOUND")


def test_it_starts_as_every_simulator_does(tmp_path):
    simulation = simulate(tmp_path / "send", waiting_polls=0)
    given = Settings.model_validate(simulation.start())
    try:
        connector = connect(given, Limits())
        assert "accepts the key" in connector.check()
        assert isinstance(Walk(connector, notice_of(sample("refused.json"))).finish(), Done)
        connector.close()
    finally:
        simulation.stop()
    assert (tmp_path / "send" / "send.jsonl").read_text().count("\n") == 2
