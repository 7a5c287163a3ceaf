"""The operations port: what it counts, what it says of readiness, and that it tells nothing of people."""

import json
import logging
import re
import socket
import struct
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from hub import anchoring, exporter, metrics
from hub.settings import Settings, networks
from hub.store.database import Database
from hub.store.sources import set_source
from hub.store.sweeping import Sweep, sweep
from hub.store.tables import sources
from tests.harness import ENTE, ROSSI, HubUnderTest, make_message, running_hub
from tests.real.server import free_port


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def hub(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubUnderTest]:
    monkeypatch.setattr(exporter, "CACHED_S", 0.0)
    monkeypatch.setattr(exporter, "CHECKED_S", 0.0)
    (tmp_path / "box").mkdir()
    connectors = {"box": ("loopback", {"folder": str(tmp_path / "box"), "channel": "email"})}
    with running_hub(tmp_path / "home", connectors=connectors, metrics_listen=f"127.0.0.1:{port}") as hub:
        yield hub


def scrape(port: int) -> dict[tuple[str, ...], float]:
    """name, then label values in the order of their names -> value."""
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_publication_and_its_delivery_are_counted(hub: HubUnderTest, port: int) -> None:
    before = scrape(port)
    message = make_message(recipient={"tax_code": ROSSI, "email": "mario@example.it"})
    assert hub.publish("messages", message).status_code == 201
    assert hub.publish("messages", message).status_code == 200
    assert hub.publish("messages", b"{}").status_code == 422
    hub.settled()
    after = scrape(port)

    def grown(*key: str) -> float:
        return after.get(key, 0) - before.get(key, 0)

    assert grown("raccordo_requests_total", "publish_message", "2xx") == 2
    assert grown("raccordo_requests_total", "publish_message", "4xx") == 1
    assert grown("raccordo_request_seconds_count", "publish_message") == 3
    assert grown("raccordo_publications_total", "messages", "created") == 1
    assert grown("raccordo_publications_total", "messages", "unchanged") == 1
    assert grown("raccordo_delivery_attempts_total", "box", ENTE, "done", "delivered") == 1
    assert grown("raccordo_delivery_attempt_seconds_count", "box", ENTE) == 1
    assert grown("raccordo_commit_batch_size_sum") >= 2
    assert grown("raccordo_commit_seconds_count") >= 2
    assert after["process_resident_memory_bytes",] > 1_000_000
    assert after["raccordo_disk_free_bytes",] > 0
    assert after["raccordo_snapshot_age_seconds", "trust"] < 30


def test_queues_are_counted_with_the_age_of_what_is_due(hub: HubUnderTest, port: int) -> None:
    message = make_message(recipient={"tax_code": ROSSI, "email": "mario@example.it"})
    hub.publish("messages", message)
    hub.settled()
    assert not [key for key in scrape(port) if key[0] == "raccordo_deliveries" and key[1] == "box"]
    with hub.home.database.write() as tx:
        tx.connection.exec_driver_sql("UPDATE connectors SET status = 'paused'")
        tx.connection.exec_driver_sql(
            "UPDATE deliveries SET state = 'queued', due_at = due_at - 90000000 WHERE connector_id = 'box'"
        )
    found = scrape(port)
    assert found["raccordo_deliveries", "box", ENTE, "queued"] == 1
    assert 90 <= found["raccordo_delivery_oldest_due_seconds", "box", ENTE] < 120
    assert found["raccordo_connector_paused", "box", ENTE] == 1
    assert found["raccordo_delivery_leases_expired", ENTE] == 0
    assert found["raccordo_batches_oldest_seconds", ENTE] == 0
    assert found["raccordo_erasures_oldest_seconds", ENTE] == 0
    with hub.home.database.write() as tx:
        tx.connection.exec_driver_sql("UPDATE deliveries SET state = 'parked', claim_id = 'x', lease_until = 1")
    found = scrape(port)
    assert found["raccordo_deliveries", "box", ENTE, "parked"] == 1
    assert ("raccordo_delivery_oldest_due_seconds", "box", ENTE) not in found


