"""A vendor's own address: the common promises, and where nothing is ever sent."""

import socket
from pathlib import Path

import httpx
import pytest

from connectors.base.conformance import Walk, advance, make_notice
from connectors.base.http_conformance import HttpConformance, leading_to
from connectors.base.scripted import Received
from connectors.vendor_callback import connect
from connectors.vendor_callback.config import Settings
from contracts.addresses import is_public
from contracts.connector import Connector, Continue, Limits
from contracts.failures import Deferred, Misconfigured, Rejected

ISSUER = "https://hub.comune.example.it/publish/v1"
PUSH = {"correlation_id": "c-1", "content": b"{}"}


class Marked(httpx.Auth):
    """Stands for the hub's signature: says for whom it would sign, and what."""

    requires_request_body = True

    def __init__(self, issuer: str, audience: str) -> None:
        self.claims = f"{issuer} {audience}"

    def auth_flow(self, request):
        request.headers["Agid-JWT-Signature"] = f"{self.claims} {len(request.content)}"
        yield request


def made(limits=None, **settings) -> Connector:
    return connect(Settings.model_validate({"issuer": ISSUER} | settings), limits or Limits(), Marked)


def told(connector, **push):
    """What comes of telling it, once that was announced."""
    return advance(connector, make_notice(push=PUSH | push), {"step": "tell"})


class TestConformance(HttpConformance):
    samples = Path(__file__).parent / "samples"
    sending = 0

    def connect_to(self, url: str, limits: Limits) -> Connector:
        return made(limits, url=f"{url}/answers", private_hosts=["127.0.0.1"])

    def before(self, exchange: int) -> Walk:
        walk = super().before(exchange)
        assert isinstance(walk.step(), Continue)  # what follows is announced
        return walk

    def check_request(self, request: Received) -> None:
        assert request.headers["content-type"] == "application/json"
        assert request.headers["x-correlation-id"] == "01890a5d-ac96-774b-bcce-b302099a8057"
        assert request.headers["agid-jwt-signature"] == f"{ISSUER} {self.server.url}/answers {len(request.body)}"

    def identifier(self, request: Received) -> str:
        return request.headers["x-correlation-id"]


def test_nothing_is_sent_without_a_signer():
    with pytest.raises(Misconfigured):
        connect(Settings(issuer=ISSUER), Limits())


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example.it/",
        "https://vendor.example.it:8443/",
        "http://vendor.example.it/",
        "https://vendor.example.it.evil.example/",
        "https://vendor.example.it@evil.example/",
        "https://evil.example/?https://vendor.example.it/",
        "https://evil.example\\@vendor.example.it/",
        "https://Vendor.example.it/",
    ],
)
def test_an_address_that_is_not_registered_is_never_called(url, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("the name was looked up"))
    result = told(made(hosts=["vendor.example.it"]), url=url)
    assert (type(result), result.reason) == (Rejected, "callback.not_allowed")


@pytest.mark.parametrize(
    ("found", "refused"),
    [
        (["127.0.0.1"], True),
        (["10.0.0.7"], True),
        (["169.254.169.254"], True),
        (["100.64.0.1"], True),
        (["0.0.0.0"], True),
        (["::1"], True),
        (["fd00::1"], True),
        (["fe80::1"], True),
        (["::ffff:10.0.0.7"], True),
        (["64:ff9b::a00:7"], True),
        (["2002:a00:7::1"], True),
        (["224.0.0.1"], True),
        (["192.168.1.1", "10.0.0.1"], True),
        (["93.184.216.34"], False),
        (["10.0.0.7", "93.184.216.34"], False),
    ],
)
def test_a_name_that_leads_into_a_private_network_is_not_connected_to(found, refused, monkeypatch):
    tried = leading_to(found, monkeypatch)
    connector = made(hosts=["vendor.example.it"])
    result = told(connector, url="https://vendor.example.it/x")
    assert type(result) is Deferred
    assert (result.reason == "http.address_refused") == refused
    assert tried == (set() if refused else {"93.184.216.34"})


def test_a_listed_host_may_be_at_a_private_address(monkeypatch):
    tried = leading_to(["10.0.0.7"], monkeypatch)
    connector = made(hosts=["vendor.example.it"], private_hosts=["vendor.example.it"])
    told(connector, url="https://vendor.example.it/x")
    assert tried == {"10.0.0.7"}


def test_plain_http_is_for_listed_loopback_hosts_alone():
    for settings in ({}, {"private_hosts": ["127.0.0.1"]}, {"private_hosts": ["vendor.example.it"]}):
        connector = made(hosts=["vendor.example.it:80", "127.0.0.1:80"], **settings)
        result = told(connector, url="http://vendor.example.it/")
        assert result.reason == "callback.not_allowed"
    assert not Settings(issuer=ISSUER, hosts=("127.0.0.1:80",)).admits("http://127.0.0.1/")
    assert Settings(issuer=ISSUER, hosts=("127.0.0.1:80",), private_hosts=("127.0.0.1",)).admits("http://127.0.0.1/")


def test_a_delivery_that_tells_nothing_is_refused():
    assert advance(made(url="https://vendor.example.it/"), make_notice(), {}).reason == "callback.no_address"
    assert advance(made(hosts=["vendor.example.it"]), make_notice(push=PUSH), {}).reason == "callback.no_address"


def test_the_check_calls_nobody_where_the_settings_will_not_do(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("the name was looked up"))
    for wrong in ({}, {"url": "http://vendor.example.it/"}):
        with pytest.raises(Rejected):
            made(**wrong).check()


@pytest.mark.parametrize("address", ["", "name", "1.2.3", "::ffff:8.8.8.8x"])
def test_what_is_no_address_is_not_public(address):
    assert not is_public(address)


def test_public_addresses_are_public():
    for address in ("8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8"):
        assert is_public(address) == (address != "::ffff:8.8.8.8")
