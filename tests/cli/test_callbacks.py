"""`vendor callbacks`: where a vendor is told things, and what is refused there."""

from pathlib import Path

import pytest
from sqlalchemy import select, update

from hub.cli.options import opened
from hub.store.pushing import connector_of, push
from hub.store.tables import deliveries, timeline
from tests.harness import ENTE
from tests.mutual_tls import Pki, pem

from .conftest import Raccordo


@pytest.fixture
def vendor(raccordo: Raccordo, keys: Path) -> str:
    assert raccordo("vendor", "add", "acme", "--name", "Acme", "--trust", "jwk", "--jwks", keys / "jwks.json").code == 0
    return "acme"


def test_hosts_and_an_address_are_registered_each_as_a_lane_of_its_own(raccordo: Raccordo, vendor: str) -> None:
    made = raccordo(
        *("vendor", "callbacks", "set", vendor, "--reply-host", "api.acme.example.it"),
        *("--reply-host", "api.acme.example.it:8443", "--events-url", "https://api.acme.example.it/events?k=1"),
        *("--audience", "https://acme.example.it", "--json"),
    )
    assert (made.code, made.json["lanes"]) == (0, ["events", "replies"])
    events, replies = raccordo("vendor", "callbacks", "list", "--json").json
    assert (events["lane"], events["to"]) == ("events", "https://api.acme.example.it/events?k=1")
    assert (replies["lane"], replies["to"]) == ("replies", "api.acme.example.it api.acme.example.it:8443")
    assert {row["audience"] for row in (events, replies)} == {"https://acme.example.it"}
    names = [row["connector_id"] for row in raccordo("connector", "list", "--json").json]
    assert {"events.acme", "replies.acme"} <= set(names)


def test_what_is_given_again_replaces_and_the_other_lane_stays(raccordo: Raccordo, vendor: str) -> None:
    raccordo(
        "vendor", "callbacks", "set", vendor, "--reply-host", "a.example.it", "--events-url", "https://a.example.it/"
    )
    assert raccordo("vendor", "callbacks", "set", vendor, "--reply-host", "b.example.it").code == 0
    found = {row["lane"]: row["to"] for row in raccordo("vendor", "callbacks", "list", "--json").json}
    assert found == {"events": "https://a.example.it/", "replies": "b.example.it"}


def test_a_lane_is_removed_alone_or_with_the_other(raccordo: Raccordo, vendor: str) -> None:
    raccordo(
        "vendor", "callbacks", "set", vendor, "--reply-host", "a.example.it", "--events-url", "https://a.example.it/"
    )
    gone = raccordo("vendor", "callbacks", "remove", vendor, "--lane", "events", "--json")
    assert (gone.code, gone.json) == (0, {"vendor_id": "acme", "removed": ["events"], "skipped": 0})
    assert [row["lane"] for row in raccordo("vendor", "callbacks", "list", "--json").json] == ["replies"]
    assert raccordo("vendor", "callbacks", "remove", vendor).code == 0
    assert raccordo("vendor", "callbacks", "list", "--json").json == []
    assert raccordo("vendor", "callbacks", "remove", vendor).code == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "--reply-host"),
        (("--reply-host", "https://a.example.it"), "--reply-host"),
        (("--reply-host", "A.example.it"), "--reply-host"),
        (("--reply-host", "a.example.it/path"), "--reply-host"),
        (("--reply-host", ""), "--reply-host"),
        (("--events-url", "http://a.example.it/"), "--events-url"),
        (("--events-url", "http://127.0.0.1:9/"), "--events-url"),
        (("--events-url", "https://user:secret@a.example.it/"), "--events-url"),
        (("--events-url", "a.example.it"), "--events-url"),
        (("--events-url", "http://a.example.it/", "--private-host", "a.example.it"), "--events-url"),
        (("--reply-host", "a.example.it", "--private-host", "10.0.0.0/8"), "--private-host"),
    ],
)
def test_a_wrong_setting_is_named_and_changes_nothing(
    raccordo: Raccordo, vendor: str, arguments: tuple[str, ...], named: str
) -> None:
    answer = raccordo("vendor", "callbacks", "set", vendor, *arguments)
    assert answer.code == 2
    assert named in answer.err
    assert "secret" not in answer.err
    assert raccordo("vendor", "callbacks", "list", "--json").json == []


