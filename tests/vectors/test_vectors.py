"""Runs the vectors, and shows that each check is needed: switched off, at least one vector changes its verdict."""

import json
from base64 import b64decode
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from hub.errors import HubError
from hub.registry import Ente, Key, Registry, Vendor
from hub.security import modi
from hub.security.causes import CAUSES, code_of
from hub.security.chains import ChainCache
from hub.security.modi import SignedRequest

HERE = Path(__file__).parent
PUBLISH: dict[str, Any] = json.loads((HERE / "publish.json").read_text())
VECTORS: dict[str, dict[str, Any]] = {vector["name"]: vector for vector in PUBLISH["vectors"]}
NOW = datetime.fromisoformat(PUBLISH["now"])
BAD = [name for name, vector in VECTORS.items() if "status" in vector["expect"]]
GOOD = [name for name in VECTORS if name not in BAD]

Verdict = tuple[object, str]


def _key(raw: dict[str, Any]) -> Key:
    times = {t: datetime.fromisoformat(raw[t]) for t in ("valid_from", "valid_to", "revoked_at") if t in raw}
    return Key(key_id=raw["key_id"], kind=raw["kind"], material=raw["material"], kid=raw.get("kid"), **times)


@lru_cache
def registry() -> Registry:
    raw = json.loads((HERE / "registry.json").read_text())
    enti = tuple(Ente(**{"name": "", "public_url": "", "portal_url": "", **ente}) for ente in raw["enti"])
    vendors = {}
    for one in raw["vendors"]:
        fields = {**one, "name": "", "keys": tuple(map(_key, one["keys"])), "aliases": frozenset(one["aliases"])}
        for name in (one["vendor_id"], *one["aliases"]):
            vendors[one["ente_id"], name] = Vendor(**fields)
    return Registry(version=1, enti=enti, vendors=vendors)


def request_of(vector: dict[str, Any]) -> SignedRequest:
    raw = vector["request"]
    headers = tuple((name, value) for name, value in raw["headers"])
    return SignedRequest(raw["method"], raw["target"], headers, b64decode(raw["body_base64"]))


def verdict(vector: dict[str, Any], chains: ChainCache | None = None) -> Verdict:
    """(vendor, "") where accepted, else (status, cause). Anything but a HubError is a bug and passes through."""
    try:
        verified = modi.verify(
            request_of(vector),
            signed_body=vector["signed_body"],
            registry=registry(),
            now=NOW,
            chains=chains or ChainCache(),
        )
        if verified.refusal is not None:
            raise verified.refusal
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
    assert len(BAD) >= 45
    assert len(GOOD) >= 15


# Where another check, or the verification itself, would refuse as well, a switched-off check shows in the cause only.
# check_alg: the key is pinned to one algorithm. fresh: exp - iat is capped at the same 300 s. find_signed_headers: with
# nothing found, digest counts as unsigned. distinct_tokens: one token in both headers carries signed_headers in neither
# or in both.
DEFENDED_TWICE = {"check_alg", "fresh", "find_signed_headers", "distinct_tokens"}


@pytest.mark.parametrize("off", [check.name for check in modi.CHECKS])
def test_check_switched_off_is_noticed(off: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check = next(one for one in modi.CHECKS if one.name == off)
    monkeypatch.setattr(modi, "CHECKS", tuple(one for one in modi.CHECKS if one.name != off))
    if check.finds:
        # What it finds is needed by the rest: without it nothing works at all.
        with pytest.raises((AttributeError, AssertionError, IndexError)):  # noqa: PT012  (the first one that breaks)
            for name in GOOD:
                assert verdict(VECTORS[name]) == expected(VECTORS[name])
            for name in BAD:
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
    elsewhere = {"chain.busy", "key.invalid", "key.weak"}  # tests/unit/security, with what is fetched
    elsewhere |= {"certificate.host", "certificate.unreachable", "certificate.revoked", "revocation.unknown"}
    assert set(CAUSES) - met == portal | elsewhere


@pytest.mark.parametrize("name", VECTORS)
def test_explain_agrees_with_verify(name: str) -> None:
    vector = VECTORS[name]
    steps = modi.explain(
        request_of(vector), signed_body=vector["signed_body"], registry=registry(), now=NOW, chains=ChainCache()
    )
    assert [step.name for step in steps] == [check.name for check in modi.CHECKS]
    failed = [step for step in steps if step.outcome == "failed"]
    if name in GOOD:
        assert not failed
    else:
        assert failed[0].code == vector["expect"]["cause"]
        assert failed[0].detail


def _refusal_of(vector: dict[str, Any]) -> None:
    verified = modi.verify(
        request_of(vector), signed_body=vector["signed_body"], registry=registry(), now=NOW, chains=ChainCache()
    )
    if verified.refusal is not None:
        raise verified.refusal


@pytest.mark.parametrize("name", BAD)
def test_cause_holds_no_token(name: str) -> None:
    vector = VECTORS[name]
    with pytest.raises(HubError) as caught:
        _refusal_of(vector)
    told = caught.value.cause + caught.value.detail
    for _, value in vector["request"]["headers"]:
        assert not [part for part in value.split(".") if len(part) >= 16 and part in told]
