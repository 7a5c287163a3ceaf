"""LolliPoP: what is proved is answered, and whatever is not is refused. The key, the citizen and the call are each
swapped in turn; two signatures made by IO's own software stand among the cases (spec/lollipop.md, "Vectors")."""

import base64
import dataclasses
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from connectors.app_io.config import Lollipop
from connectors.app_io.lollipop import NotProved, Possession, signatures, thumbprint, verify
from connectors.app_io.simulator_login import APP_API, Phone
from contracts.answering import Call

CODE, OTHER = "RSSMRA80A01H501U", "VRDLGI75B02F205X"
NOW = datetime.now(UTC).replace(microsecond=0)
URL = f"{APP_API}/third-party-messages/01HZZZZZZZZZZZZZZZZZZZZZZZ"
ANY = re.compile(r"https://.*")
PRESENT = re.compile(Lollipop(assertion_key="k").original_url)


def call(headers, *, now=NOW, body=b""):
    return Call("GET", "messages/x", "https://hub.example/x", "", tuple(headers.items()), body, now)


def signed(phone=None, code=CODE, **changes):
    phone = phone or Phone()
    return phone.call(URL, created=int(NOW.timestamp())) | phone.lines(code) | changes


def refused(headers, pattern=PRESENT, **how):
    with pytest.raises(NotProved) as caught:
        verify(call(headers, **how), pattern)
    return caught.value.status, caught.value.code


def vector(**changes):
    """Signed in DER by IO's software, with the members of the key in padded standard base64."""
    jwk = {
        "crv": "P-256",
        "kty": "EC",
        "x": "qza43tkKNr+aiSdWM/D5q7q0IfWyYUAHTHR6x7tPrdE=",
        "y": "MvEB0ClPqgNXk5XHboq7XYRq6NrSBASVfaOl3Zp1Bbs=",
    }
    ref = "sha256-HiNolL87UYKQfaKISwIzyWY4swKPUzpaOWJCxaHy89M"
    covered = '("x-pagopa-lollipop-original-method" "x-pagopa-lollipop-original-url")'
    parameters = f'{covered};created=1681473980;nonce="aNonce";alg="ecdsa-p256-sha256";keyid="{ref}"'
    value = "MEUCIFiZHxuLhk2Jlt46E5kbB8hCx7fN7QeeAj2gaSK3Y+WzAiEAtggj3Jwu8RbTGdNmsDix2zymh0gKwKxoPlolL7j6VTg="
    return (
        Phone().lines(CODE)
        | {
            "x-pagopa-lollipop-original-method": "POST",
            "x-pagopa-lollipop-original-url": "https://api-app.io.pagopa.it/first-lollipop/sign",
            "x-pagopa-lollipop-public-key": base64.urlsafe_b64encode(json.dumps(jwk).encode()).decode(),
            "x-pagopa-lollipop-assertion-ref": ref,
            "signature-input": f"sig1={parameters}",
            "signature": f"sig1=:{value}:",
        }
        | changes
    )


VECTOR_TIME = datetime.fromtimestamp(1681473980, UTC)


def test_what_the_simulated_phone_signs_holds():
    phone = Phone()
    assert verify(call(signed(phone)), PRESENT) == Possession(
        phone.ref, CODE, phone.lines(CODE)["x-pagopa-lollipop-auth-jwt"]
    )


def test_what_io_itself_signed_holds():
    assert verify(call(vector(), now=VECTOR_TIME), ANY, "POST").assertion_ref.startswith("sha256-HiNolL87")


def test_a_vector_of_ios_whose_key_is_not_the_one_named():
    digest = "sha-256=:cpyRqJ1VhoVC+MSs9fq4/4wXs4c46EyEFriskys43Zw=:"
    jwk = {
        "crv": "P-256",
        "kty": "EC",
        "x": "FqFDuwEgu4MUXERPMVL-85pGv2D3YmL4J1gfMkdbc24",
        "y": "hdV0oxmWFSxMoJUDpdihr76rS8VRBEqMFebYyAfK9-k",
    }
    encoded = base64.urlsafe_b64encode(json.dumps(jwk).encode()).decode()
    ref = "sha256-a7qE0Y0DyqeOFFREIQSLKfu5WlbckdxVXKFasfcI-Dg"
    headers = vector(**{"x-pagopa-lollipop-public-key": encoded, "x-pagopa-lollipop-assertion-ref": ref})
    with pytest.raises(NotProved, match="thumbprint"):
        verify(call(headers | {"content-digest": digest}, now=VECTOR_TIME), ANY, "POST")


