"""The kit with every pattern a vendor may agree on: against our own hub, and against hubs with one thing broken."""

from collections.abc import Iterator
from dataclasses import replace
from time import time
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx
import pytest
from starlette.responses import Response

from connectors.base.serving import LoopbackServer
from connectors.vendor_callback import client as vendor_callback
from contracts.callbacks import CallbackSettings
from hub.conformance.bulk import Portal
from hub.conformance.callbacks import CallReceiver
from hub.conformance.draft import Party
from hub.conformance.issuing import Obtained, Simulated
from hub.conformance.patterns import called_for
from hub.conformance.report import Report
from hub.conformance.vendor import Kit, Trial
from hub.dispatch import callbacks as dispatch
from hub.home import Home
from hub.http import batches, feed, publish
from hub.http import content as file_content
from hub.ingest import batch_view, uploads
from hub.pdnd.simulator import Pdnd as SimulatedPdnd
from hub.profile import Profile, defaults_of
from hub.registry import Pdnd, Vendor
from hub.security import checks, modi, outgoing
from hub.security.jwk import jwk_key
from hub.security.keys import new_key
from hub.security.material import Held, PdndKey
from hub.security.sign import SigningKey
from hub.store import directory, receiving
from hub.store.pushing import TYPE, connector_of
from tests.conformance.conftest import NOBODY
from tests.harness import (
    ALL_COLLECTIONS,
    BASE,
    ENTE,
    FEED_AUDIENCE,
    PUBLISH_AUDIENCE,
    Caller,
    HubUnderTest,
    running_hub,
)

ESERVICE = "https://hub.comune.example.it/eservice"
IDS = {"eserviceId": "eservice-1", "producerId": "producer-1", "descriptorId": "descriptor-1"}


def client_of(name: str) -> str:
    """PDND's ids are UUIDs."""
    return str(uuid5(NAMESPACE_URL, name))


def purpose_of(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"purpose/{name}"))


PROFILES: dict[str, tuple[str, dict[str, Any]]] = {
    "first": ("jwk", {"authentication": "ID_AUTH_REST_01"}),
    "loose": ("jwk", {"authentication": "ID_AUTH_REST_01", "jti": "if-present", "max_age": 120, "lifetime": 60}),
    "voucher": ("pdnd", {}),
    "hybrid": ("jwk", {"authentication": "voucher"}),
    "bound": ("pdnd", {"dpop": "required"}),
    "maybe": ("pdnd", {"dpop": "allowed"}),
    "tracked": ("jwk", {"audit": "AUDIT_REST_01"}),
    "traced": ("pdnd", {"audit": "AUDIT_REST_01"}),
    "tied": ("pdnd", {"audit": "AUDIT_REST_02", "dpop": "required"}),
    "named": ("jwk", {"max_receipts": 3}),
    "obtained": ("pdnd", {"dpop": "required", "audit": "AUDIT_REST_02"}),
    "claimed": ("jwk", {"max_receipts": 2, "message_id": "claim:message"}),
}


def profile_of(name: str) -> Profile:
    trust, settings = PROFILES[name]
    profile = replace(defaults_of(trust), **settings)
    if profile.authentication == "voucher":
        profile = replace(profile, clients=frozenset({client_of(name)}), purposes=frozenset({purpose_of(name)}))
    return profile


