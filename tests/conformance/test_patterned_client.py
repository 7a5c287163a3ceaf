"""The kit as a hub with the patterns of PDND, non-repudiation and batches, and as a hub that calls a vendor."""

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from time import time

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.base.serving import LoopbackServer
from hub.cli.application import run
from hub.conformance import calling
from hub.conformance.scenarios import SCENARIOS
from hub.security import jose
from hub.security.causes import Refusal
from hub.security.digest import digest_header
from hub.security.jwk import jwk_key
from hub.security.keys import jwks, new_key, private_pem
from hub.security.responses import verify_response
from tests.real.server import free_port

SAMPLES = Path(__file__).parents[2] / "samples"
CLIENT, PURPOSE = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
WORDS = "{kid} {client_id} {purpose_id} {token_url} {assertion_aud}"


class Tried:
    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.port, self.pdnd_port = folder, free_port(), free_port()
        key = new_key(kind)
        (folder / "key.pem").write_bytes(private_pem(key))
        (folder / "jwks.json").write_text(jwks([key.public_key()]))
        self.kid = json.loads((folder / "jwks.json").read_text())["keys"][0]["kid"]

    def run(self, *options: str) -> int:
        own = [f"--listen={self.port}", "--iss=acme", f"--json={self.folder / 'report.json'}"]
        return run(["conformance", *own, *options])

    def by_pdnd(self, command: str, *options: str) -> int:
        own = [f"--pdnd-jwks={self.folder / 'jwks.json'}", "--trust=pdnd", f"--pdnd-listen={self.pdnd_port}"]
        ids = [f"--profile=clients={CLIENT}", f"--profile=purposes={PURPOSE}"]
        return self.run(*own, *ids, f"--run={command}", *options)

    def sample(self, script: Path = SAMPLES / "publish_pdnd.py", **environment: str) -> str:
        told = " ".join(f"{name}={value}" for name, value in environment.items())
        return (
            f"/usr/bin/env {told} {sys.executable} {script} {{url}} messages {SAMPLES / 'message.json'} "
            f"{self.folder / 'key.pem'} {WORDS} acme"
        )

    @property
    def report(self) -> dict:
        return json.loads((self.folder / "report.json").read_text())

    def outcomes(self, outcome: str) -> set[str]:
        return {one["name"] for one in self.report["cases"] if one["outcome"] == outcome}


@pytest.fixture
def client(tmp_path) -> Tried:
    return Tried(tmp_path, "rs256")


@pytest.fixture
def direct(tmp_path) -> Tried:
    return Tried(tmp_path, "es256")


def test_the_sample_for_pdnd_holds_in_every_scenario(client):
    assert client.by_pdnd(client.sample()) == 0
    assert client.outcomes("passed") == {one.name for one in SCENARIOS} | {"pdnd-unavailable"}
    assert {one["what"] for one in client.report["not_tested"]} >= {"DPoP", "AUDIT_REST", "NONBLOCK_PULL_REST"}


def test_the_sample_with_dpop_and_tracking_evidence(client):
    options = ("--profile=dpop=required", "--profile=audit=AUDIT_REST_02", "--only=re[qt]*/[alu]*")
    assert client.by_pdnd(client.sample(DPOP="1", USER_ID="mario"), *options) == 0
    assert client.outcomes("passed") >= {"accepted", "limited", "unavailable"}


@pytest.mark.parametrize(
    ("there", "instead", "why"),
    [
        ('"htm": method', '"htm": "GET"', "no request arrived; PDND: 015-0038 DPoP proof: htm is not POST"),
        ('**proof("POST", address, voucher)', '**proof("PUT", address, voucher)', "dpop.method"),
        ("hashlib.sha256(voucher.encode())", "hashlib.sha256(b'')", "dpop.voucher"),
        ('**proof("POST", address, voucher)', "**{}", "dpop.missing"),
        ('"Bearer " if proof_key is None else "DPoP "', '"Bearer "', "authorization.scheme"),
        ('"iss": client_id, **times', '"iss": "acme", **times', "PDND: 015-0015 sub and iss are not client_id"),
        ('"userID": user', '"userid": user', "claim.missing"),
        ("10**12 + secrets", "10**13 + secrets", "claim.type"),
        ('"purposeId": purpose_id, "dnonce"', '"purposeId": client_id, "dnonce"', "audit.purpose"),
        ("hashlib.sha256(evidence.encode()).hexdigest()", "'0' * 64", "audit.digest"),
        ('"value": hashlib.sha256(evidence', '"Value": hashlib.sha256(evidence', "PDND: 015-0028"),
    ],
)  # fmt: skip
def test_a_client_of_pdnd_with_one_fault_is_told_which(client, there, instead, why):
    text = (SAMPLES / "publish_pdnd.py").read_text()
    assert there in text
    spoilt = client.folder / "client.py"
    spoilt.write_text(text.replace(there, instead))
    options = ("--profile=dpop=required", "--profile=audit=AUDIT_REST_02", "--only=accepted")
    assert client.by_pdnd(client.sample(spoilt, DPOP="1", USER_ID="mario"), *options) == 1
    (case,) = client.report["cases"]
    assert why in case["detail"]


def test_a_client_that_takes_no_voucher_for_success_is_found_out(client):
    text = (SAMPLES / "publish_pdnd.py").read_text()
    spoilt = client.folder / "client.py"
    spoilt.write_text(text.replace('sys.exit(f"no voucher: {error!r}")', "sys.exit(0)"))
    assert client.by_pdnd(client.sample(spoilt), "--only=pdnd/*") == 1
    assert client.outcomes("failed") == {"pdnd-unavailable"}


# Messages that have an id, and batches: a client made of our own parts, and the same with one fault


