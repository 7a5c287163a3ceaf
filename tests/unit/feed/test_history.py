"""One history of an application: what its source dates, and what the hub saw (S26)."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from hub.feed.history import history_view
from hub.store.reading import Version

START = datetime(2026, 11, 1, tzinfo=UTC)


def version(number, state, *, received=None, **fields):
    received_at = START + timedelta(days=number if received is None else received)
    return Version(number, received_at, json.dumps({"state": state} | fields).encode())


def told(*versions, timeline=()):
    return [(entry["at"][8:10], entry["state"], entry["origin"]) for entry in history_view(versions, timeline)]


def past(day, state, label=None):
    made = {"at": f"2026-11-{day:02d}T00:00:00Z", "state": state}
    return made | ({"label": label} if label else {})


@pytest.mark.req("S26")
def test_each_state_is_told_once_when_it_came():
    versions = [version(1, "submitted"), version(2, "submitted"), version(3, "in_progress"), version(4, "submitted")]
    assert told(*versions) == [("02", "submitted", "hub"), ("04", "in_progress", "hub"), ("05", "submitted", "hub")]


@pytest.mark.req("S26")
def test_what_the_source_dates_stands_for_what_the_hub_saw():
    first = version(9, "in_progress", history=[past(3, "submitted", "Inviata"), past(5, "in_progress")])
    assert told(first) == [("03", "submitted", "source"), ("05", "in_progress", "source")]
    (entry, _) = history_view([first], ())
    assert entry["label"] == "Inviata"


@pytest.mark.req("S26")
def test_nothing_of_the_past_is_lost_with_a_version_that_leaves_it_out():
    first = version(9, "in_progress", history=[past(3, "submitted")])
    assert told(first, version(12, "completed")) == [
        ("03", "submitted", "source"),
        ("10", "in_progress", "hub"),
        ("13", "completed", "hub"),
    ]


@pytest.mark.req("S26")
def test_a_reopened_application_has_been_open_twice():
    versions = [
        version(1, "completed", history=[past(2, "completed")]),
        version(3, "in_progress"),
        version(5, "completed"),
    ]
    assert told(*versions) == [("02", "completed", "source"), ("04", "in_progress", "hub"), ("06", "completed", "hub")]


def test_a_late_version_was_true_before_those_that_follow_it():
    versions = [version(1, "submitted", received=1), version(2, "registered", received=8), version(3, "completed")]
    assert told(*versions) == [("02", "submitted", "hub"), ("04", "registered", "hub"), ("04", "completed", "hub")]


def test_the_sources_own_time_is_taken_and_its_words():
    status = {"code": "4000", "label": "Presa in carico"}
    (entry,) = history_view([version(3, "registered", as_of="2026-11-02T00:00:00Z", source_status=status)], ())
    assert (entry["at"], entry["label"]) == ("2026-11-02T00:00:00Z", "Presa in carico")


def test_what_the_hub_did_itself_is_told():
    ended = {"at": START + timedelta(days=20), "event": "expired", "data": {}}
    read = {"at": START, "event": "reminded", "data": {}}
    assert told(version(1, "draft"), timeline=[read, ended]) == [("02", "draft", "hub"), ("21", "expired", "hub")]
