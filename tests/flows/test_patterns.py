"""The ModI and PDND patterns on a running hub: what may be sent again, what may not, and what is answered."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from time import time
from urllib.parse import quote

import pytest

from hub.profile import Profile, defaults_of
from hub.registry import Pdnd, Vendor
from hub.security import jose, jwk, keys
from hub.security.digest import digest_header
from hub.security.material import Held, PdndKey
from hub.security.sign import sign_request
from hub.store import directory
from hub.store.directory import NewKey
from hub.store.tables import batches, evidence
from tests.flows.making import described_hub, fresh, rows
from tests.harness import ALL_COLLECTIONS, ENTE, PUBLISH_AUDIENCE, Caller, make_message

ISSUER, ESERVICE = "pdnd.example.it", "https://pdnd.example.it/eservice/1"
CLIENT, DPOP_CLIENT, PURPOSE = "client-luna", "client-ponte", "purpose-1"
AUTHORITY = keys.new_authority("Channel CA", now=datetime.now(UTC))
NUMBERS = count()


@pytest.fixture(scope="module")
def callers():
    return {name: Caller(name) for name in ("luna", "ponte", "pdnd", "selva", "rupe", "proof")}


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory, callers):
    def prepare(home, _vendor, _portal):
        pdnd = replace(defaults_of("pdnd"), purposes=frozenset({PURPOSE}))
        profiles = {
            "luna": ("pdnd", replace(pdnd, clients=frozenset({CLIENT})), []),
            "ponte": ("pdnd", replace(pdnd, clients=frozenset({DPOP_CLIENT}), dpop="required"), []),
            "selva": ("jwk", Profile(max_receipts=3), [callers["selva"].jwk()]),
            "rupe": (
                "jwk",
                Profile(channel="ID_AUTH_CHANNEL_02"),
                [
                    callers["rupe"].jwk(),
                    NewKey("channel_anchor", keys.certificates_pem([AUTHORITY.certificate]).decode()),
                ],
            ),
        }
        with home.database.write() as tx:
            directory.set_pdnd(tx, ENTE, Pdnd(ISSUER, "https://pdnd.example.it/jwks", ESERVICE))
            for name, (trust, profile, material) in profiles.items():
                vendor = Vendor(ENTE, name, name, trust, True, (), name, collections=ALL_COLLECTIONS, profile=profile)
                directory.add_vendor(tx, vendor, material)

    folder = tmp_path_factory.mktemp("patterns")
    proxy = {"client_cert_header": "SSL-Client-Cert", "client_cert_form": "nginx", "client_cert_proxies": "127.0.0.1"}
    with described_hub(folder / "home", prepare=prepare, **proxy) as running:
        shelf, until = running.hub.shelf, time() + 3600
        shelf.put("pdnd-jwks", ISSUER, Held({"pdnd-1": public(callers["pdnd"])}, until, until))
        for name, client in (("luna", CLIENT), ("ponte", DPOP_CLIENT)):
            shelf.put("pdnd-key", f"{ISSUER}\n{name}", Held(PdndKey(public(callers[name]), client), until, until))
        yield running


def public(caller):
    return jwk.jwk_key(json.dumps(caller.key.public_jwk()))


def signed(caller, header, claims):
    return jose.sign(jose.segment({"alg": "ES256", **header}), claims, caller.key.private, "ES256")


def voucher(callers, client, **claims):
    now = int(time())
    names = {"iss": ISSUER, "aud": [ESERVICE], "sub": client, "client_id": client, "purposeId": PURPOSE}
    times = {"iat": now - 30, "nbf": now - 30, "exp": now + 570, "jti": "voucher-1"}
    return signed(callers["pdnd"], {"typ": "at+jwt", "kid": "pdnd-1"}, {**names, **times, **claims})


def integrity(caller, client, body, **claims):
    now, digest = int(time()), digest_header(body)
    signed_headers = [{"digest": digest}, {"content-type": "application/json"}]
    names = {"iss": client, "aud": ESERVICE, "jti": fresh("jti"), "iat": now, "exp": now + 60}
    compact = signed(caller, {"typ": "JWT", "kid": caller.name}, {**names, "signed_headers": signed_headers, **claims})
    return {"Digest": digest, "Content-Type": "application/json", "Agid-JWT-Signature": compact}


def post(hub, body, headers):
    return hub.client.post("/publish/v1/messages", content=body, headers=headers)


def message(**fields):
    return json.dumps(make_message(fresh(), **fields)).encode()


def test_a_voucher_is_used_again_and_the_signature_is_not(hub, callers):
    body = message()
    bearer = {"Authorization": f"Bearer {voucher(callers, CLIENT)}"}
    once = integrity(callers["luna"], CLIENT, body)
    assert post(hub, body, bearer | once).status_code == 201
    assert post(hub, body, bearer | integrity(callers["luna"], CLIENT, body)).status_code == 200
    replayed = post(hub, body, bearer | once)
    assert (replayed.status_code, replayed.json()["code"]) == (409, "token.replayed")
    for _ in range(2):
        assert hub.client.get("/publish/v1/items", headers=bearer).status_code == 200


def test_the_evidence_of_a_voucher_opens_nothing(hub, callers):
    body = message()
    own = voucher(callers, CLIENT)
    answer = post(hub, body, {"Authorization": f"Bearer {own}"} | integrity(callers["luna"], CLIENT, body))
    (row,) = [row for row in rows(hub, evidence) if row["item_id"] == answer.json()["item_id"]]
    assert row["signer"] == f"pdnd:{CLIENT}"
    assert row["tokens"]["authorization"] == own.rpartition(".")[0] + "."


def test_what_nobody_fetched_is_refused_like_anything_else(hub, callers):
    body = message()
    stranger = Caller("unknown-kid", callers["luna"].key)
    answer = post(
        hub, body, {"Authorization": f"Bearer {voucher(callers, CLIENT)}"} | integrity(stranger, CLIENT, body)
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "request.refused")
    assert rows(hub, evidence)[-1]["cause"].startswith("key.unknown: agid-jwt-signature: PDND gives no key")


def possession(callers, bound, **claims):
    proof = callers["proof"]
    jwk = {name: value for name, value in proof.key.public_jwk().items() if name in ("kty", "crv", "x", "y")}
    ath = jose.base64url(hashlib.sha256(bound.encode()).digest())
    made = {"htm": "POST", "htu": f"{PUBLISH_AUDIENCE}/messages", "iat": int(time()), "jti": fresh("jti"), "ath": ath}
    return signed(proof, {"typ": "dpop+jwt", "jwk": jwk}, made | claims)


def test_a_proof_of_possession_counts_once(hub, callers):
    body = message()
    bound = voucher(callers, DPOP_CLIENT, cnf={"jkt": callers["proof"].key.kid})
    proof = {"Authorization": f"DPoP {bound}", "DPoP": possession(callers, bound)}
    assert post(hub, body, proof | integrity(callers["ponte"], DPOP_CLIENT, body)).status_code == 201
    again = post(hub, body, proof | integrity(callers["ponte"], DPOP_CLIENT, body))
    assert (again.status_code, again.json()["code"]) == (409, "token.replayed")
    fresh_proof = proof | {"DPoP": possession(callers, bound)}
    assert post(hub, body, fresh_proof | integrity(callers["ponte"], DPOP_CLIENT, body)).status_code == 200
    stolen = {"Authorization": f"Bearer {bound}"} | integrity(callers["ponte"], DPOP_CLIENT, body)
    assert post(hub, body, stolen).status_code == 400


def named(callers, body, number):
    """A request of `selva`, as one attempt of a message."""
    return sign_request(
        callers["selva"].key,
        iss="selva",
        aud=PUBLISH_AUDIENCE,
        method="POST",
        url="",
        body=body,
        content_type="application/json",
        now=datetime.now(UTC),
        extra_headers={"Message-ID": number},
    )


def test_a_message_that_arrives_again_is_answered_again(hub, callers):
    body, number = message(), fresh("m")
    first, again = (post(hub, body, named(callers, body, number)) for _ in range(2))
    assert (first.status_code, first.json()["message_id"]) == (201, number)
    assert (again.status_code, again.json()) == (201, first.json())
    assert first.json()["request_digest"] == digest_header(body)
    newer = json.dumps(json.loads(body) | {"version": 2}).encode()
    assert post(hub, newer, named(callers, newer, fresh("m"))).json()["outcome"] == "updated"
    assert post(hub, body, named(callers, body, number)).json() == first.json()


def test_a_batch_that_arrives_again_is_the_same_batch(hub, callers):
    item = json.loads(message())
    body, number = json.dumps({"items": [{"collection": "messages", "item": item}]}).encode(), fresh("b")
    first, again = (
        hub.client.post("/publish/v1/batches", content=body, headers=named(callers, body, number)) for _ in range(2)
    )
    assert (first.status_code, first.json()["message_id"]) == (202, number)
    assert (again.status_code, again.json(), again.headers["Location"]) == (
        202,
        first.json(),
        first.headers["Location"],
    )
    assert len(rows(hub, batches, vendor_id="selva")) == 1


def test_beyond_the_number_agreed_it_is_refused(hub, callers):
    body, number = message(), fresh("m")
    answers = [post(hub, body, named(callers, body, number)) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 409, 409]
    assert answers[-1].json()["code"] == "message.repeated"


def test_one_id_names_one_request(hub, callers):
    body, other, number = message(), message(), fresh("m")
    assert post(hub, body, named(callers, body, number)).status_code == 201
    reused = post(hub, other, named(callers, other, number))
    assert (reused.status_code, reused.json()["code"]) == (409, "message.reused")
    assert post(hub, body, named(callers, body, number)).status_code == 201


def test_a_message_sent_many_times_at_once_is_done_once(hub, callers):
    body, number = message(), fresh("m")
    requests = [named(callers, body, number) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda headers: post(hub, body, headers), requests))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 3
    assert len({answer.json()["item_id"] for answer in answers if answer.status_code == 201}) == 1


def test_a_message_that_was_refused_is_judged_anew(hub, callers):
    body, number = message(altro=1), fresh("m")
    codes = [post(hub, body, named(callers, body, number)).status_code for _ in range(4)]
    assert codes == [422, 422, 422, 409]


def test_a_withdrawal_that_arrives_again_is_answered_again(hub, callers):
    body = message()
    item_id = post(hub, body, named(callers, body, fresh("m"))).json()["item_id"]
    reason, number = b'{"reason":"errore"}', fresh("m")
    url = f"/publish/v1/items/{item_id}/withdrawals"
    answers = [hub.client.post(url, content=reason, headers=named(callers, reason, number)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


def test_every_receipt_of_a_message_leaves_evidence(hub, callers):
    body, number = message(), fresh("m")
    before = len(rows(hub, evidence))
    for _ in range(4):
        post(hub, body, named(callers, body, number))
    found = sorted(rows(hub, evidence), key=lambda row: row["evidence_id"])  # PostgreSQL gives them in any order
    left = [(row["verdict"], row["code"]) for row in found[before:]]
    assert left == [
        ("accepted", "item.created"),
        ("accepted", "repeated"),
        ("accepted", "repeated"),
        ("refused", "message.repeated"),
    ]


def channel(callers, certificate):
    body = message()
    caller = callers["rupe"]
    headers = sign_request(
        caller.key, iss="rupe", aud=PUBLISH_AUDIENCE, method="POST", url="", body=body,
        content_type="application/json", now=datetime.now(UTC),
    )  # fmt: skip
    if certificate is not None:
        headers["SSL-Client-Cert"] = quote(keys.certificates_pem([certificate]).decode())
    return body, headers


@pytest.mark.parametrize(("name", "status"), [("rupe", 201), ("zeta", 401), (None, 401)])
def test_a_client_certificate_from_the_proxy(hub, callers, name, status):
    leaf = name and keys.new_leaf(AUTHORITY, name, callers["rupe"].key.private.public_key(), now=datetime.now(UTC))
    assert post(hub, *channel(callers, leaf)).status_code == status