def test_a_channel_without_a_connector_and_what_was_skipped_for_it_are_seen(hub: HubUnderTest, port: int) -> None:
    before = scrape(port)
    assert before["raccordo_process", "embedded", "api"] == 1
    assert before["raccordo_channel_unserved", "io", ENTE] == 1
    assert before["raccordo_channel_unserved", "email", ENTE] == 0
    hub.publish("messages", make_message(recipient={"tax_code": ROSSI, "email": "mario@example.it"}))
    after = scrape(port)
    assert (
        after["raccordo_notices_unserved_total", ENTE] - before.get(("raccordo_notices_unserved_total", ENTE), 0) == 1
    )


def test_what_the_sweeper_ends_is_counted(hub: HubUnderTest, port: int) -> None:
    hub.publish("messages", make_message(recipient={"tax_code": ROSSI, "email": "mario@example.it"}))
    hub.settled()
    before = scrape(port)["raccordo_deliveries_swept_total", "expired"]
    with hub.home.database.write() as tx:
        tx.connection.exec_driver_sql("UPDATE connectors SET status = 'paused'")
        tx.connection.exec_driver_sql(
            "UPDATE deliveries SET state = 'queued', expires_at = 1 WHERE connector_id = 'box'"
        )
    hub.hub.committer.write(sweep, Sweep(frozenset()))
    hub.settled()
    assert scrape(port)["raccordo_deliveries_swept_total", "expired"] - before == 1


def test_an_open_breaker_is_seen(hub: HubUnderTest, port: int) -> None:
    hub.publish("messages", make_message(recipient={"tax_code": ROSSI, "email": "mario@example.it"}))
    hub.settled()
    assert scrape(port)["raccordo_breaker_open", "box", ENTE] == 0
    with hub.home.database.write() as tx:
        tx.connection.exec_driver_sql("UPDATE lanes SET failures = 5, opened = 1, open_until = 9000000000000000")
    assert scrape(port)["raccordo_breaker_open", "box", ENTE] == 1


