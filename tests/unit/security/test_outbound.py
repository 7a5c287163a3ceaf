"""Every outbound pattern, as httpx sends it, before the hub's own verifier."""

import asyncio
import json
from dataclasses import replace

import httpx
import pytest

from hub.profile import defaults_of
from hub.registry import Key, Pdnd, Vendor
from hub.security import jose, jwk, keys, modi
from hub.security.causes import code_of
from hub.security.chains import ChainCache
from hub.security.evidence import Evidence
from hub.security.material import Held, PdndKey, Shelf
from hub.security.modi import SignedRequest
from hub.security.outbound import Integrity, ModiAuth, PdndAuth, Signer
from hub.security.sign import SigningKey
from hub.security.vouchers import Voucher, VoucherUnavailable

CLIENT, PURPOSE, ESERVICE, ISSUER = "client-1", "purpose-1", "https://pdnd.example/e", "pdnd.example"
USER = {"userID": "operatore-7", "userLocation": "sportello"}
OTHER = {"userID": "operatore-8", "userLocation": "sportello"}


class Bytes(httpx.BaseTransport):
    """Looks at what goes over the wire, not at what the request says of itself."""

    def __init__(self, *statuses):
        self.sent = []
        self.statuses = list(statuses)

    def handle_request(self, request):
        return self._taken(request, b"".join(request.stream))

    def _taken(self, request, body):
        lines = [(name.decode().lower(), value.decode()) for name, value in request.headers.raw]
        self.sent.append(SignedRequest(request.method, request.url.raw_path.decode(), tuple(lines), body))
        return httpx.Response(self.statuses.pop(0) if self.statuses else 201)

    def header(self, name, at=-1):
        return self.sent[at].only(name)

    def claims(self, name, at=-1):
        return jose.parse(self.header(name, at).rpartition(" ")[2]).claims


class AsyncBytes(Bytes, httpx.AsyncBaseTransport):
    async def handle_async_request(self, request):
        return self._taken(request, b"".join([part async for part in request.stream]))


def post(auth, wire=None, *, method="POST", base="https://hub.comune.example.it", **parts):
    wire = wire or Bytes()
    parts = parts or {"json": {"a": "è"}}
    with httpx.Client(transport=wire, auth=auth) as client:
        answer = client.request(method, f"{base}/publish/v1/messages", **parts)
    return wire, answer


@pytest.fixture
def clock(world):
    return lambda: world.now.timestamp()


def verified(world, wire, registry=None, shelf=None, *, signed_body=True):
    return modi.verify(
        wire.sent[-1],
        signed_body=signed_body,
        registry=registry or world.registry,
        now=world.now,
        chains=ChainCache(),
        shelf=shelf or Shelf(),
    )


def acme(world, clock, **more):
    return Signer(world.signing_key("acme", "rs256", True), "acme", world.publish, clock=clock, **more)


def borea(world, clock, **more):
    return Signer(world.signing_key("borea"), "borea", world.publish, "kid", clock=clock, **more)


def profiled(world, name, **profile):
    vendor = world.vendor(name)
    return world.with_vendor(name, profile=replace(vendor.profile, **profile))


@pytest.mark.parametrize("make", [acme, borea])
def test_id_auth_rest_02_with_integrity_rest_01(world, clock, make):
    signer = make(world, clock)
    wire, _ = post(ModiAuth(signer, integrity=Integrity(signer)))
    assert verified(world, wire).vendor.vendor_id == signer.iss
    assert wire.claims("authorization")["jti"] != wire.claims("agid-jwt-signature")["jti"]


def test_a_certificate_is_named_by_its_thumbprint(world, clock):
    signer = acme(world, clock, reference="x5t#S256")
    certificates = (*signer.key.certificates, world.authority().certificate)
    known = Key("leaf", "certificate", keys.certificates_pem(list(certificates)).decode())
    registry = world.with_vendor("acme", keys=(*world.vendor("acme").keys, known))
    wire, _ = post(ModiAuth(signer, integrity=Integrity(signer)))
    header = jose.parse(wire.header("agid-jwt-signature")).header
    assert header.keys() == {"alg", "typ", "x5t#S256"}
    assert verified(world, wire, registry).vendor.vendor_id == "acme"


