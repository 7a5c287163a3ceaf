"""Subscriptions at work: what a day brings by itself, what the citizen asks of the source, who else holds one."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.items.subscription import PlannedInstallment
from contracts.subscription_services import SubscriptionService
from hub.store.erasing import erase_citizen
from hub.store.subscription_services import add_subscription_service, set_subscription_service
from hub.store.tables import agenda, item_copies, item_versions, items, subscription_requests, vendor_events
from tests.flows.making import (
    code,
    described_hub,
    fresh,
    mail_folder,
    make_subscription,
    new_person,
    notice_number,
    published,
    rows,
    to,
)
from tests.harness import ENTE, eventually, make_payment, make_receipt

CREDITOR = "00488410010"
TODAY = datetime.now(UTC).date()


def day(days):
    """The day so many from today."""
    return (TODAY + timedelta(days=days)).isoformat()


SERVICES = [
    SubscriptionService(code="manuale", name="Nido", renewal="manual", cancellation="manual", notice_days=30),
    SubscriptionService(code="automatico", name="Nido", renewal="auto", notice_days=30, answer_days=10),
    SubscriptionService(code="a-termine", name="Nido", cancellation="auto"),
    SubscriptionService(code="tutto", name="Nido", renewal="manual", cancellation="auto", notice_days=30),
    SubscriptionService(code="nulla", name="Nido"),
    SubscriptionService(code="retta", name="Nido", creditor_tax_code=CREDITOR, days_ahead=30, cancellation="manual"),
    SubscriptionService(
        code="retta-fissa",
        name="Nido",
        creditor_tax_code=CREDITOR,
        days_ahead=5,
        payment_plan=(
            PlannedInstallment(n=1, amount_cents=100, due_date=TODAY + timedelta(days=3), reason="Rata 1"),
            PlannedInstallment(n=2, amount_cents=200, due_date=TODAY + timedelta(days=60), reason="Rata 2"),
        ),
    ),
]


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    def prepare(home, vendor, portal):
        with home.database.write() as tx:
            for service in SERVICES:
                add_subscription_service(tx, ENTE, service)

    folder = tmp_path_factory.mktemp("subscriptions")
    with described_hub(folder / "home", connectors=mail_folder(folder), prepare=prepare, sweep_s=300) as running:
        yield running


def subscription(person, service, **fields):
    own = {"subscription_service": service, "title": "Nido", "valid_from": "2025-09-01"}
    return make_subscription(fresh(), **to(person), **(own | fields))


def swept(hub):
    """The agenda, kept until nothing is due."""
    for _ in range(4):
        hub.hub.after_sweep()


def shown(hub, item_id, person):
    response = hub.read(f"/items/{item_id}", person)
    assert response.status_code == 200, response.text
    return response.json()


def listed(hub, collection, person, *names):
    found = hub.read(f"/{collection}?sort=occurred_at&limit=100", person).json()["items"]
    return [tuple(one[name] for name in names) for one in found]


def told(hub, person):
    found = hub.read("/messages?limit=100", person).json()["items"]
    return [one["title"] for one in sorted(found, key=lambda one: one["item_id"])]


def ask(hub, item_id, person, kind="renew", headers=None):
    return hub.write(f"/subscriptions/{item_id}/requests", {"kind": kind}, person, headers=headers)


def events(hub, item_id):
    found = sorted(rows(hub, vendor_events, item_id=item_id), key=lambda row: row["number"])
    return [row["event"] for row in found if row["event"] not in ("accepted", "notification", "notified")]


# --- what a day brings by itself


@pytest.mark.req("S36")
def test_the_renewal_window_opens_by_itself_and_is_told_and_due(hub):
    person = new_person()
    # The window opens in the very second in which the version is understood, or was never open before: by the agenda.
    item = subscription(person, "manuale", valid_to=day(200))
    item_id = published(hub, "subscriptions", item)
    assert shown(hub, item_id, person)["state"] == "active"
    with hub.home.database.write() as tx:
        longer = SERVICES[0].model_copy(update={"notice_days": 365})
        set_subscription_service(tx, ENTE, longer)
    try:
        eventually(lambda: hub.hub.registry().subscription_services[ENTE, "manuale"], lambda s: s.notice_days == 365)
        swept(hub)
        # The hub's own sweeper may have it in its hands just now.
        whole = eventually(lambda: shown(hub, item_id, person), lambda found: found["state"] == "renewal_due")
        assert whole["turn"] == "citizen"
        assert told(hub, person) == ["Iscrizione attiva: Nido", "Da rinnovare: Nido"]
        assert listed(hub, "deadlines", person, "state") == [("open",)]
        assert events(hub, item_id) == ["renewal_due"]
        assert {row["occasion"] for row in rows(hub, agenda, item_id=item_id)} == {
            "due.renewal_window",
            "remind.renewal_window.7",
        }
        swept(hub)
        assert len(told(hub, person)) == 2
    finally:
        with hub.home.database.write() as tx:
            set_subscription_service(tx, ENTE, SERVICES[0])
        eventually(lambda: hub.hub.registry().subscription_services[ENTE, "manuale"], lambda s: s.notice_days == 30)


@pytest.mark.req("S32", "S36")
def test_a_version_within_the_window_neither_closes_it_nor_tells_of_it_again(hub):
    person = new_person()
    item = subscription(person, "manuale", valid_to=day(10))
    item_id = published(hub, "subscriptions", item)
    published(hub, "subscriptions", item | {"version": 2, "summary": "corretta"})
    swept(hub)
    assert shown(hub, item_id, person)["state"] == "renewal_due"
    assert told(hub, person) == ["Da rinnovare: Nido"]
    # The source gives it another year: there is nothing to renew.
    published(hub, "subscriptions", item | {"version": 3, "valid_to": day(375)})
    whole = shown(hub, item_id, person)
    assert (whole["state"], whole["turn"]) == ("active", "none")
    assert listed(hub, "deadlines", person, "state") == [("cancelled",)]


@pytest.mark.req("S33")
def test_it_ends_with_its_last_day_and_a_source_that_knows_better_is_not_undone(hub):
    person = new_person()
    item = subscription(person, "a-termine", valid_to=day(-5))
    item_id = published(hub, "subscriptions", item)
    swept(hub)
    assert shown(hub, item_id, person)["state"] == "ended"
    assert told(hub, person) == ["Iscrizione attiva: Nido", "Iscrizione terminata: Nido"]
    assert events(hub, item_id) == ["ended"]
    for version, state in ((2, "suspended"), (3, "active")):
        published(hub, "subscriptions", item | {"version": version, "state": state})
        swept(hub)
        assert shown(hub, item_id, person)["state"] == state


@pytest.mark.parametrize(
    ("service", "own", "state"),
    [
        ("nulla", {}, "active"),
        ("a-termine", {"cancellation": "none"}, "active"),
        ("nulla", {"cancellation": "auto"}, "ended"),
        ("a-termine", {"state": "cancelled"}, "cancelled"),
        ("a-termine", {"state": "waitlisted"}, "waitlisted"),
        ("a-termine", {"valid_to": day(1)}, "active"),
    ],
)
@pytest.mark.req("S33")
def test_what_the_source_says_of_its_rules_goes_before_the_services(hub, service, own, state):
    person = new_person()
    item_id = published(hub, "subscriptions", subscription(person, service, **({"valid_to": day(-1)} | own)))
    swept(hub)
    assert shown(hub, item_id, person)["state"] == state


@pytest.mark.req("S35")
def test_what_renews_itself_is_asked_of_the_source_once_and_linked_to_its_new_period(hub):
    person = new_person()
    item = subscription(person, "automatico", valid_to=day(10))
    item_id = published(hub, "subscriptions", item)
    swept(hub)
    swept(hub)
    whole = shown(hub, item_id, person)
    assert (whole["state"], whole["turn"]) == ("renewal_due", "body")
    assert [(one["kind"], one["asked_by"], one["state"]) for one in whole["requests"]] == [("renew", "rule", "pending")]
    assert events(hub, item_id) == ["requested"]
    assert listed(hub, "deadlines", person, "state") == []
    published(hub, "subscriptions", item | {"version": 2, "summary": "corretta"})
    swept(hub)
    assert told(hub, person) == ["Rinnovo automatico: Nido"]
    new = subscription(person, "automatico", valid_from=day(11), valid_to=day(375), renewal_of=item["external_id"])
    new_id = published(hub, "subscriptions", new)
    old = shown(hub, item_id, person)
    assert (old["state"], old["requests"][0]["state"]) == ("renewed", "accepted")
    assert [one["data"]["item_id"] for one in old["timeline"] if one["event"] == "renewed"] == [new_id]
    assert [
        (one["rel"], one["item_id"]) for one in shown(hub, new_id, person)["linked"] if one["rel"] != "message"
    ] == [("subscription", item_id)]
    assert rows(hub, agenda, item_id=item_id) == []


@pytest.mark.req("S60")
def test_a_renewal_of_anothers_subscription_changes_nothing_of_it(hub):
    a, b = new_person(), new_person()
    item = subscription(b, "manuale", valid_to=day(10))
    theirs = published(hub, "subscriptions", item)
    mine = published(hub, "subscriptions", subscription(a, "manuale", renewal_of=item["external_id"]))
    assert shown(hub, theirs, b)["state"] == "renewal_due"
    assert [one["rel"] for one in shown(hub, mine, a)["linked"]] == ["message"]


# --- what the citizen asks


@pytest.mark.req("S34", "S36")
@pytest.mark.parametrize("outcome", ["accepted", "refused"])
def test_a_request_is_relayed_followed_and_answered(hub, outcome):
    person = new_person()
    item = subscription(person, "manuale", valid_to=day(10))
    item_id = published(hub, "subscriptions", item)
    assert shown(hub, item_id, person)["offered_requests"] == ["renew", "cancel"]
    first = ask(hub, item_id, person)
    assert first.status_code == 201
    assert shown(hub, item_id, person)["offered_requests"] == []
    again = ask(hub, item_id, person)
    assert (again.status_code, again.json()) == (200, first.json())
    whole = shown(hub, item_id, person)
    assert (whole["turn"], [one["state"] for one in whole["requests"]]) == ("body", ["pending"])
    assert listed(hub, "deadlines", person, "state") == [("met",)]
    assert not any("renewal_window" in row["occasion"] for row in rows(hub, agenda, item_id=item_id))
    (event,) = [row for row in rows(hub, vendor_events, item_id=item_id) if row["event"] == "requested"]
    assert event["data"]["request_id"] == first.json()["request_id"]
    assert event["data"]["kind"] == "renew"
    # A version that does not speak of it leaves it where it is.
    published(hub, "subscriptions", item | {"version": 2})
    whole = shown(hub, item_id, person)
    assert (whole["turn"], whole["requests"][0]["state"]) == ("body", "pending")
    assert listed(hub, "deadlines", person, "state") == [("met",)]
    answer = {"request_id": first.json()["request_id"], "outcome": outcome, "reason": "Posti esauriti"}
    third = item | {"version": 3, "answers_request": answer}
    published(hub, "subscriptions", third)
    whole = shown(hub, item_id, person)
    assert whole["requests"][0]["state"] == outcome
    assert {"request_ended", "updated"} & {entry["event"] for entry in whole["timeline"][-3:]}
    word = "accolta" if outcome == "accepted" else "non accolta"
    assert f"Richiesta {word} (rinnovo): Nido" in told(hub, person)
    assert code(hub.publish("subscriptions", third)) == (200, "unchanged")
    published(hub, "subscriptions", third | {"version": 4})  # it says so again
    assert len(told(hub, person)) == 2


@pytest.mark.parametrize(
    ("what", "state", "outcome"),
    [("renew", "renewed", "accepted"), ("cancel", "cancelled", "accepted"), ("renew", "cancelled", "closed")],
)
@pytest.mark.req("S34", "S36")
def test_a_state_answers_a_request_by_itself(hub, what, state, outcome):
    person = new_person()
    item = subscription(person, "manuale", valid_to=day(10))
    item_id = published(hub, "subscriptions", item)
    assert ask(hub, item_id, person, what).status_code == 201
    published(hub, "subscriptions", item | {"version": 2, "state": state})
    assert [one["state"] for one in shown(hub, item_id, person)["requests"]] == [outcome]
    assert len(told(hub, person)) == 2


@pytest.mark.req("S34", "S36")
@pytest.mark.parametrize(
    ("service", "own", "what", "refusal"),
    [
        ("manuale", {"valid_to": day(100)}, "renew", (409, "request.state")),
        ("manuale", {"state": "ended"}, "renew", (409, "request.state")),
        ("manuale", {"state": "waitlisted"}, "cancel", (409, "request.state")),
        ("manuale", {"state": "renewal_due", "valid_to": day(-1)}, "renew", (422, "request.not_offered")),
        ("automatico", {"valid_to": day(100)}, "renew", (422, "request.not_offered")),
        ("nulla", {"valid_to": day(10)}, "cancel", (422, "request.not_offered")),
    ],
)
def test_what_state_rules_or_window_do_not_allow_is_refused_and_changes_nothing(hub, service, own, what, refusal):
    person = new_person()
    quiet = {"notify": {"channels": []}}
    item_id = published(hub, "subscriptions", subscription(person, service, **own, **quiet))
    swept(hub)  # or the hub would do it between the two looks
    before = shown(hub, item_id, person)
    assert what not in before["offered_requests"]
    answer = ask(hub, item_id, person, what)
    assert code(answer) == refusal
    assert before["state"] in answer.json()["detail"]
    assert shown(hub, item_id, person) == before


def test_another_request_waits_for_the_first(hub):
    person = new_person()
    item_id = published(hub, "subscriptions", subscription(person, "manuale", valid_to=day(10)))
    assert ask(hub, item_id, person, "cancel").status_code == 201
    assert code(ask(hub, item_id, person, "renew")) == (409, "request.pending")


@pytest.mark.parametrize(
    ("body", "media", "refusal"),
    [
        (b'{"kind": "suspend"}', "application/json", (422, "contract.violation")),
        (b'{"kind": "renew", "note": "x"}', "application/json", (422, "contract.violation")),
        (b"renew", "application/json", (400, "request.invalid")),
        (b'{"kind": "renew"}', "text/plain", (415, "media.unsupported")),
    ],
)
def test_a_request_that_is_none_is_refused(hub, body, media, refusal):
    person = new_person()
    item_id = published(hub, "subscriptions", subscription(person, "manuale", valid_to=day(10)))
    answer = hub.write(f"/subscriptions/{item_id}/requests", body, person, headers={"Content-Type": media})
    assert code(answer) == refusal
    assert rows(hub, subscription_requests, item_id=item_id) == []


def test_a_token_asks_once(hub):
    person = new_person()
    item_id = published(hub, "subscriptions", subscription(person, "manuale", valid_to=day(10)))
    headers = hub.reader(person)
    assert ask(hub, item_id, person, headers=headers).status_code == 201
    assert code(ask(hub, item_id, person, headers=headers)) == (409, "token.replayed")


@pytest.mark.req("S60")
def test_nobody_asks_about_anothers_subscription_or_about_what_is_none(hub):
    a, b = new_person(), new_person()
    theirs = published(hub, "subscriptions", subscription(b, "manuale", valid_to=day(10)))
    payment = published(hub, "payments", make_payment(fresh(), tax_code=a))
    for item_id in (theirs, payment, "019b0000-0000-7000-8000-000000000000"):
        assert code(ask(hub, item_id, a)) == (404, "item.unknown")
    assert rows(hub, subscription_requests, item_id=theirs) == []


@pytest.mark.req("S34", "S36")
def test_a_source_that_does_not_answer_is_told_of_and_may_answer_late(hub):
    person = new_person()
    item = subscription(person, "manuale", valid_to=day(10))
    item_id = published(hub, "subscriptions", item)
    asked = ask(hub, item_id, person).json()
    too_late(hub, item_id)
    swept(hub)
    whole = shown(hub, item_id, person)
    assert (whole["requests"][0]["state"], whole["turn"]) == ("unanswered", "citizen")
    assert told(hub, person) == ["Da rinnovare: Nido", "Nessuna risposta (rinnovo): Nido"]
    assert listed(hub, "deadlines", person, "state") == [("open",)]
    assert events(hub, item_id) == ["requested", "request_unanswered"]
    answer = {"request_id": asked["request_id"], "outcome": "refused"}
    published(hub, "subscriptions", item | {"version": 2, "answers_request": answer})
    assert shown(hub, item_id, person)["requests"][0]["state"] == "refused"
    assert ask(hub, item_id, person).status_code == 201


def too_late(hub, item_id):
    """The term of the requests about an item is over."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    with hub.home.database.write() as tx:
        mine = subscription_requests.c.item_id == item_id
        tx.connection.execute(subscription_requests.update().where(mine).values(answer_by=past))
        waits = (agenda.c.item_id == item_id) & agenda.c.occasion.like("answer.%")
        tx.connection.execute(agenda.update().where(waits).values(at=past))


