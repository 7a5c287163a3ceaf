"""Header comparison and the Authorization header, for any input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.security.causes import Refusal
from hub.security.headers import (
    SignedRequest,
    authorization,
    bearer,
    media_type,
    same_counts,
    same_values,
    signed_headers,
)

NAMES = st.sampled_from(["digest", "content-type", "x-one", "x-two"])
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12)
LINES = st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=8)


def request(lines):
    return SignedRequest("POST", "/x", tuple(lines), b"")


def signed(lines):
    return signed_headers({"signed_headers": [{name: value} for name, value in lines]})


def outcome(work, value):
    """Its result, or the code of its refusal."""
    try:
        return work(value)
    except Refusal as refusal:
        return refusal.code


def compare(received, lines):
    same_counts(request(received), signed(lines))
    same_values(request(received), signed(lines))


@given(LINES)
def test_what_was_signed_as_sent_holds(lines):
    same_counts(request(lines), signed(lines))
    same_values(request(lines), signed(lines))


@given(LINES, st.data())
def test_a_value_more_less_or_other_is_noticed(lines, data):
    place = data.draw(st.integers(0, len(lines) - 1))
    name, value = lines[place]
    change = data.draw(st.sampled_from(["drop", "copy", "other"]))
    received = list(lines)
    if change == "drop":
        del received[place]
    elif change == "copy":
        received.append((name, value))
    else:
        received[place] = (name, value + "!")
    if name == "content-type" and change == "other" and media_type(value) == media_type(value + "!"):
        return
    with pytest.raises(Refusal):
        compare(received, lines)


@given(LINES, LINES)
def test_headers_that_nobody_signed_do_not_matter(lines, others):
    extra = [(f"y-{name}", value) for name, value in others]
    same_counts(request([*extra, *lines]), signed(lines))
    same_values(request([*extra, *lines]), signed(lines))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(_JSON)
def test_any_claim_is_read_or_refused(value):
    found = outcome(signed_headers, {"signed_headers": value})
    if found != "signed_headers.malformed":
        assert sum(map(len, found.values())) == len(value)
        assert all(name == name.lower() for name in found)


@given(st.text(max_size=40))
def test_any_authorization_is_read_or_refused(text):
    found = outcome(authorization, text)
    if found != "authorization.scheme":
        scheme, token = found
        assert scheme in ("bearer", "dpop")
        assert token
        assert " " not in token


@pytest.mark.parametrize(("value", "scheme"), [("Bearer x", "bearer"), ("bEARER  x", "bearer"), ("DPoP x", "dpop")])
def test_the_scheme_is_told(value, scheme):
    assert authorization(value) == (scheme, "x")


def test_the_portal_sends_bearer_alone():
    assert bearer("Bearer x") == "x"
    with pytest.raises(Refusal):
        bearer("DPoP x")
