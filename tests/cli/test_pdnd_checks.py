"""`ente pdnd-client check`: each thing that can be wrong is told in words, by a simulated PDND that refuses it."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.pdnd.simulator import Pdnd
from hub.security.keys import private_pem
from tests.harness import BASE
from tests.pdnd import Client, rsa_key, running_pdnd
from tests.real.server import free_port

from .conftest import Answer, Raccordo

ELSEWHERE = "5f3b0c34-0000-4000-8000-000000000009"


@pytest.fixture(scope="module")
def pdnd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pdnd]:
    with running_pdnd(tmp_path_factory.mktemp("pdnd")) as pdnd:
        yield pdnd


@pytest.fixture(autouse=True)
def _restored(pdnd: Pdnd) -> Iterator[None]:
    yield
    pdnd.faults.clear()
    pdnd.clock = time.time


@pytest.fixture(scope="module")
def member(pdnd: Pdnd) -> Client:
    return Client(pdnd, key=rsa_key("checked"))


def add(raccordo: Raccordo, folder: Path, pdnd: Pdnd, client: Client, *more: str, **changes: Any) -> None:
    signing = changes.pop("key", client.key)
    key = folder / "client.pem" if signing else None
    if key:
        key.write_bytes(private_pem(signing))
    given = {
        "client-id": client.client_id,
        "kid": client.kid,
        "token-url": f"{pdnd.base_url}/token.oauth2",
        "audience": pdnd.audience,
        "key": key,
        "purpose-id": client.purpose_id,
        **changes,
    }
    options = [part for name, value in given.items() if value is not None for part in (f"--{name}", value)]
    assert raccordo("ente", "pdnd-client", "add", "anpr", *options, *more).code == 0


def check(raccordo: Raccordo, *more: str) -> Answer:
    return raccordo("ente", "pdnd-client", "check", "anpr", *more)


@pytest.mark.parametrize("bound", [False, True])
def test_a_client_that_works(raccordo: Raccordo, tmp_path: Path, pdnd: Pdnd, member: Client, bound: bool) -> None:
    add(raccordo, tmp_path, pdnd, member, *["--dpop"] * bound)
    before = pdnd.ledger.count("token")
    answer = check(raccordo)
    assert (answer.code, "a voucher for https://hub.comune.example.it/publish" in answer.out) == (0, True), answer.err
    assert check(raccordo, "--json").json["works"] is True
    # Each look asks anew: nothing that was kept could hide what is wrong today.
    assert pdnd.ledger.count("token") - before == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"purpose-id": ELSEWHERE}, f"--purpose-id {ELSEWHERE} is not a purpose of this client"),
        ({"key": rsa_key("another")}, "--key is not the private key of the public one"),
        ({"kid": "unknown"}, "does not know the key --kid unknown"),
        ({"client-id": ELSEWHERE}, "PDND does not know the key"),
        ({"audience": "auth.other/client-assertion"}, "--audience auth.other/client-assertion is not the one"),
        ({"kind": "api", "purpose-id": None}, "--purpose-id is missing"),
    ],
)
def test_what_was_set_up_wrongly(
    raccordo: Raccordo, tmp_path: Path, pdnd: Pdnd, member: Client, changes: dict[str, Any], said: str
) -> None:
    add(raccordo, tmp_path, pdnd, member, **changes)
    answer = check(raccordo)
    assert (answer.code, said in answer.err) == (1, True), answer.err
    machine = check(raccordo, "--json").json
    assert (machine["works"], machine["problem"][:4], said in machine["text"]) == (False, "015-", True)


@pytest.mark.parametrize(
    ("what", "said"), [("purpose", "the purpose"), ("agreement", "the agreement"), ("eservice", "of the e-service")]
)
def test_what_is_suspended(raccordo: Raccordo, tmp_path: Path, pdnd: Pdnd, what: Any, said: str) -> None:
    client = Client(pdnd, key=rsa_key(f"suspended {what}"))
    add(raccordo, tmp_path, pdnd, client)
    pdnd.records.set_state(str(client.purpose_id), what, "INACTIVE")
    answer = check(raccordo)
    assert (answer.code, said in answer.err, "not active" in answer.err) == (1, True, True), answer.err


def test_a_clock_that_is_off_is_told_with_by_how_much(
    raccordo: Raccordo, tmp_path: Path, pdnd: Pdnd, member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(raccordo, tmp_path, pdnd, member)
    monkeypatch.setattr("hub.trust.checking._ahead_s", lambda _headers, _now: -300.4)
    pdnd.clock = lambda: time.time() + 300
    answer = check(raccordo)
    assert answer.code == 1
    assert "[015-0019]; the clock of this machine is 300 s behind PDND's" in answer.err
    # Where it does not matter yet, it is a word and no failure.
    pdnd.clock = time.time
    answer = check(raccordo)
    assert (answer.code, "is 300 s behind PDND's" in answer.out) == (0, True)


def test_nobody_there(
    raccordo: Raccordo, tmp_path: Path, pdnd: Pdnd, member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(raccordo, tmp_path, pdnd, member, **{"token-url": f"http://127.0.0.1:{free_port()}/token"})
    assert "cannot be reached: the connection is refused" in check(raccordo).err
    add(raccordo, tmp_path, pdnd, member, **{"token-url": "https://pdnd.invalid/token"})

    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "cannot be reached: there is no host of that name" in check(raccordo).err


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "error", "status": 503}, "PDND is not well"),
        ({"kind": "error", "status": 404}, "is not PDND's token endpoint"),
        ({"kind": "throttle"}, "fewer requests"),
        ({"kind": "redirect", "location": "https://x.example/"}, "another address"),
        ({"kind": "nonsense"}, "is not PDND's token endpoint"),
        ({"kind": "down"}, "cannot be reached"),
    ],
)
def test_a_pdnd_that_is_not_itself(
    raccordo: Raccordo, tmp_path: Path, pdnd: Pdnd, member: Client, fault: dict[str, Any], said: str
) -> None:
    add(raccordo, tmp_path, pdnd, member)
    pdnd.faults.add(**fault, on="token")
    answer = check(raccordo)
    assert (answer.code, said in answer.err) == (1, True), answer.err


def test_a_key_that_is_gone_is_named(raccordo: Raccordo, tmp_path: Path, pdnd: Pdnd, member: Client) -> None:
    kept = tmp_path / "kept.pem"
    kept.write_bytes(private_pem(member.key))
    add(raccordo, tmp_path, pdnd, member, "--key-reference", f"file:{kept}", key=None)
    kept.unlink()
    answer = check(raccordo)
    assert (answer.code, f"cannot read {kept}" in answer.err) == (1, True), answer.err


def test_a_client_for_the_api_reads_its_own_key_there(raccordo: Raccordo, tmp_path: Path, pdnd: Pdnd) -> None:
    client = Client(pdnd, "api", key=rsa_key("api"))
    jwks = f"{pdnd.base_url}/.well-known/jwks.json"
    own = ("--issuer", pdnd.issuer, "--jwks-url", jwks, "--audience", f"{BASE}/e-service")
    assert raccordo("ente", "pdnd", *own, "--keys-url", f"{pdnd.base_url}/v3").code == 0
    add(raccordo, tmp_path, pdnd, client, kind="api")
    answer = check(raccordo)
    assert (answer.code, "gave the client's own key" in answer.out) == (0, True), answer.err
    pdnd.faults.add("error", on="key", status=401)
    pdnd.faults.add("error", on="key", status=401)
    answer = check(raccordo)
    assert (answer.code, "API of keys refuses it" in answer.err) == (1, True), answer.err
    # The address of another version: its vouchers are bearers.
    add(raccordo, tmp_path, pdnd, client, "--bearer", kind="api")
    answer = check(raccordo)
    assert (answer.code, "v3 needs --dpop [status_401]" in answer.err) == (1, True), answer.err


def test_a_client_that_is_not_there(raccordo: Raccordo) -> None:
    answer = check(raccordo)
    assert (answer.code, "there is no PDND client" in answer.err) == (1, True)
