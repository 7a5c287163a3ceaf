"""Keys in a real token (SoftHSM): they sign as any other, stay where they are, and each fault is told in words."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hub.security import token_keys
from hub.security.sign import SigningKey
from hub.security.token_keys import KeyUri, TokenProblem, key_in_token
from hub.security.vouchers import client_assertion
from tests.softhsm import PIN, uri

RSA, EC = uri("hub-rsa"), uri("hub-ec")


@pytest.fixture(autouse=True)
def _anew(token, monkeypatch):
    """As a process that has just begun."""
    monkeypatch.setattr(token_keys, "_tokens", token_keys._Tokens(stale=True))
    key_in_token.cache_clear()
    yield
    key_in_token.cache_clear()


@pytest.mark.parametrize(
    ("text", "alg"), [(RSA, "RS256"), (RSA, "RS512"), (RSA, "PS256"), (RSA, "PS384"), (EC, "ES256")]
)
def test_a_key_in_a_token_signs_what_another_library_verifies(text, alg):
    key = SigningKey(key_in_token(text), (), alg)
    token = key.token({"iss": "hub", "n": 1})
    assert jwt.decode(token, jwt.PyJWK(key.public_jwk()), [alg]) == {"iss": "hub", "n": 1}
    assert jwt.get_unverified_header(token)["kid"] == key.kid


def test_a_client_assertion_of_pdnd_is_signed_in_the_token():
    key = key_in_token(RSA)
    told = client_assertion(key, kid="k", client_id="c", audience="a", now=datetime.now(UTC).timestamp())
    assert jwt.decode(told, key.public_key(), ["RS256"], audience="a")["sub"] == "c"


def test_it_is_named_by_id_or_serial_as_well(token):
    assert key_in_token(uri(None, "id=%01")).public_key() == key_in_token(RSA).public_key()
    assert key_in_token(f"pkcs11:serial={token.serial};object=hub-ec;type=private").public_key()


def test_what_is_kept_of_it_is_its_name_and_nothing_else():
    for text, kind in ((RSA, RSAPrivateKey), (EC, EllipticCurvePrivateKey)):
        key = SigningKey.read(f"{text}\n".encode(), token=True)
        assert isinstance(key.private, kind)
        assert key.stored() == f"{text}\n".encode()
        assert PIN not in repr(key) + repr(key.private)
        for taking in (
            key.private.private_numbers,
            lambda key=key: key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        ):
            with pytest.raises(TokenProblem, match="does not leave"):
                taking()


def test_a_uri_is_read_only_where_one_may_stand():
    with pytest.raises(ValueError):
        SigningKey.read(RSA.encode())


def test_threads_that_sign_at_once_all_do():
    key = SigningKey(key_in_token(EC))
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda n: key.token({"n": n}), range(40)))
    assert [jwt.decode(each, jwt.PyJWK(key.public_jwk()), ["ES256"])["n"] for each in tokens] == list(range(40))


def test_a_process_forked_while_it_signs_signs_too():
    """Work-horses are forks: neither the parent's sessions nor a lock of one of its threads may be theirs."""
    key = SigningKey(key_in_token(EC))
    with token_keys._tokens.lock:
        pid = os.fork()
        if pid == 0:
            try:
                key.token({"n": 1})
                os._exit(0)
            except BaseException:
                os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert key.token({"n": 2})


def test_a_token_that_was_away_is_found_again(token):
    key = SigningKey(key_in_token(EC))
    token.take_out()
    with pytest.raises(TokenProblem):
        key.token({"n": 1})
    token.put_back()
    assert key.token({"n": 2})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (uri("nobody"), "no private key is called so"),
        (uri("twice"), "several private keys are called so"),
        (uri("alone"), "its public half|public half of the key must be in the token"),
        (uri("short"), "bits"),
        ("pkcs11:token=elsewhere;object=hub-rsa", "no token is called so"),
        ("pkcs11:object=hub-rsa", "names a token"),
        ("pkcs11:token=raccordo", "names a token"),
        ("pkcs11:token=raccordo;object=a;object=b", "once at most"),
        ("pkcs11:token=raccordo;slot-id=1;object=a", "and no other"),
        ("pkcs11:token=raccordo;object=a;type=public", "and no other"),
        (f"{RSA}?pin-value={PIN}", "without a query: no PIN"),
        (f"{RSA}?module-path=/tmp/evil.so", "no library"),
        ("pkcs12:token=x", "pkcs11:token=NAME"),
    ],
)
def test_what_is_wrong_is_told_when_the_key_is_named(text, told):
    with pytest.raises(TokenProblem, match=told) as caught:
        key_in_token(text)
    assert PIN not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"RACCORDO_PKCS11_MODULE": ""}, "RACCORDO_PKCS11_MODULE names no library"),
        ({"RACCORDO_PKCS11_MODULE": "/nowhere/lib.so"}, "RACCORDO_PKCS11_MODULE: /nowhere/lib.so cannot be loaded"),
        ({"RACCORDO_PKCS11_PIN": ""}, "RACCORDO_PKCS11_PIN: a reference is"),
        ({"RACCORDO_PKCS11_PIN": "file:/nowhere/pin"}, "RACCORDO_PKCS11_PIN: cannot read"),
        ({"RACCORDO_PKCS11_PIN": "env:RACCORDO_NO_PIN"}, "RACCORDO_PKCS11_PIN: the environment variable"),
    ],
)
def test_what_is_missing_in_the_environment_is_told(monkeypatch, variables, told):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(TokenProblem, match=told):
        key_in_token(RSA)


def test_a_wrong_pin_is_not_tried_twice_so_that_the_token_does_not_lock_itself(token, monkeypatch):
    monkeypatch.setenv("RACCORDO_TEST_PIN", "9999")
    monkeypatch.setenv("RACCORDO_PKCS11_PIN", "env:RACCORDO_TEST_PIN")
    with pytest.raises(TokenProblem, match="PinIncorrect") as caught:
        key_in_token(RSA)
    assert "9999" not in str(caught.value)
    for _ in range(3):
        with pytest.raises(TokenProblem, match="it is not tried again"):
            key_in_token(RSA)
    monkeypatch.setenv("RACCORDO_TEST_PIN", PIN)
    assert key_in_token(RSA)


def test_parts_of_a_uri_may_be_escaped():
    found = KeyUri.parse("pkcs11:token=La%20chiave;id=%00%ff;object=a%3Bb")
    assert found.token == (("token", b"La chiave"),)
    assert found.key == (("object", b"a;b"), ("id", b"\x00\xff"))
