"""What is asked of IO after a message was processed, how often, and what is learned; and which key it is asked with."""

import json

import httpx
import pytest

from connectors.app_io import connect
from connectors.app_io.config import Settings
from connectors.app_io.mapping import Remote, Service, new_message
from connectors.app_io.simulator import simulator
from connectors.base.conformance import Walk, make_notice
from connectors.base.scripted import Reply, ScriptedServer
from connectors.base.serving import LoopbackServer
from contracts.connector import Continue, Done, Limits, PaymentData
from contracts.failures import Deferred, Misconfigured

PAYMENT = PaymentData("302000100000019421", 8450, "00301970190", invalid_after_due=True)
NAME = "01HZX3N0000000000000000000"
DAY_S = 86_400
PROCESSED = {"message": {}, "status": "PROCESSED"}


@pytest.fixture
def io():
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def made():
    opened = []

    def made(url, **changes):
        settings = {"base_url": url, "api_key": "k", "advanced": True} | changes
        opened.append(connect(Settings.model_validate_json(json.dumps(settings)), Limits(timeout_s=5)))
        return opened[-1]

    yield made
    for each in opened:
        each.close()


def delivered(io, connector, status=PROCESSED, questions=1, **changes):
    io.play(Reply(200, {"sender_allowed": True}), Reply(201, {"id": NAME}), *[Reply(200, status)] * questions)
    done = Walk(connector, make_notice(**changes)).finish()
    assert isinstance(done, Done), done
    return done.follow_up


def questions(io, connector, first, answer, **changes):
    """Every question that is asked, with its wait, where the answer stays the same; and what was reported."""
    notice, step, waits, reports = make_notice(**changes), first, [], []
    while isinstance(step, Continue):
        waits.append(step.after.total_seconds())
        io.play(Reply(200, answer))
        step = connector.follow_up(notice, json.loads(json.dumps(step.memo)))
        reports += step.reports
    return waits, [(each.event, each.delivery_id) for each in reports]


def test_questions_become_rare_and_end(io, made):
    """Seven of them in thirty days, however many thousands of messages there are."""
    connector = made(io.url)
    first = delivered(io, connector)
    waits, reports = questions(io, connector, first, PROCESSED | {"read_status": "UNREAD"})
    assert waits == [3600, 10_800, 32_400, 97_200, 291_600, 7 * DAY_S, 7 * DAY_S, 7 * DAY_S]
    assert sum(waits) < 30 * DAY_S
    assert reports == []
    assert made(io.url, follow_up_days=1).follow_up is not None
    assert delivered(io, made(io.url, follow_up_days=0)) is None


def test_a_standard_message_is_not_asked_about(io, made):
    assert delivered(io, made(io.url, advanced=False)) is None


@pytest.mark.parametrize(
    ("answer", "payment", "reported", "goes_on"),
    [
        ({"read_status": "READ"}, None, ["read"], False),
        ({"read_status": "READ", "payment_status": "NOT_PAID"}, PAYMENT, ["read"], True),
        ({"read_status": "READ", "payment_status": "PAID"}, PAYMENT, ["paid", "read"], False),
        ({"read_status": "UNREAD", "payment_status": "PAID"}, PAYMENT, ["paid"], True),
        ({"payment_status": "PAID"}, None, [], True),
        ({"read_status": "UNAVAILABLE"}, None, [], False),
        ({"read_status": "SOMETHING_NEW"}, None, [], True),
        ({"read_status": ["READ"]}, None, [], True),
        ({}, None, [], True),
    ],
)
def test_what_is_learned_is_reported_once_and_not_asked_again(io, made, answer, payment, reported, goes_on):
    connector = made(io.url)
    first = delivered(io, connector, payment=payment)
    io.play(Reply(200, PROCESSED | answer))
    notice = make_notice(payment=payment)
    step = connector.follow_up(notice, first.memo)
    assert [each.event for each in step.reports] == reported
    assert isinstance(step, Continue) == goes_on
    assert all(each.delivery_id == notice.delivery_id for each in step.reports)
    if goes_on and reported:
        io.play(Reply(200, PROCESSED | answer))
        assert connector.follow_up(notice, step.memo).reports == ()


