"""The way to PDND where it demands a client certificate: token endpoint, API of keys, and what a bad one leads to."""

import asyncio
import ssl

import pytest

from connectors.base.scripted import Reply, ScriptedServer
from hub.clock import SystemClock
from hub.security.keys import private_pem
from hub.store.pdnd_clients import PdndCredentials
from hub.trust import http
from hub.trust.asking import obtain_now, shown_by
from hub.trust.clients import PdndVouchers, Vouchers
from hub.trust.credentials import UnusableCertificate
from hub.trust.environment import PdndAccess, PdndEnvironment
from hub.trust.http import FetchFailed, Web
from hub.trust.outside import Outside, Unreachable
from hub.trust.pdnd import PdndClient
from tests.mutual_tls import Pki, pem
from tests.pdnd import rsa_key


@pytest.fixture
def pki(tmp_path, monkeypatch):
    """Its authority is the only one that anybody believes."""
    pki = Pki(tmp_path)
    monkeypatch.setattr("certifi.where", lambda: str(pki.authorities))
    http.tls.cache_clear()
    yield pki
    http.tls.cache_clear()


@pytest.fixture
def server(pki):
    with ScriptedServer(pki.demanding()) as server:
        yield server


def credentials(server, **more):
    key = private_pem(rsa_key()).decode()
    addresses = f"{server.url}/token.oauth2", "auth.pdnd.example"
    return PdndCredentials("e", "own", "api", "client-1", "kid-1", *addresses, key_pem=key, **more)


def asked(its):
    """The word for what came of asking for a voucher, and the detail."""
    with pytest.raises(FetchFailed) as caught:
        obtain_now(its, now=SystemClock().now().timestamp())
    return caught.value.problem, caught.value.detail


def test_the_token_endpoint_sees_the_certificate_and_the_next_one_where_it_is_only_named(pki, server, tmp_path):
    server.answering = lambda _: Reply(401, {"error": "invalid_client"})
    assert asked(credentials(server, certificate_pem=pem(pki.client()))) == ("invalid_client", None)
    file = tmp_path / "client.pem"
    its = credentials(server, certificate_reference=f"file:{file}")
    for name in ("first", "second"):
        file.write_text(pem(pki.client(name)))
        assert asked(its) == ("invalid_client", None)
        assert name.encode() in server.shown[-1]


@pytest.mark.parametrize("days", [None, -1])
def test_without_one_or_with_one_that_ended_nothing_is_read(pki, server, days):
    shown = {} if days is None else {"certificate_pem": pem(pki.client(days=days))}
    problem, detail = asked(credentials(server, **shown))
    # Where the server's reset comes before its alert was read, the alert is lost to asyncio.
    assert (problem, detail in ("client_certificate", None)) == ("unreachable", True)
    assert server.received == []


def test_the_alert_of_a_server_is_understood():
    def ended(reason):
        error = ssl.SSLError(1, reason)
        error.reason = reason
        return http._why(error)

    assert ended("TLSV13_ALERT_CERTIFICATE_REQUIRED") == "client_certificate"
    assert ended("TLSV1_ALERT_UNKNOWN_CA") == "client_certificate"
    assert ended("TLSV1_ALERT_PROTOCOL_VERSION") is None


def test_the_api_of_keys_sees_it_too_and_nobody_else_does(pki, server):
    class Held(PdndVouchers):
        async def header_for(self, **_):
            return {"Authorization": "Bearer x"}

    vouchers = Vouchers(dict, None, SystemClock())
    its = credentials(server, certificate_pem=pem(pki.client()))
    held = Held(vouchers._of(its).client)
    environment = PdndEnvironment("pdnd.example", f"{server.url}/jwks", f"{server.url}/v2", api_version="v2")
    server.answering = lambda _: Reply(404)

    async def look():
        web = Web()
        try:
            client = PdndClient(PdndAccess(environment, held), web, SystemClock())
            assert await client.key("kid-1", producer=False) is None
            with pytest.raises(FetchFailed):
                await client.platform_keys()
        finally:
            await web.aclose()

    asyncio.run(look())
    assert [each.path for each in server.received] == ["/v2/keys/kid-1"]


def test_what_a_certificate_leads_to_may_demand_one_of_us(pki, server):
    """The alert came through as an error that nobody expected."""

    async def look():
        outside = Outside(loopback=True)
        try:
            with pytest.raises(Unreachable):
                await outside.get(f"{server.url}/crl")
        finally:
            await outside.aclose()

    asyncio.run(look())


def test_its_end_is_known_and_one_that_cannot_be_read_is_told(pki, server, tmp_path):
    party = pki.client(days=20)
    its = {
        ("e", "good"): credentials(server, certificate_pem=pem(party)),
        ("e", "none"): credentials(server),
        ("e", "lost"): credentials(server, certificate_reference=f"file:{tmp_path}/lost.pem"),
    }
    ends = Vouchers(lambda: its, None, SystemClock()).certificate_ends()
    assert ends == {("e", "good"): party.certificate.not_valid_after_utc}
    with pytest.raises(UnusableCertificate, match="cannot read"):
        shown_by(its["e", "lost"])
