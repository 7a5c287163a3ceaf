"""What comes when its moment has passed: a sweep after a standstill, a file after the end of its document."""

import hashlib

import pytest

from hub.ingest.canonical import read
from hub.ingest.drafting import uploaded_draft
from hub.ingest.rules import standard
from hub.store.amendments import Upload
from tests.flows.making import make_deadline, make_document, make_payment
from tests.unit.store.canonical import Canonical, days, instant, no_route
from tests.unit.store.making import START, make_vendor

END = START + days(10)


@pytest.fixture
def hub(store):
    return Canonical(store)


def told(hub, item_id):
    return sorted(hub.made(item_id, "messages"))


@pytest.mark.req("S6")
def test_nobody_is_reminded_of_what_is_past(hub):
    (answer,) = hub.store.publish(hub.drafted("deadlines", make_deadline("a", due_at=instant(END))))
    hub.store.clock.moment = END - days(2)
    hub.sweep()
    assert told(hub, answer.item_id) == ["deadline_reminder.citizen_duty.7.20261204"]
    hub.store.clock.moment = END + days(2)
    hub.sweep()
    assert hub.item("a")["state"] == "missed"
    assert told(hub, answer.item_id) == ["deadline_reminder.citizen_duty.7.20261204"]


@pytest.mark.req("S6", "S26")
def test_what_had_ended_before_its_day_and_is_asked_for_again_is_due_again_until_then(hub):
    for version, state in enumerate(["due", "expired", "due"], start=1):
        said = make_payment("a", version=version, state=state, due_date=(END - days(1)).date().isoformat())
        (answer,) = hub.store.publish(hub.drafted("payments", said))
    (due,) = hub.made(answer.item_id, "deadlines").values()
    assert due["state"] == "open"
    hub.store.clock.moment = END + days(2)
    hub.sweep()
    hub.store.publish(hub.drafted("payments", said | {"version": 4}))
    (due,) = hub.made(answer.item_id, "deadlines").values()
    assert due["state"] == "missed"


@pytest.mark.req("S55", "S56")
def test_a_document_that_was_only_announced_ends_once_it_is_here(hub):
    draft = hub.drafted("documents", make_document("a", b"pdf", valid_to=instant(END)))
    (answer,) = hub.store.publish(draft)
    hub.store.clock.moment = END + days(1)
    hub.sweep()
    assert hub.item("a")["state"] == "announced"
    assert told(hub, answer.item_id) == []
    known = {"route": no_route, "keyed_hash": hub.store.vault.keyed_hash, "rules": standard()}
    its = uploaded_draft(read(draft.payload), make_vendor(), **known)
    hub.act(Upload(answer.item_id, 1, hashlib.sha256(b"pdf").hexdigest(), "k", its))
    assert hub.item("a")["state"] == "available"
    hub.sweep()
    assert hub.item("a")["state"] == "expired"
    assert told(hub, answer.item_id) == ["document_available", "document_expired"]
