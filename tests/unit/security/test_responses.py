"""Signed answers before whoever receives them: the hub's own, one without `aud`, and whatever may be wrong with one."""

import json

import pytest

from hub.security import jose, jwk
from hub.security.causes import Refusal
from hub.security.digest import digest_header
from hub.security.responses import signed_answer, verify_response
from hub.security.sign import sign_response

BODY, ASKED = b'{"outcome":"created"}', digest_header(b"{}")
HUB = "https://hub.comune.example.it/publish/v1"


@pytest.fixture
def key(world):
    return world.signing_key("hub")


def answer(world, key, **changes):
    given = {"iss": HUB, "aud": "acme", "body": BODY, "content_type": "application/json", "request_digest": ASKED}
    headers = sign_response(key, **given | {"now": world.now} | changes)
    return [("Content-Type", "application/json"), *headers.items()]


def signed(key, header=None, **claims):
    """An answer whose token says what a test wants."""
    digest = digest_header(BODY)
    compact = jose.sign(
        jose.segment({"alg": key.alg, "typ": "JWT"} | (header or {})),
        {"signed_headers": [{"digest": digest}, {"content-type": "application/json"}], **claims},
        key.private,
        key.alg,
    )
    return [("Content-Type", "application/json"), ("Digest", digest), ("Agid-JWT-Signature", compact)]


def check(world, key, received, body=BODY, **changes):
    given = {"iss": HUB, "aud": "acme", "request_digest": ASKED, "now": world.now.timestamp()}
    return verify_response(received, body, jwk.jwk_key(json.dumps(key.public_jwk())), **given | changes)


def refusal(*arguments, **changes):
    with pytest.raises(Refusal) as refused:
        check(*arguments, **changes)
    return refused.value.code


def test_the_hubs_own_answer_holds(world, key):
    received = answer(world, key)
    assert check(world, key, received)["request_digest"] == ASKED
    assert signed_answer(received).header["kid"] == key.kid


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"body": BODY + b" "}, "digest.mismatch"),
        ({"request_digest": digest_header(b"other")}, "digest.mismatch"),
        ({"iss": "somebody"}, "issuer.differs"),
        ({"aud": "beta"}, "audience.mismatch"),
        ({"now": 1_000_000_000.0}, "iat.future"),
        ({"now": 9_000_000_000.0}, "iat.old"),
    ],
)
def test_an_answer_for_something_else_is_refused(world, key, changes, code):
    assert refusal(world, key, answer(world, key), **changes) == code


def test_another_key_is_refused(world, key):
    assert refusal(world, world.signing_key("other"), answer(world, key)) == "signature.invalid"


def test_an_answer_without_what_ties_it_to_the_request_is_refused(world, key):
    assert refusal(world, key, answer(world, key, request_digest=None)) == "claim.missing"
    assert check(world, key, answer(world, key, request_digest=None), request_digest=None)


def test_an_audience_is_needed_unless_the_sender_has_none(world, key):
    instant = int(world.now.timestamp())
    times = {"iss": HUB, "iat": instant, "exp": instant + 60, "request_digest": ASKED}
    assert refusal(world, key, signed(key, **times)) == "audience.missing"
    assert refusal(world, key, signed(key, **times), aud=None) == "audience.missing"
    assert check(world, key, signed(key, **times), needs_aud=False)
    assert refusal(world, key, signed(key, aud="beta", **times), needs_aud=False) == "audience.mismatch"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda lines: lines[:-1], "token.missing"),
        (lambda lines: [*lines, lines[-1]], "header.repeated"),
        (lambda lines: [*lines, lines[0]], "header.count"),
        (lambda lines: [("Content-Type", "text/html"), *lines[1:]], "header.mismatch"),
        (lambda lines: [*lines, ("Content-Encoding", "gzip")], "header.unsigned"),
        (lambda lines: [lines[0], lines[2]], "digest.missing"),
    ],
)
def test_headers_are_those_that_were_signed(world, key, change, code):
    assert refusal(world, key, change(answer(world, key))) == code


@pytest.mark.parametrize(
    ("header", "code"), [({"typ": "at+jwt"}, "typ.wrong"), ({"crit": ["x"], "x": 1}, "crit.unsupported")]
)
def test_another_kind_of_token_is_refused(world, key, header, code):
    instant = int(world.now.timestamp())
    received = signed(key, header, iss=HUB, aud="acme", iat=instant, exp=instant + 60, request_digest=ASKED)
    assert refusal(world, key, received) == code


def test_an_answer_that_has_ended_is_refused(world, key):
    later = world.now.timestamp() + 130
    assert refusal(world, key, answer(world, key), now=later) == "token.expired"
