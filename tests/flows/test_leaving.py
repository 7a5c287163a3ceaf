"""A vendor that leaves a body, and a body that leaves the hub: what is said first, what ends, what stays."""

import json
from contextlib import contextmanager
from datetime import timedelta

import pytest

from hub.cli import ending
from hub.home import Home
from hub.store.administrators import IdentityProvider, set_provider
from hub.store.configuration import set_status
from hub.store.directory import NotThere
from hub.store.ending import end_vendor, mark_ente
from hub.store.positions import Move, Position, Positions, reading_of_sources
from hub.store.tables import connector_versions, deliveries, identity_providers, vendors
from tests.flows.administering import admin_of, sign_in
from tests.flows.making import command_line, described_hub, fresh, mail_folder
from tests.flows.test_connector_names import SDC, faults_of, mapped, rule, wish
from tests.flows.test_events import listening
from tests.harness import ENTE, ROSSI, Caller, eventually, make_message, served

EVERYWHERE_S = ending.EVERYWHERE_S
ISSUER, BACK = "https://idp.comune.example.it", "https://hub.comune.example.it/admin/v1/login-results"
PROVIDER = IdentityProvider(ENTE, "comune", ISSUER, "raccordo", "segreto del fornitore", BACK, "openid", "groups", {})

pytestmark = [pytest.mark.req("P12"), pytest.mark.req("P5")]


@pytest.fixture
def hub(kind, tmp_path):
    """One of the test's own: what has left does not come back."""
    with described_hub(tmp_path / "home", connectors=mail_folder(tmp_path)) as running:
        yield running


@pytest.fixture
def raccordo(hub, monkeypatch, capsys):
    monkeypatch.setattr(ending, "EVERYWHERE_S", 0)
    return command_line(hub, monkeypatch, capsys)


@pytest.fixture
def admin(hub):
    return admin_of(hub, "anna.verdi", "administrator")


def code(answer):
    return answer.status_code, answer.json().get("code")


def publish(hub, vendor=None):
    recipient = {"tax_code": ROSSI, "email": "mario@example.it"}
    return hub.publish("messages", make_message(fresh("m"), recipient=recipient), vendor=vendor)


def pause(hub, status):
    with hub.home.database.write() as tx:
        set_status(tx, ENTE, "mail", status=status)


def paused(hub):
    """Something is accepted and waits."""
    pause(hub, "paused")
    assert publish(hub).status_code == 201
    eventually(lambda: {d["state"] for d in hub.deliveries()}, lambda states: "queued" in states)


def holds(raccordo):
    return raccordo("audit", "verify", "--json", code=None)["faults"] == []


def test_a_vendor_that_leaves_is_told_so_and_what_it_published_stays(hub, raccordo, admin):
    assert publish(hub).status_code == 201
    raccordo("vendor", "callbacks", "set", "acme", "--events-url", "https://api.acme.example.it/eventi")
    seen = raccordo("vendor", "end", "acme", "--dry-run", "--json")
    assert (seen["ends"], seen["stays"]) == ({"keys": 1, "connectors": 1}, {"items": 1})
    assert publish(hub).status_code == 201, "it was only asked"
    eventually(lambda: [d for d in hub.deliveries() if d["connector_id"] == "events.acme"], bool)
    assert "to it" in raccordo("vendor", "end", "acme", "--yes", code=1), "it is still to be told of it"
    raccordo("vendor", "end", "acme", "--yes", "--despite", "contratto concluso")
    eventually(lambda: code(publish(hub)), lambda found: found == (403, "vendor.ended"))
    assert raccordo("vendor", "end", "acme", "--dry-run", "--json")["ends"] == {}, "of its keys none is in use"
    assert publish(hub, hub.other_vendor).status_code == 201
    assert len(hub.read("/items").json()["items"]) >= 3, "its two, and the other's"
    shown = admin.get("/vendors/acme").json()
    assert (shown["active"], shown["ended_at"] is None) == (False, False)
    assert raccordo("vendor", "show", "acme", "--json")["ended_at"] == shown["ended_at"], "one format"
    assert code(admin.patch("/vendors/acme", {"active": True})) == (403, "vendor.ended")
    assert "has left" in raccordo("vendor", "readmit", "acme", code=1)
    assert raccordo("vendor", "callbacks", "list", "--json") == []
    source = wish("atti", "mapped", mapped(title=rule(value="Avviso")))
    assert faults_of(admin.post("/connectors", source)) == {("/settings/vendor_id", "vendor.unknown")}
    assert holds(raccordo)


