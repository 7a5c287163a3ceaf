"""How a vendor proves who it is, and what the ente registered at PDND, on the command line."""

from pathlib import Path

import pytest

from .conftest import Raccordo

PDND = (
    "--issuer",
    "pdnd.example.it",
    "--jwks-url",
    "https://pdnd.example.it/jwks",
    "--audience",
    "https://e.example/1",
)
VOUCHER = ("--profile", "clients=client-1,client-2", "--profile", "purposes=purpose-1")


@pytest.fixture
def acme(raccordo: Raccordo, keys: Path) -> Raccordo:
    assert raccordo("vendor", "add", "acme", "--name", "A", "--trust", "x509", "--anchor", keys / "ca.pem").code == 0
    return raccordo


def profile(raccordo: Raccordo, vendor: str = "acme") -> dict[str, object]:
    found: dict[str, object] = raccordo("vendor", "show", vendor, "--json").json["profile"]
    return found


def test_a_vendor_has_the_default_profile(acme: Raccordo) -> None:
    shown = profile(acme)
    assert (shown["authentication"], shown["integrity"]) == ("ID_AUTH_REST_02", "INTEGRITY_REST_01")
    assert (shown["max_age"], shown["future"], shown["grace"], shown["lifetime"]) == (300, 5, 0, 300)
    assert "ID_AUTH_REST_02" in acme("vendor", "show", "acme").out


def test_what_is_set_is_shown_and_the_rest_stays(acme: Raccordo) -> None:
    told = acme("vendor", "set", "acme", "max_age=60", "algorithms=ES256,RS256,PS256", "max_receipts=3")
    assert (told.code, told.err) == (0, "")
    assert "algorithms, max_age, max_receipts" in told.out
    acme("vendor", "set", "acme", "future=10")
    shown = profile(acme)
    assert (shown["max_age"], shown["future"], shown["max_receipts"]) == (60, 10, 3)
    assert shown["algorithms"] == ["ES256", "PS256", "RS256"]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("max_age", "NAME=VALUE"),
        ("colour=red", "NAME=VALUE"),
        ("max_age=soon", "from 1 to 3600"),
        ("max_age=3601", "from 1 to 3600"),
        ("grace=-1", "from 0 to 300"),
        ("dpop=sometimes", "never, allowed, required"),
        ("algorithms=HS256", "one of RS256"),
        ("algorithms=", "at least one"),
        ("audit_claims=user id", "name of a claim"),
        ("x5u_hosts=https://acme.example.it", "host:port"),
        ("clients=a/b", "id of PDND"),
        ("message_id=X-Message-ID", "header:<name"),
        ("audit=AUDIT_REST_02", "AUDIT_REST_02 needs authentication=voucher"),
        ("dpop=required", "bound to a voucher"),
        ("authentication=voucher", "client ids at PDND"),
        ("integrity=INTEGRITY_REST_02", "--trust pdnd"),
        ("channel=ID_AUTH_CHANNEL_02", "--channel-anchor"),
        ("jti=if-present", "ID_AUTH_REST_02 is uniqueness"),
    ],
)
def test_a_wrong_setting_is_named_and_changes_nothing(acme: Raccordo, setting: str, told: str) -> None:
    before = profile(acme)
    answer = acme("vendor", "set", "acme", "future=7", setting)
    assert answer.code == 2
    assert setting.partition("=")[0] in answer.err
    assert told in answer.err
    assert profile(acme) == before


def test_a_setting_is_given_once(acme: Raccordo) -> None:
    assert "given twice" in acme("vendor", "set", "acme", "future=7", "future=8").err


def test_a_vendor_at_pdnd(raccordo: Raccordo) -> None:
    bare = raccordo("vendor", "add", "luna", "--name", "L", "--trust", "pdnd")
    assert (bare.code, "clients" in bare.err) == (2, True)
    done = raccordo("vendor", "add", "luna", "--name", "L", "--trust", "pdnd", *VOUCHER, "--profile", "dpop=allowed")
    assert (done.code, done.err) == (0, "")
    shown = profile(raccordo, "luna")
    assert (shown["authentication"], shown["integrity"]) == ("voucher", "INTEGRITY_REST_02")
    assert (shown["clients"], shown["dpop"]) == (["client-1", "client-2"], "allowed")
    other = raccordo("vendor", "add", "mare", "--name", "M", "--trust", "pdnd", *VOUCHER)
    assert (other.code, "client" in other.err) == (1, True)


