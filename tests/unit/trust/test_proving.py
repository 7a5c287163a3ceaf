"""What proves a connector's calls follows its keys and clients as they change."""

import json
from dataclasses import dataclass, field, replace

import httpx
import jwt
import pytest

from contracts.failures import Deferred, Misconfigured
from contracts.proving import ProofSettings
from hub.clock import SystemClock
from hub.security.keys import new_key
from hub.security.sign import SigningKey, sign_response
from hub.security.token_keys import KeyUri, RsaInToken
from hub.security.vouchers import Voucher, VoucherUnavailable
from hub.store.pdnd_clients import PdndCredentials
from hub.trust.proving import Prover

CLIENT = PdndCredentials(
    "e", "eservice", "consumer", "client-1", "kid-1", "https://auth.example.it/token", "auth.example.it", "purpose-1"
)
CLOCK = SystemClock()


@dataclass
class Holder:
    """A client's vouchers, without PDND."""

    credentials: PdndCredentials
    key: SigningKey = field(default_factory=lambda: SigningKey(new_key("rs256")))
    problem: str = ""

    def signing_key(self):
        return self.key

    def voucher(self, digest=None):
        if self.problem:
            raise VoucherUnavailable(self.problem)
        return Voucher(f"voucher-of-{self.credentials.client_id}", float("inf"), float("inf"))

    def refused(self, voucher, digest=None):
        return False


class Clients(dict):
    def of(self, ente_id, name):
        return self[ente_id, name]


def prover(clients=(), keys=None):
    mine = keys or [SigningKey(new_key("es256"))]
    return Prover(lambda: mine[-1], lambda: Clients(clients), lambda ente_id: f"iss-of-{ente_id}", CLOCK)


def made(prover, **settings):
    return prover("e", ProofSettings.model_validate(settings))


def signed(proof, body=b"{}", **headers):
    request = httpx.Request("POST", "https://g.example.it/x", content=body, headers=headers)
    return next(proof.auth.sync_auth_flow(request))


PDND = {"proof": "pdnd", "proof_client": "eservice", "proof_audience": "aud"}
MODI = {"proof": "modi", "proof_audience": "aud"}


def kid_of(request, name="Agid-JWT-Signature"):
    return jwt.get_unverified_header(request.headers[name])["kid"]


def test_no_proof_is_none():
    assert made(prover()) is None


def test_a_key_that_followed_signs_from_then_on():
    keys = [SigningKey(new_key("es256"))]
    proof = made(prover(keys=keys), **MODI)
    assert kid_of(signed(proof)) == keys[0].kid
    keys.append(SigningKey(new_key("es256")))
    request = signed(proof)
    assert kid_of(request) == keys[1].kid
    token = jwt.decode(request.headers["Agid-JWT-Signature"], options={"verify_signature": False})
    assert (token["iss"], token["aud"]) == ("iss-of-e", "aud")


def test_a_client_that_was_registered_anew_proves_from_then_on():
    clients = {("e", "eservice"): Holder(CLIENT)}
    proof = Prover(lambda: None, lambda: Clients(clients), str, CLOCK)("e", ProofSettings.model_validate(PDND))
    first = signed(proof)
    assert (kid_of(first), first.headers["Authorization"]) == ("kid-1", "Bearer voucher-of-client-1")
    clients["e", "eservice"] = Holder(replace(CLIENT, client_id="client-2", kid="kid-2"))
    second = signed(proof)
    assert (kid_of(second), second.headers["Authorization"]) == ("kid-2", "Bearer voucher-of-client-2")
    clients.clear()
    with pytest.raises(Misconfigured, match="client_unknown"):
        signed(proof)


def test_without_a_voucher_nothing_leaves_and_the_reason_is_told():
    proof = made(prover({("e", "eservice"): Holder(CLIENT, problem="015-0008")}), **PDND)
    with pytest.raises(Deferred, match=r"pdnd\.no_voucher: 015-0008"):
        signed(proof)


