"""Signed notices, verified by the library through a DNS of the test's own; and what `check` says of DNS."""

import base64
import socket
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dkim
import dns.message
import dns.rcode
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from pydantic import ValidationError

from connectors.base.conformance import make_notice
from contracts.connector import Continue, Limits
from contracts.failures import Misconfigured

from . import connect
from .config import Settings
from .dkim_signing import DkimKey
from .simulator import Simulator

ONE_CLICK = {"unsubscribe_url": "https://servizi.comune.example.it/u/k7Qx"}


def pem(key: Any, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    return str(key.private_bytes(Encoding.PEM, form, NoEncryption()).decode())


RSA = rsa.generate_private_key(65537, 2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()
KEYS = {"rsa": pem(RSA), "rsa of PKCS#1": pem(RSA, PrivateFormat.TraditionalOpenSSL), "ed25519": pem(ED25519)}


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulator]:
    with Simulator(tmp_path) as simulator:
        yield simulator


def settings(**changes: Any) -> Settings:
    base = {"host": "127.0.0.1", "port": 25, "security": "none", "from_address": "avvisi@comune.example.it"}
    return Settings(**base | changes)


def sent(sim: Simulator, times: int = 1, **changes: Any) -> list[bytes]:
    connector = connect(settings(port=sim.port, **changes), Limits(timeout_s=5))
    notice = make_notice(**ONE_CLICK)
    first = connector.advance(notice, {})
    assert isinstance(first, Continue)
    for _ in range(times):
        connector.advance(notice, first.memo)
    return [(sim.mailbox / entry["file"]).read_bytes() for entry in sim.entries()]


def holds(content: bytes, records: dict[str, str], number: int = 0) -> bool:
    """Whether a receiver who asks that DNS finds the signature right."""

    def ask(name: bytes, timeout: int = 5) -> bytes | None:
        found = records.get(name.decode().rstrip("."))
        return None if found is None else found.encode()

    try:
        return bool(dkim.DKIM(content).verify(number, dnsfunc=ask))
    except dkim.DKIMException:
        return False


def record(selector: str, key: str, domain: str = "comune.example.it") -> dict[str, str]:
    return {f"{selector}._domainkey.{domain}": DkimKey.read(selector, key).record}


@pytest.mark.parametrize("kind", KEYS)
def test_a_receiver_verifies_it_and_no_mutation(sim: Simulator, kind: str) -> None:
    (content,) = sent(sim, dkim_selector="2026a", dkim_key=KEYS[kind])
    records = record("2026a", KEYS[kind])
    assert holds(content, records)
    assert b"c=relaxed/relaxed" in content.replace(b"\r\n ", b"")
    for old, new in (
        (b"Subject: ", b"Subject: Ignorare. "),
        (b"<https://servizi.comune.example.it/u/k7Qx>", b"<https://servizi.comune.example.it/u/k7Qy>"),
        (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Two-Click"),
        (b"Iscrizione", b"iscrizione"),
        (b"To: mario.rossi@", b"To: maria.rossi@"),
    ):
        assert content.count(old) >= 1
        head, _, rest = content.partition(old)
        assert not holds(head + new + rest, records), old
    for added in (
        b"From: x@altro.example\r\n",
        b"Subject: altro\r\n",
        b"List-Unsubscribe: <https://altro.example>\r\n",
    ):
        assert not holds(added + content, records), added
    assert not holds(content, record("2026a", pem(rsa.generate_private_key(65537, 2048))))
    assert not holds(content, {})


def test_what_a_relay_may_do_leaves_it_right(sim: Simulator) -> None:
    (content,) = sent(sim, dkim_selector="a", dkim_key=KEYS["rsa"])
    relayed = b"Received: from x by y; Mon, 2 Mar 2026 10:00:00 +0100\r\n" + content.replace(
        b"Subject: ", b"SUBJECT:  "
    )
    assert holds(relayed + b"\r\n\r\n", record("a", KEYS["rsa"]))


def test_two_keys_sign_twice(sim: Simulator) -> None:
    first, second = KEYS["rsa"], KEYS["ed25519"]
    (content,) = sent(
        sim,
        dkim_selector="r",
        dkim_key=first,
        dkim_second_selector="e",
        dkim_second_key=second,
        dkim_domain="example.it",
    )
    for number, records in enumerate((record("r", first, "example.it"), record("e", second, "example.it"))):
        assert holds(content, records, number)
        assert not holds(content, records, 1 - number)


@pytest.mark.parametrize("kind", KEYS)
def test_a_notice_sent_again_is_the_same_byte_for_byte(sim: Simulator, kind: str, monkeypatch: Any) -> None:
    clock = iter(range(1_800_000_000, 1_900_000_000, 1000))
    monkeypatch.setattr("dkim.time.time", lambda: next(clock))
    one, two = sent(sim, times=2, dkim_selector="a", dkim_key=KEYS[kind])
    assert one == two
    assert b"DKIM-Signature: " in one


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"dkim_key": KEYS["rsa"]}, "va con la sua chiave"),
        ({"dkim_selector": "a"}, "va con la sua chiave"),
        ({"dkim_selector": "a", "dkim_key": "hunter2"}, "PEM"),
        ({"dkim_selector": "a", "dkim_key": pem(rsa.generate_private_key(65537, 1024))}, "2048 bit"),
        ({"dkim_selector": "a", "dkim_key": pem(ec.generate_private_key(ec.SECP256R1()))}, "Ed25519 o RSA"),
        ({"dkim_selector": "a b", "dkim_key": KEYS["rsa"]}, "pattern"),
        ({"dkim_selector": "a", "dkim_key": KEYS["rsa"], "dkim_domain": "altro.example"}, "contenere il dominio"),
        ({"dkim_selector": "a", "dkim_key": KEYS["rsa"], "dkim_domain": "une.example.it"}, "contenere il dominio"),
    ],
)
def test_a_key_that_cannot_sign_is_refused_and_not_shown(changes: dict[str, str], why: str) -> None:
    with pytest.raises(ValidationError, match=why) as caught:
        settings(**changes)
    for secret in ("hunter2", "PRIVATE KEY"):
        assert secret not in "".join(traceback.format_exception(caught.value))


