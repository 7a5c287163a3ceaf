"""Runs the vectors, and shows that each check is needed: switched off, at least one vector changes its verdict."""

import json
from base64 import b64decode
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from hub.errors import HubError
from hub.registry import Ente, Key, Registry, Vendor
from hub.security import checks, jwk, modi
from hub.security.causes import CAUSES, code_of
from hub.security.chains import ChainCache
from hub.security.channel import TrustedProxy
from hub.security.material import Held, PdndKey, Shelf, Wanted
from hub.security.modi import SignedRequest, Verified
from hub.store.profiles import pdnd_of, profile_of

HERE = Path(__file__).parent
FILES: dict[str, dict[str, Any]] = {
    name: json.loads((HERE / name).read_text()) for name in ("publish.json", "patterns.json")
}
VECTORS: dict[str, dict[str, Any]] = {v["name"]: v for file in FILES.values() for v in file["vectors"]}
NOW = datetime.fromisoformat(FILES["publish.json"]["now"])
BAD = [name for name, vector in VECTORS.items() if "status" in vector["expect"]]
GOOD = [name for name in VECTORS if name not in BAD]

Verdict = tuple[object, str]


def _key(raw: dict[str, Any]) -> Key:
    times = {t: datetime.fromisoformat(raw[t]) for t in ("valid_from", "valid_to", "revoked_at") if t in raw}
    return Key(key_id=raw["key_id"], kind=raw["kind"], material=raw["material"], kid=raw.get("kid"), **times)


@lru_cache
def setting() -> dict[str, Any]:
    """Who is known, what was fetched, and the TLS proxy: `registry.json`."""
    raw = json.loads((HERE / "registry.json").read_text())
    enti = tuple(
        Ente(**{"name": "", "public_url": "", "portal_url": "", **ente, "pdnd": pdnd_of(ente.get("pdnd"))})
        for ente in raw["enti"]
    )
    vendors, clients = {}, {}
    for one in raw["vendors"]:
        profile = profile_of(one.get("profile"))
        fields = {**one, "name": "", "keys": tuple(map(_key, one["keys"])), "aliases": frozenset(one["aliases"])}
        vendor = Vendor(**fields | {"profile": profile})
        vendors |= {(vendor.ente_id, name): vendor for name in (vendor.vendor_id, *vendor.aliases)}
        clients |= {(vendor.ente_id, client): vendor for client in profile.clients}
    networks = tuple(map(ip_network, raw["proxy"]["networks"]))
    return {
        "registry": Registry(version=1, enti=enti, vendors=vendors, clients=clients),
        "shelf": shelf(raw["shelf"]),
        "proxy": TrustedProxy(networks, raw["proxy"]["header"], raw["proxy"]["form"]),
    }


def registry() -> Registry:
    known: Registry = setting()["registry"]
    return known


def shelf(raw: dict[str, Any]) -> Shelf:
    """What PDND publishes, fetched a moment ago."""
    found, instant = Shelf(), NOW.timestamp()
    for issuer, keys in raw["pdnd-jwks"].items():
        mapping = {one["kid"]: jwk.jwk_key(one["jwk"]) for one in keys}
        found.put("pdnd-jwks", issuer, Held(mapping, instant + 60, instant + 600))
    for issuer, clients in raw["pdnd-key"].items():
        for kid, one in clients.items():
            value = one and PdndKey(jwk.jwk_key(one["jwk"]), one["client_id"])
            found.put("pdnd-key", f"{issuer}\n{kid}", Held(value, instant + 60, instant + 600, "" if one else "404"))
    return found


def request_of(vector: dict[str, Any]) -> SignedRequest:
    raw = vector["request"]
    headers = tuple((name, value) for name, value in raw["headers"])
    return SignedRequest(raw["method"], raw["target"], headers, b64decode(raw["body_base64"]), raw.get("peer", ""))


def verified_of(vector: dict[str, Any], chains: ChainCache | None = None) -> Verified:
    """Raises the refusal, also that of a sender who is known."""
    found = modi.verify(
        request_of(vector), signed_body=vector["signed_body"], now=NOW, chains=chains or ChainCache(), **setting()
    )
    if found.refusal is not None:
        raise found.refusal
    return found


def verdict(vector: dict[str, Any], chains: ChainCache | None = None) -> Verdict:
    """(vendor, "") where accepted, else (status, cause). Anything but a HubError is a bug and passes through."""
    try:
        verified = verified_of(vector, chains)
    except Wanted:
        return 401, "material.wanted"  # as long as nobody fetches it
    except HubError as error:
        return error.status, code_of(error)
    return verified.vendor.vendor_id, ""


def expected(vector: dict[str, Any]) -> Verdict:
    expect = vector["expect"]
    return (expect["status"], expect["cause"]) if "status" in expect else (expect["vendor"], "")


