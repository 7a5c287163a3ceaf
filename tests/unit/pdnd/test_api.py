"""The simulated platform's API: shapes of v1, v2 and v3, vouchers and proofs, signed answers, events, faults."""

import hashlib
import json
from base64 import b64encode

import httpx
import jwt
import pytest

from tests.pdnd import Client, ec_key, jwk_of, proof, rsa_key, running_pdnd


@pytest.fixture
def pdnd(tmp_path):
    with running_pdnd(tmp_path) as pdnd:
        yield pdnd


@pytest.fixture
def consumer(pdnd):
    return Client(pdnd, key=rsa_key("consumer"))


class Caller:
    """Calls the API with a voucher of an API client, bound to a key or not."""

    def __init__(self, pdnd, *, bound: bool) -> None:
        self.base = pdnd.base_url
        client = Client(pdnd, "api", key=rsa_key("bound" if bound else "bearer"))
        headers = {"DPoP": proof(ec_key(), method="POST", url=f"{self.base}/token.oauth2")} if bound else {}
        answer = httpx.post(f"{self.base}/token.oauth2", data=client.form(), headers=headers)
        self.voucher = answer.json()["access_token"]
        self.scheme = answer.json()["token_type"]

    def get(self, path: str, **changed) -> httpx.Response:
        headers = {"Authorization": f"{self.scheme} {self.voucher}"}
        if self.scheme == "DPoP":
            url = self.base + path.partition("?")[0]
            headers["DPoP"] = proof(ec_key(), method="GET", url=url, voucher=self.voucher, **changed)
        return httpx.get(self.base + path, headers=headers)


@pytest.fixture
def bearer(pdnd):
    return Caller(pdnd, bound=False)


@pytest.fixture
def bound(pdnd):
    return Caller(pdnd, bound=True)


def test_v1_gives_the_jwk_itself_of_consumers_and_producers(pdnd, bearer, consumer):
    keychain = pdnd.records.add_keychain()
    producer_kid = pdnd.records.add_key(keychain, jwk_of(ec_key()))
    found = bearer.get(f"/1.0/keys/{consumer.kid}").json()
    assert found["kid"] == consumer.kid
    assert (found["kty"], found["use"], found["alg"]) == ("RSA", "sig", "RS256")
    assert bearer.get(f"/1.0/keys/{producer_kid}").json()["kty"] == "EC"


def test_v2_gives_the_jwk_with_its_owner_on_a_path_for_each_kind(pdnd, bearer, consumer):
    keychain = pdnd.records.add_keychain()
    producer_kid = pdnd.records.add_key(keychain, jwk_of(ec_key()))
    found = bearer.get(f"/v2/keys/{consumer.kid}").json()
    assert found["clientId"] == consumer.client_id
    assert found["jwk"]["kid"] == consumer.kid
    assert bearer.get(f"/v2/producerKeys/{producer_kid}").json()["producerKeychainId"] == keychain
    assert bearer.get(f"/v2/producerKeys/{consumer.kid}").status_code == 404
    assert bearer.get(f"/v2/keys/{producer_kid}").status_code == 404


def test_v3_wants_a_bound_voucher_and_a_proof_of_this_request(bearer, bound, consumer):
    path = f"/v3/keys/{consumer.kid}"
    assert bound.get(path).status_code == 200
    assert bearer.get(path).status_code == 401
    assert bound.get(path, claims={"ath": "x"}).status_code == 401
    assert bound.get(path, claims={"htu": bound.base + "/v3/keys/x"}).status_code == 401
    assert bound.get(path, claims={"htm": "POST"}).status_code == 401
    other = {"jwk": jwk_of(ec_key("other"), alg="ES256")}
    assert bound.get(path, header=other).status_code == 401