def test_the_thumbprint_is_over_the_members_to_the_letter():
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": "NYvuK5KwdMSelFJgPnL0fsxizwOKw0WbQyANB4O6l2c",
        "y": "qK9Zyso1CCwsUk985hnO5WEP3enSxpuD1n5JqtmZIEE",
    }
    assert thumbprint(jwk, "sha256") == "sha256-iwBFlFaCWaLnrCckGIyWMJBnfDkEJ-mgxZVzGICmkwU"


@pytest.mark.parametrize("name", sorted(signed()))
def test_no_header_may_be_missing_or_there_twice(name):
    headers = signed()
    without = {key: value for key, value in headers.items() if key != name}
    assert refused(without) == (400, f"form.{name}")
    twice = dataclasses.replace(call(headers), headers=(*headers.items(), (name.upper(), headers[name])))
    with pytest.raises(NotProved) as caught:
        verify(twice, PRESENT)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"x-pagopa-lollipop-assertion-ref": Phone().ref}, 403, "thumbprint"),
        ({"x-pagopa-lollipop-public-key": Phone().lines(CODE)["x-pagopa-lollipop-public-key"]}, 403, "thumbprint"),
        ({"x-pagopa-lollipop-original-url": URL + "0"}, 403, "signature"),
        ({"x-pagopa-lollipop-original-url": "https://evil.example/third-party-messages/1"}, 403, "original_url"),
        ({"x-pagopa-lollipop-original-url": URL + "/../x"}, 403, "original_url"),
        ({"x-pagopa-lollipop-original-method": "POST"}, 403, "original_method"),
        ({"x-pagopa-lollipop-original-method": "HEAD"}, 400, "form.x-pagopa-lollipop-original-method"),
        ({"x-pagopa-lollipop-assertion-type": "OIDC"}, 400, "form.x-pagopa-lollipop-assertion-type"),
        ({"x-pagopa-lollipop-user-id": CODE.lower()}, 400, "form.x-pagopa-lollipop-user-id"),
        ({"x-pagopa-lollipop-public-key": "e30"}, 400, "form.public-key"),
        ({"x-pagopa-lollipop-public-key": "W10"}, 400, "form.public-key"),
        # {"kty":"RSA","e":"\ud800","n":"A"}: half of a character, which nothing can write.
        ({"x-pagopa-lollipop-public-key": "eyJrdHkiOiJSU0EiLCJlIjoiXHVkODAwIiwibiI6IkEifQ"}, 400, "form.public-key"),
        ({"signature": "sig1=:AA==:"}, 403, "signature"),
        ({"signature": "sig2=:AA==:"}, 400, "labels"),
        ({"signature": "sig1=:AA==:, sig1=:AA==:"}, 400, "labels"),
        ({"signature": "sig1=AA=="}, 400, "form.signature"),
        ({"signature-input": "sig1=();created=1"}, 403, "covers_less"),
        ({"signature-input": 'sig1=("@method");created=1'}, 400, "form.signature"),
    ],
)
def test_whatever_is_swapped_is_noticed(changes, status, code):
    assert refused(signed(**changes)) == (status, code)


def test_another_phones_signature_does_not_do():
    mine, other = Phone(), Phone()
    headers = signed(mine)
    assert refused(headers | {"signature": signed(other)["signature"]}) == (403, "signature")


@pytest.mark.parametrize(("age_s", "holds"), [(300, True), (301, False), (-60, True), (-61, False)])
def test_a_signature_has_its_time(age_s, holds):
    later = NOW + timedelta(seconds=age_s)
    if holds:
        verify(call(signed(), now=later), PRESENT)
    else:
        assert refused(signed(), now=later) == (403, "created")


def by_hand(names, *, key=None, alg="ecdsa-p256-sha256", keyid=None, body=b"", more="", sign=None, jwk=None, **extra):
    """Signed headers of any shape."""
    phone = Phone(key) if key else Phone()
    headers = signed(phone) | extra
    ref = phone.ref
    if jwk is not None:
        ref = thumbprint(jwk, "sha256")
        encoded = base64.urlsafe_b64encode(json.dumps(jwk).encode()).decode()
        headers |= {"x-pagopa-lollipop-public-key": encoded, "x-pagopa-lollipop-assertion-ref": ref}
    shown = " ".join(f'"{name}"' for name in names)
    parameters = f'({shown});created={int(NOW.timestamp())};alg="{alg}";keyid="{keyid or ref}"{more}'
    lines = [f'"{name}": {headers[name]}' for name in names] + [f'"@signature-params": {parameters}']
    base = "\n".join(lines).encode()
    value = sign(base) if sign else phone.key.sign(base, ec.ECDSA(hashes.SHA256()))
    headers |= {"signature-input": f"sig1={parameters}", "signature": f"sig1=:{base64.b64encode(value).decode()}:"}
    return headers