@pytest.mark.req("S33", "S36")
def test_what_is_to_be_renewed_does_not_end_before_its_answer(hub):
    person = new_person()
    item = subscription(person, "tutto", valid_to=day(10))
    item_id = published(hub, "subscriptions", item)
    asked = ask(hub, item_id, person).json()
    assert "end" not in {row["occasion"] for row in rows(hub, agenda, item_id=item_id)}
    answer = {"request_id": asked["request_id"], "outcome": "refused"}
    published(hub, "subscriptions", item | {"version": 2, "answers_request": answer})
    assert "end" in {row["occasion"] for row in rows(hub, agenda, item_id=item_id)}


@pytest.mark.parametrize("new", [False, True])
def test_an_answer_to_a_request_that_nobody_made_is_refused(hub, new):
    a, b = new_person(), new_person()
    item = subscription(a, "manuale", valid_to=day(10))
    if not new:
        published(hub, "subscriptions", item)
    theirs = published(hub, "subscriptions", subscription(b, "manuale", valid_to=day(10)))
    asked = ask(hub, theirs, b).json()
    answer = {"request_id": asked["request_id"], "outcome": "accepted"}
    refused = hub.publish("subscriptions", item | {"version": 2, "answers_request": answer})
    assert code(refused) == (422, "answered_request.unknown")
    assert shown(hub, theirs, b)["requests"][0]["state"] == "pending"


