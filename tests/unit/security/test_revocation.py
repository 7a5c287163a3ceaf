"""CRL and OCSP: what proves something, what does not, and that no verdict outlives what it rests on."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA224, SHA256, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID

from hub.registry import Key, Registry, Vendor
from hub.security import revocation
from hub.security.causes import Refusal
from hub.security.certificates import validate
from hub.security.chains import ChainCache
from hub.security.crl import Crl
from hub.security.keys import certificates_pem
from hub.security.material import Held, Shelf, Wanted
from hub.security.presented import CertificateRules, Presented
from hub.security.sign import SigningKey
from hub.security.statements import sound_signature
from tests import pki
from tests.pki import CRL_URL, DAY, NOW, OCSP_URL

FOREVER = NOW.timestamp() + 1e9


@pytest.fixture(scope="module")
def root() -> pki.Party:
    return pki.root()


@pytest.fixture(scope="module")
def issuing(root: pki.Party) -> pki.Party:
    return root.issue("Issuing", ca=True)


@pytest.fixture
def leaf(issuing: pki.Party) -> pki.Party:
    issuing.revoked.clear()
    return issuing.issue(crl_url=CRL_URL, ocsp_url=OCSP_URL)


def told(mode: Any, leaf: pki.Party, *, crl: Any = None, answer: Any = None, now: Any = NOW) -> str:
    """The code of the refusal, "" where none, for a leaf right under the anchor; what is not given cannot be had."""
    shelf = Shelf()
    for _ in range(4):
        try:
            chain = [leaf.certificate, leaf.issuer.certificate]
            revocation.check(chain, mode=mode, shelf=shelf, now=now, until=now + DAY)
        except Wanted as wanted:
            value = (None if crl is None else Crl(crl)) if wanted.source == "crl" else answer
            shelf.put(wanted.source, wanted.name, Held(value, FOREVER, FOREVER, "" if value else "timeout"))
        except Refusal as refusal:
            return refusal.code
        else:
            return ""
    raise AssertionError("asked for more than there is")


def both(leaf: pki.Party, **given: Any) -> tuple[str, str]:
    return told("fail-closed", leaf, **given), told("fail-open", leaf, **given)


REVOKED, NOTHING, CLEAR = ("certificate.revoked",) * 2, ("revocation.unknown", ""), ("", "")


def test_off_asks_nobody(leaf: pki.Party) -> None:
    chain = [leaf.certificate, leaf.issuer.certificate]
    assert revocation.check(chain, mode="off", shelf=Shelf(), now=NOW, until=NOW + DAY).until == NOW + DAY


def test_a_crl_clears_and_refuses(leaf: pki.Party, issuing: pki.Party) -> None:
    assert both(leaf, crl=issuing.crl()) == CLEAR
    issuing.revoke(leaf)
    assert both(leaf, crl=issuing.crl()) == REVOKED


def test_an_ocsp_answer_clears_and_refuses_before_the_crl_is_asked(leaf: pki.Party, issuing: pki.Party) -> None:
    assert both(leaf, answer=issuing.answer(leaf)) == CLEAR
    issuing.revoke(leaf)
    revoked = issuing.answer(leaf)
    issuing.revoked.clear()
    assert both(leaf, answer=revoked, crl=issuing.crl()) == REVOKED


def test_nothing_at_all_is_the_choice_of_the_mode(leaf: pki.Party, issuing: pki.Party) -> None:
    assert both(leaf) == NOTHING
    silent = issuing.issue()
    assert both(silent) == NOTHING


def point(**kw: Any) -> x509.IssuingDistributionPoint:
    fields: dict[str, Any] = dict.fromkeys(
        ("only_contains_user_certs", "only_contains_ca_certs", "indirect_crl", "only_contains_attribute_certs"), False
    )
    fields |= {"full_name": None, "relative_name": None, "only_some_reasons": None}
    return x509.IssuingDistributionPoint(**(fields | kw))


CRLS = {
    "over": {"until": NOW},
    "of tomorrow": {"since": NOW + timedelta(hours=1)},
    "of another's key": {"signer": pki.root("Other")},
    "a delta": {"more": [(x509.DeltaCRLIndicator(1), True)]},
    "a delta that does not insist": {"more": [(x509.DeltaCRLIndicator(1), False)]},
    "with something critical": {
        "more": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)]
    },
    "for CAs": {"more": [(point(only_contains_ca_certs=True), True)]},
    "indirect": {"more": [(point(indirect_crl=True), True)]},
    "of some reasons": {
        "more": [(point(only_some_reasons=frozenset([x509.ReasonFlags.key_compromise])), True)],
    },
    "of another point": {
        "more": [(point(full_name=[x509.UniformResourceIdentifier("http://ca.example.it/2")]), True)],
    },
}


@pytest.mark.parametrize("what", CRLS)
def test_a_crl_that_proves_nothing(what: str, leaf: pki.Party, issuing: pki.Party) -> None:
    assert both(leaf, crl=issuing.crl(**CRLS[what])) == NOTHING
    issuing.revoke(leaf)  # nor does it accuse: else who can write a file could revoke
    assert both(leaf, crl=issuing.crl(**CRLS[what])) == NOTHING


@pytest.mark.parametrize(
    "scope",
    [point(full_name=[x509.UniformResourceIdentifier(CRL_URL)]), point(only_contains_user_certs=True)],
    ids=["its own point", "for users"],
)
def test_a_crl_of_its_own_scope_counts(scope: Any, leaf: pki.Party, issuing: pki.Party) -> None:
    assert both(leaf, crl=issuing.crl(more=[(scope, True)])) == CLEAR


def test_a_crl_signed_with_sha1_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ca = pki.root(key=rsa.generate_private_key(public_exponent=65537, key_size=2048))
    leaf = ca.issue(crl_url=CRL_URL)
    good = ca.crl()
    assert both(leaf, crl=good) == CLEAR
    der = pki.with_sha1(good.public_bytes(Encoding.DER), good.tbs_certlist_bytes, good.signature, ca.key)
    weak = x509.load_der_x509_crl(der)
    assert isinstance(weak.signature_hash_algorithm, SHA1)
    assert both(leaf, crl=weak) == NOTHING
    monkeypatch.setattr("hub.security.crl.sound_signature", lambda *_: True)
    assert both(leaf, crl=weak) == NOTHING, "the library refuses it too"


def test_a_ca_that_may_not_sign_crls() -> None:
    root = pki.root()
    silent = root.issue("Silent", ca=True, key_usage=pki.usage(ca=True, crl=False))
    assert both(silent.issue(crl_url=CRL_URL), crl=silent.crl()) == NOTHING


def test_a_crl_of_another_issuer(leaf: pki.Party, root: pki.Party, issuing: pki.Party) -> None:
    renamed = root.issue("Once called otherwise", ca=True, key=issuing.key)
    for other in (root, renamed):
        assert both(leaf, crl=other.crl()) == NOTHING


def test_which_hashes_are_relied_on() -> None:
    rsa_sha256, ed25519_oid = SignatureAlgorithmOID.RSA_WITH_SHA256, SignatureAlgorithmOID.ED25519
    assert [sound_signature(rsa_sha256, one) for one in (SHA256(), SHA512(), SHA1(), MD5(), SHA224())] == [
        *(True, True),
        *(False, False, False),
    ]
    assert sound_signature(ed25519_oid, None)
    assert not sound_signature(rsa_sha256, None)


ANSWERS = {
    "over": {"until": NOW},
    "without an end": {"until": None},
    "of tomorrow": {"since": NOW + timedelta(hours=1)},
    "unknown": {"status": ocsp.OCSPCertStatus.UNKNOWN},
}


@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer_that_proves_nothing(what: str, leaf: pki.Party, issuing: pki.Party) -> None:
    assert both(leaf, answer=issuing.answer(leaf, **ANSWERS[what])) == NOTHING
    assert both(leaf, answer=issuing.answer(leaf, **ANSWERS[what]), crl=issuing.crl()) == CLEAR


def test_an_answer_about_another_certificate(leaf: pki.Party, issuing: pki.Party, root: pki.Party) -> None:
    other = issuing.issue()
    assert both(leaf, answer=issuing.answer(leaf, about=other.certificate)) == NOTHING
    assert both(leaf, answer=issuing.answer(leaf, issuer=root.certificate)) == NOTHING


def test_an_answer_of_another_ca(leaf: pki.Party) -> None:
    stranger = pki.root("Issuing")
    assert both(leaf, answer=stranger.answer(leaf)) == NOTHING
    assert both(leaf, answer=stranger.answer(leaf, by_name=True)) == NOTHING


@pytest.mark.parametrize(
    "key", [None, ed25519.Ed25519PrivateKey.generate()], ids=["of the same kind", "of another kind"]
)
def test_an_answer_in_the_name_of_the_issuer(key: Any, leaf: pki.Party, issuing: pki.Party) -> None:
    stranger = pki.root("Issuing", key=key)
    assert both(leaf, answer=stranger.answer(leaf, issuer=issuing.certificate, by_name=True)) == NOTHING


def test_a_failure_of_the_responder(leaf: pki.Party) -> None:
    failure = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    assert both(leaf, answer=failure) == NOTHING


@pytest.mark.parametrize("by_name", [True, False])
@pytest.mark.parametrize("key", ["ec", "rsa"])
def test_a_delegated_responder(key: str, by_name: bool, leaf: pki.Party, issuing: pki.Party) -> None:
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048) if key == "rsa" else None
    responder = issuing.responder(key=own)
    assert both(leaf, answer=issuing.answer(leaf, responder=responder, by_name=by_name)) == CLEAR
    issuing.revoke(leaf)
    assert both(leaf, answer=issuing.answer(leaf, responder=responder, by_name=by_name)) == REVOKED


RESPONDERS = {
    "not for OCSP": {"uses": [ExtendedKeyUsageOID.CLIENT_AUTH]},
    "for any use": {"uses": [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]},
    "without a use": {"uses": []},
    "expired": {"until": NOW},
    "of next week": {"since": NOW + 7 * DAY},
    "that may be revoked": {"more": []},
    "with something critical": {
        "more": [
            (x509.OCSPNoCheck(), False),
            (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True),
        ]
    },
}


@pytest.mark.parametrize("what", RESPONDERS)
def test_a_responder_that_is_none(what: str, leaf: pki.Party, issuing: pki.Party) -> None:
    responder = issuing.responder(**RESPONDERS[what])
    assert both(leaf, answer=issuing.answer(leaf, responder=responder)) == NOTHING


def test_a_responder_that_another_ca_certified(leaf: pki.Party, issuing: pki.Party, root: pki.Party) -> None:
    for other in (root, pki.root("Issuing")):
        assert both(leaf, answer=issuing.answer(leaf, responder=other.responder())) == NOTHING


def test_a_responder_of_a_weak_key_or_hash(leaf: pki.Party) -> None:
    ca = pki.root(key=rsa.generate_private_key(public_exponent=65537, key_size=2048))
    leaf = ca.issue(ocsp_url=OCSP_URL)
    small = ca.responder(key=rsa.generate_private_key(public_exponent=65537, key_size=1024))
    assert both(leaf, answer=ca.answer(leaf, responder=small)) == NOTHING
    responder = ca.responder()
    assert both(leaf, answer=ca.answer(leaf, responder=responder)) == CLEAR
    responder.certificate = pki.certificate_with_sha1(responder)
    assert both(leaf, answer=ca.answer(leaf, responder=responder)) == NOTHING
    good = ca.answer(leaf)
    assert both(leaf, answer=good) == CLEAR
    der = pki.with_sha1(good.public_bytes(Encoding.DER), good.tbs_response_bytes, good.signature, ca.key)
    assert both(leaf, answer=ocsp.load_der_ocsp_response(der)) == NOTHING


def test_a_responder_whose_certificate_did_not_come_along(leaf: pki.Party, issuing: pki.Party) -> None:
    answer = issuing.answer(leaf, responder=issuing.responder(), with_certificate=False)
    assert both(leaf, answer=answer) == NOTHING


def test_only_web_addresses_are_asked_and_few_of_them(issuing: pki.Party) -> None:
    names = [x509.UniformResourceIdentifier(u) for u in ("ldap://ca/x", "file:///etc/passwd", "http://a", "http://b")]
    points = [x509.DistributionPoint([one], None, None, None) for one in [*names, *names]]
    points += [x509.DistributionPoint([x509.UniformResourceIdentifier("http://c")], None, None, [names[0]])]
    leaf = issuing.issue(more=[(x509.CRLDistributionPoints(points), False)])
    asked = [url for _, _, url in revocation._questions(leaf.certificate, issuing.certificate)]
    assert asked == ["http://a", "http://b"]


# --- the whole chain, and the cache


def vendor(*entries: Key) -> Vendor:
    return Vendor("c_h501", "acme", "acme", "x509", True, entries, "acme")


def anchored(root: pki.Party) -> Vendor:
    return vendor(Key("a", "anchor", certificates_pem([root.certificate]).decode()))


class Elsewhere:
    """What there is to be fetched, by URL; `wants` are the fetches."""

    def __init__(self, **crls: Any) -> None:
        self.shelf = Shelf()
        self.crls = {f"http://{name}": value for name, value in crls.items()}
        self.wants: list[str] = []

    def fetch(self, wanted: Wanted, usable: float = FOREVER) -> None:
        url = wanted.name.partition("\n")[0]
        self.wants.append(url)
        value = self.crls[url]
        self.shelf.put(wanted.source, wanted.name, Held(None if value is None else Crl(value), usable, usable))

    def run(self, what: Any) -> Any:
        for _ in range(6):
            try:
                return what(self.shelf)
            except Wanted as wanted:
                self.fetch(wanted)
        raise AssertionError("asked for more than there is")


RULES = CertificateRules(revocation="fail-closed")


def test_intermediates_are_asked_for_too_and_the_anchor_is_not(root: pki.Party) -> None:
    root.revoked.clear()
    middle = root.issue("Middle", ca=True, crl_url="http://root")
    leaf = middle.issue(crl_url="http://middle")
    found = Presented(leaf.certificate, (middle.certificate,))

    def check(shelf: Shelf) -> Any:
        return validate(found, anchored(root), RULES, shelf, NOW)

    away = Elsewhere(root=root.crl(until=NOW + timedelta(hours=2)), middle=middle.crl(until=NOW + timedelta(hours=3)))
    trusted = away.run(check)
    assert away.wants == ["http://middle", "http://root"]
    assert trusted.until == NOW + timedelta(hours=2), "not longer than the CRL that ends first"
    assert [one.source for one in trusted.consulted] == ["crl", "crl"]
    assert trusted.chain == (leaf.certificate, middle.certificate, root.certificate)
    root.revoke(middle)
    with pytest.raises(Refusal, match=r"certificate\.revoked"):
        Elsewhere(root=root.crl(), middle=middle.crl()).run(check)


def test_nothing_is_fetched_for_a_chain_that_does_not_hold(root: pki.Party) -> None:
    stranger = pki.root().issue(crl_url="http://evil")
    with pytest.raises(Refusal, match=r"chain\.invalid"):
        validate(Presented(stranger.certificate, ()), anchored(root), RULES, Shelf(), NOW)


def test_a_pinned_leaf_needs_its_issuer_to_be_known(root: pki.Party) -> None:
    root.revoked.clear()
    leaf = root.issue("anything", crl_url="http://root")
    pem = certificates_pem([leaf.certificate]).decode()
    alone, whole = (vendor(Key("c", "certificate", one)) for one in (pem, pem + anchored(root).keys[0].material))
    bare = Presented(leaf.certificate, ())
    with pytest.raises(Refusal, match=r"revocation\.unknown"):
        validate(bare, alone, RULES, Shelf(), NOW)
    validate(bare, alone, CertificateRules(revocation="fail-open"), Shelf(), NOW)
    Elsewhere(root=root.crl()).run(lambda shelf: validate(bare, whole, RULES, shelf, NOW))
    root.revoke(leaf)
    with pytest.raises(Refusal, match=r"certificate\.revoked"):
        Elsewhere(root=root.crl()).run(lambda shelf: validate(bare, whole, RULES, shelf, NOW))
    presented = Presented(leaf.certificate, (pki.root("Other").certificate, root.certificate))
    with pytest.raises(Refusal, match=r"certificate\.revoked"):
        Elsewhere(root=root.crl()).run(lambda shelf: validate(presented, alone, RULES, shelf, NOW))


class Remembering:
    """One cache that is asked about one leaf; the answer is the code of the refusal, or "" and the chain is kept."""

    def __init__(self, root: pki.Party, registry: Registry) -> None:
        self.leaf = root.issue(crl_url="http://root", key=ec.generate_private_key(ec.SECP256R1()))
        self.cache = ChainCache()
        self._vendor, self._registry = anchored(root), registry
        self._header = {"x5c": SigningKey(self.leaf.key, (self.leaf.certificate,)).x5c}

    def __call__(self, shelf: Shelf, now: Any = NOW, mode: Any = "fail-closed") -> str:
        try:
            self.cache.resolve(
                "p",
                self._header,
                vendor=self._vendor,
                registry=self._registry,
                now=now,
                proof=lambda _: None,
                rules=CertificateRules(revocation=mode),
                shelf=shelf,
            )
        except Refusal as refusal:
            return refusal.code
        return ""


@pytest.fixture
def resolve(world: Any, root: pki.Party) -> Remembering:
    root.revoked.clear()
    return Remembering(root, world.registry)


def test_a_revocation_reaches_a_remembered_chain_at_once(resolve: Remembering, root: pki.Party) -> None:
    away = Elsewhere(root=root.crl())
    assert away.run(resolve) == ""
    assert resolve(away.shelf) == ""
    root.revoke(resolve.leaf)
    away.crls["http://root"] = root.crl()
    away.fetch(Wanted("crl", root.crl_name("http://root")))  # as the background refresh does
    assert resolve(away.shelf) == "certificate.revoked"
    assert len(resolve.cache) == 0


def test_a_remembered_chain_does_not_outlive_its_revocation_data(resolve: Remembering, root: pki.Party) -> None:
    away = Elsewhere(root=root.crl(until=NOW + timedelta(seconds=30)))
    assert away.run(resolve) == ""
    later = NOW + timedelta(seconds=30)
    assert resolve(away.shelf, later) == "revocation.unknown"
    assert resolve(away.shelf, later, "fail-open") == ""


def test_what_is_dropped_from_the_shelf_is_wanted_again(resolve: Remembering, root: pki.Party) -> None:
    away = Elsewhere(root=root.crl())
    assert away.run(resolve) == ""
    away.shelf.drop("crl", root.crl_name("http://root"))
    with pytest.raises(Wanted):
        resolve(away.shelf)


def test_a_failure_is_tried_again_once_it_is_over(resolve: Remembering) -> None:
    away = Elsewhere(root=None)
    with pytest.raises(Wanted) as wanted:
        resolve(away.shelf, NOW, "fail-open")
    away.fetch(wanted.value, NOW.timestamp() + 60)
    assert resolve(away.shelf, NOW, "fail-open") == ""
    assert resolve(away.shelf, NOW + timedelta(seconds=59), "fail-open") == ""
    with pytest.raises(Wanted):
        resolve(away.shelf, NOW + timedelta(seconds=60), "fail-open")
