"""`serve` as a process: simulated providers, a signed publication, an orderly end."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.cli.console import WrongUsage
from hub.cli.serving import _behind_proxy, _warn
from hub.cli.simulated_pdnd import playing_pdnd
from hub.cli.simulating import simulated, simulating_alone
from hub.home import Home
from hub.security.sign import sign_portal_request
from hub.settings import Settings
from tests.harness import ENTE, FEED_AUDIENCE, PUBLISH_AUDIENCE, ROSSI, Caller, eventually, make_message

from .conftest import Raccordo

COMMAND = [sys.executable, "-c", "from hub.cli import main; main()"]


@contextmanager
def serving(home: Path, log: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A hub as a process, and what it said when it was ready."""
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--home", str(home), "--port", "0", "--json", *options],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said, log.read_text()
        yield process, json.loads(said)
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def test_a_simulated_hub_delivers_what_is_published(
    raccordo: Raccordo, call: Raccordo, home: Path, keys: Path, tmp_path: Path
) -> None:
    raccordo("vendor", "add", "acme", "--name", "Acme", "--trust", "x509", "--anchor", keys / "ca.pem")
    message = make_message(recipient={"tax_code": ROSSI, "email": "mario@example.it"})
    (tmp_path / "body").write_text(json.dumps(message))
    log, providers = tmp_path / "hub.log", ("app_io", "email", "pagopa", "webhook")
    with serving(home, log, "--simulate") as (process, said):
        assert {row["connector_id"] for row in raccordo("connector", "list", "--json").json} >= set(providers)
        for connector in providers:
            assert raccordo("connector", "check", connector).code == 0
        signed = ("--key", keys / "key.pem", "--cert", keys / "cert.pem", "--iss", "acme", "--aud", PUBLISH_AUDIENCE)
        to = ("--url", f"{said['url']}/publish/v1/messages", "--body", tmp_path / "body", "--send", "--json")
        sent = call("sign", *signed, *to)
        assert (sent.code, sent.json["status"], sent.json["receipt"]["verified"]) == (0, 201, True)
        refused = call("sign", *signed[:-1], "https://other.example.it", *to)
        assert (refused.code, refused.json["status"], refused.json["receipt"]["verified"]) == (1, 401, None)
        prepared = call("sign", *signed, *to[2:4], "--json").json["headers"]
        headers, body = tmp_path / "headers", ("--body", tmp_path / "body", "--path", "/publish/v1/messages", "--json")
        headers.write_text(json.dumps(prepared))
        assert raccordo("verify", "--headers", headers, *body).json["accepted"] is True
        assert httpx.post(to[1], content=(tmp_path / "body").read_bytes(), headers=prepared).status_code == 200
        used = raccordo("verify", "--headers", headers, *body).json
        assert [step["code"] for step in used["steps"] if step["outcome"] == "failed"] == ["token.replayed"]
        taken = raccordo("serve", "--port", "0")
        assert (taken.code, "another process serves" in taken.err) == (2, True)
        assert raccordo("serve", "--port", "0", "--simulate").code == 2
        eventually(
            lambda: raccordo("delivery", "list", "--json").json,
            lambda rows: {r["state"] for r in rows} == {"delivered"},
        )
        assert raccordo("audit", "verify").code == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    simulated = home / "simulated"
    assert len((simulated / "app_io" / "app_io.jsonl").read_text().splitlines()) == 1
    assert len(list((simulated / "email" / "mailbox").glob("*.eml"))) == 1
    assert len((simulated / "webhook" / "webhook.jsonl").read_text().splitlines()) == 1
    assert raccordo("audit", "verify", "--json").json["anchors"] == 1
    for line in log.read_text().splitlines():
        assert json.loads(line)["event"]
        assert ROSSI not in line


def test_simulating_again_keeps_limits_and_never_a_real_provider(
    raccordo: Raccordo, home: Path, tmp_path: Path
) -> None:
    log = tmp_path / "hub.log"
    with serving(home, log, "--simulate"):
        raccordo("connector", "set", "app_io", "--limit", "retry_base_s=2")
    with serving(home, log, "--simulate"):
        assert raccordo("connector", "show", "app_io", "--json").json["limits"] == {"retry_base_s": 2}
    (tmp_path / "key").write_text("real-key")
    real = ("--set", "base_url=https://io.example.it/api/v1", "--secret-file", f"api_key={tmp_path / 'key'}")
    raccordo("connector", "set", "app_io", *real)
    answer = raccordo("serve", "--simulate", "--port", "0")
    assert (answer.code, "--simulate" in answer.err) == (2, True)
    assert raccordo("connector", "show", "app_io", "--json").json["settings"]["base_url"].startswith("https://io.")


def test_nothing_is_simulated_for_a_body_that_has_left(raccordo: Raccordo, home: Path) -> None:
    assert raccordo("ente", "end", ENTE, "--yes").code == 0
    one = Home(Settings(home=home))
    one.open_database()
    with simulated(one), playing_pdnd(one, home / "pdnd") as played:
        assert played.members == {}
        assert raccordo("connector", "list", "--json").json == []
        assert raccordo("vendor", "list", "--json").json == []
    one.database.close()


def test_a_connector_under_another_name_is_not_put_aside_for_a_simulator(
    raccordo: Raccordo, home: Path, tmp_path: Path
) -> None:
    """`--simulate` on a home in production: its connector `io` came after the new `app_io`, and notices went there."""
    (tmp_path / "key").write_text("real-key")
    real = ("--set", "base_url=https://io.example.it/api/v1", "--secret-file", f"api_key={tmp_path / 'key'}")
    assert raccordo("connector", "set", "io", "--type", "app_io", *real).code == 0
    answer = raccordo("serve", "--simulate", "--port", "0")
    assert (answer.code, "--simulate: connector io" in answer.err) == (2, True)
    assert [row["connector_id"] for row in raccordo("connector", "list", "--json").json] == ["io"]