@pytest.mark.parametrize(
    ("status", "event", "reason"),
    [("FAILED", "failed", "io.message_failed"), ("REJECTED", "failed", "io.message_rejected")],
)
def test_what_was_not_known_in_time_is_told_later(io, made, status, event, reason):
    """A message that IO throttles for days is not done because we stopped asking: its end may be that it failed."""
    connector = made(io.url, advanced=False, status_checks=1)
    first = delivered(io, connector, {"message": {}, "status": "THROTTLED"})
    io.play(Reply(200, {"message": {}, "status": status}))
    step = connector.follow_up(make_notice(), first.memo)
    assert isinstance(step, Done)
    assert [(each.event, each.reason) for each in step.reports] == [(event, reason)]
    waits, reports = questions(io, connector, first, {"message": {}, "status": "THROTTLED"})
    assert (sum(waits) <= 7 * DAY_S, reports) == (True, [])
    assert questions(io, connector, first, PROCESSED) == ([3600], [])


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (Reply(401, {}), Misconfigured),
        (Reply(403, {}), Misconfigured),
        (Reply(429, {}, {"Retry-After": "7"}), Deferred),
        (Reply(500), Deferred),
        (Reply(404, {"status": 404}), None),
        (Reply(302), None),
        (Reply(200, b"{"), None),
    ],
)
def test_trouble_is_no_answer_and_an_odd_answer_counts_as_one(io, made, reply, failure):
    """Else one message that IO knows no more would be asked for each hour, for ever."""
    connector = made(io.url)
    first = delivered(io, connector)
    io.play(reply)
    if failure is None:
        assert connector.follow_up(make_notice(), first.memo).memo["checks"] == 1
    else:
        with pytest.raises(failure):
            connector.follow_up(make_notice(), first.memo)


def test_a_memo_of_another_version_ends_it(io, made):
    assert isinstance(made(io.url).follow_up(make_notice(), {"odd": 1}), Done)
    assert io.received == []


def test_the_memo_names_nobody(io, made):
    first = delivered(io, made(io.url), payment=PAYMENT)
    notice = make_notice()
    for value in (notice.tax_code, notice.title, PAYMENT.notice_number):
        assert value not in json.dumps(first.memo)


def test_each_service_has_its_own_key_and_permissions(io, made):
    """One connector, several services at IO: the notice's service of the catalogue says which."""
    services = {"tari": {"api_key": "tari-key"}, "nido": {"api_key": "nido-key", "advanced": True}}
    connector = made(io.url, api_key="common", advanced=False, services=services)
    for service, key, advanced in (("tari", "tari-key", False), ("nido", "nido-key", True), ("imu", "common", False)):
        io.received.clear()
        delivered(io, connector, service_id=service)
        assert {got.headers["ocp-apim-subscription-key"] for got in io.received} == {key}
        assert ("feature_level_type" in json.loads(io.received[1].body)) == advanced
        assert all(key not in each.call + str(each.fields) for each in connector.preview(make_notice()))
    io.received.clear()
    io.play(*[Reply(200, {"sender_allowed": True})] * 2, Reply(401, {}))
    with pytest.raises(Misconfigured, match="service nido"):
        connector.check()


def test_a_message_whose_text_stays_here_says_only_what_it_is_about():
    remote = Remote("01HZX3N0000000000000000000", "ONCE")
    service = Service(advanced=True, remote=remote)
    content = new_message(make_notice(has_files=True), service)["content"]
    assert "accolta**" not in content["markdown"]
    assert content["third_party_data"] == {
        "id": make_notice().delivery_id,
        "original_sender": "Comune di Valdilago",
        "original_receipt_date": "2026-03-02T09:30:00.000Z",
        "has_attachments": True,
        "has_remote_content": True,
        "has_precondition": "ONCE",
        "configuration_id": remote.configuration_id,
    }
    sensitive = new_message(make_notice(sensitive=True, has_files=True), service)["content"]
    assert "third_party_data" not in sensitive


def test_against_the_simulator_an_advanced_message_is_read_and_paid(tmp_path, made):
    server = LoopbackServer(simulator(tmp_path / "io.jsonl", advanced=True, status_polls=0))
    server.start()
    try:
        connector = made(f"{server.url}/api/v1", follow_up_delay_s=1)
        notice = make_notice(payment=PAYMENT)
        step = Walk(connector, notice).finish().follow_up
        step = connector.follow_up(notice, step.memo)
        assert step.reports == ()
        done = {"fiscal_code": notice.tax_code, "read_status": "READ", "payment_status": "PAID"}
        httpx.post(f"{server.url}/_sim/people", json=done, trust_env=False)
        step = connector.follow_up(notice, step.memo)
        assert [each.event for each in step.reports] == ["paid", "read"]
        forbidden = made(f"{server.url}/api/v1", advanced=False)
        assert Walk(forbidden, notice).finish().follow_up is None
    finally:
        server.stop()
