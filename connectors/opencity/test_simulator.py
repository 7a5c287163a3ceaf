"""The simulated tenant against the connector: what both say of the description, each by itself, must fit together."""

import asyncio
import json
import threading
from datetime import UTC, datetime

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from connectors.base.conformance import Walk, make_notice
from connectors.base.inbound_conformance import NothingKnown, Taken, patiently, take
from connectors.base.serving import LoopbackServer
from connectors.opencity import connect
from connectors.opencity.config import Settings
from connectors.opencity.simulator import simulate
from connectors.opencity.simulator_model import application, name_of
from connectors.opencity.statuses import APPLICATIONS
from contracts.answering import Call
from contracts.connector import Done, Limits
from contracts.failures import Misconfigured, Rejected, Unconfirmed

PAYMENT = {
    "id": name_of(1, 2),
    "type": "PAGOPA",
    "remote_id": name_of(1),
    "status": "COMPLETE",
    "reason": "Tassa",
    "created_at": "2026-02-03T09:13:10+01:00",
    "updated_at": "2026-02-03T09:14:10+01:00",
    "payment": {
        "amount": 0.29,
        "notice_code": "302000100000019421",
        "receiver": {"tax_identification_number": "00301970190"},
    },
    "links": {},
}
SUBSCRIPTION = {
    "id": name_of(1, 3),
    "subscriber_fiscal_code": "RSSMRA80A01H501U",
    "related_cfs": [],
    "subscription_service_name": "Nuoto",
    "subscription_service_code": "nuoto",
    "status": "active",
    "created_at": "2026-01-12T08:00:00+01:00",
    "_service_status": "2",
}


class Clock:
    """The tenant's time and the hub's."""

    now = 1_770_200_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def started(tmp_path, clock):
    running = []

    def start(**options):
        simulation = simulate(tmp_path, now=clock, **options)
        running.append(simulation)
        settings = dict(simulation.start())
        return simulation, settings

    yield start
    while CONNECTED:
        CONNECTED.pop().close()
    for simulation in running:
        simulation.stop()


CONNECTED = []
"""To be closed when a test is over."""


def made(settings, clock, **changes):
    given = {"settle_s": 0, "overlap_s": 1, **settings, **changes}
    CONNECTED.append(connect(Settings.model_validate_json(json.dumps(given)), Limits(), clock))
    return CONNECTED[-1]


def a_round(connector, memo=None):
    """All that a round finds, and the memo after it. The hub tries again what was deferred, and not for ever."""
    found, memo, more = [], memo or {}, True
    while more:
        step, _ = patiently(connector, memo)
        assert isinstance(step, Taken), step
        found, memo, more = [*found, *step.found], step.memo, step.more
    return found, memo