def test_a_subscription_to_what_is_no_service_is_refused(hub):
    refused = hub.publish("subscriptions", subscription(new_person(), "palestra"))
    assert code(refused) == (422, "subscription_service.unknown")


# --- instalments


def plan(*days, **fields):
    return [
        {"n": n, "amount_cents": 100 * n, "due_date": day(days), "reason": f"Rata {n}"} | fields
        for n, days in enumerate(days, start=1)
    ]


@pytest.mark.req("S37", "S38")
def test_an_instalment_becomes_a_payment_ahead_of_its_date_and_is_reminded_of(hub):
    person = new_person()
    item_id = published(hub, "subscriptions", subscription(person, "retta", payment_plan=plan(-3, 10, 60)))
    swept(hub)
    swept(hub)
    payments = hub.read("/payments", person).json()["items"]
    assert [(one["title"], one["state"], one["turn"]) for one in payments] == [("Rata 2", "due", "citizen")]
    whole = shown(hub, payments[0]["item_id"], person)
    assert whole["content"]["installment"] == {"n": 2, "of": 3}
    assert whole["content"]["creditor_tax_code"] == CREDITOR
    assert [(one["rel"], one["item_id"]) for one in whole["linked"] if one["rel"] == "about"] == [("about", item_id)]
    assert "Avviso di pagamento: Rata 2" in told(hub, person)
    due = {row["occasion"] for row in rows(hub, agenda, item_id=payments[0]["item_id"])}
    assert due == {"due.citizen_duty", "remind.citizen_duty.7", "remind.citizen_duty.1"}
    left = {row["occasion"] for row in rows(hub, agenda, item_id=item_id)}
    assert left == {"instalment.3"}