BOTH = ("x-pagopa-lollipop-original-method", "x-pagopa-lollipop-original-url")


def test_a_signature_in_raw_form_holds_too():
    key = ec.generate_private_key(ec.SECP256R1())

    def raw(base):
        r, s = decode_dss_signature(key.sign(base, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    verify(call(by_hand(BOTH, key=key, sign=raw)), PRESENT)


def test_an_rsa_key_holds_with_its_own_algorithm_alone():
    key = rsa.generate_private_key(65537, 2048)
    n, e = (
        base64.urlsafe_b64encode(number.to_bytes(-(-number.bit_length() // 8), "big")).decode().rstrip("=")
        for number in (key.public_key().public_numbers().n, 65537)
    )
    jwk = {"kty": "RSA", "n": n, "e": e}

    def pss(base):
        return key.sign(base, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())

    verify(call(by_hand(BOTH, jwk=jwk, alg="rsa-pss-sha256", sign=pss)), PRESENT)
    assert refused(by_hand(BOTH, jwk=jwk, sign=pss)) == (403, "alg")
    assert refused(by_hand(BOTH, alg="rsa-pss-sha256")) == (403, "alg")
    assert refused(by_hand(BOTH, alg="hmac-sha256")) == (403, "alg")


def test_small_rsa_keys_and_other_curves_do_not_do():
    small = {"kty": "RSA", "n": base64.urlsafe_b64encode((2**1023 + 1).to_bytes(128, "big")).decode(), "e": "AQAB"}
    assert refused(by_hand(BOTH, jwk=small)) == (403, "key_size")
    assert refused(by_hand(BOTH, jwk={"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"})) == (403, "curve")
    assert refused(by_hand(BOTH, jwk={"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"})) == (400, "form.public-key")


@pytest.mark.parametrize("names", [BOTH[:1], BOTH[1:], ()])
def test_a_signature_over_less_does_not_do(names):
    assert refused(by_hand(names)) == (403, "covers_less")


def test_a_key_is_named_with_its_hash_or_without_and_no_other():
    phone = Phone()
    verify(call(by_hand(BOTH, key=phone.key, keyid=phone.ref)), PRESENT)
    verify(call(by_hand(BOTH, key=phone.key, keyid=phone.ref[7:])), PRESENT)
    assert refused(by_hand(BOTH, keyid=phone.ref)) == (403, "keyid")


def test_a_body_has_to_be_covered_and_to_be_the_one_that_was_signed():
    digest = "sha-256=:" + base64.b64encode(hashlib.sha256(b"{}").digest()).decode() + ":"
    covered = by_hand(("content-digest", *BOTH), **{"content-digest": digest})
    verify(call(covered, body=b"{}"), PRESENT)
    assert refused(covered, body=b"{ }") == (403, "digest")
    assert refused(signed(), body=b"{}") == (403, "covers_less")
    only_unknown = by_hand(("content-digest", *BOTH), **{"content-digest": "md5=:AAAA:"})
    assert refused(only_unknown, body=b"{}") == (403, "digest")


def test_of_several_signatures_each_must_hold():
    phone = Phone()
    first = by_hand(BOTH, key=phone.key)
    extra = by_hand(("x-io-sign-qtspclauses",), key=phone.key, **{"x-io-sign-qtspclauses": "abc, def"})
    both = first | {
        "x-io-sign-qtspclauses": "abc, def",
        "signature-input": first["signature-input"] + ", " + extra["signature-input"].replace("sig1", "sig2"),
        "signature": first["signature"] + ", " + extra["signature"].replace("sig1", "sig2"),
    }
    verify(call(both), PRESENT)
    assert refused(both | {"x-io-sign-qtspclauses": "abc"}) == (403, "signature")


def test_an_expired_signature_does_not_do():
    assert refused(by_hand(BOTH, more=";expires=1")) == (403, "expired")
    assert refused(by_hand(BOTH, more=";created=1")) == (400, "form.signature-input")


def test_commas_within_quotes_part_nothing():
    (found,) = signatures('sig1=("a" "b");nonce="x, sig2=()";created=1', "sig1=:AA==:")
    assert found.covered == ("a", "b")
    assert found.parameters == {"nonce": "x, sig2=()", "created": 1}
