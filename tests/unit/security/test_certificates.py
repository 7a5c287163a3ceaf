"""Chains and their cache; single points of refusal are in tests/vectors."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from hub.errors import RequestRefused
from hub.registry import Key
from hub.security import certificates, chains, keys, modi, presented, sign
from hub.security.causes import Refusal, code_of
from hub.security.chains import ChainCache


def HELD(_key):
    """The token's signature holds under the presented key."""


def header(world: Any, name: str = "acme", ca: keys.Authority | None = None) -> dict[str, Any]:
    private = keys.new_key("es256")
    leaf = keys.new_leaf(ca or world.authority(), name, private.public_key(), now=world.now)
    return {"x5c": sign.SigningKey(private, (leaf,)).x5c}


def cause(cache: ChainCache, segment: str, found: dict[str, Any], world: Any, **kw: Any) -> str:
    arguments = {"vendor": world.vendor(), "registry": world.registry, "now": world.now} | kw
    with pytest.raises(Refusal) as caught:
        cache.resolve(segment, found, proof=HELD, **arguments)
    return caught.value.code


def count(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls: list[int] = []
    real = certificates.validate

    def counted(*arguments: Any) -> certificates.Trusted:
        calls.append(1)
        return real(*arguments)

    monkeypatch.setattr(chains, "validate", counted)
    return calls


def test_our_own_leaf_passes_an_ordinary_verifier(world: Any) -> None:
    leaf = world.signing_key("acme", certified=True).certificates[0]
    store = Store([world.authority().certificate])
    verifier = PolicyBuilder().store(store).time(world.now).build_client_verifier()
    assert verifier.verify(leaf, []).subjects == [x509.DNSName("acme")]


def test_a_chain_is_validated_once_per_five_minutes(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count(monkeypatch)
    key, cache = world.signing_key("acme", certified=True), ChainCache()
    for seconds in (0, 1, 299, 301):
        now = world.now + timedelta(seconds=seconds)
        request = world.signed(key, "acme", now=now)
        modi.verify(request, signed_body=True, registry=world.registry, now=now, chains=cache)
        assert len(calls) == (1 if seconds < 300 else 2)


def test_nothing_is_remembered_before_a_signature_holds(world: Any) -> None:
    cache = ChainCache()
    request = world.signed(world.signing_key("acme", certified=True), "acme")
    headers = dict(request.headers)
    headers["authorization"] = headers["authorization"].rsplit(".", 1)[0] + "." + "A" * 86
    with pytest.raises(RequestRefused):
        modi.verify(
            world.request(headers, request.body),
            signed_body=True,
            registry=world.registry,
            now=world.now,
            chains=cache,
        )
    assert len(cache) == 0


def test_an_entry_never_outlives_its_certificate_or_its_key(world: Any) -> None:
    found = header(world)
    soon = world.now + timedelta(seconds=30)
    entry = replace(world.vendor().keys[0], valid_to=soon)
    registry = world.with_vendor(keys=(entry,))
    cache, vendor = ChainCache(), registry.vendors["c_h501", "acme"]
    trusted = cache.resolve("p", found, vendor=vendor, registry=registry, now=world.now, proof=HELD)
    assert trusted.until == soon
    assert cause(cache, "p", found, world, vendor=vendor, registry=registry, now=soon) == "key.unusable"


def test_a_change_of_trust_empties_the_place(world: Any) -> None:
    found, cache = header(world), ChainCache()
    cache.resolve("p", found, vendor=world.vendor(), registry=world.registry, now=world.now, proof=HELD)
    registry = world.with_vendor(keys=())
    vendor = registry.vendors["c_h501", "acme"]
    assert cause(cache, "p", found, world, vendor=vendor, registry=registry) == "key.unknown"


def test_endless_new_headers_are_rationed_and_lock_nobody_out(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, good = ChainCache(validations_per_window=5, per_vendor=3), header(world)
    trusted = cache.resolve("good", good, vendor=world.vendor(), registry=world.registry, now=world.now, proof=HELD)
    strange, calls = header(world, ca=keys.new_authority("Other CA", now=world.now)), count(monkeypatch)
    causes = [cause(cache, f"strange-{i}", strange, world) for i in range(20)]
    assert causes == ["chain.invalid"] * 4 + ["chain.busy"] * 16
    assert len(calls) == 4
    # Known: served from memory, and validated again when it has aged, in spite of the spent ration.
    assert (
        cache.resolve("good", good, vendor=world.vendor(), registry=world.registry, now=world.now, proof=HELD)
        is trusted
    )
    late = world.now + timedelta(seconds=400)
    for i in range(20):
        cause(cache, f"late-{i}", strange, world, now=late)
    assert (
        cache.resolve("good", good, vendor=world.vendor(), registry=world.registry, now=late, proof=HELD).key
        == trusted.key
    )


def test_a_vendor_fills_only_its_own_places(world: Any) -> None:
    cache = ChainCache(per_vendor=3)
    found = header(world)
    for i in range(10):
        cache.resolve(str(i), found, vendor=world.vendor(), registry=world.registry, now=world.now, proof=HELD)
    assert len(cache) == 3


def test_an_aged_chain_is_not_validated_for_who_lacks_its_key(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def forged(_key: Any) -> None:
        raise Refusal("signature.invalid")

    found, cache, late = header(world), ChainCache(), world.now + timedelta(seconds=400)
    known = {"vendor": world.vendor(), "registry": world.registry}
    cache.resolve("p", found, **known, now=world.now, proof=HELD)
    calls = count(monkeypatch)
    with pytest.raises(Refusal) as refused:
        cache.resolve("p", found, **known, now=late, proof=forged)
    assert (refused.value.code, len(calls)) == ("signature.invalid", 0)


def test_a_clock_set_back_does_not_prolong_an_entry(world: Any) -> None:
    found, cache = header(world), ChainCache()
    trusted = cache.resolve("p", found, vendor=world.vendor(), registry=world.registry, now=world.now, proof=HELD)
    assert trusted.until - trusted.since <= timedelta(minutes=10)
    assert trusted.until <= world.now + timedelta(minutes=5)


def test_a_second_anchor_is_tried_when_the_first_does_not_vouch(world: Any) -> None:
    other = keys.new_authority("New CA", now=world.now)
    registry = world.with_vendor(keys=(*world.vendor().keys, world.anchor_entry(other)))
    vendor = registry.vendors["c_h501", "acme"]
    found = header(world, ca=other)
    assert ChainCache().resolve("p", found, vendor=vendor, registry=registry, now=world.now, proof=HELD).key.algs == (
        "ES256",
    )


@pytest.mark.parametrize("material", ["", "not PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_a_broken_anchor_is_a_refusal(world: Any, material: str) -> None:
    registry = world.with_vendor(keys=(Key("k", "anchor", material),))
    vendor = registry.vendors["c_h501", "acme"]
    assert cause(ChainCache(), "p", header(world), world, vendor=vendor, registry=registry) == "chain.invalid"


def test_a_thumbprint_pins_a_certificate_of_any_issuer_but_its_dates_count(world: Any) -> None:
    found = header(world, "somebody", keys.new_authority("Foreign CA", now=world.now))
    leaf = presented.read_x5c(found).leaf
    registry = world.with_vendor(keys=(Key("k", "thumbprint", presented.thumbprint(leaf).upper()),))
    vendor = registry.vendors["c_h501", "acme"]
    ChainCache().resolve("p", found, vendor=vendor, registry=registry, now=world.now, proof=HELD)
    late = leaf.not_valid_after_utc
    assert cause(ChainCache(), "p", found, world, vendor=vendor, registry=registry, now=late) == "certificate.expired"


def test_the_busy_ration_answers_like_any_refusal(world: Any) -> None:
    request = world.signed(world.signing_key("acme", certified=True), "acme")
    with pytest.raises(RequestRefused) as caught:
        modi.verify(
            request,
            signed_body=True,
            registry=world.registry,
            now=world.now,
            chains=ChainCache(validations_per_window=0),
        )
    assert code_of(caught.value) == "chain.busy"
