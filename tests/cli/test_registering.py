"""Vendors, portals, services, and the keys they are known by."""

import json
import stat
from datetime import datetime
from pathlib import Path

import pytest
from cryptography import x509

from contracts.items import COLLECTIONS
from hub.security import jose, jwk
from hub.security.certificates import presented_key
from hub.security.presented import read_x5c
from hub.security.sign import SigningKey

from .conftest import Raccordo

PEOPLE = ("--name", "Acme")


def test_keys_are_the_owners_alone_and_never_overwritten(call: Raccordo, tmp_path: Path) -> None:
    made = call("keys", "new", "--kind", "rs256", "--out", tmp_path / "k", "--subject", "acme", "--ca", "--json")
    assert made.code == 0
    for name in ("key.pem", "ca-key.pem"):
        assert stat.S_IMODE((tmp_path / "k" / name).stat().st_mode) == 0o600
    public = json.loads((tmp_path / "k" / "jwks.json").read_text())["keys"][0]
    assert public["kid"] == made.json["kid"]
    assert "d" not in public
    private = (tmp_path / "k" / "key.pem").read_bytes()
    again = call("keys", "new", "--kind", "rs256", "--out", tmp_path / "k")
    assert again.code == 1
    assert (tmp_path / "k" / "key.pem").read_bytes() == private
    assert "PRIVATE" not in made.out + again.err


def test_a_certificate_needs_a_ca_and_uses_the_one_that_is_there(call: Raccordo, tmp_path: Path) -> None:
    bare = call("keys", "new", "--kind", "es256", "--out", tmp_path / "k", "--subject", "acme")
    assert bare.code == 2
    assert "--ca" in bare.err
    call("keys", "new", "--kind", "es256", "--out", tmp_path / "k", "--subject", "acme", "--ca")
    authority = (tmp_path / "k" / "ca.pem").read_bytes()
    for name in ("key.pem", "jwks.json", "cert.pem"):
        (tmp_path / "k" / name).unlink()
    assert call("keys", "new", "--kind", "es256", "--out", tmp_path / "k", "--subject", "beta", "--ca").code == 0
    assert (tmp_path / "k" / "ca.pem").read_bytes() == authority


@pytest.mark.parametrize("kind", ["rs384", "ps256", "es384", "es512", "eddsa"])
def test_keys_of_every_algorithm_sign_and_verify(call: Raccordo, tmp_path: Path, kind: str) -> None:
    alg = "EdDSA" if kind == "eddsa" else kind.upper()
    assert call("keys", "new", "--kind", kind, "--out", tmp_path, "--subject", "acme", "--ca").code == 0
    (public,) = json.loads((tmp_path / "jwks.json").read_text())["keys"]
    assert public["alg"] == alg
    key = SigningKey.load(tmp_path / "key.pem", tmp_path / "cert.pem", alg)
    token = jose.parse(key.token({"a": 1}))
    jose.verify(token, jwk.jwk_key(json.dumps(public)))
    jose.verify(token, presented_key(read_x5c(token.header)))


def test_signing_with_an_algorithm_of_another_key_is_refused(call: Raccordo, tmp_path: Path) -> None:
    call("keys", "new", "--kind", "es256", "--out", tmp_path)
    answer = call(
        "sign", "--key", tmp_path / "key.pem", "--iss", "a", "--aud", "b", "--alg", "RS256", "--method", "GET"
    )
    assert answer.code == 2
    assert "ES256" in answer.err


@pytest.mark.parametrize("arguments", [("--kind", "hs256", "--out", "k"), ("--kind", "es256"), ("--out", "k")])
def test_keys_new_names_the_wrong_setting(call: Raccordo, arguments: tuple[str, ...]) -> None:
    answer = call("keys", "new", *arguments)
    assert answer.code == 2
    assert "--kind" in answer.err or "--out" in answer.err


