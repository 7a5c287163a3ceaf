"""A receiver that demands a client certificate: it gets one, the next one without a restart, and the end is watched."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from prometheus_client.parser import text_string_to_metric_families

from connectors.base.scripted import Reply, ScriptedServer
from hub.dispatch import pool
from hub.store.configuration import set_status
from tests.flows.following import LIMITS, follower
from tests.harness import ENTE, eventually, make_message, running_hub
from tests.mutual_tls import Pki, pem
from tests.pki import root
from tests.real.server import free_port


@pytest.fixture
def pki(tmp_path):
    return Pki(tmp_path)


@pytest.fixture
def receiver(pki):
    with ScriptedServer(pki.demanding()) as server:
        server.answering = lambda _: Reply(200, {"received": True})
        yield server


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def hub(tmp_path, pki, receiver, port, monkeypatch):
    monkeypatch.setattr(pool, "LOOK_S", 0.0)
    secrets = tmp_path / "home" / "secrets" / ENTE
    settings = {"client_certificate": "file:hub.pem", "server_authorities": pki.authorities.read_text()}
    connectors = {"followed": follower(receiver.url, "/x", **settings)}

    def prepare(home, vendor, portal):
        secrets.mkdir(parents=True)
        (secrets / "hub.pem").write_text(pem(pki.client("first", days=20)))

    listening = f"127.0.0.1:{port}"
    with running_hub(
        tmp_path / "home", connectors=connectors, limits=LIMITS, prepare=prepare, metrics_listen=listening
    ) as hub:
        yield hub


def names(receiver):
    """Of the clients whose certificates it saw, in order."""
    found = [x509.load_der_x509_certificate(each).subject.rfc4514_string() for each in receiver.shown]
    return list(dict.fromkeys(found))


def expiry_in_days(port):
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    (sample,) = (
        sample
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "raccordo_client_certificate_expiry_timestamp_seconds"
    )
    assert sample.labels == {"ente": ENTE, "owner": "connector:followed"}
    return round((datetime.fromtimestamp(sample.value, UTC) - datetime.now(UTC)) / timedelta(days=1))


def test_a_certificate_that_is_only_named_is_followed_while_the_hub_runs(hub, pki, receiver, port, raccordo):
    assert hub.publish("messages", make_message("m-1")).status_code == 201
    eventually(lambda: len(receiver.received), lambda found: found == 1)
    assert names(receiver) == ["CN=first"]
    assert expiry_in_days(port) == 20

    file = hub.home.folder / "secrets" / ENTE / "hub.pem"
    file.write_text("half of it")  # what is being written serves nobody, and takes nothing away
    assert hub.publish("messages", make_message("m-2")).status_code == 201
    eventually(lambda: len(receiver.received), lambda found: found == 2)
    assert names(receiver) == ["CN=first"]

    file.write_text(pem(pki.client("second", days=300)))
    assert hub.publish("messages", make_message("m-3")).status_code == 201
    eventually(lambda: len(receiver.received), lambda found: found == 3)
    assert names(receiver) == ["CN=first", "CN=second"]
    assert expiry_in_days(port) == 300
    told = raccordo("connector", "check", "followed", "--json")["client_certificate_ends"]
    assert timedelta(days=299) < datetime.fromisoformat(told) - datetime.now(UTC) < timedelta(days=301)


def test_a_certificate_that_is_refused_pauses_the_connector_and_what_was_to_be_told_waits(hub, pki, receiver):
    file = hub.home.folder / "secrets" / ENTE / "hub.pem"
    file.write_text(pem(root("Another CA").issue("stranger")))
    assert hub.publish("messages", make_message("m-1")).status_code == 201

    def config():
        with hub.home.database.read() as connection:
            return hub.home.configuration.load(connection)[ENTE, "followed"]

    eventually(config, lambda found: found.status == "paused")
    assert config().paused_reason == "http.client_certificate"
    assert receiver.received == []
    file.write_text(pem(pki.client("mended")))
    with hub.home.database.write() as tx:
        set_status(tx, ENTE, "followed", status="active")
    eventually(lambda: len(receiver.received), lambda found: found == 1)