class Patterns:
    """A hub with a vendor for each profile, and a simulated PDND whose keys it holds."""

    def __init__(
        self,
        hub: HubUnderTest,
        keys: dict[str, SigningKey],
        platform: SimulatedPdnd,
        portal: Caller,
        called: CallReceiver,
    ) -> None:
        self.hub, self.keys, self.platform, self.portal, self.called = hub, keys, platform, portal, called
        self.issuers = {
            name: Simulated(
                platform,
                client_id=client_of(name),
                purpose_id=purpose_of(name),
                key=keys[name],
                audience=ESERVICE,
                ids=IDS,
            )
            for name in PROFILES
            if profile_of(name).authentication == "voucher"
        }
        shelf, until = hub.hub.shelf, time() + 3600
        known = {one["kid"]: jwk_key(httpx.Response(200, json=one).text) for one in platform.keys.jwks()}
        shelf.put("pdnd-jwks", platform.issuer, Held(known, until, until))
        for key in platform.records.keys.values():
            held = PdndKey(jwk_key(httpx.Response(200, json=key.jwk).text), key.owner)
            shelf.put("pdnd-key", f"{platform.issuer}\n{key.kid}", Held(held, until, until))

    def trial(self, name: str, only: str = "*", **more: Any) -> Trial:
        key, issuer = self.keys[name], self.issuers.get(name)
        party = Party(
            name,
            ESERVICE if issuer else PUBLISH_AUDIENCE,
            key,
            SigningKey(new_key(key.alg.lower())),
            profile_of(name),
            issuer,
            base_url=BASE,
        )
        return Trial(self.hub.url, party, NOBODY, only, receipt_iss=PUBLISH_AUDIENCE, **more)

    def report(self, name: str, only: str = "*", **more: Any) -> Report:
        with httpx.Client(timeout=30) as client:
            return Kit(self.trial(name, only, **more), client).run()


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patterns]:
    folder = tmp_path_factory.mktemp("patterns")
    platform = SimulatedPdnd(folder / "pdnd.jsonl")
    keys = {name: SigningKey(new_key("rs256" if name == "obtained" else "es256")) for name in PROFILES}
    portals: list[Caller] = []
    called = CallReceiver("", 20)
    place = LoopbackServer(called)
    place.start()
    called.url = place.url

    def prepare(home: Home, _vendor: Caller, portal: Caller) -> None:
        portals.append(portal)
        with home.database.write() as tx:
            registered = Pdnd(
                platform.issuer,
                "https://pdnd.example.it/jwks",
                ESERVICE,
                eservice_id=IDS["eserviceId"],
                producer_id=IDS["producerId"],
                descriptor_ids=frozenset({IDS["descriptorId"]}),
            )
            directory.set_pdnd(tx, ENTE, registered)
            for name, (trust, _) in PROFILES.items():
                vendor = Vendor(
                    ENTE, name, name, trust, True, (), name, collections=ALL_COLLECTIONS, profile=profile_of(name)
                )
                material = [] if trust == "pdnd" else [Caller(name, keys[name]).jwk()]
                directory.add_vendor(tx, vendor, material)
            for name in ("first", "voucher"):
                settings = CallbackSettings(
                    issuer=PUBLISH_AUDIENCE, hosts=(place.url.removeprefix("http://"),), private_hosts=("127.0.0.1",)
                )
                home.configuration.save(
                    tx,
                    ente_id=ENTE,
                    connector_id=connector_of("replies", name),
                    type=TYPE,
                    settings=settings.model_dump(mode="json"),
                    limits={"retry_base_s": 0.01, "retry_cap_s": 0.05, "rate_per_s": 1000, "burst": 1000},
                )

    with running_hub(folder / "home", prepare=prepare, refusals_per_minute=1_000_000) as hub:
        yield Patterns(hub, keys, platform, portals[0], called)
    place.stop()


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


def failed(report: Report) -> dict[str, str]:
    return {one.name: f"{one.answered}: {one.detail}" for one in report.results if one.outcome == "failed"}


@pytest.mark.parametrize("name", PROFILES)
def test_our_hub_holds_in_every_case_of_every_profile(patterns, name):
    report = patterns.report(name)
    assert failed(report) == {}
    tried = {one.name for one in report.results}
    assert tried >= {one.name for one in called_for(profile_of(name))}


def test_names_are_unique_and_every_case_says_what_it_tries(patterns):
    everything = {one.name: one for name in PROFILES for one in called_for(profile_of(name))}
    assert len(everything) == len({id(one) for one in everything.values()})
    assert all(one.it and one.en for one in everything.values())


def test_a_run_tells_what_it_did_not_test(patterns):
    told = {one["what"]: one["why"] for one in patterns.report("tied", "publish").as_json()["not_tested"]}
    assert {"ID_AUTH_REST_02", "AUDIT_REST_01", "PROFILE_NON_REPUDIATION_01"} <= told.keys()
    assert not told.keys() & {"PDND vouchers", "DPoP", "AUDIT_REST_02", "vouchers with one thing wrong"}
    assert "--callback-listen" in told["NONBLOCK_PUSH_REST: the hub's calls"]
    assert b"not tested: ID_AUTH_REST_02" in patterns.report("tied", "publish").as_junit()


def test_what_was_published_in_batches_and_with_files_is_withdrawn(patterns):
    assert failed(patterns.report("first", "b*/*")) == {}
    headers = patterns.hub.signed(b"", method="GET", content_type=None, vendor=Caller("first", patterns.keys["first"]))
    found = patterns.hub.client.get("/publish/v1/items?limit=100", headers=headers).json()["items"]
    assert {one["lifecycle"] for one in found if one["source"] == "conformance"} == {"withdrawn"}
    assert {one["collection"] for one in found} == {"messages", "documents"}


