"""The simulated token endpoint: what PDND grants, and each thing that it refuses (modi 2.1, 2.2, 2.4)."""

import base64
import hashlib
import json
import time
import uuid

import httpx
import jwt
import pytest

from hub.pdnd.assertions import Rejected
from hub.pdnd.proofs import check_proof
from hub.pdnd.records import Seen
from hub.pdnd.simulator import Pdnd
from tests.pdnd import Client, ec_key, jwk_of, proof, rsa_key, running_pdnd


@pytest.fixture(scope="module")
def pdnd(tmp_path_factory):
    with running_pdnd(tmp_path_factory.mktemp("pdnd")) as pdnd:
        yield pdnd


@pytest.fixture(autouse=True)
def as_it_begins(pdnd):
    yield
    pdnd.style, pdnd.strict_claims, pdnd.audience_as_list, pdnd.with_ids = "problem", True, False, True
    pdnd.faults.clear()


@pytest.fixture(scope="module")
def client(pdnd):
    return Client(pdnd, key=rsa_key("consumer"))


@pytest.fixture(scope="module")
def api_client(pdnd):
    return Client(pdnd, "api", key=rsa_key("api"))


def ask(pdnd: Pdnd, form, **headers: str) -> httpx.Response:
    return httpx.post(f"{pdnd.base_url}/token.oauth2", data=form, headers=headers)


def code(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()["errors"][0]["code"]


def verified(pdnd: Pdnd, token: str, audience: str) -> tuple[dict, dict]:
    header = jwt.get_unverified_header(token)
    keys = httpx.get(f"{pdnd.base_url}/.well-known/jwks.json").json()["keys"]
    (key,) = (jwt.PyJWK(one) for one in keys if one["kid"] == header["kid"])
    return header, jwt.decode(token, key, ["RS256"], audience=audience)


def test_a_consumer_gets_a_voucher_of_the_form_described(pdnd, client):
    digest = {"alg": "SHA256", "value": "ab" * 32}
    answer = ask(pdnd, client.form(client.assertion(claims={"digest": digest})))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["expires_in"] == 600
    header, claims = verified(pdnd, answer.json()["access_token"], "https://hub.comune.example.it/publish")
    assert (header["typ"], header["alg"], header["use"]) == ("at+jwt", "RS256", "sig")
    assert claims["iss"] == pdnd.issuer
    assert claims["sub"] == claims["client_id"] == client.client_id
    assert claims["purposeId"] == client.purpose_id
    assert claims["digest"] == digest
    assert claims["exp"] - claims["iat"] == 600
    assert {"jti", "nbf", "producerId", "consumerId", "eserviceId", "descriptorId"} <= claims.keys()
    assert isinstance(claims["aud"], str)


def test_audience_as_a_list_and_without_ids(pdnd, client):
    pdnd.audience_as_list, pdnd.with_ids = True, False
    _, claims = verified(pdnd, ask(pdnd, client.form()).json()["access_token"], "https://hub.comune.example.it/publish")
    assert claims["aud"] == ["https://hub.comune.example.it/publish"]
    assert "producerId" not in claims


def test_an_api_client_gets_a_voucher_without_purpose(pdnd, api_client):
    _, claims = verified(pdnd, ask(pdnd, api_client.form()).json()["access_token"], pdnd.api_audience)
    assert "purposeId" not in claims


def test_audience_of_the_assertion_may_be_a_list(pdnd, client):
    assertion = client.assertion(claims={"aud": ["other", pdnd.audience]})
    assert ask(pdnd, client.form(assertion)).status_code == 200


OTHER = str(uuid.uuid4())
REFUSED_CLAIMS = {
    "no jti": ({"jti": None}, "0010"),
    "no iat": ({"iat": None}, "0011"),
    "no exp": ({"exp": None}, "0012"),
    "exp as text": ({"exp": "soon"}, "0012"),
    "no iss": ({"iss": None}, "0013"),
    "no sub": ({"sub": None}, "0014"),
    "sub of another": ({"sub": OTHER}, "0015"),
    "iss of another": ({"iss": OTHER}, "0015"),
    "sub no uuid": ({"sub": "me"}, "0026"),
    "no aud": ({"aud": None}, "0006"),
    "aud a number": ({"aud": 5}, "0006"),
    "wrong aud": ({"aud": "https://elsewhere.example"}, "0007"),
    "wrong aud in a list": ({"aud": ["a", "b"]}, "0007"),
    "purposeId no uuid": ({"purposeId": "tari"}, "0016"),
    "no purposeId": ({"purposeId": None}, "0033"),
    "purposeId of nobody": ({"purposeId": OTHER}, "0033"),
    "digest in base64": ({"digest": {"alg": "SHA256", "value": "A" * 43 + "="}}, "0029"),
    "digest of another alg": ({"digest": {"alg": "SHA-256", "value": "ab" * 32}}, "0030"),
    "digest with more": ({"digest": {"alg": "SHA256", "value": "ab" * 32, "x": 1}}, "0028"),
    "unknown claim": ({"scope": "all"}, "0009"),
    "expired": ({"exp": int(time.time()) - 1}, "0019"),
    "not yet": ({"nbf": int(time.time()) + 86_400}, "0021"),
}


@pytest.mark.parametrize("case", REFUSED_CLAIMS)
def test_a_claim_that_is_wrong_is_refused(pdnd, client, case):
    claims, expected = REFUSED_CLAIMS[case]
    answer = ask(pdnd, client.form(client.assertion(claims=claims)))
    assert answer.status_code == 400
    assert code(answer) == f"015-{expected}"


REFUSED_HEADERS = {
    "no kid": ({"kid": None}, "0017"),
    "kid of another form": ({"kid": "../etc"}, "0034"),
    "kid of nobody": ({"kid": "abc"}, "0036"),
    "typ": ({"typ": "at+jwt"}, "0008"),
    "PS256": ({"alg": "PS256"}, "0032"),
    "none": ({"alg": "none"}, "0032"),
}


@pytest.mark.parametrize("case", REFUSED_HEADERS)
def test_a_header_that_is_wrong_is_refused(pdnd, client, case):
    header, expected = REFUSED_HEADERS[case]
    assert code(ask(pdnd, client.form(client.assertion(header=header)))) == f"015-{expected}"


def test_es256_is_refused(pdnd, client):
    assertion = client.assertion(header={"alg": "ES256"}, key=ec_key())
    assert code(ask(pdnd, client.form(assertion))) == "015-0032"


def test_another_key_is_refused(pdnd, client):
    assert code(ask(pdnd, client.form(client.assertion(key=rsa_key("stranger"))))) == "015-0002"


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "e30.e30", "W10.W10.AA"])
def test_what_is_no_token_is_refused(pdnd, client, text):
    answer = ask(pdnd, client.form() | {"client_assertion": text})
    assert code(answer) == ("015-0008" if text else "015-0001")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"client_id": None}, "0001"),
        ({"client_assertion_type": "jwt"}, "0004"),
        ({"grant_type": "password"}, "0005"),
        ({"scope": "x"}, "0001"),
    ],
)
def test_a_form_that_is_wrong_is_refused(pdnd, client, form, expected):
    assert code(ask(pdnd, client.form(**form))) == f"015-{expected}"