def test_id_auth_rest_01_has_no_jti(world, clock):
    signer = borea(world, clock)
    auth = ModiAuth(signer, authentication="ID_AUTH_REST_01", integrity=Integrity(signer))
    wire, _ = post(auth)
    assert "jti" not in wire.claims("authorization")
    assert verified(world, wire, profiled(world, "borea", authentication="ID_AUTH_REST_01"))


def test_a_single_token_is_the_signature_or_the_authorization(world, clock):
    signer = borea(world, clock)
    registry = world.with_vendor("borea", signature_only=True)
    wire, _ = post(ModiAuth(signer, integrity=Integrity(signer), tokens="signature"))
    assert wire.header("authorization") is None
    assert verified(world, wire, registry).vendor.vendor_id == "borea"
    wire, _ = post(ModiAuth(signer, integrity=Integrity(signer), tokens="authorization"))
    assert wire.header("agid-jwt-signature") is None
    assert {"digest": wire.header("digest")} in wire.claims("authorization")["signed_headers"]
    wire, _ = post(ModiAuth(signer, integrity=Integrity(signer), tokens="signature"), method="GET", params={"q": "1"})
    assert wire.header("authorization") is not None


def test_a_read_is_signed_only_where_that_is_agreed(world, clock):
    signer = borea(world, clock)
    wire, _ = post(ModiAuth(signer, integrity=Integrity(signer)), method="GET", params={"q": "1"})
    assert wire.header("agid-jwt-signature") is None
    assert verified(world, wire, signed_body=False)
    wire, _ = post(ModiAuth(signer, integrity=Integrity(signer, bodiless=True)), method="GET", params={"q": "1"})
    assert wire.header("digest") == "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    assert verified(world, wire, signed_body=False)


BODIES = {
    "json": lambda: {"json": {"a": [1, None, "è"]}},
    "bytes": lambda: {"content": b"\x00\xff", "headers": {"Content-Type": "application/octet-stream"}},
    "stream": lambda: {"content": iter([b'{"a":', b"1}"]), "headers": {"Content-Type": "application/json"}},
    "multipart": lambda: {"files": {"a": ("a.txt", b"x" * 100_000)}},
    "encoded": lambda: {"content": b"zip", "headers": {"Content-Type": "text/plain", "Content-Encoding": "gzip"}},
    "empty": lambda: {"content": b"", "headers": {"Content-Type": "application/json"}},
}


@pytest.mark.parametrize("body", BODIES)
def test_what_is_hashed_is_what_is_sent(world, clock, body):
    signer = borea(world, clock)
    wire, _ = post(ModiAuth(signer, integrity=Integrity(signer)), **BODIES[body]())
    assert verified(world, wire)


@pytest.mark.parametrize("statuses", [(201,), (401, 201)])
def test_an_asynchronous_client_uses_vouchers_too(world, clock, statuses):
    issuing, wire = Issuing(world), AsyncBytes(*statuses)

    async def send():
        auth = PdndAuth(issuing, integrity=Integrity(luna(world, clock)), clock=clock)
        async with httpx.AsyncClient(transport=wire, auth=auth) as client:
            return await client.post(f"{world.publish}/messages", json={})

    assert asyncio.run(send()).status_code == 201
    assert issuing.issued == len(wire.sent) == len(statuses)
    assert verified(world, wire, *at_pdnd(world))


def test_an_asynchronous_client_signs_the_same(world, clock):
    signer, wire = borea(world, clock), AsyncBytes()

    async def stream():
        yield b'{"a":'
        yield b"1}"

    async def send():
        async with httpx.AsyncClient(transport=wire, auth=ModiAuth(signer, integrity=Integrity(signer))) as client:
            await client.post(f"{world.publish}/messages", content=stream())

    asyncio.run(send())
    assert wire.sent[0].body == b'{"a":1}'
    assert verified(world, wire)


def test_other_headers_are_signed_where_agreed(world, clock):
    signer = borea(world, clock)
    auth = ModiAuth(signer, integrity=Integrity(signer, also=("message-id",)))
    registry = profiled(world, "borea", max_receipts=3)
    wire, _ = post(auth, json={}, headers={"Message-ID": "m-1"})
    assert verified(world, wire, registry).message_id == "m-1"
    with pytest.raises(ValueError, match="message-id"):
        post(auth)