@pytest.mark.req("S38")
def test_the_plan_of_the_service_holds_where_the_source_has_none(hub):
    person = new_person()
    published(hub, "subscriptions", subscription(person, "retta-fissa"))
    swept(hub)
    assert listed(hub, "payments", person, "title") == [("Rata 1",)]


@pytest.mark.parametrize("state", ["requested", "waitlisted", "suspended", "cancelled"])
def test_who_is_not_subscribed_owes_no_instalment(hub, state):
    person = new_person()
    published(hub, "subscriptions", subscription(person, "retta", state=state, payment_plan=plan(10)))
    swept(hub)
    assert listed(hub, "payments", person, "title") == []


@pytest.mark.req("S38", "S58")
@pytest.mark.parametrize("first", ["hub", "source"])
def test_the_payment_of_the_source_is_that_of_the_plan_whichever_comes_first(hub, first):
    person, number = new_person(), notice_number()
    theirs = make_payment(
        fresh(), recipient={"tax_code": person}, due_date=day(10), notice_number=number, title="Rata 1 (acme)"
    )
    if first == "source":
        published(hub, "payments", theirs)
    item = subscription(person, "retta", source=theirs["source"])
    item["payment_plan"] = plan(10, payment_external_id=theirs["external_id"])
    published(hub, "subscriptions", item)
    swept(hub)
    if first == "hub":
        (ahead,) = hub.read("/payments", person).json()["items"]
        assert (ahead["version"], ahead["state"], ahead["vendor_id"]) == (0, "due", "acme")
        found = hub.vendor_get(f"/items?external_id={theirs['external_id']}").json()["items"]
        assert [(one["version"], one["timeline"][0]["event"]) for one in found] == [(0, "planned")]
        assert published(hub, "payments", theirs) == ahead["item_id"]
    (payment,) = hub.read("/payments", person).json()["items"]
    assert (payment["version"], payment["title"]) == (1, "Rata 1 (acme)")
    assert len(listed(hub, "deadlines", person, "state")) == 1
    assert sum("pagamento" in title for title in told(hub, person)) == 1
    paid = {"creditor_tax_code": theirs["creditor_tax_code"], "notice_number": number}
    published(hub, "receipts", make_receipt(fresh(), recipient={"tax_code": person}, payment=paid))
    assert listed(hub, "payments", person, "state") == [("paid",)]