# Hubs with one check switched off


@pytest.fixture(autouse=True)
def _the_whole_table() -> Iterator[None]:
    yield
    for compiled in (checks.checks_of, checks.runs_of):
        compiled.cache_clear()


BROKEN = {
    ("voucher", "voucher_signature"): {"voucher-forged", "voucher-changed"},
    ("voucher", "voucher_issuer"): {"voucher-iss"},
    ("voucher", "voucher_subject"): {"voucher-sub"},
    ("voucher", "voucher_begins"): {"voucher-nbf-missing"},
    ("voucher", "voucher_purpose"): {"voucher-purpose", "voucher-purpose-missing"},
    ("voucher", "voucher_producer"): {"voucher-producer"},
    ("voucher", "voucher_eservice"): {"voucher-eservice"},
    ("voucher", "voucher_descriptor"): {"voucher-descriptor"},
    ("voucher", "voucher_scheme"): {"voucher-bound-as-bearer"},
    ("voucher", "scheme_allowed voucher_scheme"): {"voucher-other-scheme"},
    ("voucher", "client_owns_key"): {"key-of-another-client"},
    ("voucher", "client_is_issuer"): {"iss-is-the-vendor"},
    ("voucher", "check_critical"): {"voucher-crit"},
    ("voucher", "begun"): {"voucher-early"},
    ("voucher", "not_expired"): {"voucher-expired"},
    ("voucher", "short_lived"): {"voucher-long"},
    ("voucher", "complete"): {"no-signature"},
    ("hybrid", "client_is_issuer"): {"iss-unknown"},
    ("bound", "scheme_allowed"): {"bearer-plain"},
    ("bound", "find_proof"): {"proof-missing", "proof-again", "proof-parallel"},
    ("bound", "proof_typ"): {"proof-typ"},
    ("bound", "proof_critical"): {"proof-crit"},
    ("bound", "proof_bound"): {"proof-other-key"},
    ("bound", "proof_signature"): {"proof-forged"},
    ("bound", "proof_method"): {"proof-htm", "proof-htm-lower-case", "proof-htm-missing", "proof-on-read"},
    ("bound", "proof_target"): {"proof-htu-path", "proof-htu-host", "proof-htu-missing"},
    ("bound", "proof_fresh"): {"proof-old"},
    ("bound", "proof_not_from_the_future"): {"proof-future"},
    ("bound", "proof_of_voucher"): {"proof-ath", "proof-ath-missing"},
    ("bound", "proof_once"): {"proof-again", "proof-again-on-read", "proof-parallel", "proof-jti-missing"},
    ("maybe", "voucher_scheme"): {"stolen-bearer"},
    ("tied", "evidence_typ"): {"evidence-typ"},
    ("tied", "evidence_ente"): {"evidence-aud"},
    ("tied", "evidence_claims"): {"evidence-user-missing", "evidence-user-other-letters", "evidence-user-number"},
    ("tied", "evidence_purpose"): {"evidence-purpose", "evidence-purpose-missing"},
    ("tied", "evidence_nonce"): {"dnonce-missing", "dnonce-text", "dnonce-12-digits", "dnonce-14-digits"},
    ("tied", "evidence_digest"): {
        "evidence-signed-again",
        *(f"voucher-digest-{what}" for what in ("missing", "base64", "text", "alg", "cut")),
    },
    ("tied", "client_is_issuer"): {"evidence-iss"},
    ("tied", "not_expired"): {"evidence-expired"},
    ("tied", "short_lived"): {"evidence-long"},
    ("tied", "has_jti"): {"evidence-jti-missing"},
    ("tracked", "evidence_apart"): {"evidence-as-authorization"},
    ("tracked", "one_issuer"): {"evidence-iss"},
    ("named", "message_named"): {"message-id-missing", "message-again", "message-too-often"},
    ("named", "signed_values"): {"message-id-changed"},
    ("loose", "has_jti"): {"jti-number"},
}


@pytest.mark.parametrize(("name", "off"), BROKEN)
def test_a_hub_without_a_check_is_found_out(patterns, name, off, monkeypatch):
    assert {*off.split()} <= {one.name for one in checks.CHECKS}
    monkeypatch.setattr(checks, "CHECKS", tuple(one for one in checks.CHECKS if one.name not in off.split()))
    for compiled in (checks.checks_of, checks.runs_of):
        compiled.cache_clear()
    expected = BROKEN[name, off]
    found: set[str] = set()
    for case in expected:
        found |= failed(patterns.report(name, case)).keys()
    assert found == expected


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