def test_each_try_is_signed_anew(world, clock):
    signer, wire = borea(world, clock), Bytes()
    with httpx.Client(transport=wire, auth=ModiAuth(signer, integrity=Integrity(signer))) as client:
        request = client.build_request("POST", f"{world.publish}/messages", json={})
        for _ in range(2):
            client.send(request)
            assert verified(world, wire)
    assert wire.claims("agid-jwt-signature", 0)["jti"] != wire.claims("agid-jwt-signature", 1)["jti"]


def test_audit_rest_01_under_direct_trust(world, clock):
    signer = borea(world, clock)
    auth = ModiAuth(signer, integrity=Integrity(signer), evidence=Evidence(signer))
    wire, _ = post(auth.for_user(USER))
    assert verified(world, wire, profiled(world, "borea", audit="AUDIT_REST_01"))
    with pytest.raises(ValueError, match="needs a user"):
        post(auth)


def test_what_is_said_of_a_user_changes_nothing_else(world, clock):
    signer = borea(world, clock)
    tracked = Evidence(signer).of({**USER, "iss": "somebody-else", "exp": 9_999_999_999})
    claims = jose.parse(tracked.compact).claims
    assert (claims["iss"], claims["exp"] < 9_999_999_999) == ("borea", True)


class Issuing:
    """Vouchers of one client, as PDND signs them; each digest has its own."""

    def __init__(self, world, proof_key=None):
        self.world, self.proof_key = world, proof_key
        self.held, self.issued, self.told = {}, 0, []

    def voucher(self, digest=None):
        if digest not in self.held:
            self.held[digest] = self._issue(digest)
        return self.held[digest]

    def refused(self, voucher, digest=None):
        self.told.append(voucher.token)
        if len(self.told) > 1:
            return False
        self.held.pop(digest)
        return True

    def _issue(self, digest):
        self.issued += 1
        key, instant = self.world.signing_key("pdnd", "rs256"), int(self.world.now.timestamp())
        claims = {
            "iss": ISSUER,
            "aud": ESERVICE,
            "sub": CLIENT,
            "client_id": CLIENT,
            "purposeId": PURPOSE,
            "iat": instant - 60,
            "nbf": instant - 60,
            "exp": instant + 540,
            "jti": f"voucher-{self.issued}",
        }
        if digest:
            claims["digest"] = {"alg": "SHA256", "value": digest}
        if self.proof_key:
            claims["cnf"] = {"jkt": self.proof_key.thumbprint}
        protected = jose.segment({"alg": key.alg, "typ": "at+jwt", "kid": "pdnd-1"})
        return Voucher(jose.sign(protected, claims, key.private, key.alg), instant, instant + 540, self.proof_key)


def luna(world, clock):
    return Signer(world.signing_key("luna", "rs256"), CLIENT, ESERVICE, "kid", kid="luna-1", clock=clock)


def at_pdnd(world, **profile):
    """The registry and shelf of an ente that knows the client."""
    settings = {"clients": frozenset({CLIENT}), "purposes": frozenset({PURPOSE}), **profile}
    vendor = Vendor("c_h501", "luna", "luna", "pdnd", True, (), "", profile=replace(defaults_of("pdnd"), **settings))
    ente = replace(world.registry.enti[0], pdnd=Pdnd(ISSUER, "https://x/jwks", ESERVICE))
    shelf, until = Shelf(), world.now.timestamp() + 60
    shelf.put("pdnd-jwks", ISSUER, Held({"pdnd-1": public(world.signing_key("pdnd", "rs256"))}, until, until))
    own = PdndKey(public(world.signing_key("luna", "rs256")), CLIENT)
    shelf.put("pdnd-key", f"{ISSUER}\nluna-1", Held(own, until, until))
    return replace(world.registry, enti=(ente,), clients={("c_h501", CLIENT): vendor}), shelf


def public(key):
    return jwk.jwk_key(json.dumps(key.public_jwk()))