CLIENT_OF_OURS = """
import json, sys, time, uuid
import httpx
from hub.security.outbound import Integrity, ModiAuth, Signer
from hub.security.sign import SigningKey
from pathlib import Path
url, what, key = sys.argv[1:]
signer = Signer(SigningKey.load(Path(key)), "acme", f"{url}/publish/v1", reference="kid")
auth = ModiAuth(signer, integrity=Integrity(signer, ("message-id",) if what == "messages" else ()))
message_id = str(uuid.uuid4())
with httpx.Client(auth=auth) as http:
    def send():
        headers = {"Content-Type": "application/json"}
        if what == "messages":
            headers["Message-ID"] = message_id
        return http.post(f"{url}/publish/v1/{what}", content=b'{"items":[]}', headers=headers)
    answer = send()
    while answer.status_code in (429, 503):
        time.sleep(int(answer.headers["Retry-After"]))
        answer = send()
    if what == "messages":
        sys.exit(answer.status_code != 201 or answer.json()["message_id"] != message_id)
    while True:
        status = http.get(answer.headers["Location"])
        if status.status_code == 303:
            sys.exit(http.get(status.headers["Location"]).status_code != 200)
        time.sleep(int(status.headers["Retry-After"]))
"""


@pytest.mark.parametrize(
    ("what", "there", "instead", "failed"),
    [
        ("messages", "", "", set()),
        ("messages", 'headers["Message-ID"] = message_id', 'headers["Message-ID"] = str(uuid.uuid4())', {"limited"}),
        ("messages", ' or answer.json()["message_id"] != message_id', "", {"receipt-of-another-message"}),
        ("batches", "", "", set()),
        ("batches", 'status = http.get(answer.headers["Location"])', "sys.exit(0)", {"batch-followed"}),
        ("batches", 'time.sleep(int(status.headers["Retry-After"]))', "pass", {"batch-followed"}),
        ("batches", 'http.get(status.headers["Location"]).status_code != 200', "0", {"batch-followed"}),
    ],
)
def test_a_client_of_messages_with_ids_and_of_batches(direct, what, there, instead, failed):
    program = direct.folder / "client.py"
    assert there in CLIENT_OF_OURS
    program.write_text(CLIENT_OF_OURS.replace(there, instead) if there else CLIENT_OF_OURS)
    only = "*-message" if "receipt-of-another-message" in failed else "limited"
    command = f"{sys.executable} {program} {{url}} {what} {direct.folder / 'key.pem'}"
    options = ["--batch"] if what == "batches" else ["--profile=max_receipts=3", f"--only={only}"]
    code = direct.run(f"--jwks={direct.folder / 'jwks.json'}", f"--run={command}", *options)
    assert direct.outcomes("failed") == failed
    assert code == bool(failed)


# The vendor's address


class Address:
    """A vendor's server that verifies as `flaws` let it."""

    def __init__(self, hub: str, flaws: frozenset[str]) -> None:
        self.hub, self.flaws, self.used = hub, flaws, set()
        self.url = ""

    async def take(self, request: Request) -> Response:
        body = await request.body()
        try:
            self.verify(request, body)
        except (Refusal, ValueError, KeyError):
            return JSONResponse({"received": "no"}, 401)
        return JSONResponse({"received": "ok"})

    def verify(self, request: Request, body: bytes) -> None:
        headers = [(name.decode(), value.decode()) for name, value in request.headers.raw]
        if "signature" in self.flaws:
            return
        compact = request.headers["agid-jwt-signature"]
        (material,) = httpx.get(f"{self.hub}/.well-known/jwks.json").json()["keys"]
        if "digest" in self.flaws:
            headers = [one for one in headers if one[0] != "digest"] + [("digest", digest_header(body))]
        claims = jose.parse(compact).claims
        if "stranger" not in self.flaws:
            aud = None if "audience" in self.flaws else self.url
            now = claims["iat"] if "time" in self.flaws else time()
            verify_response(
                headers, body, jwk_key(json.dumps(material)), now=now, iss=f"{self.hub}/publish/v1", aud=aud
            )
        if claims["jti"] in self.used and "replay" not in self.flaws:
            raise ValueError("replayed")
        self.used.add(claims["jti"])


@contextmanager
def address(hub: str, *flaws: str):
    one = Address(hub, frozenset(flaws))
    server = LoopbackServer(Starlette(routes=[Route("/told", one.take, methods=["POST"])]))
    server.start()
    one.url = f"{server.url}/told"
    try:
        yield one.url
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("flaws", "failed"),
    [
        ((), set()),
        (("signature",), {one[0] for one in calling.CASES if not one[4]}),
        (("stranger",), {"call-of-a-stranger", "call-body-changed", "call-other-correlation", "call-to-another",
                         "call-of-another-hub", "call-old"}),
        (("audience",), {"call-to-another"}),
        (("time",), {"call-old"}),
        (("replay",), {"call-replayed"}),
    ],
)  # fmt: skip
def test_a_vendors_address_is_called_as_a_hub_calls_it(direct, flaws, failed):
    with address(f"http://127.0.0.1:{direct.port}", *flaws) as url:
        options = (f"--jwks={direct.folder / 'jwks.json'}", f"--callback-url={url}", "--only=callbacks/*")
        code = direct.run(*options)
    assert direct.outcomes("failed") == failed
    assert direct.outcomes("passed") == {one[0] for one in calling.CASES} - failed
    assert code == bool(failed)


def test_an_address_that_nobody_serves(direct):
    options = (f"--jwks={direct.folder / 'jwks.json'}", "--callback-url=http://127.0.0.1:1/", "--only=call-told")
    assert direct.run(*options) == 1
    assert direct.report["cases"][0]["detail"] == "no answer: ConnectError"
