"""Files go to and come from addresses that SEND chooses: public ones, by https, with nothing of ours but the file."""

import hashlib

import pytest

from connectors.base.http import chosen_client
from connectors.base.http_conformance import leading_to
from connectors.send.memos import Slot
from connectors.send.scripted_notices import file
from connectors.send.uploads import Uploads
from contracts.connector import Limits
from contracts.failures import Deferred
from contracts.tls import TlsSettings


@pytest.fixture
def storage():
    made = []

    def storage(*listed: str) -> Uploads:
        made.append(chosen_client(Limits(timeout_s=5), listed, TlsSettings()))
        return Uploads(made[-1], listed, 5)

    yield storage
    for each in made:
        each.close()


def _slot(url: str) -> Slot:
    content = b"%PDF"
    return Slot(key="k", url=url, secret="s", method="PUT", sha256=hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.7",
        "127.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "::1",
        "::ffff:10.0.0.7",
        "fd00:ec2::254",
        "64:ff9b::a00:7",
    ],
)
def test_no_file_goes_to_a_private_address_or_comes_from_one(storage, monkeypatch, address):
    tried = leading_to([address], monkeypatch)
    with pytest.raises(Deferred):
        storage().put(file("Atto", "%PDF"), _slot("https://store.example/k"))
    with pytest.raises(Deferred):
        storage().get("https://store.example/k")
    assert tried == set()


@pytest.mark.parametrize(
    "url",
    [
        "http://store.example/k",
        "http://127.0.0.1/k",
        "https://user:word@store.example/k",
        "ftp://store.example/k",
        "file:///etc/passwd",
        "store.example/k",
        "https:///k",
        "https://[::1/k",
        "https://store.example:99999999/k",
        "",
    ],
)
def test_files_go_by_https_alone(storage, monkeypatch, url):
    tried = leading_to(["93.184.216.34"], monkeypatch)
    slot = _slot("https://store.example/").model_copy(update={"url": url})
    with pytest.raises(Deferred):
        storage().put(file("Atto", "%PDF"), slot)
    with pytest.raises(Deferred):
        storage().get(url)
    assert tried == set()


def test_a_secret_that_no_header_can_hold_is_no_crash(storage):
    slot = _slot("https://store.example/k").model_copy(update={"secret": "è\n"})
    with pytest.raises(Deferred):
        storage().put(file("Atto", "%PDF"), slot)
