"""OpenCity: what a restart between two calls, or a question that breaks the tenant, must not lose or hold up."""

import base64

import pytest

from connectors.base.inbound_conformance import take
from contracts.failures import Deferred

from .places import ALL, MOST_MISSED, Place, Walk
from .simulator_model import name_of
from .test_simulator import a_round, asked, clock, made, started, told

__all__ = ["clock", "started"]
PDF = base64.b64encode(b"%PDF-1.7\nx").decode()
ENCLOSED = {"collections": ["documents"], "files": ["messages"]}
BROKEN = [{"kind": "error", "status": 500, "on": "messages"}] * 3


def until(connector, kind, memo=None):
    """The memo before the first step of that kind."""
    memo = memo or {}
    while not memo or not memo["walk"]["todo"] or not memo["walk"]["todo"][0].startswith(kind):
        memo = take(connector, memo).memo
    return memo


def with_message(settings, application, filename):
    told(settings, f"messages/{application}", {"message": "Ecco il documento", "visibility": "applicant"})
    return told(settings, f"files/{application}", {"kind": "messages", "name": filename, "base64": PDF})["id"]


def filenames(found):
    return [each.item["filename"] for each in found if each.item is not None]


def test_an_application_lost_between_two_of_its_files_takes_no_other_ones_files_along(started, clock):
    _, settings = started(applications=2)
    # The second one's file sorts before those of the first.
    told(settings, f"files/{name_of(2)}", {"kind": "attachments", "name": "altra.pdf", "base64": PDF})
    for filename in ("a.pdf", "b.pdf", "c.pdf"):
        told(settings, f"files/{name_of(1)}", {"kind": "attachments", "name": filename, "base64": PDF})
    clock.now += 1000
    before = made(settings, clock, collections=["documents"])
    memo = take(before, until(before, "file/")).memo
    assert memo["walk"]["after_file"]
    told(settings, f"applications/{name_of(1)}", None, method="DELETE")
    found, memo = a_round(made(settings, clock, collections=["documents"]), memo)
    assert filenames(found) == ["altra.pdf"]
    assert [each.missing for each in found] == [True, False]


def test_after_a_restart_messages_that_break_the_tenant_hold_up_nothing_and_are_read_by_the_next_sweep(started, clock):
    _, settings = started(applications=2)
    with_message(settings, name_of(1), "prima.pdf")
    with_message(settings, name_of(2), "seconda.pdf")
    told(settings, "applications", {"id": name_of(1), "status": "7000", "outcome": True})
    clock.now += 1000
    memo = until(made(settings, clock, **ENCLOSED), "enclosed/")
    told(settings, "faults", BROKEN)
    after = made(settings, clock, **ENCLOSED)
    assert take(after, memo).reason == "opencity.breaks"
    told(settings, "faults", BROKEN[:1])
    found, memo = a_round(after, memo)
    assert filenames(found) == ["seconda.pdf"]
    assert [each.name for each in found if each.wrong] == [f"message-of/{name_of(1)}"]
    clock.now += 1000
    assert filenames(a_round(after, memo)[0]) == []
    # Closed, and older than the sweep before: it is read all the same, and once.
    clock.now += 100_000
    found, memo = a_round(after, memo)
    assert filenames(found) == ["prima.pdf"]
    clock.now += 100_000
    assert filenames(a_round(after, memo)[0]) == []


def test_after_a_restart_what_is_enclosed_goes_on_behind_the_last_file(started, clock):
    _, settings = started(applications=1)
    for filename in ("a.pdf", "b.pdf", "c.pdf"):
        with_message(settings, name_of(1), filename)
    clock.now += 1000
    memo, found = until(made(settings, clock, **ENCLOSED), "enclosed/"), []
    while memo.get("walk"):
        step = take(made(settings, clock, **ENCLOSED), memo)
        memo, found = step.memo, [*found, *step.found]
    assert filenames(found) == ["a.pdf", "b.pdf", "c.pdf"]


@pytest.mark.parametrize("kind", ["messages", "payments"])
def test_what_a_sweep_passed_over_of_a_closed_application_comes_with_the_next(started, clock, kind):
    _, settings = started(applications=1)
    told(settings, f"messages/{name_of(1)}", {"message": "Ecco", "visibility": "applicant"})
    told(settings, "applications", {"id": name_of(1), "status": "7000", "outcome": True, "payment_type": "mypay"})
    assert asked(settings, f"/payments?remote_id={name_of(1)}").status_code == 404
    clock.now += 1000
    connector = made(settings, clock, collections=[kind])
    told(settings, "faults", [each | {"on": kind} for each in BROKEN])
    found, memo = a_round(connector)
    assert [each.name for each in found] == [f"{kind[:-1]}-of/{name_of(1)}"]
    clock.now += 100_000
    told(settings, "faults", [each | {"on": kind} for each in BROKEN[:1]])
    memo = take(connector, memo).memo
    assert isinstance(take(connector, memo), Deferred)  # it is asked for
    found, memo = a_round(connector, memo)
    assert [each.name for each in found if each.item is None] == [f"{kind[:-1]}-of/{name_of(1)}"]
    assert [each.wrong for each in found] == [()] * len(found)
    assert len(found) == 1 + (kind == "messages")
    clock.now += 100_000
    assert take(connector, memo).more is False


def test_where_too_much_breaks_to_be_named_the_next_sweep_reads_all():
    walk = Walk(sweep=True, started=1, listings=())
    for number in range(MOST_MISSED + 1):
        walk = walk.passing_over(f"message/{name_of(number)}")
    assert walk.missed == (ALL,)
    assert Place(missed=walk.missed).has_missed(f"message/{name_of(7)}")
