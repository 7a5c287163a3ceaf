"""The options by which a run agrees on patterns: the command against a running hub, and what it says of wrong usage."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hub.cli.application import run
from hub.home import Home
from hub.profile import Profile
from hub.registry import Pdnd, Vendor
from hub.security.keys import new_key, private_pem
from hub.store import directory
from tests.harness import ALL_COLLECTIONS, ENTE, PUBLISH_AUDIENCE, Caller, HubUnderTest, running_hub
from tests.real.server import free_port

CLIENT, PURPOSE = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
API = "33333333-3333-4333-8333-333333333333"
SETTINGS = ("authentication=voucher", f"clients={CLIENT}", f"purposes={PURPOSE}")


@dataclass
class Place:
    hub: HubUnderTest
    folder: Path
    pdnd_port: int

    def options(self, vendor: str, *settings: str) -> list[str]:
        own = [f"--target={self.hub.url}", f"--iss={vendor}", f"--key={self.folder / vendor}.pem"]
        shown = [f"--aud={PUBLISH_AUDIENCE}", f"--receipt-iss={PUBLISH_AUDIENCE}"]
        return ["conformance", *own, *shown, *(f"--profile={one}" for one in settings)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder, port = tmp_path_factory.mktemp("options"), free_port()
    profile = Profile(authentication="voucher", clients=frozenset({CLIENT}), purposes=frozenset({PURPOSE}))

    def prepare(home: Home, _vendor: Caller, portal: Caller) -> None:
        hybrid, named = Caller("hybrid"), Caller("named")
        with home.database.write() as tx:
            jwks_url = f"http://127.0.0.1:{port}/.well-known/jwks.json"
            directory.set_pdnd(tx, ENTE, Pdnd("simulated.interop.pagopa.it", jwks_url, PUBLISH_AUDIENCE))
            for caller, own in ((hybrid, profile), (named, Profile(max_receipts=2))):
                vendor = Vendor(ENTE, caller.name, caller.name, "jwk", True, (), caller.name, profile=own)
                directory.add_vendor(tx, replace(vendor, collections=ALL_COLLECTIONS), [caller.jwk()])
        for caller in (hybrid, named, portal):
            (folder / f"{caller.name}.pem").write_bytes(private_pem(caller.key.private))
        public = new_key("rs256").public_key()
        (folder / "api.pub.pem").write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    with running_hub(folder / "home", prepare=prepare, refusals_per_minute=100_000) as hub:
        yield Place(hub, folder, port)


def test_a_hub_that_trusts_the_simulated_pdnd_is_tried_with_its_vouchers(place, tmp_path, capsys):
    report = tmp_path / "report.json"
    own = [f"--pdnd-listen={place.pdnd_port}", f"--pdnd-reader={API}={place.folder / 'api.pub.pem'}"]
    assert run([*place.options("hybrid", *SETTINGS), *own, "--only=voucher/*", f"--json={report}"]) == 0
    told = capsys.readouterr().out
    assert f"client api {API}: kid " in told
    assert "issuer simulated.interop.pagopa.it" in told
    assert "Non provato, e perché / not tested, and why:" in told
    content = json.loads(report.read_text())
    assert content["passed"] > 25
    assert content["not_tested"][0] == {"what": "the other cases", "why": "--only voucher/*"}


def test_retransmissions_and_ranges_by_the_options(place):
    own = [f"--portal-iss={place.hub.portal.name}", f"--portal-key={place.folder / place.hub.portal.name}.pem"]
    feed = f"--feed-aud={PUBLISH_AUDIENCE.replace('publish', 'feed')}"
    assert run([*place.options("named", "max_receipts=2"), *own, feed, "--only=range-*"]) == 0
    assert run([*place.options("named", "max_receipts=2"), "--only=non-repudiation/*"]) == 0
    # The hub agreed on two receipts, not on three.
    assert run([*place.options("named", "max_receipts=3"), "--only=message-too-often"]) == 1


@pytest.mark.parametrize(
    ("vendor", "settings", "options", "told"),
    [
        ("hybrid", ("dpop=required",), (), "--profile: dpop"),
        ("hybrid", ("authentication=voucher",), (), "client ids at PDND"),
        ("hybrid", ("colour=red",), (), "--profile colour=red"),
        ("hybrid", SETTINGS, (), "--token-url of PDND, or --pdnd-listen"),
        ("hybrid", SETTINGS, ("--token-url=https://auth.example.it/token",), "--pdnd-audience and --kid"),
        (
            "hybrid",
            SETTINGS,
            ("--token-url=https://auth.example.it/token", "--pdnd-audience=a", "--kid=k"),
            "RSA keys alone",
        ),
        ("hybrid", SETTINGS, ("--pdnd-listen=1", "--pdnd-reader=x"), "--pdnd-reader: CLIENT_ID=FILE"),
        ("named", (), ("--pdnd-listen=8790",), "go with --profile authentication=voucher"),
        ("named", (), ("--trust=oauth",), "--trust: one of"),
        ("named", (), ("--callback-url=https://acme.example.it/",), "--callback-listen and --callback-url go together"),
        ("named", (), ("--portal-iss=portale",), "--portal-key and --portal-iss go together"),
        ("named", (), ("--callback-listen=9000", "--callback-url=ftp://x"), "--callback-url"),
        ("named", (), ("--only=proof-*",), "--only: nothing is called proof-*"),
    ],
)
def test_wrong_usage_is_said_in_one_sentence(place, vendor, settings, options, told, capsys):
    assert run([*place.options(vendor, *settings), *options]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--trust=pdnd",), "client ids at PDND"),
        (("--trust=pdnd", *(f"--profile={one}" for one in SETTINGS[1:])), "--pdnd-jwks is needed"),
        ((), "--jwks or --anchor"),
    ],
)
def test_wrong_usage_of_the_listener(options, told, capsys):
    assert run(["conformance", f"--listen={free_port()}", "--iss=acme", *options]) == 2
    assert told in capsys.readouterr().err
