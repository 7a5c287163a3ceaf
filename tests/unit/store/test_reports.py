"""Reports about a delivery under way: found by the name that was stored before it left, and which word is the last."""

import hashlib
from datetime import timedelta

import pytest

from contracts.inbound import Report
from hub.store.delivery_proofs import proofs_of, seal_proof
from hub.store.drafts import PlannedDelivery
from hub.store.outbox import Due, Progress, Settlement, claim, progress, settle
from hub.store.reports import Told, note_reports
from tests.unit.store.making import ENTE, LEASE, START, make_draft

NAME = "<abcdefghijklmnopqrstuvwxyz@pec.example.it>"


def under_way(store, channel="pec"):
    """A claim whose message is about to leave, with its name on record."""
    store.connector(channel)
    store.publish(make_draft(deliveries=(PlannedDelivery(channel, channel, timedelta(days=3)),)))
    (mine,) = store.write(claim, Due(1, LEASE))
    assert store.write(progress, Progress(mine, {"message_id": NAME}, True, LEASE, NAME))
    return mine


def told(store, *reports, connector="pec"):
    return [store.write(note_reports, Told(ENTE, connector, each)) for each in reports]


def said(event, reason=""):
    return Report(event, START, provider_id=NAME, reason=reason)


def state(store):
    (row,) = store.deliveries()
    return row["state"], row["reason"]


def test_one_whose_answer_was_lost_is_found_by_the_name_it_left_under(store):
    mine = under_way(store)
    store.write(settle, Settlement(mine, "unconfirmed", "unconfirmed", "email.no_answer"))
    assert store.deliveries()[0]["provider_id"] == NAME
    assert told(store, said("accepted"), said("delayed", "pec.warned")) == [True, True]
    assert state(store) == ("unconfirmed", "email.no_answer"), "news that end nothing"
    assert told(store, said("delivered")) == [True]
    assert state(store)[0] == "delivered"


def test_the_name_counts_within_its_connector_alone(store):
    under_way(store)
    assert told(store, said("delivered"), connector="other") == [False]
    assert told(store, Report("delivered", START, provider_id="<x@y>")) == [False]


@pytest.mark.parametrize("order", [("failed", "delivered"), ("delivered", "failed"), ("failed", "delivered", "failed")])
def test_of_pec_the_receipt_of_delivery_is_the_last_word(store, order):
    mine = under_way(store)
    store.write(settle, Settlement(mine, "waiting", "continue", due_at=START + timedelta(hours=28), provider_id=NAME))
    for event in order:
        told(store, said(event, "pec.not_delivered.5.4.1" if event == "failed" else ""))
    assert state(store)[0] == "delivered"


@pytest.mark.parametrize("end", ["held", "parked"])
def test_what_arrived_waits_for_nobody(store, end):
    mine = under_way(store)
    store.write(settle, Settlement(mine, end, "deferred", "bug.endless_steps"))
    told(store, said("delivered"))
    assert state(store) == ("delivered", None)


def test_what_a_person_closed_stays_closed(store):
    mine = under_way(store)
    store.write(settle, Settlement(mine, "closed", "closed", "parked"))
    told(store, said("failed"), said("delivered"))
    assert state(store) == ("closed", "parked")


def test_a_signed_receipt_is_kept_once_under_the_citizen_s_key(store):
    under_way(store)
    (row,) = store.deliveries()
    with store.database.read() as connection:
        citizen = store.citizens.by_id(connection, ENTE, row["citizen_id"])
    for event, content in (("delivered", b"two"), ("accepted", b"one"), ("accepted", b"one")):
        moment = START + timedelta(minutes=len(event))
        report = Report(event, moment, provider_id=NAME, evidence=content)
        proof = seal_proof(store.vault, citizen, row["delivery_id"], content)
        assert content not in proof.sealed
        store.write(note_reports, Told(ENTE, "pec", report, proof=proof))
    with store.database.read() as connection:
        kept = proofs_of(connection, store.vault, citizen, row["delivery_id"])
    assert [(each.event, each.content) for each in kept] == [("accepted", b"one"), ("delivered", b"two")]
    assert kept[0].sha256 == hashlib.sha256(b"one").hexdigest()


def test_an_e_mail_that_was_taken_and_came_back_did_not_arrive(store):
    mine = under_way(store, "email")
    store.write(settle, Settlement(mine, "delivered", "done", provider_id=NAME))
    told(store, said("failed", "email.bounced.5.1.1"), said("delivered"), connector="email")
    assert state(store) == ("rejected", "email.bounced.5.1.1")
