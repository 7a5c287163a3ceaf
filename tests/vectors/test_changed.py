"""Any good request with anything changed in it: refused or accepted as what it still is, and nothing breaks."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import HubError
from hub.security import modi
from hub.security.chains import ChainCache
from hub.security.headers import SignedRequest
from hub.security.material import Wanted
from hub.security.modi import Verified

from .test_vectors import GOOD, NOW, VECTORS, request_of, setting

TOKENS = ("authorization", "agid-jwt-signature", "agid-jwt-trackingevidence", "dpop")
CHAINS = ChainCache()
# One of each pattern; the rest differ from these in what is not looked at here.
PATTERNS = [
    *("x5c-es256", "jwk-rs256", "signature-only", "auth-01", "audit-01-direct", "channel-02", "message-header"),
    *("voucher", "hybrid", "audit-02", "audit-01-pdnd", "dpop"),
]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
QUICK = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def accepted(request: SignedRequest, *, signed_body: bool) -> Verified | None:
    """None where it is refused; anything but a refusal is a bug and passes through."""
    try:
        verified = modi.verify(request, signed_body=signed_body, now=NOW, chains=CHAINS, **setting())
    except (HubError, Wanted):
        return None
    return verified if verified.refusal is None else None


def test_the_patterns_are_good_vectors() -> None:
    assert set(PATTERNS) <= set(GOOD)


@pytest.mark.parametrize("name", PATTERNS)
@QUICK
@given(st.data())
def test_a_letter_changed_in_a_token_is_noticed(name: str, data: st.DataObject) -> None:
    request = request_of(VECTORS[name])
    places = [n for n, (header, _) in enumerate(request.headers) if header in TOKENS]
    place = data.draw(st.sampled_from(places))
    header, value = request.headers[place]
    start = len(value.partition(" ")[0]) + 1 if " " in value else 0
    letter = data.draw(st.integers(start, len(value) - 1))
    other = data.draw(st.sampled_from([each for each in LETTERS if each != value[letter]]))
    changed = (header, value[:letter] + other + value[letter + 1 :])
    headers = (*request.headers[:place], changed, *request.headers[place + 1 :])
    assert not accepted(replace(request, headers=headers), signed_body=VECTORS[name]["signed_body"])


@pytest.mark.parametrize("name", PATTERNS)
@QUICK
@given(st.data())
def test_any_header_and_body_is_answered(name: str, data: st.DataObject) -> None:
    request = request_of(VECTORS[name])
    header = st.sampled_from([*TOKENS, "digest", "content-type", "client-cert", "message-id", "x-other"])
    text = st.text(st.characters(max_codepoint=255), max_size=80)
    parts = st.sampled_from([part for _, value in request.headers for part in (*value.split("."), *value.split(" "))])
    value = st.one_of(text, parts, st.lists(parts, min_size=2, max_size=4).map(".".join))
    keep = data.draw(st.sets(st.sampled_from(range(len(request.headers)))))
    kept = [line for n, line in enumerate(request.headers) if n in keep]
    added = data.draw(st.lists(st.tuples(header, value), max_size=4))
    body = data.draw(st.one_of(st.just(request.body), st.binary(max_size=20)))
    peer = data.draw(st.sampled_from(["", request.peer, "192.0.2.1"]))
    changed = replace(request, headers=(*kept, *added), body=body, peer=peer)
    verified = accepted(changed, signed_body=VECTORS[name]["signed_body"])
    if verified is not None:
        # Then the body and every token that counted are the ones that were signed.
        assert body == request.body
        sent = "\n".join(value for _, value in request.headers)
        assert all(compact in sent for compact in verified.tokens.values())