def test_a_body_is_not_ended_while_something_is_accepted_and_not_delivered(hub, raccordo):
    paused(hub)
    assert "1 deliveries queued" in raccordo("ente", "end", ENTE, "--yes", code=1)
    assert publish(hub).status_code == 201, "nothing was changed"
    assert raccordo("ente", "list", "--json")[0]["ended_at"] is None


def test_a_body_that_leaves_takes_and_shows_nothing_on_any_process(hub, raccordo, admin, monkeypatch):
    monkeypatch.setattr(ending, "EVERYWHERE_S", EVERYWHERE_S)
    item_id = publish(hub).json()["item_id"]
    hub.settled()
    paused(hub)
    with hub.home.database.write() as tx:
        set_provider(tx, hub.home.vault, PROVIDER)
    assert admin.post("/connectors", wish("bozza", "opencity", SDC)).status_code == 201
    with _another(hub) as other:
        done = raccordo("ente", "end", ENTE, "--yes", "--despite", "passa a un altro hub", "--json")
        assert done["ended"]["connectors"] == 1
        for each in (hub, *other):
            eventually(lambda one=each: code(publish(one)), lambda found: found == (403, "ente.ended"))
            assert code(each.read("/items")) == (403, "ente.ended")
            assert code(each.write(f"/items/{item_id}/user-state", {"read": True}, method="PATCH")) == (
                403,
                "ente.ended",
            )
    assert admin.get("/vendors").status_code == 401
    assert sign_in(hub, "anna.verdi").status_code == 401
    states = sorted((d["state"], d["reason"]) for d in hub.deliveries())
    assert ("skipped", "ente.ended") in states
    assert {state for state, _ in states} <= {"delivered", "skipped"}
    with hub.home.database.read() as connection:
        (configured,) = connection.execute(identity_providers.select())
        assert connection.execute(connector_versions.select()).all() == [], "not even of a draft"
    assert (configured.active, configured.secret_sealed) == (False, None)
    assert holds(raccordo)
    again = raccordo("ente", "end", ENTE, "--yes", "--json")
    assert again["ended"] == {}, "nothing is left"
    assert raccordo("ente", "end", ENTE, "--dry-run", "--json")["ends"] == {}
    ended_at = raccordo("ente", "list", "--json")[0]["ended_at"]
    assert f"{ended_at[:19]}Z" in raccordo("ente", "list"), "to the second, as in every table"
    assert "is registered already" in raccordo(
        "ente", "add", ENTE, "--name", "Ritorno", "--public-url", "https://altro.example.it", code=1
    )


def test_what_is_accepted_in_the_last_seconds_is_delivered_before_the_body_ends(hub, raccordo, monkeypatch):
    came = []

    def meanwhile(_seconds):
        """Another process that has not seen the mark yet."""
        pause(hub, "paused")
        with hub.home.database.write() as tx:
            by_mail = deliveries.c.connector_id == "mail"
            tx.connection.execute(deliveries.update().where(by_mail).values(state="held", reason=None))
        came.append(True)

    assert publish(hub).status_code == 201
    hub.settled()
    monkeypatch.setattr(ending, "sleep", meanwhile)
    told = raccordo("ente", "end", ENTE, "--yes", code=1)
    assert came
    assert "repeat the command" in told
    eventually(lambda: code(publish(hub)), lambda found: found == (403, "ente.ended"))
    monkeypatch.setattr(ending, "sleep", lambda _seconds: None)
    pause(hub, "active")
    eventually(
        hub.deliveries, lambda found: {d["state"] for d in found if d["connector_id"] == "mail"} == {"delivered"}
    )
    hub.settled()
    raccordo("ente", "end", ENTE, "--yes")


def test_a_stream_that_is_open_tells_nothing_more(hub, raccordo):
    item_id = publish(hub).json()["item_id"]
    with listening(hub, ROSSI) as stream:
        stream.change()
        with hub.home.database.write() as tx:
            mark_ente(tx, ENTE)
        eventually(lambda: code(publish(hub)), lambda found: found == (403, "ente.ended"))
        raccordo("restrict", item_id)
        while (heard := stream.next())[0] == "change":
            pass
        assert heard == ("end", None, {"reason": "unavailable"})


