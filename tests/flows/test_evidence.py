"""Evidence as others get it: found, exported, and verified again by who has nothing of this hub but the files."""

import hashlib
import json
import shutil
import subprocess
import zipfile
from base64 import b64decode, urlsafe_b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from time import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from sqlalchemy import delete, func, insert, select, update

from hub.profile import Profile
from hub.registry import Vendor
from hub.security import jose, keys
from hub.security.digest import digest_header
from hub.security.sign import SigningKey, sign_request
from hub.store import directory
from hub.store.chain import row_hash, verify_chain
from hub.store.citizens import Citizens
from hub.store.directory import NewKey
from hub.store.sealed_tokens import TokenSeals, with_opened
from hub.store.tables import access_log, citizens, evidence, key_material
from tests.flows.making import described_hub, fresh, rows
from tests.harness import ALL_COLLECTIONS, ENTE, PUBLISH_AUDIENCE, make_message

AUTHORITY = keys.new_authority("Evidence CA", now=datetime.now(UTC))


def sealed(kind, name="sigillo"):
    private = keys.new_key(kind)
    leaf = keys.new_leaf(AUTHORITY, name, private.public_key(), now=datetime.now(UTC))
    return SigningKey(private, (leaf, AUTHORITY.certificate), keys.algorithm(kind))


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    def prepare(home, _vendor, _portal):
        anchor = NewKey("anchor", keys.certificates_pem([AUTHORITY.certificate]).decode())
        vendor = Vendor(
            ENTE,
            "sigillo",
            "sigillo",
            "x509",
            True,
            (),
            "sigillo",
            collections=ALL_COLLECTIONS,
            profile=Profile(max_receipts=3, algorithms=frozenset({"RS256", "PS256", "ES256", "ES384", "EdDSA"})),
        )
        tracked = replace(vendor, vendor_id="tracciato", name="tracciato", subject="tracciato")
        with home.database.write() as tx:
            directory.add_vendor(tx, vendor, [anchor])
            directory.add_vendor(tx, replace(tracked, profile=Profile(audit="AUDIT_REST_01")), [anchor])

    with described_hub(tmp_path_factory.mktemp("evidence") / "home", prepare=prepare) as running:
        yield running


def publish(hub, key, *, message_id=None, tamper=False):
    """A message of the sealed vendor; its id, and the bytes that were signed."""
    body = json.dumps(make_message(fresh())).encode()
    headers = sign_request(
        key,
        iss="sigillo",
        aud=PUBLISH_AUDIENCE,
        method="POST",
        url="",
        body=body,
        content_type="application/json",
        now=datetime.now(UTC),
        extra_headers={"Message-ID": message_id or fresh("message")},
    )
    sent = body + b" " if tamper else body
    return hub.client.post("/publish/v1/messages", content=sent, headers=headers), body


def read_export(path: Path):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    return {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()}


def decoded(segment):
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def signed_with(public, compact):
    """The claims of a JWS of ES256 or RS256 whose signature holds."""
    header, payload, signature = compact.split(".")
    raw, what = decoded(signature), f"{header}.{payload}".encode()
    if isinstance(public, ec.EllipticCurvePublicKey):
        der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        public.verify(der, what, ec.ECDSA(hashes.SHA256()))
    else:
        public.verify(raw, what, padding.PKCS1v15(), hashes.SHA256())
    return json.loads(decoded(payload))


