"""Drafts of applications are kept at least a year from the last edit, warned of, and ended on record (S18)."""

import pytest

from hub.errors import ContractViolation, DraftGuaranteed
from hub.store.amendments import Withdraw, Withdrawn
from hub.store.drafts import Published
from hub.store.tables import findings, timeline
from tests.unit.store.canonical import days, instant
from tests.unit.store.making import START
from tests.unit.store.practices import Practices

EDITED = {"state": "draft", "last_edited_at": instant(START)}


@pytest.fixture
def practices(store):
    return Practices(store)


def events(practices, item_id):
    rows = [row for row in practices.store.rows(timeline) if row["item_id"] == item_id]
    return [row["event"] for row in sorted(rows, key=lambda row: row["event_id"])]


@pytest.mark.req("S17", "S18")
def test_a_draft_is_kept_a_year_warned_of_twice_and_ended_on_record(practices):
    item_id = practices.publish("d", **EDITED).item_id
    assert practices.item("d")["due_at"] == START + days(365)
    assert practices.made(item_id, "deadlines")["expiry"]["due_at"] == START + days(365)
    practices.store.clock.moment = START + days(334)
    practices.sweep()
    assert practices.made(item_id, "messages") == {}
    for day, told in ((335, 1), (358, 2), (364, 2)):
        practices.store.clock.moment = START + days(day)
        practices.sweep()
        assert len(practices.made(item_id, "messages")) == told
        assert practices.item("d")["state"] == "draft"
    practices.store.clock.moment = START + days(365)
    practices.sweep()
    item = practices.item("d")
    assert (item["state"], item["turn"], item["lifecycle"]) == ("expired", "none", "active")
    assert sorted(practices.made(item_id, "messages")) == [
        "draft_expired.v1",
        "draft_expiring.expiry.30.20271124",
        "draft_expiring.expiry.7.20271124",
    ]
    assert practices.made(item_id, "deadlines")["expiry"]["state"] == "missed"
    assert events(practices, item_id) == ["accepted", "reminded", "reminded", "expired"]


@pytest.mark.req("S18", "S19")
def test_the_last_edit_begins_the_year_anew(practices):
    practices.publish("d", **EDITED)
    practices.store.clock.moment = edited = START + days(360)
    practices.publish("d", version=2, state="draft", last_edited_at=instant(edited))
    practices.store.clock.moment = START + days(366)
    practices.sweep()
    item = practices.item("d")
    assert (item["state"], item["due_at"]) == ("draft", edited + days(365))


@pytest.mark.req("S19")
def test_a_draft_that_was_sent_has_nothing_left_to_expire(practices):
    item_id = practices.publish("d", **EDITED).item_id
    practices.publish("d", version=2, state="submitted")
    practices.store.clock.moment = START + days(400)
    practices.sweep()
    assert practices.item("d")["state"] == "submitted"
    assert list(practices.made(item_id, "messages")) == ["application_submitted"]
    assert practices.made(item_id, "deadlines")["expiry"]["state"] == "met"


@pytest.mark.req("S18")
@pytest.mark.parametrize("field", ["draft_expires_at", "expires_at"])
def test_a_source_cannot_keep_a_draft_less_long(practices, field):
    with pytest.raises(ContractViolation) as refusal:
        practices.draft("d", **EDITED, **{field: instant(START + days(364))})
    assert [(fault.pointer, fault.code) for fault in refusal.value.faults] == [(f"/{field}", "draft.too_short")]


@pytest.mark.req("S18")
def test_a_source_may_keep_a_draft_longer_and_so_may_the_administrator(practices):
    practices.publish("longer", **EDITED, draft_expires_at=instant(START + days(500)))
    practices.publish("agreed", **EDITED, draft_days=730)
    assert practices.item("longer")["due_at"] == START + days(500)
    assert practices.item("agreed")["due_at"] == START + days(730)
    with pytest.raises(ContractViolation, match=r"contract\.violation"):
        practices.draft("d", **EDITED, draft_days=730, draft_expires_at=instant(START + days(500)))


@pytest.mark.req("S18")
def test_without_the_time_of_the_edit_the_year_counts_from_the_arrival(practices):
    practices.publish("d", state="draft", occurred_at="2020-01-01T00:00:00Z")
    assert practices.item("d")["due_at"] == START + days(365)


@pytest.mark.req("S18")
def test_an_old_draft_that_comes_late_is_still_warned_of(practices):
    item_id = practices.publish("d", state="draft", last_edited_at=instant(START - days(700))).item_id
    practices.sweep()
    assert practices.item("d")["due_at"] == START + days(30)
    practices.store.clock.moment = START + days(23)
    practices.sweep()
    assert practices.item("d")["state"] == "draft"
    assert len(practices.made(item_id, "messages")) == 1


@pytest.mark.req("S18")
def test_a_source_can_neither_withdraw_nor_expire_a_draft_before_its_time(practices):
    item_id = practices.publish("d", **EDITED).item_id
    refused = practices.act(Withdraw(item_id, "pulizia"))
    assert isinstance(refused, DraftGuaranteed)
    assert instant(START + days(365)) in refused.detail
    assert isinstance(practices.publish("d", version=2, state="expired"), DraftGuaranteed)
    item = practices.item("d")
    assert (item["state"], item["lifecycle"], item["version"]) == ("draft", "active", 1)
    practices.store.clock.moment = START + days(365)
    assert isinstance(practices.publish("d", version=2, state="expired"), Published)
    assert isinstance(practices.act(Withdraw(item_id, "pulizia")), Withdrawn)


@pytest.mark.req("S18")
def test_the_citizen_may_have_a_draft_deleted_at_any_time(practices):
    item_id = practices.publish("d", **EDITED).item_id
    assert isinstance(practices.act(Withdraw(item_id, "richiesta", by_citizen=True)), Withdrawn)
    (row,) = [row for row in practices.store.rows(timeline) if row["event"] == "withdrawn"]
    assert row["data"] == {"requested_by": "citizen"}
    practices.store.clock.moment = START + days(400)
    practices.sweep()
    assert practices.made(item_id, "messages") == {}


TAKEN = {
    "state": "in_progress",
    "taken_charge_at": "2026-11-20T09:00:00Z",
    "reference_number": "1",
    "procedure_steps": [{"order": 1, "title": "Istruttoria", "state": "current"}],
}


def found(practices):
    return sorted((row["criterion"], row["code"], row["days"]) for row in practices.store.rows(findings))


@pytest.mark.req("S23", "S24")
def test_an_answer_later_than_the_card_says_is_accepted_and_flagged(practices):
    item_id = practices.publish("a", **TAKEN, due_date="2026-12-30").item_id
    assert found(practices) == [("C.SE.1.10", "due_date.late", 10)]
    practices.publish("a", version=2, **TAKEN, due_date="2026-12-31")
    assert found(practices) == [("C.SE.1.10", "due_date.late", 11)]
    practices.publish("a", version=3, **TAKEN, due_date="2026-12-20")
    assert found(practices) == []
    assert events(practices, item_id).count("flagged") == 1


@pytest.mark.req("S24")
def test_what_is_not_said_of_taking_charge_is_noted(practices):
    practices.publish("a", state="registered")
    assert found(practices) == [
        ("C.SE.1.10", "due_date.missing", None),
        ("C.SE.1.10", "protocol.missing", None),
        ("C.SE.1.10", "taken_charge_at.missing", None),
        ("C.SE.1.9", "milestones.missing", None),
    ]