@pytest.mark.parametrize("bound", [False, True])
def test_a_voucher_with_integrity_rest_02(world, clock, bound):
    signer, issuing = luna(world, clock), Issuing(world, SigningKey(keys.new_key("es256")) if bound else None)
    auth = PdndAuth(issuing, integrity=Integrity(signer), clock=clock)
    wire, _ = post(auth, params={"q": "1"}, json={})
    assert verified(world, wire, *at_pdnd(world, dpop="required" if bound else "never"))
    assert jose.parse(wire.header("agid-jwt-signature")).header == {"alg": "RS256", "typ": "JWT", "kid": "luna-1"}
    post(auth, wire, json={})
    assert issuing.issued == 1
    assert wire.header("agid-jwt-signature", 0) != wire.header("agid-jwt-signature", 1)
    if bound:
        assert wire.header("dpop", 0) != wire.header("dpop", 1)
        assert wire.claims("dpop", 0)["htu"] == "https://hub.comune.example.it/publish/v1/messages"


@pytest.mark.parametrize("correlated", [False, True])
def test_tracking_evidence_is_signed_once_for_a_user(world, clock, correlated):
    signer, issuing = luna(world, clock), Issuing(world)
    evidence = Evidence(signer, purpose_id=PURPOSE, correlated=correlated)
    auth = PdndAuth(issuing, integrity=Integrity(signer), evidence=evidence, clock=clock)
    known = at_pdnd(world, audit="AUDIT_REST_02" if correlated else "AUDIT_REST_01")
    wire = Bytes()
    for user in (USER, USER, OTHER):
        post(auth.for_user(user), wire, json={})
        assert verified(world, wire, *known)
    sent = [wire.header("agid-jwt-trackingevidence", at) for at in range(3)]
    assert sent[0] == sent[1] != sent[2]
    assert issuing.issued == (2 if correlated else 1)
    nonce = wire.claims("agid-jwt-trackingevidence").get("dnonce")
    assert (len(str(nonce)) == 13) if correlated else (nonce is None)


def test_evidence_near_its_end_is_made_anew(world):
    now = [world.now.timestamp()]
    evidence = Evidence(luna(world, lambda: now[0]), purpose_id=PURPOSE, correlated=True)
    first = evidence.of(USER)
    now[0] += 479
    assert evidence.of(USER) is first
    now[0] += 2
    assert evidence.of(USER).digest != first.digest


@pytest.mark.parametrize(("statuses", "tries"), [((401, 201), 2), ((401, 401), 2), ((403,), 1), ((201,), 1)])
def test_a_voucher_that_is_refused_is_renewed_once(world, clock, statuses, tries):
    issuing, wire = Issuing(world), Bytes(*statuses)
    _, answer = post(PdndAuth(issuing, integrity=Integrity(luna(world, clock)), clock=clock), wire)
    assert (answer.status_code, len(wire.sent), issuing.issued) == (statuses[-1], tries, tries)
    if tries == 2:
        assert wire.header("agid-jwt-signature", 0) != wire.header("agid-jwt-signature", 1)
        assert wire.sent[0].body == wire.sent[1].body


def test_without_a_voucher_nothing_leaves(world, clock):
    class Nobody:
        def voucher(self, digest=None):
            raise VoucherUnavailable("015-0008")

    wire = Bytes()
    with pytest.raises(httpx.ConnectError, match="015-0008"):
        post(PdndAuth(Nobody(), integrity=Integrity(luna(world, clock))), wire)
    assert wire.sent == []


def test_a_refusal_stands_where_there_is_no_other_voucher(world, clock):
    class Last(Issuing):
        def voucher(self, digest=None):
            if self.issued and not self.held:
                raise VoucherUnavailable("015-0036")
            return super().voucher(digest)

    _, answer = post(PdndAuth(Last(world), integrity=Integrity(luna(world, clock)), clock=clock), Bytes(401))
    assert answer.status_code == 401


def test_a_body_that_was_changed_on_its_way_is_refused(world, clock):
    signer = borea(world, clock)
    wire, _ = post(ModiAuth(signer, integrity=Integrity(signer)))
    wire.sent[-1] = replace(wire.sent[-1], body=b'{"a": "e"}')
    with pytest.raises(Exception) as refused:
        verified(world, wire)
    assert code_of(refused.value) == "digest.mismatch"


def test_a_certificate_that_is_not_there_cannot_be_named(world):
    with pytest.raises(ValueError, match="x5c"):
        Signer(world.signing_key("borea"), "borea", world.publish)
