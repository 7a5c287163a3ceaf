"""What vectors cannot say: keys that come, go and are not to be had; a hub that is told nothing of a proxy."""

import json
from dataclasses import replace

import pytest

from hub.errors import RequestRefused
from hub.profile import defaults_of
from hub.registry import Pdnd, Vendor
from hub.security import jose, jwk, modi
from hub.security.causes import code_of
from hub.security.chains import ChainCache
from hub.security.material import Held, PdndKey, Shelf, Wanted
from hub.security.modi import SignedRequest

CLIENT, PURPOSE, ESERVICE, ISSUER = "client-1", "purpose-1", "https://pdnd.example/e", "pdnd.example"


def registry(world, **profile):
    settings = {"clients": frozenset({CLIENT}), "purposes": frozenset({PURPOSE}), **profile}
    vendor = Vendor("c_h501", "luna", "luna", "pdnd", True, (), "", profile=replace(defaults_of("pdnd"), **settings))
    ente = replace(world.registry.enti[0], pdnd=Pdnd(ISSUER, "https://x/jwks", ESERVICE))
    return replace(world.registry, enti=(ente,), clients={("c_h501", CLIENT): vendor})


def voucher(world, **claims):
    key, instant = world.signing_key("pdnd", "rs256"), int(world.now.timestamp())
    times = {"iat": instant - 60, "nbf": instant - 60, "exp": instant + 540}
    names = {"iss": ISSUER, "aud": ESERVICE, "sub": CLIENT, "client_id": CLIENT, "purposeId": PURPOSE}
    protected = jose.segment({"alg": key.alg, "typ": "at+jwt", "kid": "pdnd-1"})
    return jose.sign(protected, {**names, **times, **claims}, key.private, key.alg)


def request(world, **claims):
    key = world.signing_key("luna")
    headers = world.signed(key, CLIENT, aud=ESERVICE).headers
    changed = [(n, f"Bearer {voucher(world, **claims)}" if n == "authorization" else v) for n, v in headers]
    return SignedRequest("POST", "/publish/v1/messages", tuple(changed), b"{}")


def key_of(world, *name):
    return jwk.jwk_key(json.dumps(world.signing_key(*name).public_jwk()))


def name_of(world):
    return f"{ISSUER}\n{world.signing_key('luna').kid}"


@pytest.fixture
def shelf(world):
    found, instant = Shelf(), world.now.timestamp()
    found.put("pdnd-jwks", ISSUER, Held({"pdnd-1": key_of(world, "pdnd", "rs256")}, instant + 10, instant + 20))
    found.put("pdnd-key", name_of(world), Held(PdndKey(key_of(world, "luna"), CLIENT), instant + 10, instant + 20))
    return found


def verify(world, shelf, **settings):
    told = {"signed_body": True, "registry": registry(world, **settings), "now": world.now}
    return modi.verify(request(world), **told, chains=ChainCache(), shelf=shelf)


def test_a_voucher_and_a_key_of_pdnd_hold(world, shelf):
    verified = verify(world, shelf)
    assert (verified.vendor.vendor_id, verified.signer) == ("luna", f"pdnd:{CLIENT}")


def test_without_pdnds_keys_they_are_wanted_first(world, shelf):
    with pytest.raises(Wanted) as caught:
        verify(world, Shelf())
    assert (caught.value.source, caught.value.name) == ("pdnd-jwks", ISSUER)
    shelf.drop("pdnd-key", name_of(world))
    with pytest.raises(Wanted) as caught:
        verify(world, shelf)
    assert (caught.value.source, caught.value.name) == ("pdnd-key", name_of(world))


def test_nobody_without_a_voucher_has_a_key_looked_up(world, shelf):
    """Else a stranger could have PDND asked for any number of kids."""
    shelf.drop("pdnd-key", name_of(world))
    instant = world.now.timestamp()
    shelf.put("pdnd-jwks", ISSUER, Held({"pdnd-1": key_of(world, "other", "rs256")}, instant + 10, instant + 20))
    with pytest.raises(RequestRefused) as caught:
        verify(world, shelf)
    assert code_of(caught.value) == "signature.invalid"


def test_keys_that_could_not_be_had_are_told_to_the_operator(world, shelf):
    instant = world.now.timestamp()
    shelf.put("pdnd-jwks", ISSUER, Held(None, instant + 10, instant + 20, "timeout"))
    with pytest.raises(RequestRefused) as caught:
        verify(world, shelf)
    assert code_of(caught.value) == "key.unavailable"


@pytest.mark.parametrize(("fresh_s", "raised"), [(10, RequestRefused), (0, Wanted)])
def test_a_key_unknown_to_what_is_no_longer_fresh_is_looked_for(world, shelf, fresh_s, raised):
    """PDND rotates its keys; and a made-up kid must not have them fetched each time."""
    instant = world.now.timestamp()
    shelf.put("pdnd-jwks", ISSUER, Held({"old": key_of(world, "pdnd", "rs256")}, instant + fresh_s, instant + 20))
    with pytest.raises(raised):
        verify(world, shelf)


def test_a_revoked_key_is_gone_when_the_shelf_drops_it(world, shelf):
    verify(world, shelf)
    instant = world.now.timestamp()
    shelf.put("pdnd-key", name_of(world), Held(None, instant + 10, instant + 20, "revoked"))
    with pytest.raises(RequestRefused) as caught:
        verify(world, shelf)
    assert code_of(caught.value) == "key.unknown"


def test_explain_says_what_would_be_fetched_and_goes_no_further(world):
    steps = modi.explain(request(world), signed_body=True, registry=registry(world), now=world.now, chains=ChainCache())
    failed = [step for step in steps if step.outcome == "failed"]
    assert [(step.code, step.detail) for step in failed] == [("material.wanted", f"pdnd-jwks {ISSUER}")]
    assert steps[-1].outcome == "skipped"


def test_without_a_proxy_no_channel_holds(world, shelf):
    with pytest.raises(RequestRefused) as caught:
        verify(world, shelf, channel="ID_AUTH_CHANNEL_02")
    assert code_of(caught.value) == "channel.missing"


def test_before_the_body_is_read_the_signatures_are_checked(world, shelf):
    bare = replace(request(world), body=b"")
    known = registry(world)

    def authenticated(signed):
        told = {"signed_body": True, "registry": known, "now": world.now}
        return modi.authenticate(modi.begin(signed, **told, chains=ChainCache(), shelf=shelf))

    assert authenticated(bare).vendor_id == "luna"
    with pytest.raises(RequestRefused) as refused:
        authenticated(world.forged(bare, request(world), "agid-jwt-signature"))
    assert refused.value.cause.startswith("signature.invalid")
    shelf.drop("pdnd-jwks", ISSUER)
    with pytest.raises(Wanted):
        authenticated(bare)


def test_the_evidence_cannot_be_used_as_a_voucher(world, shelf):
    kept = verify(world, shelf).tokens["authorization"]
    assert kept.endswith(".")
    assert voucher(world).startswith(kept)