def test_a_client_is_one_vendors(raccordo: Raccordo) -> None:
    raccordo("vendor", "add", "luna", "--name", "L", "--trust", "pdnd", *VOUCHER)
    own = ("--profile", "clients=client-9", "--profile", "purposes=purpose-1")
    raccordo("vendor", "add", "mare", "--name", "M", "--trust", "pdnd", *own)
    taken = raccordo("vendor", "set", "mare", "clients=client-9,client-2")
    assert (taken.code, "client-2" in taken.err) == (1, True)
    assert profile(raccordo, "mare")["clients"] == ["client-9"]


def test_keys_do_not_go_with_pdnd(raccordo: Raccordo, keys: Path) -> None:
    answer = raccordo("vendor", "add", "luna", "--name", "L", "--trust", "pdnd", *VOUCHER, "--jwks", keys / "jwks.json")
    assert (answer.code, "--jwks does not go with --trust pdnd" in answer.err) == (2, True)


def test_the_channel_has_keys_of_its_own(raccordo: Raccordo, keys: Path) -> None:
    own = ("--jwks", keys / "jwks.json", "--channel-anchor", keys / "ca.pem", "--channel-thumbprint", "ab" * 32)
    done = raccordo(
        "vendor", "add", "rupe", "--name", "R", "--trust", "jwk", *own, "--profile", "channel=ID_AUTH_CHANNEL_02"
    )
    assert (done.code, done.err) == (0, "")
    assert raccordo("vendor", "rotate", "rupe", "--channel-thumbprint", "cd" * 32, "--overlap-hours", 0).code == 0
    usable = {key["kind"]: key["usable"] for key in raccordo("vendor", "show", "rupe", "--json").json["keys"]}
    assert usable == {"jwk": True, "channel_anchor": False, "channel_thumbprint": True}


def test_a_channel_alone_is_no_way_to_sign(raccordo: Raccordo, keys: Path) -> None:
    answer = raccordo("vendor", "add", "r", "--name", "R", "--trust", "jwk", "--channel-anchor", keys / "ca.pem")
    assert (answer.code, "--jwks" in answer.err) == (2, True)


def test_what_the_ente_registered_at_pdnd(raccordo: Raccordo) -> None:
    assert raccordo("ente", "pdnd", "--json").json["pdnd"] is None
    first = raccordo("ente", "pdnd", *PDND, "--descriptor-ids", "d1,d2")
    assert (first.code, first.err) == (0, "")
    assert raccordo("ente", "pdnd", "--producer-id", "p1").code == 0
    shown = raccordo("ente", "pdnd", "--json").json["pdnd"]
    assert (shown["issuer"], shown["descriptor_ids"], shown["producer_id"]) == ("pdnd.example.it", ["d1", "d2"], "p1")
    assert raccordo("ente", "list", "--json").json[0]["pdnd_audience"] == "https://e.example/1"
    assert raccordo("ente", "pdnd", "--remove").code == 0
    assert raccordo("ente", "pdnd", "--json").json["pdnd"] is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--issuer", "x"), "--jwks-url"),
        ((*PDND, "--keys-url", "ftp://x"), "--keys-url"),
        ((*PDND, "--eservice-id", "a b"), "--eservice-id"),
        ((*PDND, "--remove"), "--remove"),
    ],
)
def test_a_wrong_registration_is_named(raccordo: Raccordo, arguments: tuple[str, ...], told: str) -> None:
    answer = raccordo("ente", "pdnd", *arguments)
    assert (answer.code, told in answer.err) == (2, True)


def test_two_enti_share_no_e_service(raccordo: Raccordo) -> None:
    raccordo("ente", "add", "c_f205", "--name", "Altro", "--public-url", "https://altro.example.it")
    assert raccordo("ente", "pdnd", *PDND, "--ente", "c_f205").code == 0
    taken = raccordo("ente", "pdnd", *PDND, "--ente", "c_h501")
    assert (taken.code, "c_f205" in taken.err) == (1, True)
    own = raccordo("ente", "pdnd", *PDND[:4], "--audience", "https://altro.example.it/feed/v1", "--ente", "c_h501")
    assert own.code == 1