def test_an_encrypted_key_is_refused() -> None:
    locked = RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode()
    with pytest.raises(ValidationError, match="senza password"):
        settings(dkim_selector="a", dkim_key=locked)


def test_the_key_is_write_only() -> None:
    its = settings(dkim_selector="a", dkim_key=KEYS["ed25519"])
    shown = f"{its!r} {its.dkim_keys!r} {its.model_dump_json()}"
    assert base64.b64encode(ED25519.private_bytes_raw()).decode() not in shown
    assert "PRIVATE KEY" not in shown
    fields = Settings.model_json_schema()["properties"]
    for name in ("dkim_key", "dkim_second_key", "password", "imap_password"):
        assert fields[name]["anyOf"][0]["writeOnly"], name


class Dns:
    """A name server on loopback that knows some TXT records; `silent` it answers nothing."""

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        self.silent = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                wire, peer = self._socket.recvfrom(4096)
            except OSError:
                return
            query = dns.message.from_wire(wire)
            answer = dns.message.make_response(query, recursion_available=True)
            name = query.question[0].name
            texts = self.records.get(str(name).rstrip("."))
            if texts is None:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            else:
                pieces = (" ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200)) for text in texts)
                answer.answer.append(dns.rrset.from_text_list(name, 60, "IN", "TXT", list(pieces)))
            if not self.silent:
                self._socket.sendto(answer.to_wire(), peer)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def names() -> Iterator[Dns]:
    server = Dns()
    yield server
    server.close()


@pytest.mark.parametrize("kind", KEYS)
def test_check_compares_with_dns(sim: Simulator, names: Dns, kind: str) -> None:
    its = settings(port=sim.port, dkim_selector="a", dkim_key=KEYS[kind], dns_server=names.address)
    name, right = "a._domainkey.comune.example.it", its.dkim_keys[0].record
    connector = connect(its, Limits(timeout_s=5))
    with pytest.raises(Misconfigured, match="manca nel DNS") as missing:
        connector.check()
    assert missing.value.reason == "email.dkim_missing"
    assert right in missing.value.detail
    for wrong in ("v=DKIM1; p=", "v=DKIM1; p=!!", "v=spf1 -all", DkimKey.read("a", pem(_other(kind))).record):
        names.records[name] = [wrong]
        with pytest.raises(Misconfigured, match="un'altra, o revocata"):
            connector.check()
    # Longer than 255 bytes a text comes in pieces, and people put spaces everywhere.
    names.records[name] = [right.replace("p=", " p = "), "v=spf1 -all"]
    assert "è nel DNS" in connector.check()
    assert sim.entries() == []


def _other(kind: str) -> Any:
    return ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else rsa.generate_private_key(65537, 2048)


def test_a_dns_that_does_not_answer_is_told_and_stops_nothing(sim: Simulator, names: Dns) -> None:
    names.silent = True
    its = settings(port=sim.port, dkim_selector="a", dkim_key=KEYS["ed25519"], dns_server=names.address)
    said = connect(its, Limits(timeout_s=1.5)).check()
    assert "non si sa" in said
    assert its.dkim_keys[0].record in said
