"""Vendors' keys on two processes that share one PostgreSQL: what is revoked at one is refused by the other at once."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from hub.home import Home
from tests import stores
from tests.flows.making import described_hub, fresh, new_person
from tests.harness import Caller, eventually, make_message, served


@pytest.fixture
def both(tmp_path):
    with (
        stores.in_use("postgresql"),
        described_hub(tmp_path / "home") as first,
        served(Home(first.home.settings), *first.callers) as second,
    ):
        yield first, second


@pytest.fixture
def hub(both):
    """Whose home the command line works on."""
    return both[0]


def status(hub, caller):
    return hub.publish("messages", make_message(fresh(), tax_code=new_person()), vendor=caller).status_code


def test_a_revoked_key_is_refused_everywhere_within_seconds_and_the_other_one_holds(both, raccordo, tmp_path):
    old, new = both[0].vendor, Caller("acme")
    (tmp_path / "new.json").write_text(json.dumps({"keys": [new.key.public_jwk()]}))
    raccordo("vendor", "rotate", "acme", "--jwks", tmp_path / "new.json", "--overlap-hours", "1")
    for hub in both:
        eventually(lambda hub=hub: status(hub, new), lambda found: found == 201)
        assert status(hub, old) == 201
    raccordo("vendor", "revoke", "acme", old.key.kid)
    for hub in both:
        eventually(lambda hub=hub: status(hub, old), lambda found: found == 401)
        assert status(hub, new) == 201
    states = {row["name"]: row["state"] for row in raccordo("vendor", "keys", "acme", "--json")}
    assert states == {old.key.kid: "revoked", new.key.kid: "current"}
    assert "is revoked already" in raccordo("vendor", "revoke", "acme", old.key.kid, code=1)


def test_keys_to_come_and_those_that_retire_are_told_apart(both, raccordo, tmp_path):
    old, new = both[0].vendor, Caller("acme")
    (tmp_path / "new.json").write_text(json.dumps({"keys": [new.key.public_jwk()]}))
    begin = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    raccordo("vendor", "rotate", "acme", "--jwks", tmp_path / "new.json", "--from", begin, "--overlap-hours", "2")
    states = {row["name"]: row["state"] for row in raccordo("vendor", "keys", "acme", "--json")}
    assert states == {old.key.kid: "retiring", new.key.kid: "coming"}
    assert status(both[0], old) == 201
    assert status(both[0], new) == 401
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert "in the past" in raccordo("vendor", "revoke", "acme", old.key.kid, "--at", yesterday, code=2)
    assert "has no key" in raccordo("vendor", "revoke", "acme", "nobody", code=1)
    assert "no other key in force" in raccordo("vendor", "revoke", "acme", old.key.kid)
    assert "revoked" in {row["state"] for row in raccordo("vendor", "keys", "acme", "--json")}


def test_a_thumbprint_that_begins_with_a_dash_is_no_option(raccordo):
    said = raccordo("vendor", "revoke", "acme", "-SuOQaQ3QQguA-2b2iZapdfGwV5K9eu4AvCAwR1MLZk", code=1)
    assert "-SuOQaQ3QQguA-2b2iZapdfGwV5K9eu4AvCAwR1MLZk" in said
    assert "option" not in said