@pytest.mark.parametrize("algorithm", ["es256", "rs256"])
@pytest.mark.parametrize("suffix", ["", ".zip"])
@pytest.mark.req("PROFILE_NON_REPUDIATION_01")
def test_a_third_party_verifies_an_export_with_a_crypto_library_alone(hub, raccordo, tmp_path, algorithm, suffix):
    named = fresh("message")
    answer, body = publish(hub, sealed(algorithm), message_id=named)
    assert answer.status_code == 201
    path = tmp_path / f"out{suffix}"
    assert raccordo("evidence", "export", "--message-id", named, "--to", path, "--reveal", "--json")["bodies"] == 1
    files = read_export(path)
    manifest = json.loads(files["manifest.json"])
    (one,) = manifest["records"]
    facts = json.loads(files[f"{one}/facts.json"])
    assert (facts["message_id"], facts["vendor_id"], facts["verdict"]) == (named, "sigillo", "accepted")
    assert files[f"{one}/body.bin"] == body
    # the signatures, under the leaf; the leaf, under the anchor that the municipality registered
    assert [token["header"] for token in facts["tokens"]] == ["authorization", "agid-jwt-signature"]
    for token in facts["tokens"]:
        leaf, anchor = [x509.load_pem_x509_certificate(files[f"{one}/keys/{n}.pem"]) for n in token["verified_by"]]
        assert anchor == AUTHORITY.certificate
        leaf.verify_directly_issued_by(anchor)
        claims = signed_with(leaf.public_key(), files[f"{one}/tokens/{token['header']}.jwt"].decode())
    digests = [entry["digest"] for entry in claims["signed_headers"] if "digest" in entry]
    assert [b64decode(digest.removeprefix("SHA-256=")) for digest in digests] == [hashlib.sha256(body).digest()]
    assert answer.json()["request_digest"] == facts["receipt"]["request_digest"] == digests[0]
    # its place in the chain
    place = json.loads(files[f"{one}/chain.json"])
    assert hashlib.sha256(files[f"{one}/record.json"]).hexdigest() == place["row_hash"]
    assert place["row_hash"] in place["row_hashes"]
    previous = place["previous_root"] or hashlib.sha256(place["writer_id"].encode()).hexdigest()
    assert hashlib.sha256("\n".join([previous, *place["row_hashes"]]).encode()).hexdigest() == place["root"]
    # the hub's word on all of it
    (key,) = hub.client.get("/.well-known/jwks.json").json()["keys"]
    numbers = ec.EllipticCurvePublicNumbers(*(int.from_bytes(decoded(key[c])) for c in "xy"), ec.SECP256R1())
    assert signed_with(numbers.public_key(), manifest.pop("signature")) == manifest
    parts = {part["path"]: part["sha256"] for part in manifest["parts"]}
    assert parts == {name: hashlib.sha256(each).hexdigest() for name, each in files.items() if name != "manifest.json"}


@pytest.mark.skipif(not shutil.which("openssl"), reason="NOT RUN: openssl is not on this machine")
def test_the_commands_of_an_export_hold_and_notice_a_change(hub, raccordo, tmp_path):
    answers = [publish(hub, sealed(kind))[0] for kind in ("es256", "rs256", "ps256", "es384", "eddsa")]
    answers.append(hub.publish("messages", make_message(fresh())))
    ids = [answer.json()["item_id"] for answer in answers]
    for item_id in ids:
        folder = tmp_path / item_id
        raccordo("evidence", "export", "--item", item_id, "--to", folder, "--reveal")
        (script,) = folder.glob("*/verify.sh")
        assert b"openssl" in script.read_bytes()
        done = subprocess.run(["sh", script], capture_output=True, check=False)
        assert done.returncode == 0, done
        (token,) = folder.glob("*/tokens/agid-jwt-signature.input")
        token.write_bytes(token.read_bytes() + b"x")
        assert subprocess.run(["sh", script], capture_output=True, check=False).returncode != 0


def test_without_reveal_no_body_leaves_and_with_it_the_access_log_says_who(hub, raccordo, tmp_path):
    answer, body = publish(hub, sealed("es256"))
    item_id = answer.json()["item_id"]
    raccordo("evidence", "export", "--item", item_id, "--to", tmp_path / "plain")
    assert rows(hub, access_log, item_id=item_id) == []
    assert not any(body in each for each in read_export(tmp_path / "plain").values())
    raccordo("evidence", "export", "--item", item_id, "--to", tmp_path / "revealed", "--reveal")
    (row,) = rows(hub, access_log, item_id=item_id)
    assert (row["operation"], row["portal_id"]) == ("evidence_export", "cli")