@pytest.mark.req("S38", "S58")
def test_a_notice_number_of_the_plan_is_paid_by_the_receipt_of_who_may_settle(hub):
    person, number = new_person(), notice_number()
    item = subscription(person, "retta", payment_plan=plan(10, notice_number=number))
    published(hub, "subscriptions", item)
    swept(hub)
    (row,) = [
        row
        for row in rows(hub, items, collection="payments")
        if row["notice_key"] and row["state"] == "due" and row["vendor_id"] == "raccordo"
    ]
    assert row["version"] == 1


@pytest.mark.req("S38")
def test_a_changed_plan_changes_what_is_not_paid_yet(hub):
    person = new_person()
    item = subscription(person, "retta", payment_plan=plan(10))
    published(hub, "subscriptions", item)
    swept(hub)
    published(hub, "subscriptions", item | {"version": 2, "payment_plan": plan(20)})
    swept(hub)
    (payment,) = hub.read("/payments", person).json()["items"]
    assert payment["due_at"].startswith((day(20), day(19)))
    assert shown(hub, payment["item_id"], person)["content"]["due_date"] == day(20)
    assert len(rows(hub, item_versions, item_id=payment["item_id"])) == 2


@pytest.mark.req("S34", "S38")
@pytest.mark.parametrize("door", ["cancelled", "withdrawn"])
def test_a_cancelled_subscription_cancels_what_is_not_yet_due(hub, door):
    person = new_person()
    item = subscription(person, "retta", payment_plan=plan(10, 60))
    item_id = published(hub, "subscriptions", item)
    swept(hub)
    if door == "cancelled":
        published(hub, "subscriptions", item | {"version": 2, "state": "cancelled"})
    else:
        assert hub.withdraw(item_id).status_code == 201
    assert listed(hub, "payments", person, "state", "turn") == [("cancelled", "none")]
    assert listed(hub, "deadlines", person, "state") == [("cancelled",)]
    (payment,) = hub.read("/payments", person).json()["items"]
    assert rows(hub, agenda, item_id=payment["item_id"]) == rows(hub, agenda, item_id=item_id) == []


