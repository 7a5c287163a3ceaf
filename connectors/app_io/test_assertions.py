"""What the identity provider says of a key is believed only where it has signed it, and only of whom and when."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from connectors.app_io.assertions import Assertions, around, certificates_in, parsed
from connectors.app_io.lollipop import NotProved, Possession, Unreachable
from connectors.app_io.simulator_login import IdentityProvider, Phone

CODE, OTHER = "RSSMRA80A01H501U", "VRDLGI75B02F205X"
NOW = datetime.now(UTC).replace(microsecond=0)


class Known:
    """Assertions and keys at hand; counts how often it is asked."""

    def __init__(self, provider, responses):
        self.provider, self.responses, self.asked = provider, responses, 0
        self.all_tags = ["latest", "1500000000"]

    def assertion(self, possession):
        self.asked += 1
        found = self.responses[possession.assertion_ref]
        if isinstance(found, Exception):
            raise found
        return found

    def tags(self, _kind):
        return self.all_tags

    def metadata(self, _kind, tag):
        return self.provider.metadata() if tag == "latest" else b"<none/>"


@pytest.fixture(scope="module")
def provider():
    return IdentityProvider()


PHONE = Phone()


def checked(provider, response, *, code=CODE, ref=PHONE.ref, days=30, now=NOW):
    possession = Possession(ref, code, "a.b.c")
    return Assertions(Known(provider, {ref: response}), timedelta(days=days)).check(possession, now)


def test_the_provider_says_whose_key_it_is(provider):
    assert checked(provider, provider.response(CODE, PHONE.ref)) == CODE


def changed(response, old, new):
    assert old.encode() in response
    return response.replace(old.encode(), new.encode())


def wrapped(response, code):
    """The signed assertion kept, and another put before it (signature wrapping)."""
    root = etree.fromstring(response)
    forged = etree.fromstring(etree.tostring(root[0]).replace(CODE.encode(), code.encode()))
    forged.set("ID", "_forged")
    root.insert(0, forged)
    return etree.tostring(root)


def hidden(response):
    """The signed assertion moved into an extension, a forged one in its place that has its signature."""
    root = etree.fromstring(response)
    genuine = root[0]
    forged = etree.fromstring(etree.tostring(genuine).replace(CODE.encode(), OTHER.encode()))
    etree.SubElement(root, "Extensions").append(genuine)
    root.insert(0, forged)
    return etree.tostring(root)


def unsigned(response):
    root = etree.fromstring(response)
    (signature,) = root.iter("{http://www.w3.org/2000/09/xmldsig#}Signature")
    signature.getparent().remove(signature)
    return etree.tostring(root)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda idp: idp.response(OTHER, PHONE.ref), "user"),
        (lambda idp: idp.response(CODE, Phone().ref), "in_response_to"),
        (lambda idp: IdentityProvider().response(CODE, PHONE.ref), "assertion_signature"),
        (lambda idp: IdentityProvider("https://nobody.example").response(CODE, PHONE.ref), "assertion_signature"),
        (lambda idp: changed(idp.response(OTHER, PHONE.ref), OTHER, CODE), "assertion_signature"),
        (lambda idp: unsigned(idp.response(CODE, PHONE.ref)), "assertion_signature"),
        (lambda idp: wrapped(idp.response(CODE, PHONE.ref), OTHER), "assertions"),
        (lambda idp: hidden(idp.response(CODE, PHONE.ref)), "assertions"),
        (lambda idp: b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + idp.response(CODE, PHONE.ref), "xml_dtd"),
        (lambda idp: "<!DOCTYPE a><a/>".encode("utf-16"), "xml_dtd"),
        (lambda idp: b"<a", "xml"),
        (lambda idp: b"<a/>", "assertions"),
        (lambda idp: idp.response(CODE, PHONE.ref, at=NOW - timedelta(days=31)), "assertion_age"),
        (lambda idp: idp.response(CODE, PHONE.ref, at=NOW + timedelta(minutes=2)), "assertion_age"),
        (lambda idp: NotProved("assertion_410"), "assertion_410"),
    ],
)
def test_what_the_provider_does_not_say_is_not_believed(provider, make, code):
    with pytest.raises(NotProved, match=rf"^{code}$"):
        checked(provider, make(provider))


def test_a_long_session_holds_where_it_is_agreed(provider):
    response = provider.response(CODE, PHONE.ref, at=NOW - timedelta(days=300))
    assert checked(provider, response, days=365) == CODE


def test_a_login_is_remembered_for_minutes_and_for_its_own_key_alone(provider):
    other = Phone()
    known = Known(provider, {phone.ref: provider.response(CODE, phone.ref) for phone in (PHONE, other)})
    assertions = Assertions(known, timedelta(days=30))
    for after_s in (0, 299, 301):
        assertions.check(Possession(PHONE.ref, CODE, "a.b.c"), NOW + timedelta(seconds=after_s))
    assert known.asked == 2
    with pytest.raises(NotProved, match="user"):
        assertions.check(Possession(PHONE.ref, OTHER, "a.b.c"), NOW + timedelta(seconds=301))
    assertions.check(Possession(other.ref, CODE, "a.b.c"), NOW)
    assert known.asked == 3


def test_what_could_not_be_asked_is_asked_again(provider):
    known = Known(provider, {PHONE.ref: Unreachable("x")})
    assertions = Assertions(known, timedelta(days=30))
    with pytest.raises(Unreachable):
        assertions.check(Possession(PHONE.ref, CODE, "a.b.c"), NOW)
    known.responses[PHONE.ref] = provider.response(CODE, PHONE.ref)
    assertions.check(Possession(PHONE.ref, CODE, "a.b.c"), NOW)


def test_the_keys_of_the_time_between_which_the_login_lies():
    issued = datetime.fromtimestamp(250, UTC)
    assert around(["latest", "100", "200", "300", "400", "x"], issued) == ["200", "300"]
    assert around(["latest", "100", "200"], issued) == ["200", "latest"]
    assert around(["300"], issued) == ["300"]
    assert around([], issued) == ["latest"]


def test_xml_reaches_for_nothing():
    with pytest.raises(NotProved):
        parsed(b'<?xml version="1.0"?><!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>')


def test_one_providers_broken_certificate_is_not_the_others():
    metadata = IdentityProvider().metadata()
    encoded = etree.fromstring(metadata).find(".//{http://www.w3.org/2000/09/xmldsig#}X509Certificate").text
    der = base64.b64decode(encoded)
    broken = base64.b64encode(der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05")).decode()
    assert any(certificates_in(metadata).values())
    assert not any(certificates_in(metadata.replace(encoded.encode(), broken.encode())).values())
