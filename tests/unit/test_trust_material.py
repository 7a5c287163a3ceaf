"""What an administrator hands over as trust: an anchor under which nothing can be verified is told of, not kept."""

import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub.admin.trust_material import MOST_CERTIFICATES, BadMaterial, key_of_anchor, keys_of_jwks, name_of
from hub.registry import Key, Vendor
from hub.security.causes import Refusal
from hub.security.certificates import validate
from hub.security.keys import certificates_pem, new_key
from hub.security.material import Shelf
from hub.security.presented import CertificateRules, Presented
from hub.security.sign import SigningKey
from tests import pki
from tests.pki import DAY, NOW, usage

CONSTRAINED = x509.NameConstraints([x509.DNSName("example.it")], None)
BASIC = x509.BasicConstraints(ca=True, path_length=None)


def without_key_usage() -> pki.Party:
    """As `openssl req -x509` makes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = pki._builder(pki.name("CA"), pki.name("CA"), key, key, NOW - DAY, NOW + 365 * DAY)
    return pki.Party(key, builder.add_extension(BASIC, critical=True).sign(key, pki.hash_for(key)))


AUTHORITIES = {
    "": lambda root: root,
    "intermediate, for clients": lambda root: root.issue("CA", ca=True, uses=[ExtendedKeyUsageOID.CLIENT_AUTH]),
    "keyUsage": lambda root: without_key_usage(),
    "keyCertSign": lambda root: root.issue("CA", ca=True, key_usage=usage(sign=True)),
    "critical": lambda root: root.issue("CA", basic=False, key_usage=usage(ca=True), more=[(BASIC, False)]),
    "client authentication": lambda root: root.issue("CA", ca=True, uses=[ExtendedKeyUsageOID.SERVER_AUTH]),
    "name constraints": lambda root: root.issue("CA", ca=True, more=[(CONSTRAINED, True)]),
    "1024 bits": lambda root: root.issue("CA", ca=True, key=rsa.generate_private_key(65537, 1024)),
    "Ed25519": lambda root: root.issue("CA", ca=True, key=ed25519.Ed25519PrivateKey.generate()),
    "is no CA": lambda root: root.issue("CA"),
}
SOUND = ("", "intermediate, for clients")


def pem(*parties: pki.Party) -> bytes:
    return certificates_pem([one.certificate for one in parties])


def verifies(authority: pki.Party) -> bool:
    entry = Key("a", "anchor", pem(authority).decode())
    vendor = Vendor("c_h501", "acme", "acme", "x509", True, (entry,), "acme")
    try:
        validate(Presented(authority.issue().certificate, ()), vendor, CertificateRules(), Shelf(), NOW)
    except Refusal:
        return False
    return True


@pytest.mark.parametrize("wrong", AUTHORITIES)
def test_an_anchor_is_kept_if_and_only_if_requests_can_be_verified_under_it(wrong):
    """A CA without keyUsage was registered, and all its vendor's requests were refused without a word why."""
    authority = AUTHORITIES[wrong](pki.root())
    assert verifies(authority) is (wrong in SOUND)
    if wrong in SOUND:
        assert key_of_anchor(pem(authority), kind="anchor", now=NOW, what="it").material == pem(authority).decode()
        return
    with pytest.raises(BadMaterial, match=wrong):
        key_of_anchor(pem(authority), kind="anchor", now=NOW, what="it")


def test_a_bundle_holds_each_certificate_once_and_is_no_store_of_all_there_are():
    one, other = pki.root("Una"), pki.root("Altra")
    kept = key_of_anchor(pem(one, other, one), kind="anchor", now=NOW, what="it")
    assert kept.material.encode() == pem(one, other)
    many = [pki.root(f"CA {n}") for n in range(MOST_CERTIFICATES + 1)]
    with pytest.raises(BadMaterial, match=f"{len(many)} certificates"):
        key_of_anchor(pem(*many), kind="anchor", now=NOW, what="it")


def test_a_subject_that_would_rewrite_the_line_is_shown_without_that():
    party = pki.root("a\u202eb\nc")
    assert name_of(Key("a", "anchor", pem(party).decode())).startswith("CN=a\ufffdb\ufffdc until ")


@pytest.mark.parametrize("kid", ["a\0b", "a\nb", "a\u202eb", "", "x" * 201, 7])
def test_a_kid_that_cannot_be_printed_is_refused(kid):
    """PostgreSQL takes no NUL, and a list of keys shows what is in it."""
    entry = SigningKey(new_key("es256")).public_jwk() | {"kid": kid}
    with pytest.raises(BadMaterial, match="a kid is"):
        keys_of_jwks(json.dumps(entry), what="it")