def test_nothing_is_registered_for_who_has_left(hub, raccordo, admin, tmp_path):
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps({"keys": [Caller("nuovo").key.public_jwk()]}))
    folder = ("--type", "loopback", "--set", f"folder={tmp_path}")
    anew = (
        ("vendor", "add", "nuovo", "--name", "Nuovo", "--trust", "jwk", "--jwks", jwks),
        ("portal", "add", "nuovo", "--jwks", jwks),
        ("admin", "add", "nuovo", "--name", "Nuovo"),
        ("admin", "enable", "anna.verdi"),
        ("connector", "set", "nuovo", *folder),
    )
    to_a_vendor = (
        ("vendor", "callbacks", "set", "acme", "--events-url", "https://api.acme.example.it/eventi"),
        ("source", "set", "acme", "anagrafe", "--every", "24h"),
    )
    raccordo("vendor", "end", "acme", "--yes")
    for command in to_a_vendor:
        assert "vendor acme has left" in raccordo(*command, "--ente", ENTE, code=1), command
    raccordo("ente", "end", ENTE, "--yes")
    for command in anew:
        assert f"{ENTE} has left" in raccordo(*command, "--ente", ENTE, code=1), command


def test_a_source_that_was_being_read_is_not_kept_as_one(hub, raccordo):
    def read():
        """What a process writes that does not know yet that the connector ended."""
        move = Move(Position(ENTE, "mail", "loopback"), timedelta(), at_end=True)
        with hub.home.database.write() as tx:
            Positions(hub.home.vault).move(tx, [move])
        with hub.home.database.read() as connection:
            return [each.connector_id for each in reading_of_sources(connection)]

    assert read() == ["mail"]
    raccordo("ente", "end", ENTE, "--yes")
    assert read() == [], "it would be told of as unread, for ever"


def test_what_leaves_is_there(hub):
    for leave in (
        lambda tx: mark_ente(tx, "c_x999"),
        lambda tx: end_vendor(tx, hub.home.vault, ENTE, "nobody", ()),
    ):
        with pytest.raises(NotThere), hub.home.database.write() as tx:
            leave(tx)
    with hub.home.database.read() as connection:
        assert {row.ended_at for row in connection.execute(vendors.select())} == {None}


@contextmanager
def _another(hub):
    """Another process, where several may share the database."""
    if not hub.home.database.is_shared:
        yield ()
        return
    with served(Home(hub.home.settings), *hub.callers) as other:
        yield (other,)


def test_a_vendor_is_not_ended_while_another_connector_names_it(hub, raccordo, tmp_path, monkeypatch):
    monkeypatch.setattr(ending, "vendor_named", lambda *_: [("station", "/settings/spontaneous/0/vendor_id")])
    told = raccordo("vendor", "end", "acme", "--yes", code=1)
    assert "station (/settings/spontaneous/0/vendor_id)" in told
    assert publish(hub).status_code == 201


def connect(hub, connector_id, kind_of, settings):
    with hub.home.database.write() as tx:
        values = {"ente_id": ENTE, "connector_id": connector_id, "type": kind_of, "settings": settings, "limits": {}}
        hub.home.configuration.save(tx, **values)


def test_a_connector_that_delivers_for_the_whole_body_does_not_end_with_a_vendor(hub, raccordo):
    connect(hub, "sdc", "opencity", SDC)
    told = raccordo("vendor", "end", "acme", "--yes", "--despite", "contratto concluso", code=1)
    assert "sdc (/settings/vendor_id)" in told
    assert publish(hub).status_code == 201, "nothing was changed"


def test_what_reads_the_sources_of_a_vendor_that_leaves_is_named_and_ends(hub, raccordo):
    connect(hub, "atti", "mapped", mapped(title=rule(value="Avviso")))
    assert "it is read by atti" in raccordo("vendor", "end", "acme", "--dry-run")
    assert raccordo("vendor", "end", "acme", "--yes", "--json")["sources"] == ["atti"]
    with hub.home.database.read() as connection:
        assert (ENTE, "atti") not in hub.home.configuration.load(connection)
