"""A real TLS server that demands a client certificate: what it takes, what it refuses, and what is told before."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa, x25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from connectors import registry
from connectors.base.http import chosen_client, client, send
from connectors.base.scripted import Reply, ScriptedServer
from contracts.connector import Limits
from contracts.failures import Deferred, Misconfigured, Unconfirmed
from contracts.tls import BadCertificate, TlsSettings, client_certificate
from hub.security.keys import certificates_pem, private_pem
from tests.mutual_tls import CLIENT, SERVER, Pki, pem
from tests.pki import root

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def pki(tmp_path):
    return Pki(tmp_path)


def settings(pki, party=None, **more):
    shown = {"client_certificate": pem(party)} if party is not None else {}
    return TlsSettings.model_validate({"server_authorities": pki.authorities.read_text()} | shown | more)


def stranger():
    return root("Another CA").issue("hub", uses=[CLIENT])


def call(server, tls, *, unsafe=True):
    with chosen_client(Limits(), ("127.0.0.1",), tls) as http:
        return send(http, http.build_request("POST", f"{server.url}/x", content=b"{}"), unsafe=unsafe, deadline_s=5)


def outcome(pki, tls, version=ssl.TLSVersion.TLSv1_3, **how):
    """What comes of a call, and whether the server read a request."""
    with ScriptedServer(pki.demanding(version)) as server:
        server.answering = lambda _: Reply(200)
        try:
            found = call(server, tls, **how).status
        except (Misconfigured, Deferred, Unconfirmed) as failure:
            found = (type(failure).__name__, failure.reason, failure.detail)
        return found, len(server.received)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", ["ec", "rsa"])
def test_the_right_certificate_is_taken(pki, version, key):
    own = {"key": rsa.generate_private_key(public_exponent=65537, key_size=2048)} if key == "rsa" else {}
    assert outcome(pki, settings(pki, pki.client(**own)), version) == (200, 1)


def test_the_chain_is_shown(pki):
    middle = pki.client("Middle", ca=True, uses=[])
    own = middle.issue("hub", uses=[CLIENT], until=datetime(2040, 1, 1, tzinfo=UTC))
    assert outcome(pki, settings(pki, own)) == (200, 1)
    alone = certificates_pem([own.certificate]) + private_pem(own.key)
    assert outcome(pki, settings(pki, client_certificate=alone.decode()))[1] == 0


@pytest.mark.parametrize("kind", ["short", "x25519"])
def test_a_certificate_that_tls_cannot_use_is_told_when_it_is_configured(pki, kind):
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    if kind == "short":
        tls = settings(pki, pki.client(key=short))
    else:
        own = x25519.X25519PrivateKey.generate()
        key = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hub")]), datetime.now(UTC)
        built = x509.CertificateBuilder(name, name, own.public_key(), 1, now, now + timedelta(days=9))
        tls = settings(pki, client_certificate=(certificates_pem([built.sign(short, SHA256())]) + key).decode())
    with pytest.raises(Misconfigured) as caught:
        chosen_client(Limits(), (), tls)
    assert caught.value.reason == "http.client_certificate"


def test_the_key_may_stand_apart(pki):
    own = pki.client()
    certificate, key = certificates_pem(own.chain).decode(), private_pem(own.key).decode()
    assert outcome(pki, settings(pki, client_certificate=certificate, client_key=key)) == (200, 1)


@pytest.mark.parametrize("unsafe", [True, False])
@pytest.mark.parametrize(
    ("who", "said"),
    [("nobody", "certificate_required"), ("stranger", "unknown_ca"), ("ended", "certificate_expired")],
)
def test_a_refused_certificate_is_our_fault_and_nothing_was_sent(pki, who, said, unsafe):
    """Under TLS 1.3 the refusal comes after the request has left: it is no unknown outcome all the same."""
    party = {"nobody": None, "stranger": stranger(), "ended": pki.client(days=-1)}[who]
    failure = ("Misconfigured", "http.client_certificate", f"the server says: {said}")
    assert outcome(pki, settings(pki, party), unsafe=unsafe) == (failure, 0)


@pytest.mark.parametrize("who", ["nobody", "stranger", "ended"])
def test_before_tls_1_3_nothing_leaves_either(pki, who):
    party = {"nobody": None, "stranger": stranger(), "ended": pki.client(days=-1)}[who]
    (kind, reason, _), received = outcome(pki, settings(pki, party), ssl.TLSVersion.TLSv1_2)
    wanted = ("Deferred", "http.tls") if who == "nobody" else ("Misconfigured", "http.client_certificate")
    assert ((kind, reason), received) == (wanted, 0)


def test_authorities_of_ones_own_are_the_only_ones(pki, tmp_path):
    (tmp_path / "other").mkdir()
    other = Pki(tmp_path / "other")
    told = ("Deferred", "http.tls", "ConnectError")
    assert outcome(pki, settings(other, pki.client())) == (told, 0)
    assert outcome(pki, TlsSettings(client_certificate=settings(pki, pki.client()).client_certificate)) == (told, 0)


def test_a_client_of_one_provider_shows_it_too(pki):
    with (
        ScriptedServer(pki.demanding()) as server,
        client(server.url, {}, Limits(), settings(pki, pki.client())) as http,
    ):
        server.play(Reply(200))
        assert send(http, http.build_request("GET", "/"), unsafe=False, deadline_s=5).status == 200


def test_what_can_be_known_to_be_wrong_is_told_when_it_is_configured(pki):
    own, other = pki.client(), pki.client()
    above = certificates_pem([pki.root.certificate]).decode()
    certificate, key = certificates_pem([own.certificate]).decode(), private_pem(own.key).decode()
    sealed = own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"p")).decode()
    faults = {
        "the private key is not that of the certificate": (certificate, private_pem(other.key).decode()),
        "no private key in PEM goes with it": (certificate, ""),
        "no certificate in PEM": (key, ""),
        "the private key is encrypted; give it without a password": (certificate, sealed),
        "the certificate of the key must come first, those above it after it": (above + certificate, key),
        "its extended key usage does not allow TLS clients (clientAuth)": (pem(pki.client(uses=[SERVER])), ""),
    }
    for told, (given, apart) in faults.items():
        with pytest.raises(BadCertificate) as caught:
            client_certificate(given, apart)
        assert str(caught.value) == told
        with pytest.raises(Misconfigured) as misconfigured:
            chosen_client(Limits(), (), TlsSettings(client_certificate=given, client_key=apart or None))
        assert misconfigured.value.detail == told
        assert "PRIVATE" not in str(misconfigured.value)
    for wrong in ({"client_key": key}, {"server_authorities": "-----BEGIN"}):
        with pytest.raises(Misconfigured):
            chosen_client(Limits(), (), TlsSettings.model_validate(wrong))


def test_dates_are_told(pki):
    now = datetime.now(UTC)
    for days, since_days, told in ((-1, -2, "it ended on"), (9, 1, "it begins on")):
        with pytest.raises(BadCertificate, match=told):
            client_certificate(pem(pki.client(days=days, since_days=since_days))).check_dates(now)
    client_certificate(pem(pki.client())).check_dates(now)


def test_neither_key_nor_password_is_shown(pki):
    own = pki.client()
    shown = repr(client_certificate(pem(own))) + repr(settings(pki, own))
    assert "PRIVATE" not in shown
    assert "password" not in shown


def test_every_connector_over_https_can_show_one():
    folder = Path(registry.__file__).parent
    calling = {name for name in registry.Types() if "http" in (folder / name / "__init__.py").read_text()}
    assert {"app_io", "mapped", "send", "vendor_callback", "webhook"} <= calling
    types = registry.Types()
    assert [name for name in sorted(calling) if not issubclass(types[name].settings, TlsSettings)] == []
