"""The states of items, as data: every way leads to a state, and a source's leaps are told."""

from typing import get_args

import pytest

from contracts.items.application import ApplicationState
from contracts.items.deadline import DeadlineState
from contracts.items.document import DocumentState, HandoverState
from contracts.items.payment import PaymentState
from contracts.items.subscription import SubscriptionState
from contracts.states import MACHINES

STATES = {
    "applications": ApplicationState,
    "deadlines": DeadlineState,
    "documents": DocumentState,
    "handovers": HandoverState,
    "payments": PaymentState,
    "subscriptions": SubscriptionState,
}


@pytest.mark.parametrize("collection", MACHINES)
def test_a_machine_has_the_states_of_its_collection(collection):
    states = set(get_args(STATES[collection]))
    machine = MACHINES[collection]
    assert set(machine.ways) == states
    assert {state for ways in machine.ways.values() for state in ways} <= states
    assert machine.facts.keys() <= states
    assert all(machine.leads(*way) for way in machine.reopening)


@pytest.mark.parametrize(
    ("before", "after", "skipped"),
    [
        ("submitted", "registered", ()),
        ("submitted", "completed", ("registered", "in_progress")),
        ("draft", "submitted", ()),
        ("draft", "registered", ("submitted",)),
        ("completed", "in_progress", ()),
        ("completed", "suspended", ("in_progress",)),
        ("completed", "submitted", None),
        ("revoked", "in_progress", None),
    ],
)
@pytest.mark.req("S26")
def test_what_a_source_leaves_out_is_known(before, after, skipped):
    assert MACHINES["applications"].skipped(before, after) == skipped


@pytest.mark.parametrize(
    ("collection", "before", "after", "may"),
    [
        ("payments", "paid", "due", False),
        ("payments", "paid", "refunded", True),
        ("documents", "revoked", "available", False),
        ("applications", "completed", "draft", True),
    ],
)
def test_a_source_takes_back_no_fact(collection, before, after, may):
    assert MACHINES[collection].reportable(before, after) is may