def test_a_start_warns_of_channels_without_a_connector(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    _warn(Home(Settings(home=home)), simulates=False)
    [line] = caplog.messages
    assert line.startswith(f"serve.unserved_channels ente={ENTE} channels=io,email ")


def test_what_still_points_at_a_simulator_is_said(
    raccordo: Raccordo, home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = Home(Settings(home=home))
    with simulated(one):
        _warn(one, simulates=True)
    assert caplog.messages == []
    assert raccordo("connector", "remove", "webhook").code == 0
    (tmp_path / "key").write_text("real-key")
    real = ("--set", "base_url=https://io.example.it/api/v1", "--secret-file", f"api_key={tmp_path / 'key'}")
    raccordo("connector", "set", "app_io", *real)
    rows = raccordo("connector", "list", "--json").json
    found = {row["connector_id"]: row["simulated"] for row in rows}
    assert (found["app_io"], found["email"], "webhook" in found) == (False, True, False)
    _warn(one, simulates=False)
    assert [line for line in caplog.messages if line.endswith("connector email still points at the simulator")]
    assert not [line for line in caplog.messages if "connector app_io" in line]
    raccordo("connector", "set", "email", "--set", "port=25")  # a mail server of this machine
    rows = raccordo("connector", "list", "--json").json
    assert not any(row["simulated"] for row in rows if row["connector_id"] in ("app_io", "email"))


def test_a_second_process_beside_one_that_simulates_says_so_and_cannot_simulate_too(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It said of a simulation at work that it had been killed, and of its connectors that nothing was behind them."""
    one = Home(Settings(home=home))
    with simulating_alone(one), simulated(one):
        _warn(one, simulates=False)
        [line] = [line for line in caplog.messages if line.startswith("serve.simulated")]
        assert line.startswith(f"serve.simulated_beside connectors={ENTE}/app_io,")
        with pytest.raises(WrongUsage, match="another process of this home simulates"), simulating_alone(one):
            pass
    caplog.clear()
    _warn(one, simulates=False)
    assert {line.partition(" ")[0] for line in caplog.messages} >= {"serve.simulated_connector"}
    assert not [line for line in caplog.messages if line.startswith("serve.simulated_beside")]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "hub.example.it", "192.0.2.1"])
def test_plain_http_does_not_leave_this_machine(raccordo: Raccordo, host: str) -> None:
    answer = raccordo("serve", "--host", host)
    assert (answer.code, "--behind-tls-proxy" in answer.err) == (2, True)


def test_proxies_are_believed_where_the_setting_says(raccordo: Raccordo, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr("uvicorn.Server.run", lambda *_: None)
    monkeypatch.setattr("hub.cli.serving._behind_proxy", lambda app, _peer, trusted: seen.append(trusted) or app)
    monkeypatch.setattr("hub.cli.serving.spare_collections", lambda: None)
    monkeypatch.setenv("RACCORDO_TRUSTED_PROXIES", "10.1.0.0/16, 192.0.2.7")
    assert raccordo("serve", "--port", "0", "--behind-tls-proxy").code == 0
    assert seen == ["10.1.0.0/16, 192.0.2.7"]
    monkeypatch.setenv("RACCORDO_TRUSTED_PROXIES", "10.1.0.1/16")
    answer = raccordo("serve", "--port", "0", "--behind-tls-proxy")
    assert (answer.code, "RACCORDO_TRUSTED_PROXIES" in answer.err) == (2, True)


def test_a_taken_port_is_told(raccordo: Raccordo) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = raccordo("serve", "--port", taken.getsockname()[1])
    assert (answer.code, "--port" in answer.err) == (1, True)


def test_behind_a_proxy_both_addresses_are_known() -> None:
    """What the proxy says of its client names the caller; the connection's own address says whether to believe it."""
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append((scope["client"][0], scope["raccordo.peer"]))

    scope = {
        "type": "http",
        "client": ("127.0.0.1", 4711),
        "headers": [(b"x-forwarded-for", b"203.0.113.7"), (b"x-forwarded-proto", b"https")],
        "scheme": "http",
    }
    proxied: Any = _behind_proxy(app, "raccordo.peer", "127.0.0.1")
    asyncio.run(proxied(scope, None, None))
    assert seen == [("203.0.113.7", "127.0.0.1")]


def test_a_stream_is_told_that_the_hub_stops(raccordo: Raccordo, home: Path, tmp_path: Path) -> None:
    """Not cut off after the grace, as though the connection had broken."""
    portal = Caller("portale")
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [portal.key.public_jwk()]}))
    raccordo("portal", "add", "portale", "--jwks", tmp_path / "jwks.json", "--scopes", "feed:read")
    log = tmp_path / "hub.log"
    with serving(home, log) as (process, said):
        headers = sign_portal_request(
            portal.key,
            iss="portale",
            aud=FEED_AUDIENCE,
            sub="s",
            fiscal_number=f"TINIT-{ROSSI}",
            now=datetime.now(UTC),
            scopes="feed:read",
        )
        with httpx.stream("GET", f"{said['url']}/feed/v1/events", headers=headers, timeout=30) as response:
            assert response.status_code == 200
            lines = response.iter_lines()
            assert next(lines) == "retry: 2000"
            process.send_signal(signal.SIGTERM)
            assert "event: end" in (rest := list(lines))
        assert 'data: {"reason":"stopping"}' in rest
        assert process.wait(30) == 0
    assert "uvicorn.error" not in log.read_text()
