"""The kit as a hub, against our own sample clients and against clients that misbehave in one way."""

import json
import shutil
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from hub.cli.application import run
from hub.conformance.scenarios import SCENARIOS
from hub.security.keys import KeyType, certificates_pem, jwks, new_authority, new_key, new_leaf, private_pem
from tests.harness import eventually
from tests.real.server import free_port

SAMPLES = Path(__file__).parents[2] / "samples"
RECEIPTS = {one.name for one in SCENARIOS if one.group == "receipts"}


class Tried:
    """A vendor's files, and the kit on them."""

    def __init__(self, folder: Path, kind: KeyType = "es256") -> None:
        self.folder, self.port = folder, free_port()
        key = new_key(kind)
        (folder / "key.pem").write_bytes(private_pem(key))
        (folder / "jwks.json").write_text(jwks([key.public_key()]))
        self.kid = json.loads((folder / "jwks.json").read_text())["keys"][0]["kid"]
        self.key = key

    def arguments(self, *options: str) -> list[str]:
        own = [f"--listen={self.port}", "--iss=acme", f"--jwks={self.folder / 'jwks.json'}"]
        return ["conformance", *own, f"--json={self.folder / 'report.json'}", *options]

    def client(self, *program: str) -> str:
        body = SAMPLES / "message.json"
        return f"{' '.join(program)} {{url}} messages {body} {self.folder / 'key.pem'} {self.kid} acme"

    @property
    def cases(self) -> dict[str, dict]:
        return {one["name"]: one for one in json.loads((self.folder / "report.json").read_text())["cases"]}

    def outcomes(self, outcome: str) -> set[str]:
        return {name for name, one in self.cases.items() if one["outcome"] == outcome}


@pytest.fixture
def tried(tmp_path) -> Tried:
    return Tried(tmp_path)


def test_the_sample_in_python_holds_in_every_scenario(tried):
    junit = tried.folder / "junit.xml"
    code = run(
        tried.arguments(f"--run={tried.client(sys.executable, str(SAMPLES / 'publish.py'))}", f"--junit={junit}")
    )
    assert tried.outcomes("passed") == {one.name for one in SCENARIOS}, tried.cases
    assert code == 0
    assert 'classname="conformance.receipts"' in junit.read_text()


@pytest.mark.skipif(not shutil.which("node"), reason="NOT RUN: node is not on this machine")
def test_the_sample_in_javascript_holds_in_every_scenario(tried):
    code = run(tried.arguments(f"--run={tried.client('node', str(SAMPLES / 'publish.mjs'))}"))
    assert tried.outcomes("passed") == {one.name for one in SCENARIOS}, tried.cases
    assert code == 0


@pytest.mark.skipif(
    not (shutil.which("openssl") and shutil.which("curl")), reason="NOT RUN: openssl and curl are not on this machine"
)
def test_the_sample_in_shell_holds_in_every_scenario(tmp_path):
    tried = Tried(tmp_path, "rs256")
    code = run(tried.arguments(f"--run={tried.client('bash', str(SAMPLES / 'publish.sh'))}"))
    assert tried.outcomes("passed") == {one.name for one in SCENARIOS}, tried.cases
    assert code == 0


@pytest.mark.parametrize(
    ("there", "instead", "only", "failed"),
    [
        ("range(3)", "range(1)", "unavailable", {"unavailable"}),
        ("min(seconds_to_wait", "min(0 * seconds_to_wait", "limited", {"limited"}),
        ("status not in (429, 503) or", "status not in (401, 422, 429, 503) or", "refused", {"refused"}),
        ("    check_receipt(answered, content)", "    pass", "receipts/*", RECEIPTS),
        ('"request_digest": digest_of(body)', "", "receipts/*", {"receipt-of-another-request"}),
        ('"aud": iss, "req', '"req', "receipts/*", {"receipt-of-another-vendor"}),
        ("str(uuid.uuid4())", '"always"', "limited", {"limited"}),
        ("sys.exit(1)", "sys.exit(0)", "invalid", {"invalid"}),
        ("sys.exit(1)", "sys.exit(0)", "replayed", {"replayed"}),
        (
            "base64.b64encode(hashlib.sha256(content).digest()).decode()",
            "hashlib.sha256(content).hexdigest()",
            "accepted",
            {"accepted"},
        ),
    ],
)
def test_a_client_with_one_fault_is_found_out(tried, there, instead, only, failed):
    text = (SAMPLES / "publish.py").read_text()
    assert there in text
    spoilt = tried.folder / "client.py"
    spoilt.write_text(text.replace(there, instead))
    assert run(tried.arguments(f"--run={tried.client(sys.executable, str(spoilt))}", f"--only={only}")) == 1
    assert tried.outcomes("failed") == failed


def test_a_refused_request_is_explained(tried, capsys):
    wrong = tried.client(sys.executable, str(SAMPLES / "publish.py")).removesuffix("acme") + "nobody"
    assert run(tried.arguments(f"--run={wrong}", "--only=accepted")) == 1
    assert "issuer.unknown" in capsys.readouterr().out


def test_our_own_command_believes_true_receipts_alone_and_a_certificate_is_verified(tried):
    now, folder = datetime.now(UTC), tried.folder
    authority = new_authority("Test CA", now=now)
    leaf = new_leaf(authority, "acme", tried.key.public_key(), now=now)
    (folder / "ca.pem").write_bytes(certificates_pem([authority.certificate]))
    (folder / "chain.pem").write_bytes(certificates_pem([leaf]))
    client = (
        f"{sys.executable} -c 'import sys; from hub.cli import main; sys.exit(main())' sign --send "
        f"--key {folder / 'key.pem'} --cert {folder / 'chain.pem'} --iss acme --aud {{url}}/publish/v1 "
        f"--url {{url}}/publish/v1/messages --body {SAMPLES / 'message.json'}"
    )
    arguments = [f"--listen={tried.port}", "--iss=acme", f"--anchor={folder / 'ca.pem'}", f"--run={client}"]
    assert run(["conformance", *arguments, f"--json={folder / 'report.json'}", "--only=re[qc]*/*"]) == 0
    assert tried.outcomes("passed") == RECEIPTS | {"accepted"}


def test_a_client_that_does_not_end_is_stopped(tried):
    command = f"{sys.executable} -c 'import time; time.sleep(60)'"
    assert run(tried.arguments(f"--run={command}", "--only=accepted", "--within=1")) == 1
    assert tried.cases["accepted"]["detail"] == "no request arrived"


def test_by_hand_each_message_meets_the_next_scenario(tried):
    sender = threading.Thread(target=send_by_hand, args=(tried, 6), daemon=True)
    sender.start()
    assert run(tried.arguments("--only=[lr]*ed")) == 0  # the five that end so
    sender.join(30)
    assert tried.outcomes("passed") == {"accepted", "limited", "replayed"}
    assert tried.outcomes("skipped") == {"refused", "receipt-unsigned"}  # an exit code is not seen by hand


def send_by_hand(tried, times: int) -> None:
    url = f"http://127.0.0.1:{tried.port}"
    eventually(lambda: answers(url), bool)
    for _ in range(times):
        command = tried.client(sys.executable, str(SAMPLES / "publish.py")).replace("{url}", url).split()
        subprocess.run(command, capture_output=True, check=False, timeout=30)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/.well-known/jwks.json").is_success
    except httpx.HTTPError:
        return False
