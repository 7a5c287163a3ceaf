"""The rules of subscriptions, to the second: windows, ends, instalments, what may be asked, what others are shown."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from contracts.items.subscription import PlannedInstallment
from contracts.subscription_services import SubscriptionService
from hub.ingest.canonical import parse
from hub.ingest.subscriptions import appointments, copies_of, in_force, must_be_offered, payment_of, state_at, told_as
from hub.reading_errors import RequestNotOffered, RequestStateConflict
from tests.flows.making import make_subscription

SECOND = timedelta(seconds=1)
# 31 July ends at midnight in Italy, where it is summer; so does 31 January, in winter.
OPENS, ENDS = datetime(2027, 7, 1, 22, tzinfo=UTC), datetime(2027, 7, 31, 22, tzinfo=UTC)
PLAN = (PlannedInstallment(n=1, amount_cents=100, due_date=date(2027, 1, 31), reason="Rata"),)
SERVICE = SubscriptionService(
    code="nido-2026",
    name="Nido",
    renewal="manual",
    cancellation="manual",
    notice_days=30,
    payment_plan=PLAN,
    days_ahead=10,
    creditor_tax_code="00488410010",
)


def subscription(service=SERVICE, **fields):
    own = {"valid_to": "2027-07-31"} | fields
    return in_force(parse("subscriptions", json.dumps(make_subscription("s-1", **own)).encode()), service)


@pytest.mark.req("S36")
@pytest.mark.parametrize(
    ("now", "state"),
    [(OPENS - SECOND, "active"), (OPENS, "renewal_due"), (ENDS - SECOND, "renewal_due"), (ENDS, "active")],
)
def test_the_window_opens_and_closes_to_the_second(now, state):
    assert state_at(subscription(), now) == state


@pytest.mark.parametrize(
    "own",
    [{"renewal": "none"}, {"valid_to": None}, {"state": "suspended"}, {"state": "waitlisted"}, {"state": "ended"}],
)
def test_no_window_opens_where_there_is_nothing_to_renew(own):
    item = (
        subscription(**own)
        if own.get("valid_to", "") is not None
        else in_force(parse("subscriptions", json.dumps(make_subscription("s-1")).encode()), SERVICE)
    )
    assert state_at(item, OPENS) == item.state


@pytest.mark.req("S33", "S35", "S38")
@pytest.mark.parametrize(
    ("renewal", "cancellation", "state", "occasions"),
    [
        ("manual", "none", "active", {"renewal": OPENS}),
        ("manual", "auto", "renewal_due", {"end": ENDS}),
        ("auto", "auto", "active", {"renewal": OPENS, "end": ENDS}),
        ("auto", "none", "renewal_due", {"renewal": OPENS}),
        ("none", "manual", "active", {}),
        ("auto", "auto", "ended", None),
        ("auto", "auto", "waitlisted", None),
        ("auto", "auto", "renewed", {}),
    ],
)
def test_when_it_is_looked_at_again(renewal, cancellation, state, occasions):
    item = subscription(renewal=renewal, cancellation=cancellation)
    found = {one.occasion: one.at for one in appointments(item, state)}
    # The instalment of 31 January, ten days before that day is over.
    instalment = {} if occasions is None else {"instalment.1": datetime(2027, 1, 21, 23, tzinfo=UTC)}
    assert found == (occasions or {}) | instalment


def test_nothing_is_asked_for_without_a_creditor():
    item = subscription(SERVICE.model_copy(update={"creditor_tax_code": None}))
    assert not any(one.occasion.startswith("instalment") for one in appointments(item, "active"))


def test_what_the_source_says_goes_before_the_service():
    own = [{"n": 1, "amount_cents": 7, "due_date": "2027-02-01", "reason": "Sua", "days_ahead": 3}]
    item = subscription(renewal="none", notice_days=5, payment_plan=own, creditor_tax_code="00743110157")
    assert (item.renewal, item.cancellation, item.notice_days) == ("none", "manual", 5)
    assert [(part.amount_cents, part.days_ahead) for part in item.payment_plan] == [(7, 3)]
    assert item.creditor_tax_code == "00743110157"


def test_without_a_service_nothing_happens_by_itself():
    item = subscription(None)
    assert (item.renewal, item.cancellation, list(appointments(item, "active"))) == ("none", "none", [])


@pytest.mark.req("S34", "S36")
@pytest.mark.parametrize(
    ("kind", "own", "state", "now", "refusal"),
    [
        ("renew", {}, "renewal_due", ENDS - SECOND, None),
        ("renew", {}, "renewal_due", ENDS, RequestNotOffered),
        ("renew", {}, "active", OPENS - SECOND, RequestStateConflict),
        ("renew", {}, "renewed", OPENS, RequestStateConflict),
        ("renew", {"renewal": "auto"}, "renewal_due", OPENS, RequestNotOffered),
        ("renew", {"renewal": "none"}, "renewal_due", OPENS, RequestNotOffered),
        ("cancel", {}, "active", OPENS, None),
        ("cancel", {}, "renewal_due", OPENS, None),
        ("cancel", {}, "cancelled", OPENS, RequestStateConflict),
        ("cancel", {}, "requested", OPENS, RequestStateConflict),
        ("cancel", {"cancellation": "auto"}, "active", OPENS, RequestNotOffered),
    ],
)
def test_what_a_citizen_may_ask(kind, own, state, now, refusal):
    item = subscription(**own)
    if refusal is None:
        must_be_offered(kind, item, state, now)
        return
    with pytest.raises(refusal) as refused:
        must_be_offered(kind, item, state, now)
    assert f"is {state}" in refused.value.detail


def test_a_refusal_says_from_when_it_can_be_renewed():
    with pytest.raises(RequestStateConflict) as refused:
        must_be_offered("renew", subscription(), "active", OPENS - SECOND)
    assert "2027-07-01T22:00:00Z" in refused.value.detail


@pytest.mark.parametrize(("renewal", "name"), [("auto", "renewing"), ("manual", "renewal_due")])
def test_what_renews_itself_is_told_in_other_words(renewal, name):
    assert told_as(subscription(renewal=renewal), "renewal_due") == name


@pytest.mark.req("S38")
def test_the_payment_of_an_instalment_says_what_it_is_of():
    item = subscription(title="Nido", notify={"channels": ["email"], "subject": "Iscritto", "body": "Testo"})
    payment = payment_of(item, item.payment_plan[0], "p-1", "hub")
    assert (payment.title, payment.summary, payment.amount_cents) == ("Rata", "Nido", 100)
    assert payment.installment is not None
    assert (payment.installment.n, payment.installment.of) == (1, 1)
    # What the vendor wrote about the subscription is no word about the payment; whom it wants told is.
    assert (payment.notify.channels, payment.notify.subject, payment.notify.body) == (("email",), None, None)


@pytest.mark.req("S31", "S60")
def test_a_co_holder_is_shown_nothing_of_the_holder_or_other_co_holders():
    people = [{"tax_code": code, "role": "co_holder"} for code in ("BNCLRA85C41F205P", "RSSMRA80A01H501U")]
    own = {
        "beneficiaries": [*people, {"tax_code": "RSSLCU24L15H501R", "role": "child"}],
        "attributes": [{"code": "isee", "number": 1}],
        "links": [{"rel": "about", "external_id": "x"}],
        "actions": [{"kind": "renew", "label": "x", "url": "https://example.it/x"}],
        "renewal_of": "s-0",
    }
    (copy,) = copies_of(subscription(**own))  # the holder, named again, has the original
    assert copy.recipient.tax_code == "BNCLRA85C41F205P"
    assert [one.tax_code for one in copy.beneficiaries] == ["RSSLCU24L15H501R"]
    assert (copy.attributes, copy.links, copy.actions, copy.renewal_of) == ((), (), (), None)
