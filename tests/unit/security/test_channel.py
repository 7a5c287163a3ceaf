"""Client certificates as a proxy hands them over."""

from base64 import b64encode
from ipaddress import ip_network
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from hub.security.causes import Refusal
from hub.security.channel import TrustedProxy, as_x5c

PROXY = TrustedProxy((ip_network("10.0.0.0/30"), ip_network("2001:db8::1/128")), "client-cert", "rfc9440")


@pytest.mark.parametrize("peer", ["10.0.0.1", "10.0.0.3", "2001:db8::1", "::ffff:10.0.0.1"])
def test_the_proxy_is_known_by_its_address(peer):
    assert PROXY.trusts(peer)


@pytest.mark.parametrize("peer", ["10.0.0.4", "2001:db8::2", "", "unix:", "10.0.0.1.evil.example", "localhost"])
def test_whoever_else_is_not_the_proxy(peer):
    assert not PROXY.trusts(peer)


def test_both_forms_give_the_same_certificate(world):
    certificate = world.authority().certificate
    der = b64encode(certificate.public_bytes(Encoding.DER)).decode()
    pem = quote(certificate.public_bytes(Encoding.PEM).decode())
    assert as_x5c("nginx", pem, ()) == as_x5c("rfc9440", f":{der}:", ()) == {"x5c": [der]}
    assert as_x5c("rfc9440", f":{der}:", (f":{der}:, :{der}:", f":{der}:")) == {"x5c": [der] * 4}


@pytest.mark.parametrize("form", ["nginx", "rfc9440"])
@given(value=st.one_of(st.text(max_size=60), st.text(":=%-ABCdef012 ", max_size=60)))
def test_anything_else_is_refused_and_no_more(form, value):
    try:
        found = as_x5c(form, value, ())
    except Refusal as refusal:
        found = {"refused": refusal.code}
    assert found == {"refused": "channel.malformed"} or len(found["x5c"]) == 1


@pytest.mark.parametrize("value", [":" + "A" * 20_000 + ":", ":AAAA", "AAAA", "::A:", ":AAAA:;x=1"])
def test_what_is_too_long_or_no_byte_sequence_is_refused(value):
    with pytest.raises(Refusal):
        as_x5c("rfc9440", value, ())
