"""Connectors that change while somebody looks at them, and what they had still to send."""

import threading

import pytest

from hub.admin import connectors as admin_connectors
from hub.admin.connectors import Connectors
from tests.flows.administering import loopback
from tests.flows.making import code, fresh, new_person, to
from tests.harness import ENTE, eventually, make_message


@pytest.fixture
def draft(admin, tmp_path):
    own = loopback(fresh("posta"), tmp_path)
    assert admin.post("/connectors", own).status_code == 201
    return own


def test_a_connector_is_tried_where_nobody_waits_for_it(admin, draft, monkeypatch):
    where, tried = [], admin_connectors.tried

    def built(*given):
        where.append(threading.current_thread().name)
        return tried(*given)

    monkeypatch.setattr(admin_connectors, "tried", built)
    patch = {"service_overrides": {"tari": {"channel": "io"}}}
    assert admin.patch(f"/connectors/{draft['connector_id']}", patch).status_code == 200
    assert len(where) == 1
    assert "committer" not in where[0]


def test_a_check_passes_no_version_but_the_one_that_it_was_a_check_of(admin, draft, monkeypatch):
    path, made = f"/connectors/{draft['connector_id']}", Connectors.connector_of

    def slow(self, one, version):
        connector = made(self, one, version)
        monkeypatch.setattr(Connectors, "connector_of", made)
        assert admin.call("DELETE", path).status_code == 204
        other = draft | {"settings": draft["settings"] | {"channel": "io"}}
        assert admin.post("/connectors", other).status_code == 201
        return connector

    monkeypatch.setattr(Connectors, "connector_of", slow)
    assert code(admin.post(f"{path}/checks")) == (404, "connector_version.unknown")
    assert admin.get(path).json()["newest"]["check_outcome"] is None
    assert code(admin.post(f"{path}/activations")) == (409, "connector.untested")


def test_what_a_connector_has_still_to_send_keeps_its_environment(hub, admin, draft):
    path = f"/connectors/{draft['connector_id']}"
    admin.post(f"{path}/checks")
    admin.post(f"{path}/activations")
    assert admin.post(f"{path}/pauses", {"reason": "notte"}).status_code == 200
    eventually(hub.hub.connectors.outlets, lambda found: (ENTE, "email") in found)
    item = make_message(fresh(), **to(new_person()), notify={"channels": ["email"]})
    assert hub.publish("messages", item).status_code == 201
    assert admin.patch(path, {"environment": "test"}).status_code == 200
    admin.post(f"{path}/checks")
    assert code(admin.post(f"{path}/activations", {"version": 2})) == (409, "connector.in_use")
    assert admin.post(f"{path}/activations", {"version": 1}).json()["state"] == "active"
    hub.settled()
    assert admin.post(f"{path}/activations", {"version": 2}).json()["version_in_force"] == 2