def test_a_vendor_is_registered_with_an_anchor(raccordo: Raccordo, keys: Path) -> None:
    assert raccordo("vendor", "add", "acme", *PEOPLE, "--trust", "x509", "--anchor", keys / "ca.pem").code == 0
    [row] = raccordo("vendor", "list", "--json").json
    assert row["vendor_id"] == "acme"
    assert row["collections"] == sorted(COLLECTIONS)
    shown = raccordo("vendor", "show", "acme", "--json").json
    assert shown["subject"] == "acme"
    assert [key["kind"] for key in shown["keys"]] == ["anchor"]
    assert "acme" in raccordo("vendor", "list").out
    assert "Raccordo test CA" in raccordo("vendor", "show", "acme").out


def test_a_vendor_is_registered_with_its_own_certificate(raccordo: Raccordo, keys: Path, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes((keys / "cert.pem").read_bytes() + (keys / "ca.pem").read_bytes())
    done = raccordo("vendor", "add", "acme", *PEOPLE, "--trust", "x509", "--certificate", both)
    assert done.code == 0
    shown = raccordo("vendor", "show", "acme", "--json").json
    assert [key["kind"] for key in shown["keys"]] == ["certificate"]
    for wrong, said in ((keys / "ca.pem", "a CA"), (keys / "jwks.json", "no certificate")):
        refused = raccordo("vendor", "add", "beta", *PEOPLE, "--trust", "x509", "--certificate", wrong)
        assert refused.code == 2
        assert said in refused.err


def test_every_option_of_a_vendor_is_kept(raccordo: Raccordo, keys: Path) -> None:
    raccordo("service", "add", "tari", "--name", "TARI")
    options = ("--alias", "urn:acme:1", "--right", "delivery-detail", "--signature-only", "--quota-per-day", 5)
    some = ("--collections", "messages,payments", "--services", "tari", "--subject", "VATIT-1")
    bad = raccordo("vendor", "add", "acme", *PEOPLE, "--trust", "jwk", "--jwks", keys / "jwks.json", *options, *some)
    assert bad.code == 2  # an alias is a code, without colons
    options = ("--alias", "acme-1", *options[2:])
    done = raccordo("vendor", "add", "acme", *PEOPLE, "--trust", "jwk", "--jwks", keys / "jwks.json", *options, *some)
    assert (done.code, done.err) == (0, "")
    shown = raccordo("vendor", "show", "acme-1", "--json").json
    wanted = {
        "aliases": ["acme-1"],
        "rights": ["delivery-detail"],
        "signature_only": True,
        "quota_per_day": 5,
        "used_today": 0,
        "collections": ["messages", "payments"],
        "services": ["tari"],
        "subject": "VATIT-1",
    }
    assert {name: shown[name] for name in wanted} == wanted


def test_a_service_that_is_not_in_the_catalogue_is_refused_by_name(raccordo: Raccordo, keys: Path) -> None:
    raccordo("service", "add", "tari", "--name", "TARI")
    named = ("--services", "tari,imu")
    made = raccordo("vendor", "add", "a", *PEOPLE, "--trust", "jwk", "--jwks", keys / "jwks.json", *named)
    assert made.code == 2
    assert "--services: not in the catalogue of c_h501: imu (" in made.err
    assert raccordo("vendor", "list", "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--trust", "pdnd"), "client ids at PDND"),
        (("--trust", "x509"), "--anchor"),
        (("--trust", "jwk"), "--jwks"),
        (("--trust", "magic"), "--trust"),
        (("--trust", "jwk", "--jwks", "/none.json"), "--jwks"),
        (("--trust", "x509", "--thumbprint", "abc"), "--thumbprint"),
        (("--trust", "x509", "--jwks", "{keys}/jwks.json"), "--jwks"),
        (("--trust", "jwk", "--anchor", "{keys}/ca.pem"), "--anchor"),
        (("--trust", "x509", "--anchor", "{keys}/cert.pem"), "--anchor"),
        (("--trust", "x509", "--anchor", "{keys}/jwks.json"), "--anchor"),
        (("--trust", "x509", "--anchor", "{keys}/ca.pem", "--public-anchor", "{keys}/ca.pem"), "--public-anchor"),
        (("--trust", "jwk", "--jwks", "{keys}/ca.pem"), "--jwks"),
        (("--trust", "jwk", "--jwks", "{keys}/jwks.json", "--collections", "mesages"), "--collections"),
        (("--trust", "jwk", "--jwks", "{keys}/jwks.json", "--right", "all"), "--right"),
        (("--trust", "jwk", "--jwks", "{keys}/jwks.json", "--quota-per-day", "0"), "--quota-per-day"),
        (("--trust", "jwk", "--jwks", "{keys}/jwks.json", "--alias", "raccordo"), "hub's own name"),
    ],
)
def test_a_wrong_vendor_is_refused_by_the_setting(
    raccordo: Raccordo, keys: Path, arguments: tuple[str, ...], told: str
) -> None:
    answer = raccordo("vendor", "add", "acme", *PEOPLE, *(each.format(keys=keys) for each in arguments))
    assert answer.code == 2
    assert told in answer.err
    assert raccordo("vendor", "list", "--json").json == []