@pytest.mark.req("S38")
def test_what_the_source_asks_for_itself_it_cancels_itself(hub):
    person = new_person()
    theirs = make_payment(fresh(), recipient={"tax_code": person}, due_date=day(10), notice_number=notice_number())
    item = subscription(person, "retta", source=theirs["source"])
    item["payment_plan"] = plan(10, payment_external_id=theirs["external_id"])
    published(hub, "subscriptions", item)
    swept(hub)
    published(hub, "payments", theirs)
    published(hub, "subscriptions", item | {"version": 2, "state": "cancelled"})
    assert listed(hub, "payments", person, "state") == [("due",)]


@pytest.mark.parametrize(
    "broken",
    [
        {"payment_plan": plan(10, 20), "plan_total_cents": 301},
        {"payment_plan": plan(20, 10), "plan_total_cents": 300},
        {"payment_plan": plan(10, 20, payment_external_id="una-sola")},
        {"payment_plan": [part | {"n": 2} for part in plan(10)]},
    ],
)
def test_a_plan_that_does_not_add_up_is_refused(hub, broken):
    refused = hub.publish("subscriptions", subscription(new_person(), "retta", **broken))
    assert code(refused) == (422, "contract.violation")


# --- the waiting list


@pytest.mark.req("S31")
def test_a_place_on_the_waiting_list_is_told_whenever_it_has_changed(hub):
    person = new_person()
    item = subscription(person, "manuale", state="waitlisted", waiting_position=5)
    published(hub, "subscriptions", item)
    for version, place in enumerate([5, 4, 4, 5, None], start=2):
        moved = item | {"version": version, "waiting_position": place, "summary": f"v{version}"}
        published(hub, "subscriptions", {name: value for name, value in moved.items() if value is not None})
    found = hub.read("/messages", person).json()["items"]
    texts = [
        shown(hub, one["item_id"], person)["content"]["body_markdown"]
        for one in sorted(found, key=lambda one: one["item_id"])
    ]
    assert ["attesa: 5" in text for text in texts] == [True, False, True, False]
    assert "attesa: 4" in texts[1]