@pytest.mark.parametrize("name", VECTORS)
def test_vector_has_its_verdict(name: str) -> None:
    assert verdict(VECTORS[name]) == expected(VECTORS[name])


def test_a_warm_cache_changes_no_verdict() -> None:
    chains = ChainCache()
    for _ in range(2):
        for vector in VECTORS.values():
            assert verdict(vector, chains) == expected(vector)


@pytest.mark.parametrize("name", BAD)
def test_bad_vector_has_a_good_base(name: str) -> None:
    assert VECTORS[name]["base"] in GOOD


def test_there_are_enough_vectors() -> None:
    assert len(BAD) >= 190
    assert len(GOOD) >= 50


# Where another check, or the verification itself, would refuse as well, a switched-off check shows in the cause only.
# check_alg: the key is pinned to one algorithm. fresh: exp - iat is capped at the same 300 s. find_signed_headers: with
# nothing found, digest counts as unsigned. distinct_tokens: one token in both headers carries signed_headers in neither
# or in both. proof_algorithm: as check_alg.
DEFENDED_TWICE = {"proof_algorithm", "check_alg", "fresh", "find_signed_headers", "distinct_tokens"}


@pytest.mark.parametrize("off", [check.name for check in modi.CHECKS])
def test_check_switched_off_is_noticed(off: str, without: Callable[..., None]) -> None:
    check = next(one for one in modi.CHECKS if one.name == off)
    without(off)
    if check.finds:
        # What it finds is needed by the rest: without it something breaks, or is accepted.
        with pytest.raises((AttributeError, AssertionError, IndexError)):  # noqa: PT012  (the first one that breaks)
            for name in (*GOOD, *BAD):
                assert verdict(VECTORS[name]) == expected(VECTORS[name])
        return
    accepted = [name for name in BAD if not isinstance(verdict(VECTORS[name])[0], int)]
    renamed = [name for name in BAD if verdict(VECTORS[name]) != expected(VECTORS[name])]
    assert renamed if off in DEFENDED_TWICE else accepted, off


def test_every_cause_of_the_publish_side_has_a_vector() -> None:
    met = {VECTORS[name]["expect"]["cause"] for name in BAD}
    portal = {
        "portal.suspended",
        "ath.mismatch",
        "auth_time.old",
        "auth_time.future",
        "fiscal_number.invalid",
        "organization.invalid",
        "subject.personal",
        "delegation.unsupported",
        "binding.unsupported",
    }
    elsewhere = {"chain.busy", "key.invalid", "key.unavailable", "key.weak"}  # tests/unit, with what is fetched
    elsewhere |= {"certificate.host", "certificate.unreachable", "certificate.revoked", "revocation.unknown"}
    assert set(CAUSES) - met == portal | elsewhere


@pytest.mark.parametrize("name", VECTORS)
def test_explain_agrees_with_verify(name: str) -> None:
    vector = VECTORS[name]
    steps = modi.explain(
        request_of(vector), signed_body=vector["signed_body"], now=NOW, chains=ChainCache(), **setting()
    )
    failed = [step for step in steps if step.outcome == "failed"]
    if name in GOOD:
        profile = registry().vendors["c_h501", vector["expect"]["vendor"]].profile
        assert [step.name for step in steps] == [
            check.name for check in (*checks.checks_of(None), *checks.checks_of(profile))
        ]
        assert not failed
    else:
        assert failed[0].code == vector["expect"]["cause"]
        assert failed[0].detail


@pytest.mark.parametrize("name", GOOD)
def test_a_good_request_uses_up_what_it_should_and_names_its_message(name: str) -> None:
    verified, expect = verified_of(VECTORS[name]), VECTORS[name]["expect"]
    if "consumes" in expect:
        assert [token.header for token in verified.used] == expect["consumes"]
    assert verified.message_id == expect.get("message_id", "")


@pytest.mark.parametrize("name", GOOD)
def test_what_may_be_used_again_is_kept_without_its_signature(name: str) -> None:
    vector = VECTORS[name]
    verified = verified_of(vector)
    kept, once = verified.tokens, {token.header for token in verified.used}
    for header, compact in kept.items():
        reusable = header == "authorization" and header not in once
        assert bool(compact.rpartition(".")[2]) is not reusable


def _refusal_of(vector: dict[str, Any]) -> None:
    verified_of(vector)


@pytest.mark.parametrize("name", BAD)
def test_cause_holds_no_token(name: str) -> None:
    vector = VECTORS[name]
    with pytest.raises((HubError, Wanted)) as caught:
        _refusal_of(vector)
    told = "".join(str(getattr(caught.value, name, "")) for name in ("cause", "detail"))
    for _, value in vector["request"]["headers"]:
        assert not [part for part in value.split(".") if len(part) >= 16 and part in told]
