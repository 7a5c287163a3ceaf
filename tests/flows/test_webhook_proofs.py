"""Calls of a connector that carry the ente's own proofs: ModI by direct trust, and PDND's vouchers."""

import hashlib
import json
import logging
from dataclasses import replace
from datetime import UTC, datetime

import jwt
import pytest

from hub.errors import HubError
from hub.profile import DEFAULT_PROFILE
from hub.registry import Ente, Key, Registry, Vendor
from hub.security import modi
from hub.security.chains import ChainCache
from hub.security.digest import digest_header
from hub.security.keys import certificates_pem, new_authority, new_key, new_leaf, private_pem
from hub.security.sign import SigningKey
from tests.flows.following import LIMITS, receiving, to_followers, until
from tests.flows.making import described_hub, fresh, new_person, published
from tests.harness import ENTE, PUBLISH_AUDIENCE, eventually, make_message
from tests.pdnd import Client, rsa_key, running_pdnd

AUDIENCE = "https://gestionale.comune.example.it/eventi"


@pytest.fixture(scope="module")
def place(kind):
    with receiving() as found:
        yield found


@pytest.fixture
def receiver(place):
    receiver = place[0]
    receiver.answers.clear()
    receiver.signing, receiver.ties = None, True
    return receiver


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    with described_hub(tmp_path_factory.mktemp("proofs") / "home", limits=LIMITS) as running:
        yield running


@pytest.fixture
def followed(hub, place, raccordo, tmp_path):
    """Sets a webhook up as an administrator does, and takes it away again."""
    made = []

    def follow(name, *, secrets=(), limits=LIMITS, **settings):
        given = {"url": f"{place[1]}/{name}", "private_hosts": "127.0.0.1", "proof_audience": AUDIENCE, **settings}
        options = [part for key, value in given.items() for part in ("--set", f"{key}={value}")]
        for key, value in secrets:
            (tmp_path / key).write_text(value)
            options += ["--secret-file", f"{key}={tmp_path / key}"]
        options += [part for key, value in limits.items() for part in ("--limit", f"{key}={value}")]
        said = raccordo("connector", "set", name, "--type", "webhook", *options, "--json")
        made.append(name)
        eventually(lambda: hub.hub.connectors.get(ENTE, name, said["version"]), lambda found: found is not None)
        return said

    yield follow
    for name in made:
        raccordo("delivery", "close", "--connector", name, "--note", "fine", "--yes", code=None)
        raccordo("connector", "remove", name)


def told(hub, receiver, path):
    """The first call about a new item, once it was delivered."""
    item_id = published(hub, "messages", make_message(fresh(), tax_code=new_person()))
    until(receiver, item_id, f"/{path}", ["accepted"])
    return receiver.request(item_id, f"/{path}")


def verify(request, *, material, trust="jwk", kind="jwk", kid=None, subject="", **agreed):
    """What the hub's own verifier says of a call, as the receiver's would: `material` is our key, or the anchor."""
    ente = Ente("x", "Gestionale", "https://g.example.it", AUDIENCE, f"{AUDIENCE}/feed", "https://g.example.it")
    keys, profile = (Key("k", kind, material, kid),), replace(DEFAULT_PROFILE, **agreed)
    vendor = Vendor("x", PUBLISH_AUDIENCE, "Raccordo", trust, True, keys, subject, profile=profile)
    registry = Registry(1, (ente,), {("x", PUBLISH_AUDIENCE): vendor})
    found = modi.verify(request, signed_body=True, registry=registry, now=datetime.now(UTC), chains=ChainCache())
    if found.refusal is not None:
        raise found.refusal
    return found


def claims(request, header):
    """Without looking at the signature."""
    return jwt.decode(request.only(header).removeprefix("Bearer "), options={"verify_signature": False})


def signed_of(found):
    return {name: value for one in found["signed_headers"] for name, value in one.items()}


def test_direct_trust_with_the_hubs_own_key(hub, receiver, followed):
    followed("modi", proof="modi")
    request = told(hub, receiver, "modi")
    key = hub.home.key
    material = {"material": json.dumps(key.public_jwk()), "kid": key.kid}
    assert verify(request, **material).signer == f"jwk:{key.kid}"
    signed = signed_of(claims(request, "agid-jwt-signature"))
    assert signed.keys() == {"digest", "content-type", "webhook-id", "webhook-timestamp"}
    assert signed["webhook-id"] == request.only("webhook-id")
    for changed in (replace(request, body=request.body + b" "), renamed(request, "webhook-id", "another")):
        with pytest.raises(HubError):
            verify(changed, **material)


def renamed(request, name, value):
    return replace(request, headers=tuple((each, value if each == name else old) for each, old in request.headers))