# --- who holds it as well


MARK = "SEGNO-DEL-TITOLARE"


def shared(holder, *others, **fields):
    child = {"tax_code": new_person(), "role": "child"}
    others = [{"tax_code": one, "role": "co_holder"} for one in others]
    own = {
        "beneficiaries": [child, *others],
        "attributes": [{"code": "isee", "text": MARK}],
        "actions": [{"kind": "renew", "label": MARK, "url": f"https://servizi.example.it/{MARK}"}],
        "links": [{"rel": "about", "external_id": MARK}],
    }
    return subscription(holder, "manuale", **(own | {"valid_to": day(100)} | fields))


@pytest.mark.req("S31", "S60")
def test_a_co_holder_sees_it_in_his_own_feed_and_nothing_of_the_holder(hub):
    holder, other, stranger = new_person(), new_person(), new_person()
    item = shared(holder, other)
    item_id = published(hub, "subscriptions", item)
    ((copy_id, title, state, turn),) = listed(hub, "subscriptions", other, "item_id", "title", "state", "turn")
    assert (title, state, turn) == ("Nido", "active", "none")
    assert copy_id != item_id
    whole = hub.read(f"/items/{copy_id}", other)
    assert whole.json()["offered_requests"] == []
    assert whole.json()["content"]["recipient"]["tax_code"] == other
    assert [one["role"] for one in whole.json()["content"]["beneficiaries"]] == ["child"]
    assert holder not in whole.text
    assert MARK not in whole.text
    assert told(hub, other) == ["Iscrizione attiva: Nido"]
    # Each has his own; a stranger has none, and neither opens the other's.
    assert len(listed(hub, "subscriptions", holder, "item_id")) == 1
    assert listed(hub, "subscriptions", stranger, "item_id") == []
    for path, person in ((item_id, other), (copy_id, holder), (copy_id, stranger), (item_id, stranger)):
        assert hub.read(f"/items/{path}", person).status_code == 404


@pytest.mark.req("S31", "S60")
def test_a_copy_is_nothing_that_its_vendor_sees_or_its_reader_changes(hub):
    holder, other = new_person(), new_person()
    item = shared(holder, other, valid_to=day(10))
    published(hub, "subscriptions", item)
    ((copy_id, state),) = listed(hub, "subscriptions", other, "item_id", "state")
    assert state == "renewal_due"
    assert hub.vendor_get(f"/items/{copy_id}").status_code == 404
    assert hub.withdraw(copy_id).status_code == 404
    found = hub.vendor_get(f"/items?external_id={item['external_id']}").json()["items"]
    assert len(found) == 1
    assert [row for row in rows(hub, vendor_events) if row["item_id"] == copy_id] == []
    assert code(ask(hub, copy_id, other)) == (422, "request.not_offered")
    assert rows(hub, agenda, item_id=copy_id) == []
    assert listed(hub, "deadlines", other, "state") == []


