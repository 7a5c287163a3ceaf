"""The kit with every profile: against our own hub, and against hubs with one check switched off."""

import pytest

from hub.conformance.patterns import called_for
from tests.conformance.profiles import PROFILES, failed, profile_of
from tests.harness import (
    Caller,
)


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
def test_a_hub_without_a_check_is_found_out(patterns, name, off, without):
    without(*off.split())
    expected = BROKEN[name, off]
    found: set[str] = set()
    for case in expected:
        found |= failed(patterns.report(name, case)).keys()
    assert found == expected
