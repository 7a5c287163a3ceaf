"""What takes more than one request: retransmissions, batches, files, the hub's calls, true vouchers."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from starlette.responses import Response

from connectors.base.serving import LoopbackServer
from connectors.vendor_callback import client as vendor_callback
from hub.conformance.bulk import Portal
from hub.conformance.callbacks import CallReceiver
from hub.conformance.issuing import Obtained
from hub.conformance.vendor import Kit
from hub.dispatch import callbacks as dispatch
from hub.http import batches, feed, publish
from hub.http import content as file_content
from hub.ingest import batch_view, uploads
from hub.security import modi, outgoing
from hub.store import receiving
from tests.conformance.profiles import NOBODY, Patterns, client_of, failed, purpose_of
from tests.harness import (
    FEED_AUDIENCE,
)


@pytest.fixture
def token_endpoint(patterns: Patterns) -> Iterator[str]:
    server = LoopbackServer(patterns.platform)
    server.start()
    patterns.platform.base_url = server.url
    yield f"{server.url}/token.oauth2"
    server.stop()


def obtaining(patterns: Patterns, http: httpx.Client, url: str, **more: str) -> Obtained:
    key = patterns.keys["obtained"]
    own = {"audience": patterns.platform.audience, "client_id": client_of("obtained"), "kid": key.kid}
    return Obtained(http, token_url=url, purpose_id=purpose_of("obtained"), key=key, **own | more)


# Hubs with something else broken


def test_a_hub_that_forgets_proofs_is_found_out(patterns, monkeypatch):
    monkeypatch.setattr(modi, "_used", lambda state: ())
    assert failed(patterns.report("bound", "dpop/*")).keys() == {"proof-again", "proof-again-on-read", "proof-parallel"}


def test_a_hub_that_uses_vouchers_up_is_found_out(patterns, monkeypatch):
    true = modi._used

    def used(state):
        voucher = state.voucher
        voucher.use = "once"
        return true(state)

    monkeypatch.setattr(modi, "_used", used)
    assert failed(patterns.report("voucher", "voucher-again")).keys() == {"voucher-again"}


def test_a_hub_that_answers_a_retransmission_otherwise_is_found_out(patterns, monkeypatch):
    monkeypatch.setattr(receiving.Receiving, "answered", lambda *args: None)
    assert failed(patterns.report("named", "message-again")).keys() == {"message-again"}


def test_a_hub_that_counts_no_receipts_and_compares_no_message_is_found_out(patterns, monkeypatch):
    monkeypatch.setattr(receiving.Receiving, "receive", lambda *args: None)
    only = "message-[ti][od]*-*[nd]"
    assert failed(patterns.report("named", only)).keys() == {"message-too-often", "message-id-reused"}


def test_a_hub_whose_confirmation_names_no_message_is_found_out(patterns, monkeypatch):
    true = publish.PublishApi._signed
    monkeypatch.setattr(
        publish.PublishApi,
        "_signed",
        lambda api, content, at, verified, *more: true(api, content, at, replace(verified, message_id=""), *more),
    )
    assert failed(patterns.report("named", "confirmation-named")).keys() == {"confirmation-named"}


class Admitting:
    """Registered hosts of a hub that calls whatever it is told."""

    def admits(self, _url: str) -> bool:
        return True


ELSEWHERE = {"reply-to-elsewhere", "reply-to-metadata"}


@pytest.mark.parametrize(
    ("target", "name", "wrong", "only", "expected"),
    [
        (batches, "_address", lambda verified, batch_id: "https://x.example.it/", "batch-d*", {"batch-done"}),
        (batches, "_tagged", lambda exchange, body, headers: Response(body), "batch-d*", {"batch-done"}),
        (batch_view.BatchView, "one", lambda *given: {}, "batch-u*n", {"batch-unknown"}),
        (uploads, "_check_announced", lambda *given: None, "bulk/*", {"file-other", "file-longer", "file-other-type"}),
        (dispatch.Callbacks, "_settings", lambda *given: Admitting(), "reply-to-*", ELSEWHERE),
    ],
)
def test_a_hub_that_gets_batches_files_or_addresses_wrong_is_found_out(
    patterns, target, name, wrong, only, expected, monkeypatch
):
    monkeypatch.setattr(target, name, wrong)
    assert failed(patterns.report("first", only)).keys() == expected


# Files in ranges, as the portal reads them


def reading(patterns: Patterns) -> Portal:
    return Portal(patterns.portal.name, FEED_AUDIENCE, patterns.portal.key, NOBODY)


def test_our_hub_gives_ranges(patterns):
    report = patterns.report("voucher", "range-*", portal=reading(patterns))
    assert failed(report) == {}
    assert report.counts["passed"] == 11
    assert "BULK_RESOURCE_REST: ranges" not in {one.what for one in report.untested}


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (lambda header, size: None, {"range-first", "range-rest", "range-last", "range-beyond"}),
        (
            lambda header, size: (0, 8),
            {"range-first", "range-rest", "range-last", "range-beyond", "range-malformed", "range-unit"},
        ),
        (
            lambda header, size: (0, 0),
            {"range-first", "range-rest", "range-last", "range-beyond", "range-malformed", "range-unit"},
        ),
    ],
)
def test_a_hub_that_gets_ranges_wrong_is_found_out(patterns, wrong, expected, monkeypatch):
    monkeypatch.setattr(file_content, "_range", wrong)
    assert failed(patterns.report("first", "range-*", portal=reading(patterns))).keys() == expected


def test_a_hub_that_takes_a_part_of_another_file_is_found_out(patterns, monkeypatch):
    true = file_content.file_response

    def without_condition(exchange, file):
        headers = exchange.request.headers
        headers._list = [(name, value) for name, value in headers.raw if name != b"if-range"]
        return true(exchange, file)

    monkeypatch.setattr(feed, "file_response", without_condition)
    assert failed(patterns.report("first", "range-*", portal=reading(patterns))).keys() == {"range-if-range"}


# The hub's own calls


def test_our_hub_tells_the_result_signed_and_again_where_it_is_not_acknowledged(patterns):
    for name in ("first", "voucher"):
        report = patterns.report(name, "callback-*", called=patterns.called)
        assert failed(report) == {}
        assert report.counts["passed"] == 4  # the first, and the withdrawal


@pytest.mark.parametrize(
    ("name", "wrong", "expected", "told"),
    [
        ("_COVERED", (), {"callback-told", "callback-again"}, "X-Correlation-ID is not signed"),
        ("HubSignature", None, {"callback-told", "callback-again"}, "not signed"),
    ],
)
def test_calls_that_are_signed_wrongly_are_found_out(patterns, name, wrong, expected, told, monkeypatch):
    def unsigned(_auth, request):
        yield request

    if wrong is None:
        monkeypatch.setattr(outgoing.HubSignature, "auth_flow", unsigned)
    else:
        monkeypatch.setattr(outgoing, name, wrong)
    found = failed(patterns.report("first", "callback-*", called=patterns.called))
    assert found.keys() == expected
    assert all(told in detail for detail in found.values())


def test_calls_to_another_audience_or_with_used_tokens_are_found_out(patterns, monkeypatch):
    monkeypatch.setattr(vendor_callback.Caller, "_audience", lambda caller, url: "https://another.example.it")
    found = failed(patterns.report("first", "callback-told", called=patterns.called))
    assert "meant for somebody else" in found["callback-told"]
    monkeypatch.undo()
    kept: dict[str, str] = {}
    true = outgoing.HubSignature.auth_flow

    def same(auth, request):
        flow = true(auth, request)
        signed = next(flow)
        for name in ("authorization", "agid-jwt-signature"):
            signed.headers[name] = kept.setdefault(name + request.headers["x-correlation-id"], signed.headers[name])
        yield signed

    monkeypatch.setattr(outgoing.HubSignature, "auth_flow", same)
    found = failed(patterns.report("first", "callback-again", called=patterns.called))
    assert "carries fresh ones" in found["callback-again"]


def test_a_hub_that_does_not_call_is_found_out(patterns, monkeypatch):
    silent = CallReceiver("http://127.0.0.1:9/", 0.2)
    monkeypatch.setattr(dispatch.Callbacks, "_settings", lambda *given: Admitting())
    found = failed(patterns.report("first", "callback-told", called=silent))
    assert "nothing came" in found["callback-told"]


# True vouchers: of a token endpoint, which makes no wrong ones


def test_with_a_token_endpoint_what_can_be_tried_is_and_the_rest_is_told(patterns, token_endpoint):
    before = patterns.platform.ledger.count("token")
    with httpx.Client(timeout=30) as client:
        trial = patterns.trial("obtained")
        trial = replace(trial, party=replace(trial.party, issuer=obtaining(patterns, client, token_endpoint)))
        report = Kit(trial, client).run()
    assert failed(report) == {}
    skipped = {one.name: one.detail for one in report.results if one.outcome == "skipped"}
    assert {"voucher-iss", "voucher-digest-base64", "key-of-another-client"} <= skipped.keys()
    assert "--pdnd-listen" in skipped["voucher-iss"]
    assert "vouchers with one thing wrong" in {one.what for one in report.untested}
    passed = {one.name for one in report.results if one.outcome == "passed"}
    assert passed >= {"voucher-changed", "voucher-forged", "proof-again", "evidence-signed-again", "bearer-plain"}
    # One voucher serves all requests that are tracked alike; only other evidence takes another.
    assert patterns.platform.ledger.count("token") - before < 30


@pytest.mark.parametrize(
    ("more", "told"),
    [({"kid": "another"}, "015-0036"), ({"audience": "another"}, "015-0007"), ({"token_url": ""}, "gives no answer")],
)
def test_without_a_voucher_nothing_is_tried_and_the_reason_is_told(patterns, token_endpoint, more, told):
    with httpx.Client(timeout=30) as client:
        url = "http://127.0.0.1:1/token" if "token_url" in more else token_endpoint
        issuer = obtaining(patterns, client, url, **{name: text for name, text in more.items() if text})
        trial = patterns.trial("obtained")
        report = Kit(replace(trial, party=replace(trial.party, issuer=issuer)), client).run()
    (detail,) = failed(report).values()
    assert told in detail
    assert report.counts["passed"] == 0
