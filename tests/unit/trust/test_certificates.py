"""What is fetched about certificates: bounded, from public addresses alone, and never more than it claims to be."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from connectors.base.serving import LoopbackServer
from contracts.addresses import is_public
from hub.registry import Key, Vendor
from hub.security import ocsp
from hub.security.causes import Refusal
from hub.security.certificates import Trusted, validate
from hub.security.crl import Crl
from hub.security.keys import certificates_pem
from hub.security.material import Held, Shelf, Wanted
from hub.security.presented import CertificateRules, Presented, read
from hub.trust import certificates, outside
from hub.trust.certificates import CertificateFetchers
from hub.trust.outside import MAX_BYTES, Outside, Unreachable
from tests import pki
from tests.pki import DAY, NOW


class Noon:
    """A clock that stands still."""

    def now(self) -> Any:
        return NOW


Serve = Callable[[bytes], Any]


def app(body: bytes, *, status: int = 200, headers: dict[bytes, bytes] | None = None, endless: bool = False) -> Any:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": status, "headers": list((headers or {}).items())})
            for _ in range(64 if endless else 0):
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            await send({"type": "http.response.body", "body": body})

    return answer


@contextmanager
def served(application: Any) -> Iterator[str]:
    server = LoopbackServer(application)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


def anchored(root: pki.Party) -> Vendor:
    key = Key("a", "anchor", certificates_pem([root.certificate]).decode())
    return Vendor("c_h501", "acme", "acme", "x509", True, (key,), "acme")


def fetched(source: Any, name: str, *, loopback: bool = True, **limits: int) -> Held:
    async def fetch() -> Held:
        connections = Outside(loopback=loopback)
        try:
            return await CertificateFetchers(connections, Noon(), **limits).by_source()[source](name)
        finally:
            await connections.aclose()

    return asyncio.run(fetch())


@pytest.fixture(scope="module")
def root() -> pki.Party:
    return pki.root()


def test_the_chain_behind_x5u(root: pki.Party) -> None:
    leaf = root.issue()
    with served(app(certificates_pem([leaf.certificate, root.certificate]))) as url:
        held = fetched("x5u", f"{url}/a.pem")
    assert held.value == tuple(one.certificate.public_bytes(Encoding.DER) for one in (leaf, root))
    assert NOW.timestamp() < held.fresh_until < held.usable_until
    with served(app(leaf.certificate.public_bytes(Encoding.DER))) as url:
        assert fetched("x5u", url).value == (leaf.certificate.public_bytes(Encoding.DER),)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"body": b"<html>"}, "no certificates"),
        ({"body": b""}, "no certificates"),
        ({"body": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}, "no certificates"),
        ({"body": b"x" * (MAX_BYTES + 1)}, "too large"),
        ({"body": b"", "endless": True}, "too large"),
        ({"body": b"", "status": 302, "headers": {b"location": b"http://127.0.0.1/"}}, "status 302"),
        ({"body": b"", "status": 404}, "status 404"),
        ({"body": b"", "headers": {b"content-encoding": b"gzip"}}, "compressed"),
    ],
)
def test_what_is_no_chain_is_held_as_missing(options: dict[str, Any], problem: str) -> None:
    with served(app(**options)) as url:
        held = fetched("x5u", url)
    assert (held.value, held.problem) == (None, problem)
    assert held.usable_until == NOW.timestamp() + 60


def test_too_many_certificates(root: pki.Party) -> None:
    with served(app(certificates_pem([root.certificate] * 6))) as url:
        assert fetched("x5u", url).problem == "too many certificates"


def test_a_crl_is_held_until_its_end(root: pki.Party) -> None:
    crl = root.crl(until=NOW + timedelta(hours=2))
    for encoding in (Encoding.DER, Encoding.PEM):
        with served(app(crl.public_bytes(encoding))) as url:
            held = fetched("crl", url)
        assert held.value.read == crl
        assert (held.fresh_until, held.usable_until) == (NOW.timestamp() + 900, NOW.timestamp() + 7200)


def test_a_crl_of_megabytes_is_read_and_its_issuer_is_looked_at_where_it_is_fetched(root: pki.Party) -> None:
    """CRLs above 1 MB were unread: with `fail-closed` every vendor of such a CA was refused."""
    long = root.crl(more=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(3 * MAX_BYTES)), False)])
    body = long.public_bytes(Encoding.DER)
    leaf = root.issue(crl_url="http://ca.example.it/crl")
    with served(app(body)) as url:
        held = fetched("crl", root.crl_name(url))
        assert (fetched("crl", root.crl_name(url), crl_limit=len(body)).problem) == ""
        assert fetched("crl", root.crl_name(url), crl_limit=len(body) - 1).problem == "too large"
        assert fetched("x5u", url).problem == "too large", "the limit of others stays"
    found: Crl = held.value
    assert len(found._signed) == 1
    shelf = Shelf()
    shelf.put("crl", root.crl_name("http://ca.example.it/crl"), held)
    vendor = anchored(root)
    rules = CertificateRules(revocation="fail-closed")
    assert validate(Presented(leaf.certificate, ()), vendor, rules, shelf, NOW).until <= NOW + DAY
    assert len(found._signed) == 1, "the verdict finds what the fetcher found out"


def test_a_crl_is_read_beside_the_loop_that_fetches(root: pki.Party, monkeypatch: pytest.MonkeyPatch) -> None:
    read, threads = certificates._crl, []
    monkeypatch.setattr(certificates, "_crl", lambda *given: threads.append(threading.current_thread()) or read(*given))
    with served(app(root.crl().public_bytes(Encoding.DER))) as url:
        assert fetched("crl", root.crl_name(url)).value is not None
    assert threads != [threading.current_thread()]
    assert len(threads) == 1


def test_a_crl_of_somebody_else_is_remembered_as_such(root: pki.Party) -> None:
    with served(app(pki.root().crl().public_bytes(Encoding.DER))) as url:
        held = fetched("crl", root.crl_name(url))
    assert held.value.signed_by(root.certificate) is False
    shelf = Shelf()
    leaf = root.issue(crl_url="http://ca.example.it/crl")
    shelf.put("crl", root.crl_name("http://ca.example.it/crl"), held)
    rules = CertificateRules(revocation="fail-closed")
    with pytest.raises(Refusal, match=r"revocation\.unknown"):
        validate(Presented(leaf.certificate, ()), anchored(root), rules, shelf, NOW)


def test_a_crl_that_is_over_or_none(root: pki.Party) -> None:
    for body, problem in ((root.crl(until=NOW).public_bytes(Encoding.DER), "over already"), (b"MII", "no CRL")):
        with served(app(body)) as url:
            assert fetched("crl", url).problem == problem


@pytest.mark.parametrize(
    ("body", "problem"),
    [(b"", "no OCSP answer"), (b"<html>", "no OCSP answer"), (bytes.fromhex("30030a0103"), "status try_later")],
)
def test_an_ocsp_answer_that_is_none(body: bytes, problem: str) -> None:
    with served(app(body)) as url:
        assert fetched("ocsp", f"{url}\n3000").problem == problem


def test_nobody_listens() -> None:
    assert fetched("crl", "http://127.0.0.1:1/").problem == "unreachable"


def test_a_server_that_is_silent_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "TOTAL_S", 0.2)

    async def silent(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await asyncio.sleep(1)

    with served(silent) as url:
        assert fetched("crl", url).problem == "timeout"


# --- where it may go


@pytest.mark.parametrize("url", ["http://certs.acme.it/a", "ftp://certs.acme.it/a", "https://a:b@certs.acme.it/", "x:"])
def test_certificates_come_over_https(url: str) -> None:
    held = fetched("x5u", url, loopback=False)
    assert held.problem in ("not https", "a password in the address", "unreachable")


def test_http_on_loopback_only_where_it_is_allowed() -> None:
    with served(app(b"")) as url:
        assert fetched("x5u", url, loopback=False).problem == "not https"
        assert fetched("crl", url, loopback=False).problem == "unreachable", "private, though http is allowed"
        assert fetched("crl", url).problem == "no CRL"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("192.168.1.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::1", False),
        ("ff02::1", False),
        ("4000::1", False),
        ("2002:808:808::1", False),
        ("64:ff9b::808:808", False),
        ("64:ff9b:1::808:808", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["93.184.216.34", "10.0.0.1"]])
def test_a_name_that_leads_inside_is_not_followed(addresses: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        return addresses

    async def connect(self: Any, host: str, *_: Any, **__: Any) -> Any:
        connected.append(host)
        raise httpcore.ConnectError("no")

    monkeypatch.setattr(outside, "_resolve", resolve)
    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    assert fetched("crl", "http://ca.example.it/crl").problem == "unreachable"
    assert connected == []

    async def listed() -> None:
        connections = Outside(internal_hosts=frozenset({"ca.example.it"}))
        with pytest.raises(Unreachable):
            await connections.get("http://ca.example.it/crl", plain=True)
        await connections.aclose()

    asyncio.run(listed())
    assert connected == addresses


# --- all of it together


@pytest.mark.parametrize("how", ["ocsp", "crl"])
def test_a_leaf_is_refused_once_its_ca_says_so(how: str) -> None:
    root = pki.root()
    responder = pki.Responder(root)
    with served(responder) as url:
        leaf = root.issue(**{f"{how}_url": f"{url}/{how}"})
        responder.certificates[leaf.certificate.serial_number] = leaf
        vendor = anchored(root)
        rules = CertificateRules(revocation="fail-closed")

        def verdict() -> Trusted:
            shelf = Shelf()
            for _ in range(2):
                try:
                    return validate(Presented(leaf.certificate, ()), vendor, rules, shelf, NOW)
                except Wanted as wanted:
                    shelf.put(wanted.source, wanted.name, fetched(wanted.source, wanted.name))
            raise AssertionError("wanted again what was fetched")

        assert verdict().until == NOW + DAY
        root.revoke(leaf)
        with pytest.raises(Refusal, match=r"certificate\.revoked"):
            verdict()
    assert responder.seen == [f"/{how}"] * 2


def test_a_name_of_ocsp_is_the_same_each_time(root: pki.Party) -> None:
    leaf = root.issue()
    assert ocsp.question(leaf.certificate, root.certificate) == ocsp.question(leaf.certificate, root.certificate)


def test_x5u_from_the_header_to_the_verdict(root: pki.Party) -> None:
    leaf, shelf = root.issue(), Shelf()
    with served(app(certificates_pem(leaf.chain))) as url:
        header, vendor = {"x5u": f"{url}/acme.pem"}, Vendor("c_h501", "acme", "", "x509", True, (), "acme")
        rules = CertificateRules(x5u_hosts=frozenset({url.removeprefix("http://")}))
        with pytest.raises(Wanted) as wanted:
            read(header, vendor, rules, shelf, NOW)
        shelf.put("x5u", wanted.value.name, fetched("x5u", wanted.value.name))
    assert read(header, vendor, rules, shelf, NOW).leaf == leaf.certificate
