"""From a leaf to its anchor, and the three ways in which a header names one."""

from base64 import b64encode, urlsafe_b64encode
from datetime import timedelta
from functools import lru_cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub.registry import Key, Vendor
from hub.security import jose
from hub.security.causes import Refusal
from hub.security.certificates import Trusted, presented_key, validate
from hub.security.keys import certificates_pem
from hub.security.material import Held, Shelf, Wanted
from hub.security.presented import MAX_CERTIFICATES, CertificateRules, Presented, read, thumbprint
from tests import pki
from tests.pki import DAY, NOW, usage

RULES = CertificateRules()
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")


@lru_cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@pytest.fixture(scope="module")
def root() -> pki.Party:
    return pki.root()


def pem(*parties: pki.Party) -> str:
    return certificates_pem([one.certificate for one in parties]).decode()


def vendor(*entries: Key, subject: str = "acme") -> Vendor:
    return Vendor("c_h501", "acme", "acme", "x509", True, entries, subject)


def under(root: pki.Party, party: pki.Party, *others: pki.Party, kind: Any = "anchor", **kw: Any) -> Trusted:
    """The verdict on what a party presents, with its intermediates unless others are given."""
    above = [one.certificate for one in others] or party.chain[1:]
    return validate(
        Presented(party.certificate, tuple(above)), vendor(Key("a", kind, pem(root)), **kw), RULES, Shelf(), NOW
    )


def cause(*arguments: Any, **kw: Any) -> str:
    try:
        under(*arguments, **kw)
    except Refusal as refusal:
        return refusal.code
    return ""