def test_json_instead_of_a_form_is_refused(pdnd, client):
    answer = httpx.post(f"{pdnd.base_url}/token.oauth2", json=client.form())
    assert answer.status_code == 415


def test_a_parameter_twice_is_refused(pdnd, client):
    body = str(httpx.QueryParams(client.form())) + "&client_id=" + client.client_id
    answer = httpx.post(
        f"{pdnd.base_url}/token.oauth2",
        content=body,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert code(answer) == "015-0001"


def test_an_assertion_serves_once(pdnd, client):
    form = client.form()
    assert ask(pdnd, form).status_code == 200
    assert code(ask(pdnd, form)) == "015-0037"


def test_an_api_client_that_names_a_purpose_is_refused(pdnd, api_client, client):
    assertion = api_client.assertion(claims={"purposeId": client.purpose_id})
    assert code(ask(pdnd, api_client.form(assertion))) == "015-0035"


def test_the_purpose_of_another_client_is_refused(pdnd, client):
    other = Client(pdnd)
    assertion = client.assertion(claims={"purposeId": other.purpose_id})
    assert code(ask(pdnd, client.form(assertion))) == "015-0033"


@pytest.mark.parametrize(("what", "expected"), [("purpose", "0022"), ("agreement", "0023"), ("eservice", "0024")])
def test_what_is_suspended_gives_no_voucher(pdnd, client, what, expected):
    pdnd.records.set_state(client.purpose_id, what, "INACTIVE")
    try:
        assert code(ask(pdnd, client.form())) == f"015-{expected}"
    finally:
        pdnd.records.set_state(client.purpose_id, what, "ACTIVE")


def test_unknown_claims_pass_where_the_platform_is_lenient(pdnd, client):
    pdnd.strict_claims = False
    assert ask(pdnd, client.form(client.assertion(claims={"scope": "all"}))).status_code == 200


def test_a_revoked_key_gives_no_voucher(pdnd):
    client = Client(pdnd)
    assert ask(pdnd, client.form()).status_code == 200
    pdnd.records.revoke_key(client.kid)
    assert code(ask(pdnd, client.form())) == "015-0036"


def test_refusals_in_the_form_of_rfc_6749(pdnd, client):
    pdnd.style = "oauth"
    answer = ask(pdnd, client.form(grant_type="password"))
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"] == "unsupported_grant_type"
    assert ask(pdnd, client.form(client.assertion(claims={"aud": "x"}))).json()["error"] == "invalid_client"


# DPoP


def shown(pdnd: Pdnd, **changed) -> str:
    return proof(ec_key(), method="POST", url=f"{pdnd.base_url}/token.oauth2", **changed)


@pytest.mark.parametrize("key", [ec_key(), rsa_key("proofs")], ids=["ES256", "RS256"])
def test_a_proof_binds_the_voucher_to_its_key(pdnd, client, key):
    given = proof(key, method="POST", url=f"{pdnd.base_url}/token.oauth2")
    answer = ask(pdnd, client.form(), DPoP=given)
    assert answer.json()["token_type"] == "DPoP"
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    canonical = json.dumps(dict(sorted(jwk_of(key).items())), separators=(",", ":"))
    expected = base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()
    assert claims["cnf"] == {"jkt": expected}


NOW = int(time.time())
REFUSED_PROOFS = {
    "typ": {"header": {"typ": "JWT"}},
    "no alg in jwk": {"header": {"jwk": jwk_of(ec_key())}},
    "another alg in jwk": {"header": {"jwk": jwk_of(ec_key(), alg="RS256")}},
    "no jwk": {"header": {"jwk": None}},
    "more in the header": {"header": {"kid": "x"}},
    "another key": {"header": {"jwk": jwk_of(ec_key("other"), alg="ES256")}},
    "htm": {"claims": {"htm": "GET"}},
    "htu": {"claims": {"htu": "https://elsewhere.example/token.oauth2"}},
    "iat in the future": {"claims": {"iat": NOW + 3600}},
    "iat too old": {"claims": {"iat": NOW - 3600}},
    "iat missing": {"claims": {"iat": None}},
    "jti missing": {"claims": {"jti": None}},
}


@pytest.mark.parametrize("case", REFUSED_PROOFS)
def test_a_proof_that_is_wrong_is_refused(pdnd, client, case):
    answer = ask(pdnd, client.form(), DPoP=shown(pdnd, **REFUSED_PROOFS[case]))
    assert code(answer) == "015-0038"


def test_the_clock_of_a_proof_may_not_be_ahead_at_all():
    now = 1_800_000_000

    def check(iat: int) -> None:
        given = proof(ec_key(), method="POST", url="u", claims={"iat": iat})
        check_proof([given], method="POST", url="u", seen=Seen(), now=now)

    check(now)
    check(now - 60)
    for iat in (now + 1, now - 61):
        with pytest.raises(Rejected):
            check(iat)


def test_a_proof_serves_once(pdnd, client):
    given = shown(pdnd)
    assert ask(pdnd, client.form(), DPoP=given).status_code == 200
    assert code(ask(pdnd, client.form(), DPoP=given)) == "015-0038"


def test_two_proofs_are_refused(pdnd, client):
    headers = [("DPoP", shown(pdnd)), ("DPoP", shown(pdnd))]
    answer = httpx.post(f"{pdnd.base_url}/token.oauth2", data=client.form(), headers=headers)
    assert code(answer) == "015-0038"


def test_the_ledger_tells_what_was_asked_and_holds_no_token(pdnd, client):
    before = pdnd.ledger.count("token")
    answer = ask(pdnd, client.form())
    ask(pdnd, client.form(grant_type="x"))
    granted, refused = pdnd.ledger.lines[before - len(pdnd.ledger.lines) :][-2:]
    assert pdnd.ledger.count("token") == before + 2
    assert (granted["outcome"], granted["client_id"]) == ("issued", client.client_id)
    assert refused["outcome"] == "015-0005"
    assert answer.json()["access_token"] not in json.dumps(pdnd.ledger.lines)
    assert "eyJ" not in json.dumps(pdnd.ledger.lines)