def told(settings, path, body, method="POST"):
    root = settings["base_url"].removesuffix("/lang/api")
    answer = httpx.request(method, f"{root}/_sim/{path}", json=body, trust_env=False)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def asked(settings, path, **changes):
    token = httpx.post(
        f"{settings['base_url']}/auth",
        json={"username": settings["username"], "password": settings["password"]},
        trust_env=False,
    ).json()["token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} | changes.pop("headers", {})
    return httpx.request(
        changes.pop("method", "GET"), settings["base_url"] + path, headers=headers, trust_env=False, **changes
    )


def test_all_pages_are_read_and_then_what_changed_alone(started, clock):
    _, settings = started(applications=7)
    clock.now += 100
    connector = made(settings, clock, page_size=3)
    found, memo = a_round(connector)
    assert [each.name for each in found] == [f"application/{name_of(n)}" for n in range(1, 8)]
    clock.now += 100
    assert a_round(connector, memo)[0] == []
    changed = told(settings, "applications", {"id": name_of(5), "status": "9000", "outcome": False})
    assert changed["status"] == "9000"
    clock.now += 100
    found, memo = a_round(connector, memo)
    assert [(each.name, each.item["outcome"]) for each in found] == [(f"application/{name_of(5)}", "rejected")]


def test_what_changes_in_the_very_second_of_a_round_is_not_lost(started, clock):
    _, settings = started(applications=1)
    connector = made(settings, clock)
    _, memo = a_round(connector)
    # After the page was read, by a clock that has not moved.
    told(settings, "applications", {"id": name_of(1), "status": "7000", "outcome": True})
    found, _ = a_round(connector, memo)
    assert [each.item["state"] for each in found] == ["completed"]


def test_a_change_while_the_pages_are_walked_is_not_lost(started, clock):
    _, settings = started(applications=4)
    connector = made(settings, clock, page_size=2, collections=["applications"])
    clock.now += 500
    step = take(connector, {})
    clock.now += 500
    told(settings, "applications", {"id": name_of(1), "status": "20000"})
    found, memo = a_round(connector, step.memo)
    assert len(found) == 2
    found, _ = a_round(connector, memo)
    assert [each.item["state"] for each in found] == ["withdrawn"]


def test_a_lost_application_is_not_there_nor_is_what_hangs_on_it(started, clock):
    _, settings = started(applications=1)
    lost, left = (told(settings, "applications", {"subject": "Nido"})["id"] for _ in range(2))
    told(settings, f"messages/{lost}", {"message": "Ecco", "visibility": "applicant"})
    told(settings, f"applications/{lost}", None, method="DELETE")
    assert [asked(settings, f"/applications/{lost}{below}").status_code for below in ("", "/messages")] == [404, 404]
    listed = asked(settings, "/applications?version=2").json()
    assert (listed["meta"]["count"], lost in str(listed), left in str(listed)) == ("2", False, True)


@pytest.mark.parametrize("code", sorted(APPLICATIONS))
def test_every_status_of_the_description_is_understood(started, clock, code):
    _, settings = started(applications=0)
    told(settings, "applications", application(1, clock(), status=code, outcome=None))
    page = "https://servizi.example.it/pratiche/{id}"
    found, _ = a_round(made(settings, clock, application_url=page))
    assert [each.wrong for each in found] == [()]
    assert found[0].item["state"] == APPLICATIONS[code].state


def test_payments_and_subscriptions_are_exact(started, clock):
    simulation, settings = started(applications=2)
    told(settings, "applications", {"id": name_of(1), "payment_type": "mypay", "payment_data": {"amount": "0.29"}})
    told(settings, "records", {"payments": [PAYMENT], "subscriptions": [SUBSCRIPTION]})
    found, _ = a_round(made(settings, clock, collections=["payments", "subscriptions"]))
    assert [(each.collection, each.item["state"]) for each in found] == [
        ("payments", "paid"),
        ("subscriptions", "active"),
    ]
    assert found[0].item["amount_cents"] == 29
    assert simulation.tenant.applications  # nothing was written there


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "expire", "on": "applications"},
        {"kind": "expire", "on": "messages"},
        {"kind": "error", "status": 502, "on": "applications"},
        {"kind": "throttle", "on": "messages"},
        {"kind": "drop", "on": "auth"},
        {"kind": "cut", "on": "messages"},
        {"kind": "delay", "seconds": 0.01, "on": "applications"},
    ],
    ids=lambda fault: f"{fault['kind']}-{fault['on']}",
)
def test_a_fault_loses_and_doubles_nothing(started, clock, fault):
    _, settings = started(applications=5)
    told(settings, f"messages/{name_of(2)}", {"message": "Testo", "visibility": "applicant"})
    # A token that ends at once is one that is refused: a person is to look at that.
    told(settings, "faults", [fault] * (1 if fault["kind"] == "expire" else 2))
    found, _ = a_round(made(settings, clock, page_size=2))
    names = [each.name for each in found]
    assert sorted(names) == sorted([*(f"application/{name_of(n)}" for n in range(1, 6)), f"message/{name_of(1, 1)}"])
    assert told(settings, "faults", None, "GET") == []


def test_a_token_that_ended_is_renewed(started, clock):
    _, settings = started(applications=1, token_life_s=100)
    connector = made(settings, clock)
    for _ in range(5):
        clock.now += 79
        assert isinstance(take(connector, {}), Taken)


def test_a_message_is_written_once_though_the_answer_was_500(started, clock):
    simulation, settings = started()
    told(settings, "faults", [{"kind": "stored"}])
    walk = Walk(made(settings, clock), make_notice(application=name_of(1)))
    walk.step()
    assert isinstance(walk.step(), Unconfirmed)
    assert walk.connector.lookup(walk.notice, walk.memo) == Done(name_of(1, 1))
    assert [entry["application"] for entry in simulation.tenant.ledger.entries] == [name_of(1)]


def test_a_message_that_was_lost_on_the_way_is_written_after_it_was_looked_for(started, clock):
    simulation, settings = started()
    told(settings, "faults", [{"kind": "drop"}])
    walk = Walk(made(settings, clock), make_notice(application=name_of(1)))
    walk.step()
    assert isinstance(walk.step(), Unconfirmed)
    assert walk.connector.lookup(walk.notice, walk.memo) is None
    assert isinstance(walk.step(), Done)
    assert len(simulation.tenant.ledger.entries) == 1
    # And what the hub wrote does not come back to it.
    found, _ = a_round(walk.connector)
    assert {each.name.partition("/")[0] for each in found} == {"application"}