KEYS = {
    "P-256": (lambda: ec.generate_private_key(ec.SECP256R1()), ("ES256",)),
    "P-384": (lambda: ec.generate_private_key(ec.SECP384R1()), ("ES384",)),
    "P-521": (lambda: ec.generate_private_key(ec.SECP521R1()), ("ES512",)),
    "RSA": (rsa_key, ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
    "Ed25519": (ed25519.Ed25519PrivateKey.generate, ("EdDSA",)),
    "Ed448": (ed448.Ed448PrivateKey.generate, ("EdDSA",)),
}


@pytest.mark.parametrize("kind", [one for one in KEYS if one != "Ed448"])
def test_a_leaf_of_each_kind_of_key(kind: str, root: pki.Party) -> None:
    make, algs = KEYS[kind]
    assert under(root, root.issue(key=make())).key.algs == algs


def test_three_intermediates_in_any_order_and_twice(root: pki.Party) -> None:
    one = root.issue("One", ca=True)
    two = one.issue("Two", ca=True)
    three = two.issue("Three", ca=True)
    leaf = three.issue()
    trusted = under(root, leaf)
    assert [c.subject for c in trusted.chain] == [p.certificate.subject for p in (leaf, three, two, one, root)]
    assert cause(root, leaf, one, three, two) == ""
    assert cause(root, leaf, one, three) == "chain.invalid"
    repeated = [b64encode(c.public_bytes(Encoding.DER)).decode() for c in (*leaf.chain, leaf.certificate)]
    assert len(read({"x5c": repeated}, vendor(), RULES, Shelf(), NOW).intermediates) == 3


def test_a_chain_of_more_than_five_is_too_long(root: pki.Party) -> None:
    top = root
    for n in range(5):
        top = top.issue(f"CA {n}", ca=True)
    assert cause(root, top.issue()) == "chain.invalid"


CAS = {
    "expired": {"until": NOW - timedelta(minutes=1)},
    "not yet valid": {"since": NOW + timedelta(minutes=1)},
    "no CA": {"ca": False},
    "without basic constraints": {"basic": False},
    "not for certificates": {"key_usage": usage(sign=True)},
    "with something critical": {"more": [(UNKNOWN, True)]},
}


@pytest.mark.parametrize("what", CAS)
def test_an_intermediate_that_is_none(what: str, root: pki.Party) -> None:
    middle = root.issue("Middle", **({"ca": True} | CAS[what]))
    assert cause(root, middle.issue()) == "chain.invalid"


def test_an_intermediate_of_a_weak_key_or_hash() -> None:
    root = pki.root(key=rsa_key())
    assert cause(root, root.issue("Middle", ca=True).issue()) == ""
    small = root.issue("Small", ca=True, key=rsa_key(1024))
    assert cause(root, small.issue()) in ("chain.invalid", "certificate.weak")
    middle = root.issue("Middle", ca=True)
    middle.certificate = pki.certificate_with_sha1(middle)
    assert cause(root, middle.issue()) in ("chain.invalid", "certificate.weak")
    leaf = root.issue()
    leaf.certificate = pki.certificate_with_sha1(leaf)
    assert cause(root, leaf) in ("chain.invalid", "certificate.weak")


def test_the_length_of_the_path_is_the_issuers_to_say(root: pki.Party) -> None:
    none_below = root.issue("Last", ca=True, path_length=0)
    assert cause(root, none_below.issue()) == ""
    assert cause(root, none_below.issue("Below", ca=True).issue()) == "chain.invalid"


def test_an_expired_anchor_vouches_for_nobody(root: pki.Party) -> None:
    old = root.issue("Old", ca=True, until=NOW - DAY / 2)
    assert cause(old, old.issue()) == "chain.invalid"


def test_cross_signed_cas_in_a_circle_end(root: pki.Party) -> None:
    """A and B certify each other: nothing leads to the anchor, and looking for it ends."""
    a, b = root.issue("A", ca=True), root.issue("B", ca=True)
    ab, ba = a.issue("B", ca=True, key=b.key), b.issue("A", ca=True, key=a.key)
    assert cause(pki.root("Elsewhere"), a.issue(), ab, ba, a, b) == "chain.invalid"
    assert cause(root, a.issue(), ab, ba, b) == ""


def name_constraints(permitted: Any = None, excluded: Any = None) -> list[Any]:
    return [(x509.NameConstraints(permitted, excluded), True)]


DN = x509.DirectoryName(pki.name("acme"))
DNS = x509.DNSName("acme")


@pytest.mark.parametrize(
    ("constraints", "san", "wanted"),
    [
        (name_constraints(permitted=[DNS]), True, "chain.invalid"),  # says nothing about the subject
        (name_constraints(permitted=[DNS]), False, "chain.invalid"),
        (name_constraints(permitted=[DN]), False, "chain.invalid"),
        (name_constraints(excluded=[DN]), False, "chain.invalid"),
        (name_constraints(excluded=[DNS]), True, "chain.invalid"),
        (name_constraints(excluded=[x509.DNSName("other.example")]), True, ""),
    ],
)
def test_name_constraints_are_held_or_refused(constraints: Any, san: bool, wanted: str, root: pki.Party) -> None:
    middle = root.issue("Middle", ca=True, more=constraints)
    assert cause(root, middle.issue(san=san)) == wanted


LEAVES: dict[str, tuple[dict[str, Any], str]] = {
    "a seal without a SAN": ({"key_usage": usage(seal=True)}, ""),
    "a seal for documents": ({"uses": [x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")]}, ""),
    "a client with a SAN": ({"san": True, "uses": [ExtendedKeyUsageOID.CLIENT_AUTH]}, ""),
    "a key of encryption": ({"key_usage": usage()}, "certificate.usage"),
    "a server": ({"uses": [ExtendedKeyUsageOID.SERVER_AUTH]}, "certificate.usage"),
    "a responder": ({"uses": [ExtendedKeyUsageOID.OCSP_SIGNING]}, "certificate.usage"),
    "a CA": ({"ca": True, "key_usage": usage(sign=True, ca=True)}, "certificate.usage"),
    "something critical": ({"more": [(UNKNOWN, True)]}, "certificate.usage"),
    "something not critical": ({"more": [(UNKNOWN, False)]}, ""),
    "expired": ({"until": NOW}, "certificate.expired"),
    "its last second": ({"until": NOW + timedelta(seconds=1)}, ""),
    "early": ({"since": NOW + timedelta(seconds=1)}, "certificate.expired"),
    "P-224": ({"key": ec.generate_private_key(ec.SECP224R1())}, "certificate.weak"),
    "secp256k1": ({"key": ec.generate_private_key(ec.SECP256K1())}, "certificate.weak"),
    "RSA of 1024 bits": ({"key": rsa_key(1024)}, "certificate.weak"),
    "DSA": ({"key": dsa.generate_private_key(key_size=2048)}, "certificate.weak"),
}


@pytest.mark.parametrize("what", LEAVES)
def test_leaves(what: str, root: pki.Party) -> None:
    changes, wanted = LEAVES[what]
    assert cause(root, root.issue(**changes)) == wanted


def test_a_seal_is_known_by_its_organisation(root: pki.Party) -> None:
    seal = root.issue("Any name", organization="VATIT-01234567890", key_usage=usage(seal=True))
    assert cause(root, seal, subject="VATIT-01234567890", kind="public_anchor") == ""
    assert cause(root, seal, subject="Any name", kind="public_anchor") == "certificate.subject"


def test_a_chain_signed_with_pss() -> None:
    root = pki.root(key=rsa_key())
    leaf = root.issue(padding=padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32), hash_=SHA256())
    assert cause(root, leaf) == ""


PSS_ONLY = b"""\
-----BEGIN CERTIFICATE-----
MIIDaTCCAhygAwIBAgIUBLORuAkQuk9o8yAJ/cplhjaxpGAwQgYJKoZIhvcNAQEK
MDWgDzANBglghkgBZQMEAgEFAKEcMBoGCSqGSIb3DQEBCDANBglghkgBZQMEAgEF
AKIEAgIA3jAPMQ0wCwYDVQQDDARhY21lMCAXDTI2MTEyNTIxMzkyMVoYDzIxMjYx
MTAxMjEzOTIxWjAPMQ0wCwYDVQQDDARhY21lMIIBIDALBgkqhkiG9w0BAQoDggEP
ADCCAQoCggEBAKfsVxX7VDIsRL1ROwbzj01po09rh2OHBRj6D8cz9kRVPHgK1ol1
JgyKk2L/Wr9n+lWGvsktT4bR6mSTiiJi4QnFhrO9VSb3gHECFKHwX1pEmKmOWSQt
LGeM+VZL3i4iup+HsLiIJy90yfN3FNBc4ZXudc72S7LDpez+mjfikFymJ40aM+sD
aygXSiKz8+kDokU30bc/w03wvPUEfc9bVutcp6Xy2fvfE15uGJC1DOlcT4byGyks
eF9iMV6yVvWQsya8NekO7NhmpV1DLd1IXLFdp1uFnHpUkJFdKuPLrI3pVeP54+hZ
TL5ZJWhPhst6YsTMfBsJxne7Zh1iQT1S9XsCAwEAAaNTMFEwHQYDVR0OBBYEFISw
2kwXGPAuh1AlJEXZZ5rFLPSZMB8GA1UdIwQYMBaAFISw2kwXGPAuh1AlJEXZZ5rF
LPSZMA8GA1UdEwEB/wQFMAMBAf8wQgYJKoZIhvcNAQEKMDWgDzANBglghkgBZQME
AgEFAKEcMBoGCSqGSIb3DQEBCDANBglghkgBZQMEAgEFAKIEAgIA3gOCAQEAfbPe
l/XbAaHU94asyO679N+SwmW1U5efwcENQxrtccZYveP4Ka9GDJJWBHl0SWtnvH2A
v9DAwda/1IFr41seUZsTS4ow9S/mIyzU4RdB8wcWNIn5xfkPOKaL/nfxqC0XziXm
g+kjoM4o4d8LR4R1euMIoeRxD/1RY2dSAL2PiHWSRFz0PLRS/jgjMNpzuna4SaEq
XWxlpfGqS4zsbQ7cTPeluqK95FoeOYePJ9p8XNHu/A5TSMc+piy08VTcbfkyIdjh
F5Icf/rbcvdpk+omUrZNklKouwczajEPTEMOzA20A6cP3m7iJyidqVwyFKCcvFmb
EMVi+Ed9dO+GjbMxkQ==
-----END CERTIFICATE-----
"""
"""Made once by openssl, for our library makes none: the key's own OID is RSASSA-PSS (RFC 4055)."""


def test_a_key_that_is_for_pss_alone_verifies_nothing_else() -> None:
    found = presented_key(Presented(x509.load_pem_x509_certificate(PSS_ONLY), ()))
    assert found.algs == ("PS256", "PS384", "PS512")


def test_a_huge_key_among_the_intermediates_is_refused_before_any_path_is_tried(root: pki.Party) -> None:
    number = rsa.RSAPublicNumbers(65537, (1 << 9000) + 1).public_key()
    builder = x509.CertificateBuilder().subject_name(pki.name("Huge")).issuer_name(pki.name("Root"))
    builder = builder.public_key(number).serial_number(1).not_valid_before(NOW).not_valid_after(NOW + DAY)
    huge = builder.sign(root.key, SHA256())
    with pytest.raises(Refusal, match=r"certificate\.weak"):
        presented_key(Presented(root.issue().certificate, (huge,)))


# --- references


def x5t(party: pki.Party) -> str:
    return urlsafe_b64encode(bytes.fromhex(thumbprint(party.certificate))).rstrip(b"=").decode()


def x5c(*parties: pki.Party) -> list[str]:
    return [b64encode(one.certificate.public_bytes(Encoding.DER)).decode() for one in parties]


def reading(
    header: dict[str, Any], *entries: Key, rules: CertificateRules = RULES, shelf: Shelf | None = None
) -> Presented | str:
    try:
        return read(header, vendor(*entries), rules, shelf or Shelf(), NOW)
    except Refusal as refusal:
        return refusal.code


def test_x5t_selects_a_registered_certificate_and_no_other(root: pki.Party) -> None:
    leaf, other = root.issue(), root.issue("other")
    entry = Key("c", "certificate", pem(leaf, root))
    found = reading({"x5t#S256": x5t(leaf)}, entry)
    assert isinstance(found, Presented)
    assert (found.leaf, found.intermediates) == (leaf.certificate, (root.certificate,))
    assert validate(found, vendor(entry), RULES, Shelf(), NOW).key.signer == f"x5t#S256:{thumbprint(leaf.certificate)}"
    assert reading({"x5t#S256": x5t(other)}, entry) == "key.unknown"
    assert reading({"x5t#S256": x5t(root)}, entry) == "key.unknown", "the issuer is no leaf of the vendor"
    assert reading({"x5t#S256": 5}, entry) == "certificate.malformed"
    assert reading({"x5t#S256": x5t(leaf)}, Key("t", "thumbprint", thumbprint(leaf.certificate))) == (
        "key.reference_missing"
    ), "of a thumbprint the hub has no key"
    revoked = Key("c", "certificate", pem(leaf), revoked_at=NOW)
    with pytest.raises(Refusal, match=r"key\.unusable"):
        validate(found, vendor(revoked), RULES, Shelf(), NOW)


def test_what_is_not_configured_is_not_looked_at(root: pki.Party) -> None:
    for header in (
        {"x5u": "https://certs.acme.it/a"},
        {"x5t": "AAAA"},
        {"jwk": {}, "jku": "https://certs.acme.it/a"},
        {"x5t#S256": x5t(root)},
    ):
        assert reading(header) == "key.reference_missing"


def test_the_forms_of_one_header_must_agree(root: pki.Party) -> None:
    leaf, other = root.issue(), root.issue()
    entry = Key("c", "certificate", pem(other))
    assert isinstance(reading({"x5c": x5c(leaf), "x5t#S256": x5t(leaf)}, entry), Presented)
    assert reading({"x5c": x5c(leaf), "x5t#S256": x5t(other)}, entry) == "certificate.malformed"


HOSTS = CertificateRules(x5u_hosts=frozenset({"certs.acme.it", "other.acme.it:8443", "127.0.0.1:9000"}))


@pytest.mark.parametrize(
    "url",
    [
        "http://certs.acme.it/a",
        "https://evil.example/a",
        "https://certs.acme.it.evil.example/a",
        "https://certs.acme.it@evil.example/a",
        "https://user:x@certs.acme.it/a",
        "https://certs.acme.it:444/a",
        "https://other.acme.it/a",
        "https://certs.acme.it\\@evil.example/",
        "https://certs.acme.it/a#b",
        "https://certs.acme.it:x/a",
        "https://[::1",
        "http://127.0.0.1:9001/a",
        "file:///etc/passwd",
        "//certs.acme.it/a",
        "certs.acme.it",
        "",
    ],
)
def test_an_x5u_elsewhere_is_never_wanted(url: str) -> None:
    assert reading({"x5u": url}, rules=HOSTS) == "certificate.host"


@pytest.mark.parametrize(
    "url", [5, None, ["https://certs.acme.it/a"], "https://certs.acme.it/" + "a" * 1000, "è", "a\n"]
)
def test_an_x5u_that_is_no_address(url: Any) -> None:
    assert reading({"x5u": url}, rules=HOSTS) == "certificate.malformed"


@pytest.mark.parametrize(
    "url",
    [
        "https://certs.acme.it/a?b",
        "https://CERTS.acme.it:443/a",
        "https://other.acme.it:8443/",
        "http://127.0.0.1:9000/a",
    ],
)
def test_an_x5u_of_an_allowed_host_is_wanted_and_then_used(url: str, root: pki.Party) -> None:
    leaf, shelf = root.issue(), Shelf()
    with pytest.raises(Wanted) as wanted:
        reading({"x5u": url}, rules=HOSTS, shelf=shelf)
    assert (wanted.value.source, wanted.value.name) == ("x5u", url)
    ders = tuple(one.certificate.public_bytes(Encoding.DER) for one in (leaf, root))
    end = NOW + timedelta(minutes=7)
    shelf.put("x5u", url, Held(ders, NOW.timestamp(), end.timestamp()))
    found = reading({"x5u": url}, rules=HOSTS, shelf=shelf)
    assert isinstance(found, Presented)
    trusted = validate(found, vendor(Key("a", "anchor", pem(root))), HOSTS, shelf, NOW)
    assert trusted.until == end, "no longer than what was fetched"
    assert trusted.consulted[0].name == url
    assert reading({"x5u": url, "x5t#S256": x5t(root)}, rules=HOSTS, shelf=shelf) == "certificate.malformed"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, "certificate.unreachable"),
        ((), "certificate.malformed"),
        ((b"x",), "certificate.malformed"),
        ((b"x",) * (MAX_CERTIFICATES + 1), "certificate.malformed"),
    ],
)
def test_what_x5u_brought_may_be_nothing(value: Any, wanted: str) -> None:
    shelf = Shelf()
    shelf.put("x5u", "https://certs.acme.it/a", Held(value, 0, NOW.timestamp() + 9, "timeout"))
    assert reading({"x5u": "https://certs.acme.it/a"}, rules=HOSTS, shelf=shelf) == wanted


def test_x5u_brings_no_more_certificates_than_x5c_may_hold(root: pki.Party) -> None:
    shelf, many = Shelf(), [root.issue().certificate.public_bytes(Encoding.DER) for _ in range(MAX_CERTIFICATES + 1)]
    shelf.put("x5u", "https://certs.acme.it/a", Held(tuple(many), 0, NOW.timestamp() + 9))
    assert reading({"x5u": "https://certs.acme.it/a"}, rules=HOSTS, shelf=shelf) == "certificate.malformed"


def test_the_presented_key_is_that_of_the_leaf(root: pki.Party) -> None:
    leaf = root.issue(key=ed25519.Ed25519PrivateKey.generate())
    key = presented_key(Presented(leaf.certificate, (root.certificate,)))
    token = jose.sign(jose.segment({"alg": "EdDSA"}), {"a": 1}, leaf.key, "EdDSA")
    jose.verify(jose.parse(token), key)