def test_the_hubs_own_name_and_a_taken_one_are_refused(raccordo: Raccordo, keys: Path) -> None:
    trust = ("--trust", "jwk", "--jwks", keys / "jwks.json")
    assert raccordo("vendor", "add", "raccordo", *PEOPLE, *trust).code == 2
    assert raccordo("vendor", "add", "acme", *PEOPLE, *trust).code == 0
    assert raccordo("vendor", "add", "acme", *PEOPLE, *trust).code == 1
    assert raccordo("vendor", "add", "beta", *PEOPLE, *trust, "--alias", "acme").code == 1


def test_a_private_key_is_never_registered(raccordo: Raccordo, tmp_path: Path, keys: Path) -> None:
    entry = json.loads((keys / "jwks.json").read_text())["keys"][0] | {"d": "c2VjcmV0"}
    (tmp_path / "private.json").write_text(json.dumps({"keys": [entry]}))
    answer = raccordo("vendor", "add", "acme", *PEOPLE, "--trust", "jwk", "--jwks", tmp_path / "private.json")
    assert answer.code == 2
    assert "private" in answer.err
    assert "c2VjcmV0" not in answer.err


def test_a_vendor_is_suspended_and_readmitted(raccordo: Raccordo, keys: Path) -> None:
    raccordo("vendor", "add", "acme", *PEOPLE, "--trust", "jwk", "--jwks", keys / "jwks.json")
    assert raccordo("vendor", "suspend", "acme").code == 0
    assert raccordo("vendor", "show", "acme", "--json").json["active"] is False
    assert raccordo("vendor", "readmit", "acme").code == 0
    assert raccordo("vendor", "show", "acme", "--json").json["active"] is True
    for command in ("suspend", "readmit", "show"):
        assert raccordo("vendor", command, "nobody").code == 1


def test_rotation_lets_the_old_key_end_after_the_overlap(raccordo: Raccordo, keys: Path, other_keys: Path) -> None:
    raccordo("vendor", "add", "acme", *PEOPLE, "--trust", "jwk", "--jwks", keys / "jwks.json")
    turned = raccordo("vendor", "rotate", "acme", "--jwks", other_keys / "jwks.json", "--overlap-hours", "2", "--json")
    assert turned.json["added"] == turned.json["ending"] == 1
    old, new = sorted(raccordo("vendor", "show", "acme", "--json").json["keys"], key=lambda k: k["valid_to"] is None)
    assert (old["usable"], new["usable"]) == (True, True)
    assert old["valid_to"] == turned.json["end_at"]
    ended = raccordo("vendor", "rotate", "acme", "--jwks", other_keys / "jwks.json")
    assert ended.code == 1  # nothing new in it
    assert raccordo("vendor", "rotate", "nobody", "--jwks", other_keys / "jwks.json").code == 1
    wrong_kind = raccordo("vendor", "rotate", "acme", "--anchor", keys / "ca.pem")
    assert (wrong_kind.code, "--anchor" in wrong_kind.err) == (2, True)