def test_a_count_stops_at_its_cap(hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setattr("hub.store.figures.CAP", 2)
    for number in range(3):
        hub.publish(
            "messages", make_message(external_id=f"m-{number}", recipient={"tax_code": ROSSI, "email": "m@x.it"})
        )
    hub.settled()
    with hub.home.database.write() as tx:
        tx.connection.exec_driver_sql("UPDATE deliveries SET state = 'held' WHERE connector_id = 'box'")
    assert scrape(port)["raccordo_deliveries", "box", ENTE, "held"] == 2


def test_every_metric_is_told_and_no_label_names_a_person(hub: HubUnderTest, port: int) -> None:
    hub.publish("messages", make_message(title="Titolo riservato", recipient={"tax_code": ROSSI, "email": "m@x.it"}))
    hub.read("/items")
    hub.client.get(f"/feed/v1/items/{ROSSI}", headers=hub.reader())
    hub.client.get(f"/{ROSSI}")
    hub.settled()
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    for personal in (ROSSI, "Titolo", "m@x.it"):
        assert personal not in text
    told = set(re.findall(r"^# HELP (raccordo_\S+) \S", text, re.MULTILINE))
    assert set(metrics.SCRAPED) <= told
    assert {"raccordo_requests_total", "raccordo_publications_total"} <= told


def test_liveness_and_readiness_are_two_things(hub: HubUnderTest, port: int) -> None:
    base = f"http://127.0.0.1:{port}"
    assert httpx.get(f"{base}/live").json() == {"live": True}
    ready = httpx.get(f"{base}/ready")
    assert (ready.status_code, set(ready.json().values())) == (200, {True})
    with hub.home.database.write() as tx:
        tx.connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    broken = httpx.get(f"{base}/ready")
    assert (broken.status_code, broken.json()["migrations"], broken.json()["database"]) == (503, False, True)
    assert scrape(port)["raccordo_ready", "migrations"] == 0
    assert httpx.get(f"{base}/live").status_code == 200
    status = hub.client.get("/publish/v1/status")
    assert status.status_code == 503
    assert "migrations" not in status.text
    assert httpx.get(f"{base}/nothing").status_code == 404


def test_a_clock_that_is_not_the_databases_is_told_of(
    hub: HubUnderTest, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine two hours off refused every vendor, was ready, and nothing but their calls told of it."""
    assert abs(scrape(port)["raccordo_clock_offset_seconds",]) < 5
    behind = hub.home.clock.now() - timedelta(hours=2)
    monkeypatch.setattr(Database, "now", lambda _database, _connection: behind)
    assert 7200 <= scrape(port)["raccordo_clock_offset_seconds",] < 7300


def test_a_database_that_takes_no_writes_is_not_ready(hub: HubUnderTest, port: int) -> None:
    """Reads go on, so that nothing else would show it."""
    engine = hub.home.database.engine
    if not hub.home.database.is_shared:
        return  # a read-only disk is in tests/faults/test_disk_full.py
    with engine.connect() as connection:
        name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
        connection.exec_driver_sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        connection.commit()
    engine.dispose()
    assert hub.publish("messages", make_message()).status_code == 503
    answer = httpx.get(f"http://127.0.0.1:{port}/ready")
    assert (answer.status_code, answer.json()["writable"], answer.json()["database"]) == (503, False, True)
    assert scrape(port)["raccordo_ready", "writable"] == 0
    assert hub.client.get("/publish/v1/status").status_code == 503


def test_of_a_database_that_is_away_nothing_else_is_said(
    hub: HubUnderTest, port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Who reads that migrations are missing would run them; and each look was a line in the log."""
    caplog.set_level(logging.INFO, "hub.exporter")

    def away() -> str | None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(hub.home.database, "revision", away)
        answers = [httpx.get(f"http://127.0.0.1:{port}/ready").json() for _ in range(3)]
    assert httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200
    told = [line.partition(" after_s=")[0] for line in caplog.messages if line.startswith("ready.")]
    assert told == ["ready.failed error=OSError", "ready.recovered"]
    assert answers == [{"database": False, "committer": True, "configuration": True}] * 3


@pytest.mark.parametrize(("oldest_code", "status"), [(None, 200), (9999, 503)])
def test_on_a_newer_schema_that_only_added_it_is_ready(hub: HubUnderTest, oldest_code: int | None, status: int) -> None:
    """A migration while the version before served took all its processes out of the balance."""
    assert hub.client.get("/publish/v1/status").status_code == 200
    with hub.home.database.write() as tx:
        tx.connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        if oldest_code is not None:
            tx.connection.exec_driver_sql(f"UPDATE versions SET value = {oldest_code} WHERE name = 'oldest_code'")
    assert hub.client.get("/publish/v1/status").status_code == status


def test_the_public_status_reads_the_database_once_a_second(hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "CHECKED_S", 3600.0)
    looks: list[None] = []
    monkeypatch.setattr(hub.hub.database, "revision", lambda: looks.append(None))
    for _ in range(3):
        hub.client.get("/publish/v1/status")
    assert len(looks) <= 1


def test_a_committer_that_stands_still_is_not_ready(hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hub.client.get("/feed/v1/status").status_code == 200
    monkeypatch.setattr(exporter, "STALLED_S", 0.0)
    go, entered = threading.Event(), threading.Event()

    def slow(_tx: object, values: object) -> list[None]:
        entered.set()
        go.wait(10)
        return [None]

    worker = threading.Thread(target=hub.hub.committer.write, args=(slow, 1))
    worker.start()
    assert entered.wait(10)
    checks = hub.hub.observed.checks()
    go.set()
    worker.join()
    assert checks["committer"] is False
    assert checks["database"] is True


def test_the_public_port_serves_no_metrics(hub: HubUnderTest) -> None:
    for path in ("/metrics", "/ready", "/live", "/publish/v1/metrics"):
        assert hub.client.get(path).status_code == 404


def test_a_taken_port_keeps_no_hub_from_serving(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with running_hub(tmp_path / "home", metrics_listen=listen) as hub:
            assert hub.client.get("/publish/v1/status").status_code == 200


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:9464", "8.8.8.8:9464", "[::]:1", "9464", "localhost", "127.0.0.1:x", "127.0.0.1:70000"]
)
def test_an_address_that_the_world_sees_is_refused(listen: str) -> None:
    with pytest.raises(ValidationError, match="metrics_listen"):
        Settings(metrics_listen=listen)


def test_addresses_of_this_machine_and_of_an_internal_network_are_taken() -> None:
    assert Settings(metrics_listen="[::1]:9464").metrics_address == ("::1", 9464)
    assert Settings(metrics_listen="10.0.0.5:9464").metrics_address == ("10.0.0.5", 9464)
    assert Settings().metrics_address is None


def test_every_address_is_taken_where_it_is_said_twice() -> None:
    """In a container the address is not known before, and none could be scraped."""
    assert Settings(metrics_listen="0.0.0.0:9464", metrics_everywhere=True).metrics_address == ("0.0.0.0", 9464)
    with pytest.raises(ValidationError, match="metrics_listen"):
        Settings(metrics_listen="8.8.8.8:9464", metrics_everywhere=True)


def test_an_anchor_that_cannot_be_written_is_logged_and_no_more(
    hub: HubUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    hub.home.anchors.mkdir()
    hub.hub.anchors.write()
    hub.home.anchors.rmdir()
    assert any(line.startswith("anchor.not_written") for line in caplog.messages)


def test_a_hub_whose_database_is_away_ends_in_order(
    hub: HubUnderTest, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last act, an anchor, failed the shutdown and left the text of the driver's error in the log."""

    def away(_connection: object) -> list[str]:
        raise OperationalError("SELECT", {}, Exception("connection refused by Zanzibar"))

    monkeypatch.setattr(anchoring, "tails", away)
    hub.hub.anchors.write()
    (line,) = (each for each in caplog.messages if each.startswith("anchor.not_written"))
    assert line.endswith(" error=OperationalError (nothing listens there)")


def test_proxies_are_a_list_of_networks() -> None:
    found = networks(Settings(trusted_proxies="10.0.0.0/8, 192.0.2.7").trusted_proxies)
    assert [str(each) for each in found] == ["10.0.0.0/8", "192.0.2.7/32"]
    assert [str(each) for each in networks(Settings().trusted_proxies)] == ["127.0.0.1/32", "::1/128"]


def test_ready_is_one_answer_of_json(hub: HubUnderTest, port: int) -> None:
    answer = httpx.get(f"http://127.0.0.1:{port}/ready")
    assert answer.headers["content-type"] == "application/json"
    assert set(json.loads(answer.content)) == {"database", "writable", "migrations", "committer", "configuration"}


@pytest.mark.req("S30")
def test_a_source_that_is_silent_for_too_long_shows(hub: HubUnderTest, port: int) -> None:
    with hub.home.database.write() as tx:
        set_source(tx, ENTE, "acme", "tributi", every_s=3600)
        set_source(tx, ENTE, "acme", "anagrafe", draft_days=400)
    series = ("raccordo_source_stale", ENTE, "tributi", "acme")
    assert scrape(port)[series] == 0
    with hub.home.database.write() as tx:
        tx.connection.execute(update(sources).values(heard_at=tx.now - timedelta(hours=2)))
    found = scrape(port)
    assert found[series] == 1
    assert ("raccordo_source_stale", ENTE, "anagrafe", "acme") not in found


@pytest.mark.parametrize("waits", [False, True])
def test_an_answer_that_does_not_come_about_is_told_in_the_log_or_not_at_all(
    hub: HubUnderTest,
    port: int,
    waits: bool,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked, left, ended = threading.Event(), threading.Event(), threading.Event()

    def checks(_: exporter.Observed) -> dict[str, bool]:
        asked.set()
        assert left.wait(20)
        assert not waits, "a fault"
        return {"database": True}

    def shut(server: ThreadingHTTPServer, request: socket.socket) -> None:
        request.close()
        ended.set()

    monkeypatch.setattr(exporter.Observed, "checks", checks)
    monkeypatch.setattr(exporter._Server, "shutdown_request", shut)
    with socket.create_connection(("127.0.0.1", port)) as asking:
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # gone at once, by a reset
        asking.sendall(b"GET /ready HTTP/1.0\r\n\r\n")
        assert asked.wait(20)
        if not waits:
            asking.close()
        left.set()
        assert ended.wait(20)
    assert "Exception occurred" not in capfd.readouterr().err
    assert ("metrics.not_answered" in caplog.text) is waits
