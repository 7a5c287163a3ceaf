"""What an attempt asked is kept when it did not deliver, sealed, and compared with what a replay would ask."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from connectors.base.conformance import make_notice
from connectors.base.previewing import fields_of
from contracts.connector import Preview
from contracts.items import Action
from hub.cli.replaying import _preview
from hub.dispatch.requests import Difference, Requests, differences
from hub.store.operations import show_delivery
from hub.store.requests import KEPT
from hub.store.sweeping import Sweep, sweep
from hub.store.tables import delivery_requests
from tests.harness import ENTE, ROSSI, HubUnderTest, make_message, running_hub

TITLE = "Titolo riservato"


def failing(tmp_path: Path, hub: HubUnderTest) -> str:
    """A delivery that its connector could not make; the folder is back afterwards."""
    shutil.rmtree(tmp_path / "box")
    hub.publish("messages", make_message(title=TITLE, recipient={"tax_code": ROSSI, "email": "mario@example.it"}))
    [row] = [row for row in hub.settled() if row["connector_id"] == "box"]
    (tmp_path / "box").mkdir()
    assert row["state"] == "held"
    return str(row["delivery_id"])


@pytest.fixture
def hub(tmp_path):
    (tmp_path / "box").mkdir()
    connectors = {"box": ("loopback", {"folder": str(tmp_path / "box"), "channel": "email"})}
    with running_hub(tmp_path / "home", connectors=connectors) as hub:
        yield hub


def kept(hub: HubUnderTest) -> list:
    with hub.home.database.read() as connection:
        return connection.execute(select(delivery_requests)).all()


def dry_run(hub: HubUnderTest, delivery_id: str) -> dict:
    with hub.home.database.read() as connection:
        row, _ = show_delivery(connection, delivery_id)
        config = hub.home.configuration.load(connection)[ENTE, "box"]
    return _preview(hub.home, row, config, reveal=True)


def eventually_kept(hub: HubUnderTest) -> list:
    hub.hub.dispatcher.stop()  # it has then done all that follows a settlement
    return kept(hub)


def test_what_failed_is_kept_sealed_and_compared(hub, tmp_path):
    delivery_id = failing(tmp_path, hub)
    [row] = eventually_kept(hub)
    assert row.delivery_id == delivery_id
    for personal in (TITLE, ROSSI, "mario@example.it"):
        assert personal.encode() not in row.request_sealed
    same = dry_run(hub, delivery_id)
    assert same["last_request_at"] == row.at
    assert same["difference"] == []
    other = tmp_path / "other"
    other.mkdir()
    with hub.home.database.write() as tx:
        hub.home.configuration.save(
            tx, ente_id=ENTE, connector_id="box", type="loopback", settings={"folder": str(other)}, limits={}
        )
    changed = dry_run(hub, delivery_id)
    assert {each["change"] for each in changed["difference"]} == {"added", "removed"}


def test_what_was_delivered_leaves_no_copy(hub):
    hub.publish("messages", make_message(recipient={"tax_code": ROSSI, "email": "mario@example.it"}))
    hub.settled()
    assert eventually_kept(hub) == []


def test_a_copy_is_forgotten_in_time(hub, tmp_path):
    failing(tmp_path, hub)
    assert len(eventually_kept(hub)) == 1
    hub.hub.committer.write(sweep, Sweep(frozenset()))
    assert len(kept(hub)) == 1
    with hub.home.database.write() as tx:
        tx.connection.execute(update(delivery_requests).values(at=tx.now - KEPT))
    hub.hub.committer.write(sweep, Sweep(frozenset()))
    assert kept(hub) == []


def test_no_operator_sees_the_link_that_confirms_an_address():
    link = Action.model_construct(kind="confirm", label="x", url="https://hub.example/public/v1/contacts/secret")
    notice, told = make_notice(action=link), []
    connector = SimpleNamespace(preview=lambda notice: told.append(notice) or ())
    requests = Requests(SimpleNamespace(of=lambda _: notice), lambda *_: connector)
    requests.of(SimpleNamespace(ente_id=ENTE, connector_id="mail", connector_version=1))
    assert "secret" not in told[0].action.url
    assert told[0].action.label == "x"


def test_differences_name_each_field():
    before = [Preview("POST /a", {"same": "1", "gone": "2", "other": "3"})]
    now = [Preview("POST /a", {"same": "1", "other": "4", "new": "5"})]
    assert differences(before, now) == [
        Difference("POST /a", "gone", "removed", "2", None),
        Difference("POST /a", "other", "changed", "3", "4"),
        Difference("POST /a", "new", "added", None, "5"),
    ]
    assert differences(now, now) == []


def test_a_body_is_told_by_its_paths():
    assert fields_of({"a": {"b": 1, "c": "x"}, "d": [True], "e": None}) == {
        "a.b": "1",
        "a.c": "x",
        "d": "[true]",
        "e": "null",
    }
