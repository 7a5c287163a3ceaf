"""The samples, run as a vendor would run them: signed by other tools than ours, accepted by a running hub."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hub.registry import Vendor
from hub.security.keys import new_key, private_pem
from hub.security.sign import SigningKey
from hub.store import directory
from tests.harness import ALL_COLLECTIONS, ENTE, PUBLISH_AUDIENCE, Caller, eventually, running_hub

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with running_hub(tmp_path_factory.mktemp("samples") / "home") as hub:
        yield hub


def vendor_with(hub, tmp_path, name, kind):
    key = new_key(kind)
    (tmp_path / "key.pem").write_bytes(private_pem(key))
    caller = Caller(name, SigningKey(key))
    with hub.home.database.write() as tx:
        vendor = Vendor(ENTE, name, name, "jwk", True, (), name, collections=ALL_COLLECTIONS)
        directory.add_vendor(tx, vendor, [caller.jwk()])
    return caller


def run(command, hub, tmp_path, caller, sample="message.json"):
    arguments = [hub.url, "messages", str(SAMPLES / sample), str(tmp_path / "key.pem"), caller.key.kid, caller.name]
    done = subprocess.run(
        [*command, *arguments],
        env=os.environ | {"AUDIENCE": PUBLISH_AUDIENCE},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    body, _, status = done.stdout.strip().rpartition("\n")
    # Also of the receipt, which each of them verifies.
    assert (done.returncode == 0) is (status in ("200", "201")), done.stderr
    return int(status), json.loads(body)


@pytest.mark.skipif(
    not (shutil.which("openssl") and shutil.which("curl")), reason="NOT RUN: openssl and curl are not on this machine"
)
def test_a_request_signed_by_openssl_alone_is_accepted(hub, tmp_path):
    caller = vendor_with(hub, tmp_path, "openssl-vendor", "rs256")
    status, answer = run_until_known([str(SAMPLES / "publish.sh")], hub, tmp_path, caller)
    assert (status, answer["outcome"]) == (201, "created")


def test_a_request_signed_by_cryptography_alone_is_accepted(hub, tmp_path):
    caller = vendor_with(hub, tmp_path, "python-vendor", "es256")
    status, answer = run_until_known([sys.executable, str(SAMPLES / "publish.py")], hub, tmp_path, caller)
    assert (status, answer["outcome"]) == (201, "created")


@pytest.mark.skipif(not shutil.which("node"), reason="NOT RUN: node is not on this machine")
def test_a_request_signed_by_javascript_alone_is_accepted(hub, tmp_path):
    caller = vendor_with(hub, tmp_path, "javascript-vendor", "es256")
    status, answer = run_until_known(["node", str(SAMPLES / "publish.mjs")], hub, tmp_path, caller)
    assert (status, answer["outcome"]) == (201, "created")


def run_until_known(command, hub, tmp_path, caller):
    """A new vendor is known within two seconds."""
    return eventually(lambda: run(command, hub, tmp_path, caller), lambda seen: seen[0] != 401)


@pytest.mark.skipif(not shutil.which("node"), reason="NOT RUN: node is not on this machine")
def test_the_vectors_can_be_read_by_javascript_alone():
    vectors = Path(__file__).parents[1] / "vectors"
    done = subprocess.run(
        ["node", str(SAMPLES / "vectors.mjs"), str(vectors)], capture_output=True, text=True, timeout=60, check=True
    )
    holds = {one["name"]: one["holds"] for one in json.loads(done.stdout)}
    known = json.loads((vectors / "publish.json").read_text())["vectors"]
    good = {one["name"] for one in known if "vendor" in one["expect"]}
    spoilt = {one["name"] for one in known if one["expect"].get("cause") in ("signature.invalid", "digest.mismatch")}
    assert len(good) > 20
    assert len(spoilt) > 10
    assert {name for name in good if not holds[name]} == set()
    assert {name for name in spoilt if holds[name]} == set()