def test_loopback_is_for_who_lists_it(raccordo: Raccordo, vendor: str) -> None:
    answer = raccordo(
        *("vendor", "callbacks", "set", vendor, "--events-url", "http://127.0.0.1:9/", "--private-host", "127.0.0.1")
    )
    assert answer.code == 0


def test_a_vendor_that_is_not_there_has_no_callbacks(raccordo: Raccordo) -> None:
    assert raccordo("vendor", "callbacks", "set", "nobody", "--reply-host", "a.example.it").code == 1
    assert raccordo("vendor", "callbacks", "remove", "nobody").code == 1


def test_what_a_vendor_did_not_take_is_seen_and_sent_again_as_any_delivery(
    raccordo: Raccordo, vendor: str, home: Path
) -> None:
    raccordo("vendor", "callbacks", "set", vendor, "--reply-host", "a.example.it")
    with opened(home) as one, one.database.write() as tx:
        push(tx, [(ENTE, connector_of("replies", vendor), "batch-1")])
        tx.connection.execute(update(deliveries).values(state="rejected", reason="callback.status_404"))
    [row] = raccordo("delivery", "list", "--dead", "--connector", "replies.acme", "--json").json
    assert (row["channel"], row["reason"]) == ("callback", "callback.status_404")
    shown = raccordo("delivery", "show", row["delivery_id"], "--reveal", "--json")
    assert (shown.code, shown.json["message_id"]) == (0, "batch-1")
    assert "tax_code" not in shown.json
    tried = raccordo("delivery", "replay", row["delivery_id"], "--dry-run", "--json")
    assert (tried.code, tried.json["would_be"]) == (0, "queued")
    assert raccordo("delivery", "replay", row["delivery_id"], "--dry-run").code == 0
    assert raccordo("delivery", "replay", row["delivery_id"], "--json").json["state"] == "queued"
    with opened(home) as one, one.database.read() as connection:
        assert connection.execute(select(timeline)).all() == []  # it is no event of an item


def test_a_client_certificate_is_kept_sealed_or_by_its_name(raccordo: Raccordo, vendor: str, home: Path) -> None:
    pki = Pki(home.parent)
    file = home / "secrets" / ENTE / "shown.pem"
    file.parent.mkdir(parents=True)
    file.write_text(pem(pki.client()))
    where = ("vendor", "callbacks", "set", vendor)
    made = raccordo(
        *(*where, "--reply-host", "a.example.it", "--client-certificate", file),
        *("--server-authorities", pki.authorities),
    )
    assert made.code == 0
    made = raccordo(*where, "--events-url", "https://a.example.it/", "--client-certificate", "file:shown.pem")
    assert made.code == 0
    rows = {row["lane"]: row["client_certificate"] for row in raccordo("vendor", "callbacks", "list", "--json").json}
    assert rows == {"replies": "sealed", "events": "file:shown.pem"}
    with opened(home) as one, one.database.read() as connection:
        found = one.configuration.load(connection)[ENTE, "replies.acme"].settings
    assert (found["client_certificate"], found["server_authorities"]) == (file.read_text(), pki.authorities.read_text())


def test_a_client_certificate_that_no_server_would_take_is_refused_at_once(
    raccordo: Raccordo, vendor: str, home: Path
) -> None:
    pki, file = Pki(home.parent), home.parent / "shown.pem"
    for content, said in (
        (pem(pki.client(days=-1)), "client_certificate: it ended on"),
        (pem(pki.client()).partition("-----BEGIN PRIVATE")[0], "client_certificate: no private key in PEM"),
        ("", "client_certificate: no certificate in PEM"),
    ):
        file.write_text(content)
        answer = raccordo(
            "vendor", "callbacks", "set", vendor, "--reply-host", "a.example.it", "--client-certificate", file
        )
        assert (answer.code, said in answer.err) == (2, True)
    assert raccordo("vendor", "callbacks", "list", "--json").json == []