def test_only_vouchers_of_api_clients_are_taken(pdnd, consumer, bearer):
    path = f"/v2/keys/{consumer.kid}"
    assert httpx.get(pdnd.base_url + path).status_code == 401
    of_consumer = httpx.post(f"{pdnd.base_url}/token.oauth2", data=consumer.form()).json()["access_token"]
    for token in (of_consumer, "x", bearer.voucher[:-4] + "AAAA"):
        answer = httpx.get(pdnd.base_url + path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/v4/keys/x", "/v2/events/keys", "/1.0/keyEvents", "/1.0/producerKeys/x"])
def test_other_paths_are_unknown(bearer, path):
    assert bearer.get(path).status_code == 404


def test_answers_are_signed_without_an_audience(pdnd, bearer, consumer):
    answer = bearer.get(f"/v2/keys/{consumer.kid}")
    token = answer.headers["agid-jwt-signature"]
    (key,) = httpx.get(f"{pdnd.base_url}/.well-known/jwks.json").json()["keys"]
    claims = jwt.decode(token, jwt.PyJWK(key), ["RS256"])
    assert claims.keys() == {"iss", "exp", "iat", "jti", "client_id", "signed_headers"}
    assert jwt.get_unverified_header(token)["typ"] == "JWT"
    digest = "SHA-256=" + b64encode(hashlib.sha256(answer.content).digest()).decode()
    assert answer.headers["digest"] == digest
    assert claims["signed_headers"] == [
        {"digest": digest},
        {"content-type": "application/json"},
        {"x-correlation-id": answer.headers["x-correlation-id"]},
    ]


def test_events_of_v1_are_numbered_and_paged(pdnd, bearer, consumer):
    pdnd.records.revoke_key(consumer.kid)
    first = bearer.get("/1.0/events/keys?lastEventId=0&limit=2").json()
    assert [one["eventId"] for one in first["events"]] == [1, 2]
    assert first["lastEventId"] == 2
    rest = bearer.get("/1.0/events/keys?lastEventId=2").json()
    assert rest["events"] == [
        {"eventId": 3, "eventType": "DELETED", "objectType": "KEY", "objectId": {"kid": consumer.kid}}
    ]
    assert bearer.get("/1.0/events/keys?lastEventId=3").json() == {"lastEventId": 3, "events": []}
    for query in ("", "?lastEventId=x", "?lastEventId=0&limit=0", "?lastEventId=0&limit=501"):
        assert bearer.get("/1.0/events/keys" + query).status_code == 400


def test_events_of_v2_are_named_and_kept_apart_by_kind(pdnd, bearer, consumer):
    keychain = pdnd.records.add_keychain()
    producer_kid = pdnd.records.add_key(keychain, jwk_of(ec_key()))
    pdnd.records.revoke_key(consumer.kid)
    events = bearer.get("/v2/keyEvents").json()["events"]
    assert [one["eventType"] for one in events] == ["CLIENT_KEY_ADDED"] * 2 + ["CLIENT_KEY_DELETED"]
    assert events[-1]["kid"] == consumer.kid
    (last,) = bearer.get(f"/v2/keyEvents?lastEventId={events[1]['id']}").json()["events"]
    assert last == events[2]
    (made,) = bearer.get("/v2/producerKeyEvents").json()["events"]
    assert (made["kid"], made["producerKeychainId"]) == (producer_kid, keychain)
    assert bearer.get("/v2/keyEvents?lastEventId=unheard-of").status_code == 400


def test_rotation_publishes_both_keys_until_the_old_one_is_retired(pdnd):
    url = f"{pdnd.base_url}/.well-known/jwks.json"
    (old,) = httpx.get(url).json()["keys"]
    kid = pdnd.keys.rotate()
    assert [key["kid"] for key in httpx.get(url).json()["keys"]] == [kid, old["kid"]]
    pdnd.keys.retire()
    assert [key["kid"] for key in httpx.get(url).json()["keys"]] == [kid]


def test_private_keys_and_keys_known_already_are_not_registered(pdnd, consumer):
    with pytest.raises(ValueError, match="already"):
        pdnd.records.add_key(consumer.client_id, jwk_of(consumer.key))
    with pytest.raises(ValueError, match="public"):
        pdnd.records.add_key(consumer.client_id, json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key("other"))))
    with pytest.raises(KeyError):
        pdnd.records.add_key("nobody", jwk_of(rsa_key("other")))


def test_the_ledger_is_on_the_disk(pdnd, bearer, consumer, tmp_path):
    bearer.get(f"/v2/keys/{consumer.kid}")
    lines = [json.loads(line) for line in (tmp_path / "pdnd.jsonl").read_text().splitlines()]
    assert [line["request"] for line in lines] == ["token", "key"]
    assert lines[-1]["path"] == f"/v2/keys/{consumer.kid}"
    assert lines == pdnd.ledger.lines


def test_faults_come_in_order_and_for_whom_they_are_meant(pdnd):
    jwks = f"{pdnd.base_url}/.well-known/jwks.json"
    script = f"{pdnd.base_url}/_sim/faults"
    told = [{"kind": "error", "on": "jwks", "status": 502}, {"kind": "throttle", "on": "jwks", "retry_after": 7}]
    assert len(httpx.post(script, json=told).json()) == 2
    assert httpx.get(f"{pdnd.base_url}/v2/keys/x").status_code == 401
    assert httpx.get(jwks).status_code == 502
    throttled = httpx.get(jwks)
    assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "7")
    assert httpx.get(jwks).status_code == 200
    pdnd.faults.add("down", times=0)
    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            httpx.get(jwks)
    httpx.delete(script)
    assert httpx.get(jwks).status_code == 200