def test_an_application_that_is_not_there_is_refused(started, clock):
    _, settings = started(applications=1)
    assert isinstance(Walk(made(settings, clock), make_notice(application=name_of(9))).finish(), Rejected)


def test_the_ledger_is_known_after_a_restart(started, clock, tmp_path):
    simulation, settings = started()
    assert isinstance(Walk(made(settings, clock), make_notice(application=name_of(1))).finish(), Done)
    simulation.stop()
    again, settings = started()
    assert [each["id"] for each in again.tenant.messages] == [name_of(1, 1)]
    assert asked(settings, f"/applications/{name_of(1)}/messages").json()[0]["visibility"] == "applicant"


def test_the_check_tries_what_rounds_rely_on(started, clock):
    _, settings = started()
    assert "Comune di Valdilago" in made(settings, clock, collections=["applications", "subscriptions"]).check()
    assert "Pratiche visibili: 3" in made(settings, clock, collections=["documents"]).check()
    told_of = made(settings, clock, tax_code_paths=["richiedente.cf"]).check()
    assert "/data/richiedente/cf" in told_of
    with pytest.raises(Misconfigured, match="login_refused"):
        made(settings, clock, password="another").check()


def test_the_check_tells_of_a_filter_that_does_not_work(started, clock):
    _, settings = started(updated_at=False, subscriptions=False)
    with pytest.raises(Misconfigured, match="set changes to walk"):
        made(settings, clock).check()
    connector = made(settings, clock, changes="walk")
    assert "Pratiche visibili: 3" in connector.check()
    with pytest.raises(Misconfigured, match="not_allowed"):
        made(settings, clock, changes="walk", collections=["subscriptions"]).check()
    _, memo = a_round(connector)
    told(settings, "applications", {"id": name_of(2), "status": "20000"})
    found, _ = a_round(connector, memo)
    assert [each.item["state"] for each in found] == ["in_progress", "withdrawn", "in_progress"]


class Hub:
    """Answers the webhook by the connector's own handler, with 503 at first as a hub whose store is away."""

    def __init__(self, connector, refusals):
        self.connector, self.left, self.found = connector, refusals, []
        self.taken = threading.Event()
        self.server = LoopbackServer(Starlette(routes=[Route("/c/{path:path}", self.take, methods=["POST"])]))
        self.server.start()

    async def take(self, request):
        body = await request.body()
        headers = tuple(request.headers.items())
        call = Call(request.method, request.path_params["path"], str(request.url), "", headers, body, datetime.now(UTC))
        if self.left:
            self.left -= 1
            return Response(status_code=503)
        reply = await asyncio.to_thread(self.connector.answer, call, NothingKnown())
        self.found += reply.found
        if reply.status == 202:
            self.taken.set()
        return Response(reply.body, reply.status)


def test_a_webhook_is_tried_again_until_it_is_taken(started, clock):
    _, settings = started()
    hub = Hub(made(settings, clock), refusals=2)
    try:
        headers = {"X-Hub-Key": settings["webhook_secret"]}
        told(settings, "webhook", {"url": f"{hub.server.url}/c/events", "headers": headers}, "PUT")
        told(settings, "applications", {"id": name_of(1), "status": "4200"})
        assert hub.taken.wait(20)
        assert [(each.name, each.item["state"]) for each in hub.found] == [
            (f"application/{name_of(1)}", "integration_requested")
        ]
        hub.taken.clear()
        told(settings, f"messages/{name_of(1)}", {"message": "<p>Manca l'ISEE</p>", "visibility": "applicant"})
        assert hub.taken.wait(20)
        assert hub.found[-1].item["body_markdown"] == "Manca l'ISEE"
    finally:
        hub.server.stop()
    events = told(settings, "webhook", None, "GET")["events"]
    assert events[0]["answers"][:2] == [503, 503]
    assert len({each["event_id"] for each in events}) == 2


def test_a_webhook_with_the_wrong_header_is_dropped_after_ten_tries(started, clock):
    simulation, settings = started()
    hub = Hub(made(settings, clock), refusals=0)
    simulation.tenant.webhook.pause_s = 0.001
    try:
        told(settings, "webhook", {"url": f"{hub.server.url}/c/events", "headers": {"X-Hub-Key": "guessed"}}, "PUT")
        told(settings, "applications", {"id": name_of(1), "status": "4200"})
        while len(told(settings, "webhook", None, "GET")["events"][0]["answers"]) < 10:
            pass
    finally:
        hub.server.stop()
    assert told(settings, "webhook", None, "GET")["events"][0]["answers"] == [401] * 10
    assert hub.found == []