def test_a_refused_request_keeps_its_tokens_without_their_signatures(hub, raccordo, tmp_path):
    _, body = publish(hub, sealed("es256"), tamper=True)
    (newest,) = raccordo("evidence", "list", "--verdict", "refused", "--limit", "1", "--json")[:1]
    found = raccordo("evidence", "show", newest["evidence_id"], "--json")
    assert found["cause"].startswith("digest.")
    assert (found["peer"], found["body_sha256"]) == ("loopback", hashlib.sha256(body + b" ").hexdigest())
    assert {token["header"]: token["signature"] for token in found["tokens"]} == {
        "authorization": False,
        "agid-jwt-signature": False,
    }
    raccordo("evidence", "export", newest["evidence_id"], "--to", tmp_path / "refused")
    (compact,) = (tmp_path / "refused").glob("*/tokens/authorization.jwt")
    assert compact.read_text().endswith(".")


def publish_tracked(hub, **claims):
    """A message of the vendor whose users are tracked, and its evidence token; `claims` go into Authorization."""
    key, body, now = sealed("es256", "tracciato"), json.dumps(make_message(fresh())).encode(), int(time())
    named = {"iss": "tracciato", "aud": PUBLISH_AUDIENCE, "iat": now, "exp": now + 60}
    user = {"userID": USER, "userLocation": "sportello-2"}

    def token(more):
        made = named | {"jti": fresh("jti")} | more
        return jose.sign(jose.segment(key.header()), made, key.private, key.alg)

    digest = digest_header(body)
    headers = {
        "Authorization": f"Bearer {token(claims)}",
        "Agid-JWT-Signature": token({"signed_headers": [{"digest": digest}, {"content-type": "application/json"}]}),
        "Agid-JWT-TrackingEvidence": token(user),
        "Digest": digest,
        "Content-Type": "application/json",
    }
    return hub.client.post("/publish/v1/messages", content=body, headers=headers), headers["Agid-JWT-TrackingEvidence"]


USER = "operatore.bianchi@vendor.example"
"""Whom the vendor's tracking evidence names."""