def test_direct_trust_with_a_certificate_and_evidence(hub, receiver, followed):
    authority, private = new_authority("CA di prova", now=datetime.now(UTC)), new_key("rs256")
    leaf = new_leaf(authority, "comune-di-prova", private.public_key(), now=datetime.now(UTC))
    pem = private_pem(private).decode() + certificates_pem([leaf]).decode()
    audit = {"audit": "AUDIT_REST_01", "audit_user": "raccordo", "audit_location": "ced"}
    said = followed("seal", secrets=[("proof_key", pem)], proof="modi", **audit)
    assert said["settings"]["proof_key"] == "**********"
    request = told(hub, receiver, "seal")
    anchor = certificates_pem([authority.certificate]).decode()
    agreed = {"trust": "x509", "kind": "anchor", "subject": "comune-di-prova", "audit": "AUDIT_REST_01"}
    verify(request, material=anchor, **agreed)
    evidence = claims(request, "agid-jwt-trackingevidence")
    assert (evidence["userID"], evidence["userLocation"]) == ("raccordo", "ced")
    other = certificates_pem([new_authority("CA altrui", now=datetime.now(UTC)).certificate]).decode()
    with pytest.raises(HubError):
        verify(request, material=other, **agreed)


@pytest.mark.parametrize("tied", [True, False])
def test_an_answer_that_must_be_signed_is_believed_from_its_sender_alone(hub, receiver, followed, tied):
    theirs, stranger = SigningKey(new_key("es256")), SigningKey(new_key("es256"))
    asked = {"answers": "tied" if tied else "signed", "answer_keys": json.dumps({"keys": [theirs.public_jwk()]})}
    name = f"answers{tied}".lower()
    followed(name, proof="modi", **asked)
    for signing, ties, believed in ((None, True, False), (stranger, True, False), (theirs, False, not tied)):
        receiver.signing, receiver.ties = signing, ties
        item_id = published(hub, "messages", make_message(fresh(), tax_code=new_person()))
        # Told again until an answer is believed, under the same name.
        if not believed:
            eventually(lambda i=item_id: receiver.of(i, f"/{name}"), lambda found: len(found) > 2)
            assert {row["state"] for row in to_followers(hub, name) if row["state"] != "delivered"} == {"queued"}
        receiver.signing, receiver.ties = theirs, True
        eventually(lambda: to_followers(hub, name), lambda rows: {row["state"] for row in rows} == {"delivered"})
        ids = {headers["webhook-id"] for headers, _ in receiver.of(item_id, f"/{name}")}
        assert len(ids) == 1
        assert (len(receiver.of(item_id, f"/{name}")) == 1) == believed


@pytest.fixture(scope="module")
def pdnd(kind, tmp_path_factory):
    with running_pdnd(tmp_path_factory.mktemp("pdnd")) as pdnd:
        yield pdnd


def register(raccordo, pdnd, name, tmp_path, *options, kind="consumer"):
    """A client at PDND, made known to the hub as an administrator does."""
    client = Client(pdnd, kind, key=rsa_key(name))
    if client.purpose_id is not None:
        pdnd.records.purposes[client.purpose_id].audience = (AUDIENCE,)
        options = ("--purpose-id", client.purpose_id, *options)
    (tmp_path / "client.pem").write_bytes(private_pem(client.key))
    raccordo(
        "ente", "pdnd-client", "add", name, "--client-id", client.client_id, "--kid", client.kid, "--kind", kind,
        "--token-url", f"{pdnd.base_url}/token.oauth2", "--audience", pdnd.audience,
        "--key", tmp_path / "client.pem", *options,
    )  # fmt: skip
    return client


def voucher_of(pdnd, request, scheme):
    """The voucher's claims, verified with PDND's published key."""
    given, _, voucher = request.only("authorization").partition(" ")
    assert given == scheme
    kid = jwt.get_unverified_header(voucher)["kid"]
    (jwk,) = [one for one in pdnd.keys.jwks() if one["kid"] == kid]
    return voucher, jwt.decode(voucher, jwt.PyJWK(jwk, "RS256").key, algorithms=["RS256"], audience=AUDIENCE)


def of_client(client, request, header):
    """A token that the client's own key signed, as PDND publishes it."""
    assert jwt.get_unverified_header(request.only(header))["kid"] == client.kid
    return jwt.decode(request.only(header), client.key.public_key(), algorithms=["RS256"], audience=AUDIENCE)


