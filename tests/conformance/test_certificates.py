"""The kit with certificates of all sorts: seals, x5u, CRL and OCSP, client certificates; against hubs and clients."""

import json
import ssl
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from cryptography.x509 import IPAddress
from cryptography.x509.oid import ExtendedKeyUsageOID

from connectors.base.serving import LoopbackServer
from contracts.addresses import LOOPBACK
from hub.cli.application import run
from hub.conformance.connection import Channel
from hub.conformance.draft import Draft, Party
from hub.conformance.office import Office, Status, Wanted
from hub.conformance.patterns import CASES, called_for
from hub.conformance.report import Report
from hub.conformance.vendor import Kit, Trial
from hub.home import Home
from hub.profile import Profile
from hub.registry import Vendor
from hub.security import certificates, presented, revocation
from hub.security.crl import Crl
from hub.security.keys import certificates_pem, new_authority, new_key, private_pem
from hub.security.sign import SigningKey
from hub.store import directory
from hub.store.directory import NewKey
from hub.trust import trusting
from hub.trust.budget import Budget
from hub.trust.outside import Outside
from hub.trust.resolver import Resolver
from tests.conformance.profiles import NOBODY, failed
from tests.harness import ALL_COLLECTIONS, ENTE, PUBLISH_AUDIENCE, Caller, HubUnderTest, running_hub
from tests.pki import NOW, root
from tests.real.server import free_port
from tests.tls_proxy import proxied

HEADER = "Client-Cert"
CHANNEL = {"channel": "ID_AUTH_CHANNEL_02"}
PROFILES = {
    "closed": {"revocation": "fail-closed", "x5u_hosts": frozenset({"127.0.0.1"})},
    "open": {"revocation": "fail-open"},
    "wired": CHANNEL,
    "strict": CHANNEL | {"revocation": "fail-closed"},
}


@dataclass
class Place:
    """A hub, and a vendor of each profile under one CA; the CA's own place is up."""

    hub: HubUnderTest
    folder: Path
    office: Office

    def party(self, name: str) -> Party:
        profile = profile_of(name)
        office = self.office_of(name, status="good" if profile.revocation != "off" else "")
        channel = Channel(office.issue("es256"), HEADER) if profile.channel == "ID_AUTH_CHANNEL_02" else None
        key, stranger = office.issue("es256"), SigningKey(new_key("es256"))
        return Party(name, PUBLISH_AUDIENCE, key, stranger, profile, office=office, channel=channel)

    def office_of(self, name: str, *, status: Status = "") -> Office:
        """Of that subject, under the same CA; the place answers for what it issues."""
        office = Office(self.office._authority, name, url=self.office.url, status=status)
        office._issued = self.office._issued
        return office

    def report(self, name: str, only: str = "*") -> Report:
        with httpx.Client(timeout=30) as client:
            return Kit(Trial(self.hub.url, self.party(name), NOBODY, only), client).run()

    def options(self, name: str, *more: str) -> list[str]:
        own = [f"--target={self.hub.url}", f"--iss={name}", f"--key={self.folder / 'key.pem'}"]
        return ["conformance", *own, f"--aud={PUBLISH_AUDIENCE}", f"--authority={self.folder}", *more]


def profile_of(name: str) -> Profile:
    return Profile(**PROFILES[name])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("certified")
    authority = new_authority("Conformance test CA", now=datetime.now(UTC))
    (folder / "ca.pem").write_bytes(certificates_pem([authority.certificate]))
    (folder / "ca-key.pem").write_bytes(private_pem(authority.key))
    (folder / "key.pem").write_bytes(private_pem(new_key("es256")))
    office = Office(authority, "vendor")
    published = LoopbackServer(office)
    published.start()
    office.url = published.url

    def prepare(home: Home, _vendor: Caller, _portal: Caller) -> None:
        pem = certificates_pem([authority.certificate]).decode()
        with home.database.write() as tx:
            for name in PROFILES:
                profile = profile_of(name)
                hosts = frozenset({published.url.removeprefix("http://")}) if profile.x5u_hosts else frozenset()
                vendor = Vendor(ENTE, name, name, "x509", True, (), name, collections=ALL_COLLECTIONS)
                keys = [NewKey("anchor", pem)]
                if profile.channel == "ID_AUTH_CHANNEL_02":
                    keys.append(NewKey("channel_anchor", pem))
                directory.add_vendor(tx, replace(vendor, profile=replace(profile, x5u_hosts=hosts)), keys)

    settings = {"client_cert_header": HEADER, "client_cert_proxies": "127.0.0.1"}
    with pytest.MonkeyPatch.context() as patch:
        # The hub reaches the office on this machine, over http; what is refused for its host is so before.
        patch.setattr(trusting, "Outside", lambda **_: Outside(internal_hosts=LOOPBACK, loopback=True))
        # One address may not have much fetched in a minute: several runs in turn are more than one.
        patch.setattr(trusting, "Resolver", partial(Resolver, budget=Budget(each=10_000, all_=10_000)))
        with running_hub(folder / "home", prepare=prepare, refusals_per_minute=100_000, **settings) as hub:
            yield Place(hub, folder, office)
    published.stop()