def test_rotation_without_overlap_ends_the_old_key_at_once(raccordo: Raccordo, keys: Path, other_keys: Path) -> None:
    raccordo("vendor", "add", "acme", *PEOPLE, "--trust", "jwk", "--jwks", keys / "jwks.json")
    assert raccordo("vendor", "rotate", "acme", "--jwks", other_keys / "jwks.json", "--overlap-hours", "0").code == 0
    assert sorted(key["usable"] for key in raccordo("vendor", "show", "acme", "--json").json["keys"]) == [False, True]


def test_a_kid_never_gets_another_key(raccordo: Raccordo, keys: Path, other_keys: Path, tmp_path: Path) -> None:
    raccordo("vendor", "add", "acme", *PEOPLE, "--trust", "jwk", "--jwks", keys / "jwks.json")
    kid = json.loads((keys / "jwks.json").read_text())["keys"][0]["kid"]
    entry = json.loads((other_keys / "jwks.json").read_text())["keys"][0] | {"kid": kid}
    (tmp_path / "same.json").write_text(json.dumps(entry))
    assert raccordo("vendor", "rotate", "acme", "--jwks", tmp_path / "same.json").code == 1


def test_a_portal_signs_its_assertions_with_the_same_keys_or_others(
    raccordo: Raccordo, keys: Path, other_keys: Path
) -> None:
    assert raccordo("portal", "add", "one", "--jwks", keys / "jwks.json").code == 0
    two = ("--assertion-jwks", other_keys / "jwks.json", "--scopes", "feed:read")
    assert raccordo("portal", "add", "two", "--jwks", keys / "jwks.json", *two).code == 0
    rows = raccordo("portal", "list", "--json").json
    assert [row["scopes"] for row in rows] == [["feed:read", "feed:write"], ["feed:read"]]
    assert [(row["keys"], row["assertion_keys"]) for row in rows] == [(1, 1), (1, 1)]
    assert raccordo("portal", "add", "one", "--jwks", keys / "jwks.json").code == 1
    wrong = raccordo("portal", "add", "three", "--jwks", keys / "jwks.json", "--scopes", "feed:all")
    assert (wrong.code, "--scopes" in wrong.err) == (2, True)


def test_the_catalogue_is_kept_and_checked(raccordo: Raccordo) -> None:
    card = ("--card-url", "https://comune.example.it/tari", "--max-response-days", 30, "--min-loa", 2)
    assert raccordo("service", "add", "tari", "--name", "TARI", *card).code == 0
    [row] = raccordo("service", "list", "--json").json
    assert (row["card_url"], row["max_response_days"], row["min_loa"]) == ("https://comune.example.it/tari", 30, 2)
    assert raccordo("service", "add", "tari", "--name", "TARI").code == 1
    for option, value in (("--min-loa", "4"), ("--card-url", "http://x.example.it"), ("--max-response-days", "0")):
        answer = raccordo("service", "add", "imu", "--name", "IMU", option, value)
        assert (answer.code, option in answer.err) == (2, True)


def test_a_certificate_brings_its_end_and_is_current_until_another_follows(
    raccordo: Raccordo, keys: Path, call: Raccordo, tmp_path: Path
) -> None:
    """The alert on keys that end goes by what is registered: it knew nothing of certificates."""
    raccordo("vendor", "add", "acme", *PEOPLE, "--trust", "x509", "--anchor", keys / "ca.pem")
    (key,) = raccordo("vendor", "keys", "acme", "--json").json
    certificate = x509.load_pem_x509_certificate((keys / "ca.pem").read_bytes())
    assert datetime.fromisoformat(key["valid_to"]) == certificate.not_valid_after_utc
    assert key["state"] == "current"
    call("keys", "new", "--kind", "es256", "--out", tmp_path / "next", "--subject", "acme", "--ca")
    assert raccordo("vendor", "rotate", "acme", "--anchor", tmp_path / "next" / "ca.pem").code == 0
    old, new = raccordo("vendor", "keys", "acme", "--json").json
    assert (old["key_id"], old["state"], new["state"]) == (key["key_id"], "retiring", "current")
    assert raccordo("vendor", "revoke", "acme", old["key_id"]).code == 0
    assert raccordo("vendor", "keys", "acme", "--json").json[0]["state"] == "revoked"
