"""What is told while a renewal window is open: who has to renew it may change, by a version or its service's rules."""

import pytest

from contracts.subscription_services import SubscriptionService
from hub.ingest.subscriptions import Terms
from hub.registry import Registry
from hub.store.subscription_services import add_subscription_service, set_subscription_service
from tests.flows.making import make_subscription
from tests.unit.store.canonical import Canonical, days
from tests.unit.store.making import ENTE, START

HOLDER, OTHER = "RSSMRA80A01H501U", "BNCLRA85C41F205P"
BY_ITSELF, BY_HAND = "subscription_renewing", "subscription_renewal"
LAST_DAY = (START + days(60)).date().isoformat()


@pytest.fixture
def hub(store):
    return Canonical(store)


def service(renewal):
    return SubscriptionService(code="nido-2026", name="Nido", renewal=renewal, notice_days=20, answer_days=15)


def put(hub, renewal):
    """The service's rules from now on, for those too who are subscribed already."""
    known = {(ENTE, "nido-2026"): service(renewal)}
    with hub.store.database.write() as tx:
        (set_subscription_service if hub.registry.subscription_services else add_subscription_service)(
            tx, ENTE, service(renewal)
        )
    hub.registry = Registry(hub.registry.version + 1, subscription_services=known)


def publish(hub, version, renewal=None, **fields):
    shared = {"beneficiaries": [{"tax_code": OTHER, "role": "co_holder"}], "valid_to": LAST_DAY}
    own = {} if renewal is None else {"renewal": renewal}
    said = make_subscription("a", tax_code=HOLDER, version=version, notice_days=20, **shared, **own, **fields)
    terms = Terms(hub.registry.subscription_services.get((ENTE, "nido-2026")), hub.store.clock.moment)
    (answer,) = hub.store.publish(hub.drafted("subscriptions", said, terms=terms))
    assert not isinstance(answer, Exception), answer


def told(hub, tax_code=HOLDER):
    """The rules that told of it, in order."""
    (item,) = hub.of(tax_code, "subscriptions")
    made = hub.made(item["item_id"], "messages")
    return [name.partition(".")[0] for name in sorted(made, key=lambda name: made[name]["item_id"])]


def both(hub):
    assert told(hub) == told(hub, OTHER)
    return told(hub)


@pytest.mark.req("S35", "S36")
@pytest.mark.parametrize(("first", "then"), [("auto", "manual"), ("manual", "auto")])
def test_who_has_to_renew_it_changes_within_the_window_and_is_told_each_time(hub, first, then):
    hub.store.clock.moment = START + days(50)
    named = {"auto": BY_ITSELF, "manual": BY_HAND}
    for version, renewal in enumerate([first, then, then, first], start=1):
        publish(hub, version, renewal)
        hub.sweep()
        assert hub.item("a")["state"] == "renewal_due"
    assert both(hub) == [named[first], named[then], named[first]]


@pytest.mark.req("S35", "S36")
def test_a_window_that_the_agenda_opened_is_told_of_anew_by_whom_a_version_has_renew_it(hub):
    publish(hub, 1, "auto")
    hub.store.clock.moment = START + days(50)
    hub.sweep()
    publish(hub, 2, "manual")
    assert both(hub) == ["subscription_changed", BY_ITSELF, BY_HAND]


@pytest.mark.req("S35", "S36")
def test_the_rules_of_a_service_change_within_the_window_and_both_holders_are_told(hub):
    put(hub, "auto")
    publish(hub, 1)
    hub.store.clock.moment = START + days(50)
    hub.sweep()
    put(hub, "manual")
    hub.sweep()
    assert hub.item("a")["turn"] == "body"  # asked of its source when it was automatic: that answer is awaited
    assert both(hub) == ["subscription_changed", BY_ITSELF, BY_HAND]


@pytest.mark.req("S35", "S36")
@pytest.mark.parametrize(("first", "then"), [("auto", "manual"), ("manual", "auto")])
def test_rules_that_are_changed_and_changed_back_within_a_version_are_told_each_time(hub, first, then):
    named = {"auto": BY_ITSELF, "manual": BY_HAND}
    hub.store.clock.moment = START + days(50)
    put(hub, first)
    publish(hub, 1)
    for renewal in (then, then, first, then):
        put(hub, renewal)
        hub.sweep()
        hub.sweep()
    assert both(hub) == [named[each] for each in (first, then, first, then)]


@pytest.mark.req("S31", "S36")
@pytest.mark.parametrize("opened", [False, True])
def test_rules_that_change_nothing_of_it_are_told_to_nobody(hub, opened):
    put(hub, "manual")
    hub.store.clock.moment = START + days(50 if opened else 0)
    publish(hub, 1)
    expected = [BY_HAND if opened else "subscription_changed"]
    assert both(hub) == expected
    put(hub, "manual")
    hub.sweep()
    assert both(hub) == expected


@pytest.mark.req("S31", "S35")
def test_a_version_within_the_window_tells_once_though_the_agenda_looks_at_it(hub):
    hub.store.clock.moment = START + days(50)
    publish(hub, 1, "auto")
    hub.sweep()
    assert both(hub) == [BY_ITSELF]


@pytest.mark.req("S36")
def test_while_a_request_to_renew_it_waits_the_next_version_tells_nothing_anew(hub):
    hub.store.clock.moment = START + days(50)
    publish(hub, 1, "auto")
    hub.sweep()
    publish(hub, 2, "manual", summary="corretta")
    publish(hub, 3, "manual", summary="ancora")
    assert hub.item("a")["turn"] == "body"
    assert both(hub) == [BY_ITSELF, BY_HAND]
