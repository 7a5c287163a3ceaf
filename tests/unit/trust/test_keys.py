"""Which keys are taken out of an answer, and what makes the whole answer unfit."""

import json

import pytest

from hub.trust.environment import KeyName, PdndEnvironment
from hub.trust.http import FetchFailed
from hub.trust.keys import read_key, read_set
from tests.pdnd import ec_key, jwk_of, rsa_key

KEY = jwk_of(rsa_key(), kid="a", use="sig", alg="RS256")


def problem(read, *args) -> str:
    with pytest.raises(FetchFailed) as failed:
        read(*args)
    return failed.value.problem


@pytest.mark.parametrize("jwk", [KEY, jwk_of(ec_key(), kid="a"), KEY | {"key_ops": ["verify"]}])
def test_a_public_key_for_signatures_is_taken(jwk):
    assert read_key(jwk, "a").signer.startswith("jwk:")


def test_members_that_are_no_part_of_the_key_are_not_looked_at():
    assert read_key(KEY | {"x5c": ["rubbish"], "x5u": "https://elsewhere.example"}, "a") == read_key(KEY, "a")


@pytest.mark.parametrize(
    ("jwk", "expected"),
    [
        (None, "malformed"),
        (["a"], "malformed"),
        (KEY | {"kid": "b"}, "wrong_kid"),
        ({name: KEY[name] for name in ("kty", "n", "e")}, "wrong_kid"),
        (KEY | {"d": "AQAB"}, "private_key"),
        ({"kty": "oct", "k": "c2VjcmV0", "kid": "a"}, "private_key"),
        (KEY | {"use": "enc"}, "unusable_key"),
        (KEY | {"key_ops": ["encrypt"]}, "unusable_key"),
        (KEY | {"kty": "EC"}, "unusable_key"),
        (KEY | {"kty": ["RSA"]}, "unusable_key"),
        (KEY | {"n": 5}, "unusable_key"),
        (KEY | {"n": "!"}, "unusable_key"),
        ({"kty": "RSA", "kid": "a"}, "unusable_key"),
        (jwk_of(rsa_key("weak", 1024), kid="a"), "unusable_key"),
    ],
)
def test_any_other_is_refused(jwk, expected):
    assert problem(read_key, jwk, "a") == expected


def test_a_set_leaves_out_what_is_not_for_signatures():
    keys = [KEY, jwk_of(ec_key(), kid="b"), KEY | {"kid": "c", "use": "enc"}, {"kty": "new", "kid": "d"}, "x"]
    assert set(read_set(json.dumps({"keys": keys}).encode())) == {"a", "b"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "malformed"),
        (b"[]", "malformed"),
        (json.dumps({"keys": [KEY]}).encode()[:-1] + b', "keys": []}', "malformed"),
        (b"[" * 100_000, "malformed"),
        (b'{"keys": {}}', "malformed"),
        (json.dumps({"keys": [KEY] * 65}).encode(), "malformed"),
        (b'{"keys": []}', "no_keys"),
        (json.dumps({"keys": [KEY, KEY]}).encode(), "repeated_kid"),
        (json.dumps({"keys": [KEY, KEY | {"kid": "b", "d": "AQAB"}]}).encode(), "private_key"),
    ],
)
def test_a_set_that_is_none_or_tells_a_secret_is_refused_whole(body, expected):
    assert problem(read_set, body) == expected


@pytest.mark.parametrize(
    "name", [KeyName("k-1_Z"), KeyName("k", producer=True), KeyName("k", "uat.interop.pagopa.it", producer=True)]
)
def test_a_name_is_read_back(name):
    assert KeyName.parse(str(name)) == name


@pytest.mark.parametrize("name", ["", "..", "../keys", "a/b", "a?b", "a b", "ì", "k" * 129, "issuer\n", "a\n"])
def test_what_can_be_no_kid_is_told_without_asking(name):
    with pytest.raises(ValueError, match="kid"):
        KeyName.parse(name)


@pytest.mark.parametrize(
    "url",
    [
        "http://pdnd.example/v3",
        "http://127.0.0.1:1/v3",
        "https:///v3",
        "ftp://pdnd.example",
        "https://pdnd.example/v3?x=1",
        "https://user:password@pdnd.example/v3",
    ],
)
def test_an_environment_has_https_addresses(url):
    with pytest.raises(ValueError, match="https"):
        PdndEnvironment("i", "https://pdnd.example/.well-known/jwks.json", url)


def test_plain_http_is_for_a_simulated_one_on_this_machine():
    PdndEnvironment("i", "http://127.0.0.1:1/j", "http://localhost:1/v3", loopback=True)
    with pytest.raises(ValueError, match="https"):
        PdndEnvironment("i", "http://pdnd.example/j", "http://localhost:1/v3", loopback=True)