@pytest.mark.parametrize("proof", [MODI, PDND])
def test_a_token_that_does_not_answer_puts_the_call_off(proof, monkeypatch):
    """Not a bug of the connector, which would park what was to be delivered."""
    monkeypatch.setenv("RACCORDO_PKCS11_MODULE", "")
    away = RsaInToken(KeyUri.parse("pkcs11:token=t;object=o"), new_key("rs256").public_key())
    key = SigningKey(away)
    made_of = prover({("e", "eservice"): Holder(CLIENT, key=key)}, keys=[key])
    with pytest.raises(Deferred, match=r"proof\.token"):
        signed(made(made_of, **proof))


def test_a_client_of_another_ente_is_not_there():
    with pytest.raises(Misconfigured, match="client_unknown"):
        made(prover({("other", "eservice"): Holder(CLIENT)}), **PDND)


@pytest.mark.parametrize("wanted", [("x-one", "x-two"), ()])
def test_the_connectors_headers_are_signed_where_they_are_sent(wanted):
    class Settings(ProofSettings):
        signed_too = wanted

    proofs = [
        prover()("e", Settings.model_validate(MODI)),
        prover({("e", "eservice"): Holder(CLIENT)})("e", Settings.model_validate(PDND)),
    ]
    for proof in proofs:
        request = signed(proof, **{"X-One": "1"})
        claims = jwt.decode(request.headers["Agid-JWT-Signature"], options={"verify_signature": False})
        names = {name for one in claims["signed_headers"] for name in one}
        assert ("x-one" in names) == bool(wanted)
        assert "x-two" not in names


def answer(key, body=b"{}", *, aud="iss-of-e", digest="SHA-256=x"):
    headers = sign_response(
        key, iss="g", aud=aud, body=body, content_type="application/json", request_digest=digest, now=CLOCK.now()
    )
    return [*headers.items(), ("Content-Type", "application/json")]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"key": 1}, None),
        ({"key": 2}, "signature.invalid"),
        ({"aud": "somebody"}, "audience.mismatch"),
        ({"digest": "SHA-256=y"}, "digest.mismatch"),
        ({"digest": None}, "claim.missing"),
        ({"received": b"{ }"}, "digest.mismatch"),
        ({"unsigned": True}, "token.missing"),
    ],
    ids=lambda value: str(value),
)
def test_an_answer_is_believed_from_a_listed_key_to_this_request_alone(change, fault):
    keys = [SigningKey(new_key("es256")) for _ in range(3)]
    listed = json.dumps({"keys": [key.public_jwk() for key in keys[:2]]})
    proof = made(prover(), **MODI, answers="tied", answer_keys=listed)
    told = {name: value for name, value in change.items() if name in ("aud", "digest")}
    headers = answer(keys[change.get("key", 0)], **told)
    if change.get("unsigned"):
        headers = [("Content-Type", "application/json")]
    assert proof.check_answer(headers, change.get("received", b"{}"), "SHA-256=x") == fault


def test_an_answer_that_needs_no_tie_needs_no_digest_of_the_request():
    key = SigningKey(new_key("es256"))
    proof = made(prover(), **MODI, answers="signed", answer_keys=json.dumps(key.public_jwk()))
    assert proof.check_answer(answer(key, digest=None), b"{}", None) is None
    assert made(prover(), **MODI).check_answer is None


def test_a_client_is_answered_by_the_name_that_it_has_now():
    key, clients = SigningKey(new_key("es256")), {("e", "eservice"): Holder(CLIENT)}
    asked = {"answers": "signed", "answer_keys": json.dumps(key.public_jwk())}
    proof = Prover(lambda: None, lambda: Clients(clients), str, CLOCK)("e", ProofSettings.model_validate(PDND | asked))
    assert proof.check_answer(answer(key, aud="client-1"), b"{}", None) is None
    clients["e", "eservice"] = Holder(replace(CLIENT, client_id="client-2"))
    assert proof.check_answer(answer(key, aud="client-1"), b"{}", None) == "audience.mismatch"
    assert proof.check_answer(answer(key, aud="client-2"), b"{}", None) is None
