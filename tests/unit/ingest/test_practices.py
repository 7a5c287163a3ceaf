"""What follows for an application from its terms: the wording of taking charge, the actions a notice asks for."""

import json

import pytest

from contracts.actions import actions_to_tell
from hub.ingest.canonical import parse
from hub.ingest.notices import message_for
from hub.ingest.rules import standard
from tests.flows.making import make_application
from tests.harness import make_payment


def application(**fields):
    return parse("applications", json.dumps(make_application("a", **fields)).encode())


def taking_charge(**fields):
    item = application(state="registered", **fields)
    return message_for(item, standard().on_state("applications", "registered"), "registered").body_markdown


@pytest.mark.req("S22", "S23")
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"protocol": {"number": "12", "year": 2026}}, "Protocollo 12/2026."),
        (
            {"protocol": {"number": "12", "year": 2026, "registered_on": "2026-11-21"}},
            "Protocollo 12/2026 del 21 novembre 2026.",
        ),
        ({"reference_number": "AN4059281"}, "Pratica numero AN4059281."),
        ({"taken_charge_at": "2026-11-20T23:30:00Z"}, "Presa in carico il 21 novembre 2026."),
        ({"taken_charge_at": "2026-11-20T23:30:00Z", "language": "en"}, "Taken in charge on 21 November 2026."),
        ({"due_date": "2026-12-20"}, "La risposta arriva entro il 20 dicembre 2026."),
    ],
)
def test_taking_charge_says_what_the_body_said(fields, told):
    assert told in taking_charge(**fields).replace("\\", "").split("\n\n")


def test_nothing_is_said_of_what_is_not_known():
    assert taking_charge() == "La domanda **Titolo a** è stata presa in carico."


@pytest.mark.req("S12")
@pytest.mark.parametrize(
    ("state", "kinds"),
    [("draft", ["complete"]), ("submitted", []), ("expired", []), ("integration_requested", ["integrate"])],
)
def test_a_notice_asks_only_for_what_is_to_be_done_now(state, kinds):
    asked = {"integration": {"requested_at": "2026-11-20T09:00:00Z", "reason": "x"}} if kinds == ["integrate"] else {}
    item = application(state=state, **asked)
    assert [action.kind for action in actions_to_tell(item, state)] == kinds


def test_a_paid_payment_is_not_asked_for():
    item = parse("payments", json.dumps(make_payment("p", pay_url="https://paga.example.it/1")).encode())
    assert [action.kind for action in actions_to_tell(item, "due")] == ["pay"]
    assert actions_to_tell(item, "paid") == ()


def test_a_draft_has_a_reminder_of_its_own():
    assert standard().reminding("applications", "expiry").name == "draft_expiring"
    assert standard().reminding("applications", "citizen_duty").name == "application_reminder"
