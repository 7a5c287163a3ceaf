"""Enrolment opens (S10): whom it concerns is told once, in the words of a rule that an administrator can change."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.broadcasts import Opening
from contracts.subscription_services import EnrolWindow, SubscriptionService
from hub.ingest import broadcasting
from hub.ingest.openings import openings
from hub.registry import Registry
from hub.store.broadcasts import Begun, list_broadcasts, opening_id, running_broadcasts
from hub.store.directory import add_service
from hub.store.notice_rules import save_rule
from hub.store.standing import BULK
from hub.store.subscription_services import add_subscription_service, set_subscription_service
from hub.store.tables import deliveries
from tests.flows.making import described_hub, fresh, mail_folder, make_subscription, new_person, published, rows, to
from tests.harness import ENTE

pytestmark = pytest.mark.req("S10")

SITE = "https://servizi.comune.example.it"
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def hub(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("openings")
    with described_hub(folder / "home", connectors=mail_folder(folder), sweep_s=300) as running:
        yield running


class School:
    """A service of the catalogue with last year's subscriptions, and this year's, whose window a test moves."""

    def __init__(self, hub):
        self.hub = hub
        self.service_id, self.before, self.next = fresh("mensa"), fresh("mensa-25"), fresh("mensa-26")
        with hub.home.database.write() as tx:
            add_service(tx, ENTE, self.service_id, {"name": "Mensa", "start_url": f"{SITE}/mensa"})
            add_subscription_service(tx, ENTE, self.this_year(self.before))
            add_subscription_service(tx, ENTE, self.this_year(self.next))
        hub.hub.registry.poll()

    def this_year(self, code, **fields):
        return SubscriptionService(code=code, name="Mensa 2026/27", service_id=self.service_id, **fields)

    def opens(self, since=DAY, until=9 * DAY):
        """Its window opened `since` ago, and closes after `until`."""
        now = datetime.now(UTC)
        window = EnrolWindow(opens_at=now - since, closes_at=now + until)
        with self.hub.home.database.write() as tx:
            set_subscription_service(tx, ENTE, self.this_year(self.next, enrol_window=window))
        self.sweep()
        return window

    def sweep(self):
        self.hub.hub.registry.poll()
        self.hub.hub.after_sweep()

    def subscribed(self, person=None, **fields):
        person = person or new_person()
        own = {"subscription_service": self.before, "title": "Mensa di Ada", "valid_from": "2025-09-01"}
        published(self.hub, "subscriptions", make_subscription(fresh(), **(to(person) | own | fields)))
        return person

    def told(self, person):
        """The openings that the person reads of."""
        found = self.hub.read("/messages?limit=100", person).json()["items"]
        return [one for one in found if one["service_id"] == self.service_id and "Mensa 2026/27" in one["title"]]


@pytest.fixture
def school(hub):
    made = School(hub)
    yield made
    with hub.home.database.write() as tx:
        set_subscription_service(tx, ENTE, made.this_year(made.next))
    hub.hub.registry.poll()


def running_now(hub):
    with hub.home.database.read() as connection:
        return running_broadcasts(connection, hub.home.vault)


def running_or_done(hub):
    with hub.home.database.read() as connection:
        return list_broadcasts(connection, ENTE)


def family(child):
    return {"beneficiaries": [{"tax_code": child, "role": "child"}]}


def day(**ago):
    return (datetime.now(UTC).date() - timedelta(**ago)).isoformat()


def test_whom_it_concerns_is_told_once_when_the_window_opens_and_not_before(hub, school):
    person, stranger = school.subscribed(), new_person()
    school.subscribed(person, title="Mensa di Bea")
    published(hub, "subscriptions", make_subscription(fresh(), **to(stranger)))
    school.opens(since=-DAY)
    assert school.told(person) == []
    window = school.opens()
    for _ in range(2):
        school.sweep()
    assert [len(school.told(one)) for one in (person, stranger)] == [1, 0]
    whole = hub.read(f"/items/{school.told(person)[0]['item_id']}", person).json()
    assert whole["title"] == "Iscrizioni aperte: Mensa 2026/27"
    assert whole["content"]["kind"] == "service_opening"
    (action,) = whole["actions"]
    assert (action["kind"], action["label"], action["url"]) == ("complete", "Iscriviti", f"{SITE}/mensa")
    assert action["valid_to"] == f"{window.closes_at:%Y-%m-%dT%H:%M:%S.%fZ}"
    assert action["state"] == "open"
    assert whole["linked"] == []
    sent = rows(hub, deliveries, message_id=whole["item_id"])
    assert {row["channel"]: row["priority"] for row in sent if row["channel"] == "email"} == {"email": BULK}


@pytest.mark.parametrize(
    ("fields", "concerned"),
    [
        ({"state": "waitlisted"}, True),
        ({"state": "ended", "valid_to": day(days=100)}, True),
        ({"state": "ended", "valid_to": day(days=400), "valid_from": "2020-09-01"}, False),
        ({"state": "ended"}, False),
        ({"state": "renewed", "valid_to": day(days=-100)}, False),
        ({"state": "cancelled"}, False),
    ],
)
def test_whom_it_concerns(hub, school, fields, concerned):
    person = school.subscribed(**fields)
    school.opens()
    assert len(school.told(person)) == concerned


def test_who_is_subscribed_to_this_period_alone_has_no_need_of_it(hub, school):
    person = school.subscribed(subscription_service=school.next)
    other = school.subscribed()
    school.opens()
    assert [len(school.told(one)) for one in (person, other)] == [0, 1]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"state": "active"}, 0),
        ({"state": "requested"}, 0),
        ({"state": "waitlisted", "waiting_position": 3}, 0),
        ({"state": "cancelled"}, 1),
        ({"state": "ended"}, 1),
    ],
)
def test_who_is_enrolled_already_is_told_nothing(hub, school, fields, told):
    """By a source that began anew instead of renewing: the former period is as it was."""
    person = school.subscribed()
    school.subscribed(person, subscription_service=school.next, valid_from="2026-09-01", **fields)
    school.opens()
    assert len(school.told(person)) == told


def test_a_family_is_told_of_the_child_that_can_still_be_enrolled(hub, school):
    """One child is in the new period: by that alone nobody is told; by its brother, who is not, once."""
    one, two = family(new_person()), family(new_person())
    only, both = school.subscribed(**one), school.subscribed(**one)
    school.subscribed(both, title="Mensa di Bea", **two)
    for person in (only, both):
        school.subscribed(person, subscription_service=school.next, **one)
    school.opens()
    assert [len(school.told(person)) for person in (only, both)] == [0, 1]
    (row,) = [each for each in running_or_done(hub) if each["code"] == school.next]
    assert (row["expected"], row["written"]) == (1, 1)


def test_a_child_that_the_other_parent_has_enrolled_is_enrolled(hub, school):
    child, parent, other = new_person(), new_person(), new_person()
    held = {"beneficiaries": [*family(child)["beneficiaries"], {"tax_code": parent, "role": "co_holder"}]}
    school.subscribed(parent, **family(child))
    school.subscribed(other, subscription_service=school.next, **held)
    school.opens()
    assert school.told(parent) == []


def test_what_another_holds_for_themselves_enrols_no_co_holder(hub, school):
    parent, other = school.subscribed(), new_person()
    held = {"beneficiaries": [{"tax_code": parent, "role": "co_holder"}]}
    school.subscribed(other, subscription_service=school.next, **held)
    school.opens()
    assert len(school.told(parent)) == 1


def test_in_the_language_of_the_subscription(hub, school):
    person = school.subscribed(language="en")
    school.opens()
    assert [one["title"] for one in school.told(person)] == ["Enrolment is open: Mensa 2026/27"]


def test_an_administrator_changes_its_words_and_switches_it_off(hub, school, raccordo):
    person = school.subscribed()
    assert raccordo("rule", "show", "enrolment_opens", "--json")["kind"] == "service_opening"
    raccordo("rule", "set", "enrolment_opens", "--off", "--it-title", "Si apre {title}, fino al {due}")
    window = school.opens()
    assert school.told(person) == []
    raccordo("rule", "set", "enrolment_opens", "--on")
    try:
        school.sweep()
        (message,) = school.told(person)
    finally:
        raccordo("rule", "reset", "enrolment_opens")
    assert message["title"].startswith("Si apre Mensa 2026/27, fino al ")
    assert str(window.closes_at.year) in message["title"]


def test_switched_off_meanwhile_nobody_more_is_told(hub, school):
    """Of a broadcast that began before the rule was switched off."""
    people = [school.subscribed() for _ in range(2)]
    with hub.home.database.write() as tx:
        save_rule(tx, ENTE, "enrolment_opens", {"enabled": False}, author="test")
    try:
        school.opens()
        (begun,) = [
            each for each in openings(hub.hub.registry(), datetime.now(UTC)) if each.content.code == school.next
        ]
        hub.hub.broadcasts.begin(begun, datetime.now(UTC))
        school.sweep()
        assert [len(school.told(one)) for one in people] == [0, 0]
    finally:
        with hub.home.database.write() as tx:
            save_rule(tx, ENTE, "enrolment_opens", {}, author="test")
    school.sweep()
    assert [len(school.told(one)) for one in people] == [0, 0]


@pytest.mark.parametrize(("opened", "until", "told"), [(2, 3, 1), (2, -1, 0), (1, 9, 0)])
def test_what_is_told_is_the_window_as_it_is_now(hub, school, opened, until, told):
    """Of a broadcast that began earlier: closed meanwhile, or opened at another moment, it invites nobody more."""
    person, now = school.subscribed(), datetime.now(UTC)
    window = EnrolWindow(opens_at=now - opened * DAY, closes_at=now + until * DAY)
    with hub.home.database.write() as tx:
        set_subscription_service(tx, ENTE, school.this_year(school.next, enrol_window=window))
    hub.hub.registry.poll()
    content = Opening(code=school.next, other_periods=(school.before,), closes_at=now + 9 * DAY)
    begun = Begun(ENTE, opening_id(ENTE, school.next, now - 2 * DAY), content)
    hub.hub.broadcasts.begin(begun, now)
    (running,) = [each for each in running_now(hub) if each.broadcast_id == begun.broadcast_id]
    messages = hub.hub.broadcasts.portion(running, 10, now).messages
    assert len(messages) == told
    if told:
        school.sweep()
        (message,) = school.told(person)
        (action,) = hub.read(f"/items/{message['item_id']}", person).json()["actions"]
        assert action["valid_to"] == f"{window.closes_at:%Y-%m-%dT%H:%M:%S.%fZ}"


def test_one_that_cannot_begin_is_in_the_way_of_nothing_else(hub, school, monkeypatch, caplog):
    counted = broadcasting.count_audience

    def fails(database, vault, ente_id, content, now):
        if content.code == school.next:
            raise ValueError("a content that nobody can read")
        return counted(database, vault, ente_id, content, now)

    person, other = school.subscribed(), School(hub)
    their = other.subscribed(person)
    monkeypatch.setattr(broadcasting, "count_audience", fails)
    school.opens()
    assert "broadcast.put_off" in caplog.text
    other.opens()
    assert [len(each.told(their)) for each in (school, other)] == [0, 1]
    monkeypatch.undo()
    school.sweep()
    assert len(school.told(person)) == 1


def test_it_is_a_broadcast_that_an_administrator_follows_and_stops(hub, school, raccordo):
    person = school.subscribed()
    school.opens()
    (row,) = [each for each in raccordo("broadcast", "list", "--json") if each["code"] == school.next]
    assert (row["state"], row["expected"], row["written"]) == ("done", 1, 1)
    shown = raccordo("broadcast", "show", row["broadcast_id"], "--deliveries", "--json")
    assert {each["channel"]: each["count"] for each in shown["deliveries"]} == {"email": 1, "io": 1}
    assert len(school.told(person)) == 1


def test_a_window_that_opens_again_is_told_of_again(hub, school):
    person = school.subscribed()
    school.opens(since=3 * DAY)
    school.opens(since=DAY)
    assert len(school.told(person)) == 2


def at(code, service_id="mensa", **window):
    now = datetime(2026, 11, 26, 9, tzinfo=UTC)
    moments = {name: now + timedelta(days=days) for name, days in window.items()}
    made = EnrolWindow(**moments) if moments else None
    return SubscriptionService(code=code, name="Mensa", service_id=service_id, enrol_window=made)


@pytest.mark.parametrize(
    ("service", "others"),
    [
        (at("m-26", opens_at=0, closes_at=9), ("m-25",)),
        (at("m-26", opens_at=-6, closes_at=9), ("m-25",)),
        (at("m-26", opens_at=-7, closes_at=9), None),
        (at("m-26", opens_at=1, closes_at=9), None),
        (at("m-26", opens_at=-2, closes_at=0), None),
        (at("m-26"), None),
        (at("m-26", service_id=None, opens_at=0, closes_at=9), None),
        (at("m-26", service_id="nido", opens_at=0, closes_at=9), None),
    ],
)
def test_an_opening_is_news_for_a_week_and_of_what_has_other_periods(service, others):
    elsewhere = {("c_f205", "m-24"): at("m-24"), (ENTE, "x"): at("x", service_id=None)}
    registry = Registry(1, subscription_services=elsewhere | {(ENTE, "m-25"): at("m-25"), (ENTE, "m-26"): service})
    found = list(openings(registry, datetime(2026, 11, 26, 9, tzinfo=UTC)))
    assert [(each.ente_id, each.content.code, each.content.other_periods) for each in found] == (
        [] if others is None else [(ENTE, "m-26", others)]
    )
    assert all(isinstance(each.content, Opening) for each in found)
