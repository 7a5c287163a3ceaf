"""Deliveries and evidence of a hub that has worked: looking, sending again, and whether records were changed."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import ROSSI, make_message, running_hub

from .conftest import Raccordo

TITLE = "Titolo riservato"


@pytest.fixture(scope="module")
def worked_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose hub published one message, delivered it, and ended in good order."""
    folder = tmp_path_factory.mktemp("worked")
    (folder / "box").mkdir()
    connectors = {"box": ("loopback", {"folder": str(folder / "box"), "channel": "email"})}
    with running_hub(folder / "home", connectors=connectors) as hub:
        message = make_message(title=TITLE, recipient={"tax_code": ROSSI, "email": "mario@example.it"})
        assert hub.publish("messages", message).status_code == 201
        hub.settled()
    return folder / "home"


@pytest.fixture
def home(worked_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(worked_home, tmp_path / "home"))


@pytest.fixture
def database(home: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(home / "raccordo.db", isolation_level=None)
    yield connection
    connection.close()


@pytest.fixture
def delivery_id(database: sqlite3.Connection) -> str:
    return str(database.execute("select delivery_id from deliveries where connector_id = 'box'").fetchone()[0])


def test_deliveries_are_listed_and_shown_without_personal_data(raccordo: Raccordo, delivery_id: str) -> None:
    rows = raccordo("delivery", "list", "--state", "delivered", "--connector", "box", "--json").json
    assert [row["delivery_id"] for row in rows] == [delivery_id]
    shown = raccordo("delivery", "show", delivery_id, "--json")
    assert [each["outcome"] for each in shown.json["attempt_log"]] == ["done"]
    told = raccordo("delivery", "show", delivery_id).out + raccordo("delivery", "list").out + shown.out
    for personal in (ROSSI, TITLE, "mario@example.it"):
        assert personal not in told
    assert raccordo("delivery", "list", "--state", "held", "--json").json == []


def test_unknown_states_and_deliveries_are_told(raccordo: Raccordo) -> None:
    wrong = raccordo("delivery", "list", "--state", "lost")
    assert (wrong.code, "--state" in wrong.err) == (2, True)
    for command in ("show", "replay"):
        assert raccordo("delivery", command, "019-none").code == 1


@pytest.mark.parametrize("state", ["queued", "waiting", "delivered"])
def test_what_is_under_way_or_done_is_not_sent_again(
    raccordo: Raccordo, database: sqlite3.Connection, delivery_id: str, state: str
) -> None:
    database.execute("update deliveries set state = ?", (state,))
    for extra in ((), ("--dry-run",)):
        answer = raccordo("delivery", "replay", delivery_id, *extra)
        assert answer.code == 1
        assert state in answer.err


@pytest.mark.parametrize("state", ["rejected", "skipped", "unconfirmed", "held", "expired", "parked"])
def test_what_ended_is_queued_again(
    raccordo: Raccordo, database: sqlite3.Connection, delivery_id: str, state: str
) -> None:
    database.execute("update deliveries set state = ?, reason = 'x'", (state,))
    tried = raccordo("delivery", "replay", delivery_id, "--dry-run", "--json")
    assert {name: tried.json[name] for name in ("delivery_id", "connector_id", "state", "kind", "would_be")} == {
        "delivery_id": delivery_id,
        "connector_id": "box",
        "state": state,
        "kind": "info",
        "would_be": "queued",
    }
    assert raccordo("delivery", "show", delivery_id, "--json").json["state"] == state
    assert raccordo("delivery", "replay", delivery_id, "--json").json["was"] == state
    after = raccordo("delivery", "show", delivery_id, "--json").json
    assert (after["state"], after["attempts"], after["reason"]) == ("queued", 0, None)


def test_a_dry_run_says_that_a_withdrawn_message_would_not_go_out(
    raccordo: Raccordo, database: sqlite3.Connection, delivery_id: str
) -> None:
    database.execute("update deliveries set state = 'parked'")
    database.execute("update items set lifecycle = 'withdrawn'")
    assert raccordo("delivery", "replay", delivery_id, "--dry-run", "--json").json["would_be"].startswith("skipped")


def test_a_dry_run_shows_the_request_and_its_values_only_when_asked(
    raccordo: Raccordo, database: sqlite3.Connection, delivery_id: str
) -> None:
    database.execute("update deliveries set state = 'parked'")
    masked = raccordo("delivery", "replay", delivery_id, "--dry-run", "--json")
    [request] = masked.json["requests"]
    assert request["call"].endswith(f"box/{delivery_id}.json")
    assert request["fields"]["title"] == f"({len(TITLE)} characters)"
    assert masked.json["last_request_at"] is None
    for_people = raccordo("delivery", "replay", delivery_id, "--dry-run").out
    assert "no earlier request is on record" in for_people
    for personal in (ROSSI, TITLE, "mario@example.it"):
        assert personal not in masked.out + for_people
    assert database.execute("select count(*) from access_log where portal_id = 'cli'").fetchone() == (0,)
    revealed = raccordo("delivery", "replay", delivery_id, "--dry-run", "--reveal", "--json").json
    assert revealed["requests"][0]["fields"]["title"] == TITLE
    assert revealed["requests"][0]["fields"]["tax_code"] == ROSSI
    [row] = database.execute("select operation, outcome, item_id from access_log where portal_id = 'cli'").fetchall()
    assert row[:2] == ("preview_delivery", "ok")
    assert raccordo("audit", "verify").code == 0


def test_a_delivery_is_shown_with_its_timeline_and_personal_data_only_when_asked(
    raccordo: Raccordo, database: sqlite3.Connection, delivery_id: str
) -> None:
    database.execute("update timeline set event = 'confirmed' where event = 'accepted'")
    shown = raccordo("delivery", "show", delivery_id, "--json").json
    assert [each["event"] for each in shown["timeline"]] == ["notified"]
    assert "tax_code" not in shown
    revealed = raccordo("delivery", "show", delivery_id, "--reveal", "--json").json
    assert (revealed["tax_code"], revealed["title"], revealed["email"]) == (ROSSI, TITLE, "mario@example.it")
    [operation] = database.execute("select operation from access_log where portal_id = 'cli'").fetchone()
    assert operation == "show_delivery"


def test_dead_letters_are_counted_by_reason(raccordo: Raccordo, database: sqlite3.Connection, delivery_id: str) -> None:
    assert raccordo("delivery", "list", "--dead", "--connector", "box", "--json").json == []
    database.execute("update deliveries set state = 'rejected', reason = 'x.refused' where connector_id = 'box'")
    [row] = raccordo("delivery", "list", "--dead", "--by-reason", "--connector", "box", "--json").json
    assert (row["connector_id"], row["state"], row["reason"], row["count"]) == ("box", "rejected", "x.refused", 1)
    assert len(raccordo("delivery", "list", "--dead", "--connector", "box", "--json").json) == 1
    assert raccordo("delivery", "list", "--dead", "--state", "held").code == 2


def test_lists_are_narrowed_down(raccordo: Raccordo, delivery_id: str) -> None:
    def ids(*options: str) -> list[str]:
        return [
            row["delivery_id"] for row in raccordo("delivery", "list", "--connector", "box", *options, "--json").json
        ]

    assert ids("--since", "2020-01-01T00:00:00Z") == ids("--ente", "c_h501") == [delivery_id]
    assert ids("--since", "2990-01-01T00:00:00Z") == ids("--ente", "c_x999") == ids("--reason", "none") == []
    assert raccordo("delivery", "list", "--since", "yesterday").code == 2


def test_several_are_replayed_by_state(raccordo: Raccordo, database: sqlite3.Connection, delivery_id: str) -> None:
    database.execute("update deliveries set state = 'parked', reason = 'claims.without_result'")
    dry = raccordo("delivery", "replay", "--state", "parked", "--connector", "box", "--dry-run", "--json")
    assert [(row["delivery_id"], row["result"]) for row in dry.json] == [(delivery_id, "would be queued")]
    assert raccordo("delivery", "list", "--state", "queued", "--json").json == []
    assert raccordo("delivery", "replay", "--state", "parked", "--reason", "other", "--json").json == []
    some = raccordo("delivery", "replay", "--state", "parked", "--json")
    assert {row["result"] for row in some.json if row["connector_id"] == "box"} == {"queued"}
    assert (some.code, "cannot be replayed" in some.err) == (1, True)  # the one without a connector stays
    for wrong in ((), ("--connector", "box"), ("--state", "delivered"), (delivery_id, "--state", "parked")):
        assert raccordo("delivery", "replay", *wrong).code == 2


def test_doubtful_ones_are_sent_again_only_by_one_who_says_so(
    raccordo: Raccordo, database: sqlite3.Connection, delivery_id: str
) -> None:
    database.execute("update deliveries set state = 'unconfirmed' where delivery_id = ?", (delivery_id,))
    asked = raccordo("delivery", "replay", "--state", "unconfirmed")
    assert (asked.code, "--yes" in asked.err) == (2, True)
    assert raccordo("delivery", "show", delivery_id, "--json").json["state"] == "unconfirmed"
    assert raccordo("delivery", "replay", "--state", "unconfirmed", "--yes").code == 0
    assert raccordo("delivery", "show", delivery_id, "--json").json["state"] == "queued"


def test_what_is_beyond_the_limit_is_said(raccordo: Raccordo, database: sqlite3.Connection) -> None:
    [(count,)] = database.execute("select count(*) from deliveries").fetchall()
    assert count == 2
    listed = raccordo("delivery", "list", "--limit", "1", "--json")
    assert (len(listed.json), "1 more" in listed.err) == (1, True)
    assert raccordo("delivery", "list").err == ""
    database.execute("update deliveries set state = 'parked'")
    assert "1 more" in raccordo("delivery", "replay", "--state", "parked", "--limit", "1", "--dry-run").err


@pytest.mark.parametrize("state", ["unconfirmed", "parked", "held"])
def test_what_waits_for_a_person_is_closed_by_one_who_is_on_record(
    raccordo: Raccordo, database: sqlite3.Connection, delivery_id: str, state: str
) -> None:
    """An unconfirmed delivery could only be sent again, so that its alert never went out."""
    database.execute("update deliveries set state = ?, reason = 'x.y' where delivery_id = ?", (state, delivery_id))
    answer = raccordo("delivery", "close", delivery_id, "--note", "the provider has it", "--json")
    assert (answer.code, answer.json["was"]) == (0, state)
    shown = raccordo("delivery", "show", delivery_id, "--json").json
    assert (shown["state"], shown["reason"]) == ("closed", "x.y")
    assert shown["attempt_log"][-1]["detail"].endswith(": the provider has it")
    assert [each["event"] for each in shown["timeline"]][-1] == "notice_closed"
    rows = database.execute("select operation, pseudonym from access_log where portal_id = 'cli'").fetchall()
    assert [row[0] for row in rows] == ["close_delivery"]
    assert raccordo("audit", "verify").code == 0
    assert raccordo("delivery", "close", delivery_id, "--note", "again").code == 1
    assert raccordo("delivery", "replay", delivery_id).code == 0


def test_several_are_closed_and_only_what_waits_for_a_person(
    raccordo: Raccordo, database: sqlite3.Connection, delivery_id: str
) -> None:
    assert raccordo("delivery", "close", delivery_id, "--note", "x").code == 1, "it is delivered"
    database.execute("update deliveries set state = 'held' where delivery_id = ?", (delivery_id,))
    some = ("delivery", "close", "--connector", "box", "--note", "moved to another provider")
    asked = raccordo(*some)
    assert (asked.code, "--yes" in asked.err) == (2, True)
    assert [row["was"] for row in raccordo(*some, "--yes", "--json").json] == ["held"]
    for wrong in (
        ("--note", "x"),
        ("--note", "x", "--state", "delivered"),
        (delivery_id, "--note", f"it was {ROSSI}"),
        (delivery_id, "--note", " "),
    ):
        assert raccordo("delivery", "close", *wrong).code == 2


def test_a_channel_that_nobody_serves_is_among_the_dead(raccordo: Raccordo) -> None:
    [row] = raccordo("delivery", "list", "--dead", "--by-reason", "--json").json
    assert (row["state"], row["reason"], row["count"]) == ("skipped", "channel.not_configured", 1)


def test_an_open_breaker_is_seen_from_its_deliveries(
    raccordo: Raccordo, database: sqlite3.Connection, delivery_id: str
) -> None:
    database.execute("update deliveries set state = 'queued' where delivery_id = ?", (delivery_id,))
    database.execute("update lanes set failures = 5, opened = 1, open_until = 4000000000000000")
    [row] = raccordo("delivery", "list", "--connector", "box", "--json").json
    assert row["blocked"].startswith("breaker open until 2096-")


def test_a_delivery_without_its_connector_is_not_sent_again(
    raccordo: Raccordo, database: sqlite3.Connection, delivery_id: str
) -> None:
    database.execute("update deliveries set state = 'parked'")
    database.execute("delete from connectors")
    assert raccordo("delivery", "replay", delivery_id).code == 1


@pytest.mark.parametrize("state", ["queued", "waiting"])
def test_what_is_under_way_is_not_called_a_second_sending(
    raccordo: Raccordo, database: sqlite3.Connection, delivery_id: str, state: str
) -> None:
    database.execute("update deliveries set state = ?", (state,))
    due = raccordo("delivery", "show", delivery_id, "--json").json["due_at"]
    told = raccordo("delivery", "replay", delivery_id).err
    assert f"under way and due at {due[:19]}" in told
    assert "twice" not in told


def test_a_paused_connector_is_seen_from_its_deliveries(
    raccordo: Raccordo, database: sqlite3.Connection, delivery_id: str
) -> None:
    raccordo("connector", "pause", "box", "--reason", "key to be renewed")
    assert raccordo("delivery", "show", delivery_id, "--json").json["blocked"] is None
    for state in ("queued", "waiting"):
        database.execute("update deliveries set state = ? where delivery_id = ?", (state, delivery_id))
        [row] = raccordo("delivery", "list", "--connector", "box", "--json").json
        assert row["blocked"] == "connector paused: key to be renewed"
        assert "connector paused: key to be renewed" in raccordo("delivery", "show", delivery_id).out
    for state in ("queued", "parked"):
        database.execute("update deliveries set state = ?", (state,))
        answer = raccordo("delivery", "replay", delivery_id)
        assert (answer.code, "activate it first" in answer.err) == (1, True)
    raccordo("connector", "activate", "box")
    assert raccordo("delivery", "show", delivery_id, "--json").json["blocked"] is None
    assert raccordo("delivery", "replay", delivery_id).code == 0


def test_what_had_no_connector_goes_out_by_the_one_of_today(
    raccordo: Raccordo, database: sqlite3.Connection, delivery_id: str
) -> None:
    unset = "connector_id = '-', state = 'skipped', reason = 'channel.not_configured'"
    database.execute(f"update deliveries set {unset}, channel = 'io' where delivery_id = ?", (delivery_id,))
    none = raccordo("delivery", "replay", delivery_id)
    assert (none.code, "no connector for channel io" in none.err) == (1, True)
    database.execute("update deliveries set channel = 'email' where delivery_id = ?", (delivery_id,))
    assert raccordo("delivery", "replay", delivery_id, "--dry-run", "--json").json["connector_id"] == "box"
    assert raccordo("delivery", "replay", delivery_id, "--json").json["connector_id"] == "box"
    row = raccordo("delivery", "show", delivery_id, "--json").json
    assert (row["connector_id"], row["state"], row["reason"]) == ("box", "queued", None)


def test_untouched_records_hold(raccordo: Raccordo) -> None:
    answer = raccordo("audit", "verify", "--json")
    assert (answer.code, answer.json["ok"], answer.json["faults"]) == (0, True, [])
    assert answer.json["records"] >= 1
    assert answer.json["anchors"] >= 1


def test_a_changed_record_is_found(raccordo: Raccordo, database: sqlite3.Connection) -> None:
    database.execute("update evidence set code = 'item.updated'")
    answer = raccordo("audit", "verify")
    assert answer.code == 1
    assert "the record was changed" in answer.out


def test_a_cut_tail_is_found_by_the_anchors(raccordo: Raccordo, database: sqlite3.Connection) -> None:
    for table in ("evidence", "access_log", "chain_roots"):
        database.execute(f"delete from {table}")
    answer = raccordo("audit", "verify")
    assert answer.code == 1
    assert "the tail was cut" in answer.out


def test_a_forged_or_broken_anchor_is_found(raccordo: Raccordo, home: Path) -> None:
    line = json.loads((home / "anchors.jsonl").read_text().splitlines()[-1])
    forged = line | {"tails": {}}
    (home / "anchors.jsonl").write_text(json.dumps(forged) + "\nnonsense\n")
    answer = raccordo("audit", "verify", "--json")
    assert answer.code == 1
    assert answer.json["faults"] == ["anchor 1: the hub's signature does not hold", "anchor 2: cannot be read"]


def test_missing_anchors_are_noted(raccordo: Raccordo, home: Path) -> None:
    (home / "anchors.jsonl").unlink()
    answer = raccordo("audit", "verify")
    assert answer.code == 0
    assert "no anchor" in answer.err