@pytest.mark.parametrize("name", PROFILES)
def test_our_hub_holds_in_every_case(place, name):
    report = place.report(name)
    assert failed(report) == {}
    tried = {one.name for one in report.results if one.outcome == "passed"}
    wanted = {one.name for one in called_for(profile_of(name)) if one.group in GROUPS}
    assert wanted - tried == ({"channel-by-hand", "channel-by-hand-escaped"} if name in ("wired", "strict") else set())


GROUPS = ("certificates", "revocation", "x5u", "channel")


# Hubs with a fault


def _believes(*_args: Any, **_kwargs: Any) -> None:
    """A check that lets everything pass."""


def _never_revoked(chain: Any, *, until: datetime, **_: Any) -> revocation.Cleared:
    return revocation.Cleared(until, ())


def _instead(other: str, chain: Any, *, mode: str, asks: Any = revocation.check, **more: Any) -> revocation.Cleared:
    return asks(chain, mode="off" if mode == "off" else other, **more)


_open_instead, _closed_instead = partial(_instead, "fail-open"), partial(_instead, "fail-closed")
FAULTS = [
    ("wired", certificates, "_usage", _believes, {"leaf-usage", "leaf-of-a-server"}),
    ("closed", revocation, "check", _never_revoked, {"crl-revoked", "ocsp-revoked", "ocsp-unreachable-crl-revoked"}),
    ("closed", revocation, "check", _open_instead, {"crl-stale-closed", "ocsp-forged-closed", "nowhere-to-ask-closed"}),
    ("open", revocation, "check", _closed_instead, {"crl-garbage-open", "ocsp-stale-open", "nowhere-to-ask-open"}),
    ("open", Crl, "signed_by", lambda *_: True, {"crl-forged-open"}),
    ("closed", presented, "_allowed", lambda *_: True, {"x5u-other-host"}),
]


@pytest.mark.parametrize(("name", "where", "what", "instead", "expected"), FAULTS)
def test_a_hub_with_a_fault_is_found_out(place, monkeypatch, name, where, what, instead, expected):
    monkeypatch.setattr(where, what, instead)
    found: set[str] = set()
    for case in expected:
        found |= failed(place.report(name, case)).keys()
    assert found == expected


def test_a_hub_that_looks_at_no_client_certificate_is_found_out(place, without):
    without("client_certificate")
    missing = ("missing", "other-ca", "other-subject", "expired", "garbage", "missing-on-read")
    assert failed(place.report("wired", "channel/*")).keys() >= {f"channel-{one}" for one in missing}


# Through a TLS proxy


def test_a_stranger_is_called_as_the_vendor_is(place):
    """It once had the last value of the subject alone as its name, and was refused for that and not for its CA."""
    own = root("CA").issue("acme", organization="VATIT-01234567890")
    channel = Channel(SigningKey(own.key, (own.certificate,)), HEADER)
    draft = Draft(replace(place.party("wired"), channel=channel), method="GET", path="/", body=None, now=NOW)
    next(case for case in CASES if case.name == "channel-other-ca").change(draft)
    assert draft.shown.certificates[0].subject == own.certificate.subject


@pytest.fixture
def trusting_ca(place, tmp_path):
    """What a client trusts the proxy by, and how the proxy knows its clients."""
    name = IPAddress(ip_address("127.0.0.1"))
    server = place.office.issue("es256", Wanted("proxy", use=ExtendedKeyUsageOID.SERVER_AUTH, named=name))
    (tmp_path / "server.pem").write_bytes(private_pem(server.private) + certificates_pem(server.certificates))
    inward = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    inward.load_cert_chain(tmp_path / "server.pem")
    inward.load_verify_locations(place.folder / "ca.pem")
    inward.verify_mode = ssl.CERT_OPTIONAL
    return inward, lambda: ssl.create_default_context(cafile=str(place.folder / "ca.pem"))


@pytest.mark.parametrize(("strips", "found"), [(True, set()), (False, {"channel-by-hand"})])
def test_the_proxy_is_tried_with_the_hub_behind_it(place, trusting_ca, strips, found):
    inward, outward = trusting_ca
    party = place.party("wired")
    channel = Channel(party.channel.own, context=outward)
    try:
        with (
            proxied(place.hub.url, inward, strips=strips) as url,
            httpx.Client(timeout=30, verify=outward()) as client,
        ):
            trial = Trial(url, replace(party, channel=channel), NOBODY, "channel/*")
            report = Kit(trial, client).run()
    finally:
        channel.close()
    assert failed(report).keys() == found
    skipped = {one.name for one in report.results if one.outcome == "skipped"}
    assert skipped == {"channel-garbage", "channel-twice"}


# By the command