@pytest.mark.parametrize("bound", [False, True], ids=["bearer", "dpop"])
def test_a_voucher_with_integrity_and_evidence_of_its_own(hub, receiver, followed, raccordo, pdnd, tmp_path, bound):
    name = "bound" if bound else "plain"
    client = register(raccordo, pdnd, name, tmp_path, *(["--dpop"] if bound else []))
    eventually(lambda: hub.hub.vouchers._credentials(), lambda known: (ENTE, name) in known)
    audit = {"audit": "AUDIT_REST_02", "audit_user": "raccordo"}
    followed(name, proof="pdnd", proof_client=name, **audit)
    tokens = pdnd.ledger.count("token")
    request = told(hub, receiver, name)
    voucher, claims_ = voucher_of(pdnd, request, "DPoP" if bound else "Bearer")
    assert (claims_["client_id"], claims_["purposeId"]) == (client.client_id, client.purpose_id)
    integrity = of_client(client, request, "agid-jwt-signature")
    signed = signed_of(integrity)
    assert signed["digest"] == request.only("digest") == digest_header(request.body)
    assert signed["webhook-id"] == request.only("webhook-id")
    assert integrity["iss"] == client.client_id
    evidence = of_client(client, request, "agid-jwt-trackingevidence")
    assert (evidence["userID"], evidence["purposeId"]) == ("raccordo", client.purpose_id)
    digest = hashlib.sha256(request.only("agid-jwt-trackingevidence").encode()).hexdigest()
    assert claims_["digest"] == {"alg": "SHA256", "value": digest}
    if bound:
        shown = request.only("dpop")
        jwk = jwt.get_unverified_header(shown)["jwk"]
        proof = jwt.decode(shown, jwt.PyJWK(jwk, "ES256").key, algorithms=["ES256"])
        assert (proof["htm"], proof["htu"].rpartition("/")[2]) == ("POST", name)
        assert "cnf" in claims_
        assert voucher not in proof["ath"]
    assert "takes a signed event" in raccordo("connector", "check", name)
    tokens += 1  # the command is a process of its own, and evidence another
    told(hub, receiver, name)
    assert pdnd.ledger.count("token") == tokens + 1  # evidence and voucher are used again


def test_without_a_voucher_nothing_is_sent_and_it_goes_out_later(
    hub, receiver, followed, raccordo, pdnd, tmp_path, caplog
):
    caplog.set_level(logging.DEBUG)
    register(raccordo, pdnd, "away", tmp_path)
    eventually(lambda: hub.hub.vouchers._credentials(), lambda known: (ENTE, "away") in known)
    followed("away", proof="pdnd", proof_client="away", proof_integrity="false")
    pdnd.faults.add("down", on="token", times=0)
    try:
        item_id = published(hub, "messages", make_message(fresh(), tax_code=new_person()))
        eventually(lambda: to_followers(hub, "away"), lambda rows: rows[0]["attempts"] > 1)
        assert receiver.of(item_id, "/away") == []
    finally:
        pdnd.faults.clear()
    until(receiver, item_id, "/away", ["accepted"])
    assert "reason=pdnd.no_voucher" in caplog.text
    voucher = receiver.request(item_id, "/away").only("authorization").removeprefix("Bearer ")
    assert voucher not in caplog.text


def test_what_cannot_be_proved_is_told_when_it_is_set(hub, place, raccordo, pdnd, tmp_path):
    register(raccordo, pdnd, "platform", tmp_path, kind="api")
    where = ("--set", f"url={place[1]}/x", "--set", "private_hosts=127.0.0.1")
    base = ("connector", "set", "wrong", "--type", "webhook", *where)
    wanted = ("--set", f"proof_audience={AUDIENCE}")
    (tmp_path / "key").write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    for more, reason in (
        (("--set", "proof=pdnd", "--set", "proof_client=nobody", *wanted), "there is no client 'nobody'"),
        (("--set", "proof=pdnd", "--set", "proof_client=platform", *wanted), "is for PDND's own API"),
        (("--set", "proof=modi", "--secret-file", f"proof_key={tmp_path / 'key'}", *wanted), "no private key in PEM"),
        (("--set", "proof=modi", "--set", "proof_reference=x5c", *wanted), "needs certificates"),
        (("--set", "proof=modi", "--set", "answers=signed", "--set", "answer_keys={}", *wanted), "answer_keys: 1 to"),
        (("--set", "proof=modi"), "proof_audience"),
    ):
        said = raccordo(*base, *more, code=2)
        assert reason in said
        assert "c2VjcmV0" not in said
    assert raccordo("connector", "list", "--json") == []


def test_the_check_proves_its_call_too(receiver, followed, raccordo):
    followed("checked", proof="modi")
    assert "raccordo.ping" in raccordo("connector", "check", "checked")
    *_, headers = [dict(headers) for path, headers, _ in receiver.told if path == "/checked"]
    assert {"authorization", "agid-jwt-signature", "webhook-id"} <= headers.keys()
    receiver.answers[:] = [403]
    assert "misconfigured: webhook.not_authorised" in raccordo("connector", "check", "checked", code=1)
