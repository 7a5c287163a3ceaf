"""Malformed tokens: whatever comes, only a HubError goes out."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import HubError
from hub.security import jose, jwk, modi, strict_json
from hub.security.causes import Refusal
from hub.security.chains import ChainCache
from hub.security.headers import SignedRequest, media_type
from hub.security.portal import verify_reader

QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
HEADER = st.fixed_dictionaries(
    {"alg": st.sampled_from(["ES256", "RS256"]) | JSON, "typ": st.just("JWT") | JSON},
    optional={"kid": JSON, "x5c": JSON | st.lists(st.text("ABCD+/=", max_size=12), max_size=3), "crit": JSON},
)
CLAIMS = st.fixed_dictionaries(
    {"iss": st.sampled_from(["acme", "borea", "portale"]) | JSON},
    optional=dict.fromkeys(("iat", "exp", "nbf", "jti", "signed_headers", "scope", "sub", "fiscal_number"), JSON),
)


def outcome(request: SignedRequest, world: Any) -> None:
    """Runs both verifiers: each either returns or raises a HubError."""
    for signed_body in (True, False):
        arguments: dict[str, Any] = {
            "signed_body": signed_body,
            "registry": world.registry,
            "now": world.now,
            "chains": ChainCache(),
        }
        modi.explain(request, **arguments)
        with pytest.raises(HubError):
            modi.verify(request, **arguments)
    with pytest.raises(HubError):
        verify_reader(request, scope="feed:read", change=True, registry=world.registry, now=world.now)


@QUICK
@given(text=st.text(max_size=200), other=st.text(max_size=60))
def test_any_text_is_refused(world: Any, text: str, other: str) -> None:
    headers = (("authorization", "Bearer " + text), ("agid-jwt-signature", other), ("citizen-assertion", other))
    outcome(SignedRequest("POST", "/", (*headers, ("digest", other)), b"x"), world)


@QUICK
@given(header=HEADER, claims=CLAIMS, signature=st.binary(max_size=70))
def test_any_json_is_refused(world: Any, header: Any, claims: Any, signature: bytes) -> None:
    audience = [world.publish, world.feed]
    token = f"{jose.base64url(json.dumps(header).encode())}."
    token += f"{jose.base64url(json.dumps({'aud': audience} | claims).encode())}.{jose.base64url(signature)}"
    headers = (("authorization", "Bearer " + token), ("citizen-assertion", token), ("agid-jwt-signature", token + "A"))
    outcome(SignedRequest("POST", "/", headers, b""), world)


@QUICK
@given(header=HEADER, claims=CLAIMS)
def test_any_claims_truly_signed_by_a_vendor_raise_nothing_else(world: Any, header: Any, claims: Any) -> None:
    key = world.signing_key("borea")
    protected = jose.segment({**json.loads(json.dumps(header)), "alg": "ES256", "typ": "JWT", "kid": key.kid})
    now = int(world.now.timestamp())
    good = {"iss": "borea", "aud": world.publish, "iat": now, "exp": now + 60, "jti": "a"}
    mixed = {**claims, **good, **{name: value for name, value in claims.items() if name != "iss"}}
    try:
        token = jose.sign(protected, mixed, key.private, "ES256")
    except UnicodeEncodeError:
        return
    request = SignedRequest("GET", "/", (("authorization", f"Bearer {token}"),), b"")
    with suppress(HubError):
        modi.verify(request, signed_body=False, registry=world.registry, now=world.now, chains=ChainCache())


@QUICK
@given(flip=st.integers(min_value=0), bit=st.integers(0, 5))
def test_any_change_of_one_character_is_refused(world: Any, flip: int, bit: int) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    key = world.signing_key("borea")
    request = world.signed(key, "borea")
    headers = dict(request.headers)
    token = headers["agid-jwt-signature"]
    at = flip % len(token)
    if token[at] == ".":
        return
    changed = token[:at] + alphabet[alphabet.index(token[at]) ^ (1 << bit)] + token[at + 1 :]
    headers["agid-jwt-signature"] = changed
    outcome(world.request(headers, request.body), world)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 15000,
        b'{"a":' * 2000 + b"1" + b"}" * 2000,
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1' + b"0" * 5000 + b"}",
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"a":1,"\\u0061":2}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":"\x01"}',
        b"{}{}",
        b"null",
        b"",
    ],
)
def test_strange_json_is_refused(raw: bytes) -> None:
    segment = jose.base64url(raw)
    with pytest.raises(Refusal):
        jose.parse(f"{jose.segment({'alg': 'ES256'})}.{segment}.AA")
    with pytest.raises(Refusal):
        jose.parse(f"{segment}.{jose.segment({'iss': 'a'})}.AA")


def test_millions_as_numbers_break_nothing(world: Any) -> None:
    key = world.signing_key("borea")
    now = int(world.now.timestamp())
    claims = {"iss": "borea", "aud": world.publish, "iat": now, "exp": 10**4000, "jti": "a"}
    request = SignedRequest("GET", "/", (("authorization", f"Bearer {key.token(claims)}"),), b"")
    outcome(request, world)
    outcome(
        SignedRequest("GET", "/", (("authorization", f"Bearer {key.token(claims | {'iat': 10**4000})}"),), b""), world
    )


@pytest.mark.parametrize(
    "material",
    ["", "{}", "[]", '{"kty":"oct","k":"AAAA"}', '{"kty":"EC","crv":"P-384"}', '{"kty":"RSA","n":"AQAB","e":"AQAB"}'],
)
def test_a_registered_key_that_is_none_is_a_refusal(material: str) -> None:
    with pytest.raises(Refusal):
        jwk.jwk_key(material)


def test_a_private_jwk_is_no_registered_key() -> None:
    from joserfc.jwk import ECKey

    with pytest.raises(Refusal):
        jwk.jwk_key(json.dumps(ECKey.generate_key("P-256").as_dict(private=True)))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("application/json", "Application/JSON;charset=utf-8", True),
        ("application/problem+json", 'application/problem+json; charset="UTF-8"', True),
        ("text/plain; a=1; b=2", "text/plain;b=2;a=1", True),
        ("text/plain", "text/plain; charset=utf-8", False),
        ("application/json", "application/json; charset=latin-1", False),
        ("application/json", "application/json; profile=x", False),
        ("multipart/form-data; boundary=A", "multipart/form-data; boundary=a", False),
    ],
)
def test_media_types_compare_by_meaning(one: str, other: str, same: bool) -> None:
    assert (media_type(one) == media_type(other)) is same


# --- the fast reader

_members = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "iat", "é", "\\u0061", "\\ud800"]),
        st.sampled_from(["1", "1.0", "1e3", "NaN", "-0", "12345678901234567890123", '"x"', '"\\u00e9"', "[1]", "{}"]),
    ),
    max_size=4,
)


@QUICK
@given(_members, st.sampled_from([",", ", "]), st.sampled_from([":", ": "]))
def test_the_fast_reader_says_what_the_strict_one_says_or_nothing(members, comma, colon):
    raw = ("{" + comma.join(f'"{name}"{colon}{value}' for name, value in members) + "}").encode()
    plain = strict_json._plain_object(raw)
    if plain is not None:
        assert strict_json._strict_object(raw) == plain
