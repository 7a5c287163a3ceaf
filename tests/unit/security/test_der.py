"""Bytes of certificates, CRLs and OCSP answers changed by chance: refused, whatever the library makes of them."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from hub.registry import Key, Vendor
from hub.security import crl, der, ocsp
from hub.security.causes import Refusal
from hub.security.certificates import presented_key, validate
from hub.security.crl import Crl
from hub.security.keys import certificates_pem
from hub.security.material import Held, Shelf, Wanted
from hub.security.presented import CertificateRules, _certificates, thumbprint
from hub.security.statements import Unusable
from tests import pki
from tests.pki import CRL_URL, NOW, OCSP_URL

TIMES = 800
RULES = CertificateRules(revocation="fail-closed")
FOREVER = NOW.timestamp() + 1e9


@pytest.fixture(scope="module")
def middle() -> pki.Party:
    return pki.root().issue("Middle", ca=True, crl_url=CRL_URL)


@pytest.fixture(scope="module")
def leaf(middle: pki.Party) -> pki.Party:
    return middle.issue(crl_url=CRL_URL, ocsp_url=OCSP_URL, san=True, uses=[ExtendedKeyUsageOID.CLIENT_AUTH])


def changed(raw: bytes, random: Random) -> bytes:
    """With one to four bytes changed, cut out or put in."""
    found = bytearray(raw)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        at = random.randrange(len(found))
        match random.randrange(3):
            case 0:
                found[at] ^= 1 << random.randrange(8)
            case 1:
                del found[at]
            case _:
                found.insert(at, random.randrange(256))
    return bytes(found)


def only(what: Callable[[], Any]) -> bool:
    """Whether it passed; anything but what the module says it raises is a bug and comes through."""
    try:
        what()
    except (Refusal, Unusable, Wanted, der.Unreadable):
        return False
    return True


def vendor(kind: Any, material: str) -> Vendor:
    return Vendor("c_h501", "acme", "acme", "x509", True, (Key("k", kind, material),), "acme")


def test_changed_certificates(leaf: pki.Party, middle: pki.Party) -> None:
    random, shelf = Random(1), Shelf()
    shelf.put("crl", middle.crl_name(), Held(Crl(middle.crl()), FOREVER, FOREVER))
    assert middle.issuer is not None
    anchored = vendor("anchor", certificates_pem([middle.issuer.certificate]).decode())
    raw = [one.public_bytes(Encoding.DER) for one in leaf.chain]

    def verdict(kind: str) -> None:
        found = _certificates(
            [changed(raw[0], random), raw[1]] if random.random() < 0.7 else [raw[0], changed(raw[1], random)]
        )
        presented_key(found)
        own = anchored if kind == "anchor" else vendor("thumbprint", thumbprint(found.leaf))
        validate(found, own, RULES, shelf, NOW)

    assert not any(only(lambda: verdict("anchor")) for _ in range(TIMES))
    for _ in range(TIMES):  # pinned, its own signature does not count
        only(lambda: verdict("thumbprint"))


def test_changed_lists_and_answers(leaf: pki.Party, middle: pki.Party) -> None:
    random = Random(2)
    about: dict[str, Any] = {"certificate": leaf.certificate, "issuer": middle.certificate, "now": NOW}
    list_ = middle.crl(more=[(x509.CRLNumber(5), False)]).public_bytes(Encoding.DER)
    answer = middle.answer(leaf, responder=middle.responder()).public_bytes(Encoding.DER)
    crl.check(Crl(der.crl(list_)), url=CRL_URL, **about)
    ocsp.check(der.ocsp_answer(answer), **about)
    for _ in range(TIMES):
        other = changed(list_, random)
        assert not only(lambda other=other: crl.check(Crl(der.crl(other)), url=CRL_URL, **about))
        other = changed(answer, random)
        only(lambda other=other: ocsp.check(der.ocsp_answer(other), **about))


def test_a_list_whose_scope_nobody_can_read(middle: pki.Party) -> None:
    scope = x509.UnrecognizedExtension(ExtensionOID.ISSUING_DISTRIBUTION_POINT, b"\x05\x00")
    with pytest.raises(der.Unreadable):
        der.crl(middle.crl(more=[(scope, True)]).public_bytes(Encoding.DER))


def test_a_certificate_of_an_unknown_version(leaf: pki.Party) -> None:
    """It went through as an exception of a kind of its own, which nobody caught."""
    raw = leaf.certificate.public_bytes(Encoding.DER).replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020107"))
    with pytest.raises(Refusal, match=r"certificate\.malformed"):
        _certificates([raw])


def test_a_name_of_a_kind_the_library_does_not_read(leaf: pki.Party, middle: pki.Party) -> None:
    """x400Address in a SAN: again an exception of its own."""
    san = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), bytes.fromhex("3004a3020500"))
    with pytest.raises(Refusal, match=r"certificate\.malformed"):
        _certificates([middle.issue(more=[(san, False)]).certificate.public_bytes(Encoding.DER)])


def test_a_serial_number_that_is_negative(leaf: pki.Party) -> None:
    """RFC 5280 forbids it; the library reads it, and warns."""
    raw = bytearray(leaf.certificate.public_bytes(Encoding.DER))
    raw[raw.index(bytes.fromhex("a003020102")) + 7] |= 0x80
    with pytest.raises(Refusal, match=r"certificate\.malformed"):
        _certificates([bytes(raw)])