@pytest.mark.req("S31")
def test_a_copy_is_kept_in_step_whatever_changes_the_original(hub):
    holder, other = new_person(), new_person()
    item = shared(holder, other, subscription_service="a-termine", valid_to=day(-1))
    item_id = published(hub, "subscriptions", item)
    swept(hub)
    assert listed(hub, "subscriptions", other, "state") == [("ended",)]
    assert told(hub, other) == ["Iscrizione attiva: Nido", "Iscrizione terminata: Nido"]
    changed = item | {"version": 2, "state": "suspended", "title": "Nido B", "valid_to": day(100)}
    published(hub, "subscriptions", changed)
    assert listed(hub, "subscriptions", other, "state", "title", "version") == [("suspended", "Nido B", 2)]
    seen = hub.read("/changes?limit=100", other).json()
    assert hub.withdraw(item_id).status_code == 201
    assert listed(hub, "subscriptions", other, "state") == []
    assert told(hub, other) == []
    later = hub.read(f"/changes?limit=100&after={seen['next_cursor']}", other).json()["items"]
    assert "withdrawn" in {one["lifecycle"] for one in later if one["collection"] == "subscriptions"}


@pytest.mark.req("S31", "S60")
def test_who_holds_it_no_longer_sees_it_no_longer_until_he_does_again(hub):
    holder, first, second = new_person(), new_person(), new_person()
    item = shared(holder, first, second)
    published(hub, "subscriptions", item)
    assert len(listed(hub, "subscriptions", second, "state")) == 1
    fewer = [one for one in item["beneficiaries"] if one["tax_code"] != second]
    published(hub, "subscriptions", item | {"version": 2, "beneficiaries": fewer})
    assert (len(listed(hub, "subscriptions", first, "state")), listed(hub, "subscriptions", second, "state")) == (1, [])
    published(hub, "subscriptions", item | {"version": 3})
    assert len(listed(hub, "subscriptions", second, "state")) == 1
    assert (
        len(
            {row["copy_item_id"] for row in rows(hub, item_copies)}
            & {item_id for (item_id,) in listed(hub, "subscriptions", second, "item_id")}
        )
        == 1
    )


@pytest.mark.req("S31", "S36")
def test_a_renewal_is_seen_by_who_holds_it_as_well(hub):
    holder, other = new_person(), new_person()
    item = shared(holder, other, valid_to=day(10))
    published(hub, "subscriptions", item)
    published(hub, "subscriptions", subscription(holder, "manuale", renewal_of=item["external_id"], valid_to=day(375)))
    assert listed(hub, "subscriptions", other, "state") == [("renewed",)]


@pytest.mark.parametrize("erased", ["holder", "other"])
@pytest.mark.req("S61")
def test_erasing_one_leaves_nothing_of_his_with_the_other(hub, erased):
    holder, other = new_person(), new_person()
    item_id = published(hub, "subscriptions", shared(holder, other))
    (link,) = rows(hub, item_copies, item_id=item_id)
    citizen = link["citizen_id"] if erased == "holder" else link["copy_citizen_id"]
    with hub.home.database.write() as tx:
        erase_citizen(tx, ENTE, citizen)
    found = {
        row["item_id"]: row["lifecycle"]
        for row in rows(hub, items)
        if row["item_id"] in (item_id, link["copy_item_id"])
    }
    gone = {"holder": ("erased", "withdrawn"), "other": ("active", "erased")}[erased]
    assert (found[item_id], found[link["copy_item_id"]]) == gone
    assert rows(hub, item_copies, item_id=item_id) == []
    if (
        erased == "other"
    ):  # the hub that runs was not told of it: it would make the copy anew, under the key that is gone
        assert hub.withdraw(item_id).status_code == 201


def test_the_holder_named_as_co_holder_has_one(hub):
    holder = new_person()
    published(hub, "subscriptions", shared(holder, holder))
    assert len(listed(hub, "subscriptions", holder, "state")) == 1
