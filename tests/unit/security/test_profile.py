"""What a vendor's settings may be together."""

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.profile import ALGORITHMS, DEFAULT_PROFILE, LIMITS, Profile, defaults_of, faults
from hub.registry import Pdnd
from hub.security import checks
from hub.store.profiles import Unreadable, pdnd_of, pdnd_record, profile_of, profile_record

VOUCHER = replace(defaults_of("pdnd"), clients=frozenset({"c"}), purposes=frozenset({"p"}))


def found(profile: Profile, trust: str = "x509", signature_only: bool = False, channel_keys: bool = False) -> set[str]:
    told = faults(profile, trust=trust, signature_only=signature_only, channel_keys=channel_keys)
    return {name for name, _ in told}


@pytest.mark.parametrize(
    ("profile", "more"),
    [
        (DEFAULT_PROFILE, {}),
        (DEFAULT_PROFILE, {"trust": "jwk", "signature_only": True}),
        (VOUCHER, {"trust": "pdnd"}),
        (replace(VOUCHER, audit="AUDIT_REST_02", dpop="required"), {"trust": "pdnd"}),
        (replace(VOUCHER, integrity="INTEGRITY_REST_01", audit="AUDIT_REST_02"), {}),
        (Profile(authentication="ID_AUTH_REST_01"), {}),
        (Profile(authentication="ID_AUTH_REST_01", jti="if-present"), {}),
        (Profile(audit="AUDIT_REST_01"), {}),
        (Profile(max_receipts=5, message_id="claim:mid"), {}),
        (Profile(channel="ID_AUTH_CHANNEL_02"), {"channel_keys": True}),
        (Profile(revocation="fail-closed", x5u_hosts=frozenset({"acme.example.it"})), {}),
    ],
)
def test_what_goes_together(profile, more):
    assert found(profile, **more) == set()


@pytest.mark.parametrize(
    ("profile", "more", "setting"),
    [
        (Profile(), {"trust": "pdnd"}, "trust"),
        (Profile(integrity="INTEGRITY_REST_02"), {}, "integrity"),
        (replace(VOUCHER, integrity="INTEGRITY_REST_01"), {"trust": "pdnd"}, "integrity"),
        (replace(VOUCHER, clients=frozenset()), {"trust": "pdnd"}, "clients"),
        (replace(VOUCHER, purposes=frozenset()), {"trust": "pdnd"}, "purposes"),
        (Profile(clients=frozenset({"c"})), {}, "clients"),
        (Profile(purposes=frozenset({"p"})), {}, "purposes"),
        (Profile(audit="AUDIT_REST_02"), {}, "audit"),
        (Profile(audit="AUDIT_REST_01", audit_claims=()), {}, "audit_claims"),
        (Profile(dpop="required"), {}, "dpop"),
        (VOUCHER, {"trust": "pdnd", "signature_only": True}, "signature_only"),
        (Profile(authentication="ID_AUTH_REST_01", jti="if-present"), {"signature_only": True}, "signature_only"),
        (Profile(jti="if-present"), {}, "jti"),
        (Profile(max_receipts=3, authentication="ID_AUTH_REST_01"), {}, "max_receipts"),
        (replace(VOUCHER, max_receipts=3), {"trust": "pdnd"}, "max_receipts"),
        (Profile(max_receipts=1), {}, "max_receipts"),
        (Profile(channel="ID_AUTH_CHANNEL_02"), {}, "channel"),
        (Profile(revocation="fail-open"), {"trust": "jwk"}, "revocation"),
        (Profile(x5u_hosts=frozenset({"a.it"})), {"trust": "jwk"}, "x5u_hosts"),
        (Profile(algorithms=frozenset()), {}, "algorithms"),
        (Profile(algorithms=frozenset({"HS256"})), {}, "algorithms"),
        (Profile(algorithms=frozenset({"none", "ES256"})), {}, "algorithms"),
        *(
            (Profile(message_id=text), {}, "message_id")
            for text in ("mid", "header:X-Id", "header:digest", "claim:jti")
        ),
        *((replace(DEFAULT_PROFILE, **{name: most + 1}), {}, name) for name, (_, most) in LIMITS.items()),
        *((replace(DEFAULT_PROFILE, **{name: least - 1}), {}, name) for name, (least, _) in LIMITS.items()),
    ],
)
def test_what_cannot_go_together_names_the_setting(profile, more, setting):
    assert setting in found(profile, **more)


def test_the_default_is_what_was_before_profiles():
    assert DEFAULT_PROFILE.times == (300, 5, 0, 300)
    assert DEFAULT_PROFILE.algorithms == {"RS256", "ES256"}
    names = {check.name for check in checks.checks_of(DEFAULT_PROFILE)}
    assert not {name for name in names if name.startswith(("voucher", "evidence", "proof", "client_", "message"))}


def test_a_profile_is_told_from_another_by_each_setting():
    others = {
        "channel": "ID_AUTH_CHANNEL_02", "authentication": "voucher", "integrity": "INTEGRITY_REST_02",
        "jti": "if-present", "audit": "AUDIT_REST_01", "dpop": "allowed", "revocation": "fail-open",
        "audit_claims": (), "channel_subject": "x", "message_id": "claim:x",
        **{name: frozenset({"x"}) for name in ("algorithms", "x5u_hosts", "clients", "purposes")},
        **dict.fromkeys(LIMITS, 77),
    }  # fmt: skip
    settings = [one.name for one in fields(Profile) if one.init]
    assert sorted(settings) == sorted(others)
    for name, value in others.items():
        other = replace(DEFAULT_PROFILE, **{name: value})
        assert other != DEFAULT_PROFILE
        assert profile_of(json.loads(json.dumps(profile_record(other)))) == other


_IDS = st.frozensets(st.text("abc-123", min_size=1, max_size=8), max_size=3)


@given(
    st.builds(
        Profile,
        authentication=st.sampled_from(["ID_AUTH_REST_01", "ID_AUTH_REST_02", "voucher"]),
        algorithms=st.frozensets(st.sampled_from(ALGORITHMS), min_size=1),
        max_age=st.integers(1, 3600),
        clients=_IDS,
        audit_claims=st.lists(st.sampled_from(["userID", "LoA"]), max_size=2).map(tuple),
    )
)
def test_what_is_stored_is_what_is_read(profile):
    again = profile_of(json.loads(json.dumps(profile_record(profile))))
    assert (again, hash(again), again.times) == (profile, hash(profile), profile.times)


@pytest.mark.parametrize(
    "record", [{"dpop": "sometimes"}, {"later": 1}, {"max_age": "300"}, {"max_age": True}, {"authentication": 1}]
)
def test_a_setting_that_is_not_understood_is_not_left_out(record):
    with pytest.raises(Unreadable):
        profile_of(record)


def test_the_registration_at_pdnd_is_kept_whole():
    one = Pdnd("iss", "https://x/jwks", "aud", "https://x/keys", "v2", "e", "p", frozenset({"d1", "d2"}))
    assert pdnd_of(json.loads(json.dumps(pdnd_record(one)))) == one
    assert pdnd_of(pdnd_record(None)) is None
