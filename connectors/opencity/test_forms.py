"""OpenCity: records and lists of another form than is known: an item, or a place where it is wrong; never a crash."""

import json

import pytest

from connectors.base.scripted import Reply

from .simulator_model import name_of
from .test_archive import record, server
from .test_opencity import made as connected
from .test_passing import names_of, practice

__all__ = ["server"]


ODD = (None, 7, -1, True, "", " ", "x" * 5000, "\ud83d", [], [[]], {}, {"id": {}}, {"a": {"b": [1]}})
KEPT = {
    "application": {"record": practice(1)},
    "archive": {"record": record()},
    "file": {
        "file_kind": "attachments",
        "application": practice(1),
        "record": {
            "id": name_of(3),
            "originalName": "a.pdf",
            "name": "a.pdf",
            "created_at": "2026-02-03T09:12:44+01:00",
        },
    },
    "message": {
        "application": practice(1),
        "record": {
            "id": name_of(4),
            "message": "Ecco",
            "visibility": "applicant",
            "created_at": "2026-02-03T09:12:44Z",
        },
    },
    "payment": {
        "application": practice(1),
        "record": {"id": name_of(5), "status": "PAYMENT_PENDING", "payment": {"amount": 12}, "created_at": 1770106364},
    },
    "subscription": {"record": {"id": name_of(6), "status": "active", "created_at": "2026-02-03T09:12:44+01:00"}},
}


@pytest.mark.parametrize("kind", sorted(KEPT))
def test_a_record_of_another_form_is_an_item_or_has_a_place_where_it_is_wrong(server, kind):
    server.answering = lambda got: Reply(
        200, {"codice_fiscale": "RSSMRA80A01H501U"} if "/users/" in got.path else b"%PDF-1.7\n"
    )
    connector = connected(f"{server.url}/lang/api")
    kept, (good,) = KEPT[kind], connector.read(json.dumps({"kind": kind} | KEPT[kind]).encode())
    assert kind in ("payment", "subscription") or good.item is not None
    wrong = 0
    for name in (
        *kept["record"],
        "payment_data",
        "attachments",
        "outcome",
        "integrations",
        "protocol_number",
        "debtor",
    ):
        for odd in ODD:
            told = {"kind": kind} | kept | {"record": kept["record"] | {name: odd}}
            for found in connector.read(json.dumps(told).encode()):
                assert (found.item is None) == bool(found.wrong)
                assert all(each.code for each in found.wrong)
                wrong += bool(found.wrong)
    connector.close()
    assert wrong


@pytest.mark.parametrize("content", [{}, [], "x", 7, None, {"data": {}}, {"results": "x"}, {"data": [None, [], "x"]}])
def test_lists_of_another_form_hold_up_nothing_and_name_nothing_as_gone(server, content):
    def answer(got):
        odd = "/documents?" in got.path or "/subscriptions?" in got.path
        return Reply(200, json.dumps(content).encode()) if odd else Reply(200, [])

    server.answering = answer
    connector = connected(f"{server.url}/lang/api", collections=["documents", "subscriptions"], files=["archive"])
    names, memo = names_of(connector, {})
    connector.close()
    assert [each for each in names if each[1]] == []
    assert memo["walk"] is None