def test_who_the_vendors_user_is_stands_nowhere_in_the_clear(hub, raccordo, tmp_path):
    answer, tracking = publish_tracked(hub)
    assert answer.status_code == 201
    (row,) = rows(hub, evidence, item_id=answer.json()["item_id"])
    assert tracking.split(".")[1] not in str(row["tokens"])
    assert decoded(tracking.split(".")[1]).find(USER.encode()) > 0
    assert row["tokens_sealed"]
    shown = raccordo("evidence", "show", row["evidence_id"], "--json")["tokens"]
    assert [one["sealed"] for one in shown if one["header"] == "agid-jwt-trackingevidence"] == [True]
    raccordo("evidence", "export", row["evidence_id"], "--to", tmp_path / "plain")
    assert not any(tracking.split(".")[1].encode() in each for each in read_export(tmp_path / "plain").values())
    raccordo("evidence", "export", row["evidence_id"], "--to", tmp_path / "revealed", "--reveal")
    files = read_export(tmp_path / "revealed")
    base = f"{row['evidence_id']}/tokens/agid-jwt-trackingevidence"
    assert files[f"{base}.jwt"].decode() == tracking
    assert hashlib.sha256(files[f"{base}.opened"]).hexdigest() in files[f"{row['evidence_id']}/record.json"].decode()
    assert raccordo("audit", "verify", "--bodies", "--json")["ok"]
    for folder in ("plain", "revealed"):
        (script,) = (tmp_path / folder).glob("*/verify.sh")
        done = subprocess.run(["sh", script], capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert b"trackingevidence.opened" in script.read_bytes()


@pytest.mark.parametrize(
    ("claims", "status"), [({"userID": USER}, 201), ({"userID": USER, "userLocation": "sportello-2"}, 400)]
)
def test_nor_where_another_token_names_the_user(hub, raccordo, claims, status):
    """The second is refused, as evidence is not to be used as Authorization: nobody is believed, but it is sealed."""
    answer, _ = publish_tracked(hub, **claims)
    assert answer.status_code == status
    row = max(rows(hub, evidence), key=itemgetter("evidence_id"))
    assert {name for name, token in row["tokens"].items() if ".@" in token} == {
        "authorization",
        "agid-jwt-trackingevidence",
    }
    assert raccordo("audit", "verify", "--bodies", "--json")["ok"]


def test_records_of_before_are_sealed_where_they_stand(hub, raccordo, tmp_path):
    """As a version before 0028 left them; the chain is told by its own unit test."""
    answer, tracking = publish_tracked(hub)
    item_id = answer.json()["item_id"]
    (row,) = rows(hub, evidence, item_id=item_id)
    seals = TokenSeals(hub.home.vault, Citizens(hub.home.vault))
    with hub.home.database.read() as connection:
        clear = with_opened(row, seals.open(connection, row))
    values = {"tokens": clear["tokens"], "tokens_sealed": None, "row_hash": row_hash(evidence, clear)}
    with hub.home.database.write() as tx:
        tx.connection.execute(update(evidence).where(evidence.c.item_id == item_id).values(values))
    try:
        assert raccordo("evidence", "seal", "--json") == {"sealed": 1, "changed": 0}
        assert raccordo("evidence", "seal", "--json") == {"sealed": 0, "changed": 0}
        (now,) = rows(hub, evidence, item_id=item_id)
        assert tracking.split(".")[1] not in str(now["tokens"])
        with hub.home.database.read() as connection:
            told = list(verify_chain(connection, {}, hub.home.vault))
        assert not any("was changed" in fault for fault in told)
        raccordo("evidence", "export", "--item", item_id, "--to", tmp_path / "plain")
        raccordo("evidence", "export", "--item", item_id, "--to", tmp_path / "revealed", "--reveal")
        for folder, later in (("plain", True), ("revealed", False)):
            (script,) = (tmp_path / folder).glob("*/verify.sh")
            assert json.loads(script.with_name("chain.json").read_bytes())["sealed_later"] is later
            assert subprocess.run(["sh", script], capture_output=True, check=False).returncode == 0
        record = (tmp_path / "revealed" / row["evidence_id"] / "record.json").read_bytes()
        assert hashlib.sha256(record).hexdigest() == values["row_hash"]
    finally:
        before = {name: row[name] for name in ("tokens", "tokens_sealed", "row_hash", "sealed_later")}
        with hub.home.database.write() as tx:
            tx.connection.execute(update(evidence).where(evidence.c.item_id == item_id).values(before))


def test_records_are_found_by_what_they_are_about(hub, raccordo):
    before = (datetime.now(UTC) - timedelta(seconds=5)).isoformat()
    answer, body = publish(hub, sealed("es256"))
    item_id, external_id = answer.json()["item_id"], json.loads(body)["external_id"]
    for filters in (
        ("--item", item_id),
        ("--external-id", external_id),
        ("--external-id", external_id, "--vendor", "sigillo"),
    ):
        (found,) = raccordo("evidence", "list", *filters, "--json")
        assert (found["item_id"], found["external_id"]) == (item_id, external_id)
    assert item_id in [r["item_id"] for r in raccordo("evidence", "list", "--from", before, "--json")]
    assert item_id not in [r["item_id"] for r in raccordo("evidence", "list", "--to-time", before, "--json")]
    assert raccordo("evidence", "list", "--item", item_id, "--verdict", "refused", "--json") == []
    assert raccordo("evidence", "list", "--external-id", external_id, "--vendor", "acme", "--json") == []


def test_what_cannot_be_exported_is_said_and_leaves_nothing(hub, raccordo, tmp_path):
    assert "there is no record 'nowhere'" in raccordo("evidence", "export", "nowhere", "--to", tmp_path / "a", code=1)
    assert "say which records" in raccordo("evidence", "export", "--to", tmp_path / "a", code=2)
    assert "--to is needed" in raccordo("evidence", "export", "--vendor", "sigillo", code=2)
    publish(hub, sealed("es256"))
    (tmp_path / "there").mkdir()
    refused = raccordo("evidence", "export", "--vendor", "sigillo", "--to", tmp_path / "there", code=1)
    assert "there already" in refused
    assert not (tmp_path / "a").exists()


def test_the_audit_of_bodies_finds_one_that_was_changed(hub, raccordo, tmp_path):
    (one, other), kept = [publish(hub, sealed("es256"))[0].json()["item_id"] for _ in range(2)], {}
    for item_id in (one, other):
        (kept[item_id],) = rows(hub, evidence, item_id=item_id)
    assert raccordo("audit", "verify", "--bodies", "--json")["ok"]

    def put(item_id, value):
        with hub.home.database.write() as tx:
            tx.connection.execute(update(evidence).where(evidence.c.item_id == item_id).values(body_sealed=value))

    put(one, kept[other]["body_sealed"])
    try:
        assert raccordo("audit", "verify", "--json")["ok"]
        (fault,) = raccordo("audit", "verify", "--bodies", "--json", code=1)["faults"]
        assert fault == f"evidence {kept[one]['evidence_id']}: the body does not open"
        told = raccordo("evidence", "export", "--item", one, "--to", tmp_path / "x", "--reveal", code=1)
        assert "does not open" in told
        assert list(tmp_path.iterdir()) == []
    finally:
        put(one, kept[one]["body_sealed"])


def test_the_audit_finds_a_changed_certificate_and_a_missing_one(hub, raccordo):
    answer, _ = publish(hub, sealed("es256"))
    (row,) = rows(hub, evidence, item_id=answer.json()["item_id"])
    leaf = row["verified_by"]["authorization"][0]
    assert raccordo("audit", "verify", "--json")["ok"]
    with hub.home.database.read() as connection:
        der = connection.execute(select(key_material.c.der).where(key_material.c.sha256 == leaf)).scalar_one()
        assert connection.execute(select(func.count()).select_from(key_material)).scalar_one() > 1
    one = key_material.c.sha256 == leaf
    try:
        with hub.home.database.write() as tx:
            tx.connection.execute(update(key_material).where(one).values(der=der + b"x"))
        assert "the key or certificate was changed" in str(raccordo("audit", "verify", "--json", code=1))
        with hub.home.database.write() as tx:
            tx.connection.execute(delete(key_material).where(one))
        assert f"certificate {leaf} is missing" in str(raccordo("audit", "verify", "--json", code=1))
        assert "audit verify" in raccordo("evidence", "show", row["evidence_id"], code=1)
    finally:
        with hub.home.database.write() as tx:
            tx.connection.execute(key_material.insert(), {"sha256": leaf, "der": der})
    assert raccordo("audit", "verify", "--json")["ok"]


def test_the_audit_of_bodies_misses_what_is_gone(hub, raccordo):
    """A record's hash does not cover what an erasure makes unreadable; only an erasure may."""
    (row,) = rows(hub, evidence, item_id=publish(hub, sealed("es256"))[0].json()["item_id"])
    whose = (citizens.c.ente_id == row["ente_id"]) & (citizens.c.citizen_id == row["citizen_id"])
    with hub.home.database.read() as connection:
        person = dict(connection.execute(select(citizens).where(whose)).mappings().one())

    def faults_after(*statements):
        with hub.home.database.write() as tx:
            for statement in statements:
                tx.connection.execute(statement)
        assert raccordo("audit", "verify", "--json")["ok"]
        return raccordo("audit", "verify", "--bodies", "--json", code=1)["faults"]

    try:
        gone = update(evidence).where(evidence.c.evidence_id == row["evidence_id"]).values(body_sealed=None)
        assert faults_after(gone) == [f"evidence {row['evidence_id']}: the body was removed"]
        (fault,) = faults_after(delete(citizens).where(whose))
        assert row["citizen_id"] in fault
        assert "was removed" in fault
        looks_erased = person | {"data_key_sealed": b"", "subject_hash": f"erased:{row['citizen_id']}"}
        (fault,) = faults_after(insert(citizens).values(looks_erased))
        assert "lacks 1 erasures" in fault
    finally:
        with hub.home.database.write() as tx:
            tx.connection.execute(delete(citizens).where(whose))
            tx.connection.execute(insert(citizens).values(person))
            kept = update(evidence).where(evidence.c.evidence_id == row["evidence_id"])
            tx.connection.execute(kept.values(body_sealed=row["body_sealed"]))
    assert raccordo("audit", "verify", "--bodies", "--json")["ok"]