def test_the_command_makes_certificates_of_all_sorts(place, tmp_path, capsys):
    published = free_port()
    own = [f"--status-listen={published}", f"--status-url=http://127.0.0.1:{published}", "--trust=x509"]
    told = [f"--json={tmp_path / 'report.json'}", f"--junit={tmp_path / 'report.xml'}"]
    assert run(place.options("open", *own, *told, "--profile=revocation=fail-open", "--only=revocation/*")) == 0
    content = json.loads((tmp_path / "report.json").read_text())
    passed = {one["name"] for one in content["cases"] if one["outcome"] == "passed"}
    assert {"crl-revoked", "ocsp-revoked", "ocsp-forged-open"} <= passed
    assert "certificates of all sorts" not in {one["what"] for one in content["not_tested"]}
    assert content["kit"] == f"raccordo {version('raccordo')}"
    assert datetime.fromisoformat(content["at"]) <= datetime.now(UTC)
    junit = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert {one.get("name") for one in junit.iter("testcase")} >= passed
    wired = ("--profile=channel=ID_AUTH_CHANNEL_02", f"--client-cert-header={HEADER}")
    assert run(place.options("wired", *wired, "--only=channel/*")) == 0
    capsys.readouterr()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--status-listen=1",), "--status-listen and --status-url go together"),
        (("--profile=revocation=fail-open",), "revocation: --status-listen and --status-url are needed"),
        (("--client-cert-header=Client-Cert",), "goes with --profile channel=ID_AUTH_CHANNEL_02"),
    ],
)
def test_wrong_usage_is_said_in_one_sentence(place, options, told, capsys):
    assert run(place.options("wired", *options)) == 2
    assert told in capsys.readouterr().err


# A vendor's client, as a hub

CLIENT = """
import sys
from datetime import UTC, datetime
from pathlib import Path
import httpx
from hub.security import jose
from hub.security.sign import SigningKey, sign_request

url, key, chain, shown, x5u = sys.argv[1:]
signing, body = SigningKey.load(Path(key), Path(chain), None), b'{"external_id": "a", "version": 1}'
if x5u:
    signing.__dict__["_jwt"] = jose.segment({"alg": signing.alg, "typ": "JWT", "x5u": x5u})
headers = sign_request(signing, iss="acme", aud=url + "/publish/v1", method="POST", url="", body=body,
                       content_type="application/json", now=datetime.now(UTC))
headers |= {"Client-Cert": shown} if shown else {}
answer = httpx.post(url + "/publish/v1/messages", content=body, headers=headers)
sys.exit(0 if answer.is_success else 1)
"""


@dataclass
class Tried:
    office: Office
    folder: Path

    def outcome(self, wanted: Wanted, *settings: str, shown: str = "", x5u: str = "", more: Sequence[str] = ()) -> str:
        """What the kit says of a client with that certificate; empty where it is content."""
        key = self.office.issue("es256", wanted)
        (self.folder / "leaf.pem").write_bytes(private_pem(key.private))
        (self.folder / "leaf.crt").write_bytes(certificates_pem(key.certificates))
        (self.folder / "client.py").write_text(CLIENT)
        behind = self.office.x5u(key, x5u) if x5u else ""
        command = f"{sys.executable} {self.folder / 'client.py'} {{url}} {self.folder / 'leaf.pem'} "
        command += f"{self.folder / 'leaf.crt'} '{shown}' '{behind}'"
        report = self.folder / "report.json"
        own = [f"--listen={free_port()}", "--iss=acme", f"--anchor={self.folder / 'ca.pem'}", f"--run={command}"]
        told = [f"--json={report}", "--only=accepted", *(f"--profile={one}" for one in settings), *more]
        run(["conformance", *own, *told])
        (case,) = json.loads(report.read_text())["cases"]
        return case["detail"]


@pytest.fixture
def client(place, tmp_path) -> Tried:
    (tmp_path / "ca.pem").write_bytes((place.folder / "ca.pem").read_bytes())
    return Tried(place.office_of("acme"), tmp_path)


def test_a_clients_certificate_is_asked_about_as_a_hub_does(client):
    assert client.outcome(Wanted(ocsp="good"), "revocation=fail-closed") == ""
    assert "certificate.revoked" in client.outcome(Wanted(crl="revoked"), "revocation=fail-closed")
    assert "revocation.unknown" in client.outcome(Wanted(crl="stale"), "revocation=fail-closed")
    assert client.outcome(Wanted(crl="stale"), "revocation=fail-open") == ""


def test_a_clients_x5u_is_read_where_that_is_agreed(client):
    hosts = f"x5u_hosts={client.office.url.removeprefix('http://')}"
    assert client.outcome(Wanted(), hosts, x5u="good") == ""
    assert "certificate.unreachable" in client.outcome(Wanted(), hosts, x5u="unreachable")
    assert "certificate.host" in client.outcome(Wanted(), "x5u_hosts=other.example", x5u="good")


def test_a_clients_own_certificate_comes_through_its_proxy(client):
    channel, anchor = "channel=ID_AUTH_CHANNEL_02", f"--channel-anchor={client.folder / 'ca.pem'}"
    more = (anchor, f"--client-cert-header={HEADER}")
    (_, shown), *_ = Channel(client.office.issue("es256"), HEADER).lines(client.office.issue("es256"))
    assert client.outcome(Wanted(), channel, shown=shown, more=more) == ""
    assert "channel.missing" in client.outcome(Wanted(), channel, more=more)
