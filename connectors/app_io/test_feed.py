"""IO's feed of subscriptions: each day once, in order; its trouble holds up nothing; who is named is not asked for."""

import hashlib
import json
from datetime import date

import httpx
import pytest

from connectors.app_io import connect
from connectors.app_io.config import Settings
from connectors.app_io.feed import FIRST_DAY, SubscriptionsFeed
from connectors.app_io.simulator import simulator
from connectors.base.conformance import Walk, make_notice
from connectors.base.http import client
from connectors.base.scripted import Fault, Reply, ScriptedServer
from connectors.base.serving import LoopbackServer
from contracts.connector import Continue, Limits
from contracts.failures import Deferred, Skipped
from contracts.tls import TlsSettings

ROSSI, VERDI, BIANCHI = "RSSMRA80A01H501U", "VRDLGI75B02F205X", "BNCLRA85C43F205F"
TODAY = date(2026, 11, 26)
YESTERDAY = {"": "2026-11-25"}


def named(*people):
    return {hashlib.sha256(each.encode()).hexdigest() for each in people}


@pytest.fixture
def io():
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def feed_of():
    opened = []

    def feed_of(url, keys=None, timeout_s=5.0):
        opened.append(client(url, {}, Limits(timeout_s=timeout_s), TlsSettings()))
        return SubscriptionsFeed(opened[-1], keys or {"": "k"}, timeout_s, lambda: TODAY)

    yield feed_of
    for each in opened:
        each.close()


def day(name, on=(), off=()):
    return Reply(200, {"dateUTC": name, "subscriptions": sorted(named(*on)), "unsubscriptions": sorted(named(*off))})


def test_against_the_simulator_two_services_are_read_to_yesterday(tmp_path, feed_of):
    server = LoopbackServer(simulator(tmp_path / "io.jsonl"))
    server.start()
    try:
        for name, people in (("2026-11-24", [ROSSI]), ("2026-11-25", [VERDI])):
            told = {"date": name, "unsubscriptions": people, "subscriptions": [BIANCHI]}
            httpx.post(f"{server.url}/_sim/feed", json=told, trust_env=False)
        feed = feed_of(f"{server.url}/api/v1", {"": "k", "tari": "t"})
        memo, seen = {"": "2026-11-24", "tari": "2026-11-24"}, []
        for _ in range(6):
            pulled = feed.pull(json.loads(json.dumps(memo)))
            memo = pulled.memo
            seen += [(each.scope, set(each.unreached), each.until.day) for each in pulled.reach]
        assert seen == [
            ("", named(ROSSI), 25),
            ("tari", named(ROSSI), 25),
            ("", named(VERDI), 26),
            ("tari", named(VERDI), 26),
        ]
        assert memo == {"": "2026-11-26", "tari": "2026-11-26"}
        assert pulled.after.total_seconds() == 3600
    finally:
        server.stop()


def test_it_begins_where_ios_feed_begins(io, feed_of):
    io.play(day(str(FIRST_DAY)))
    feed_of(io.url).pull({})
    assert io.received[0].path == "/subscriptions-feed/2020-03-24"
    assert io.received[0].headers["ocp-apim-subscription-key"] == "k"


def test_who_did_both_on_one_day_is_asked_for(io, feed_of):
    io.play(day("2026-11-25", on=[ROSSI], off=[ROSSI, VERDI]))
    (reach,) = feed_of(io.url).pull(YESTERDAY).reach
    assert (set(reach.unreached), set(reach.reached)) == (named(VERDI), named(ROSSI))


def test_a_day_that_is_not_ready_is_waited_for_and_one_that_never_was_makes_doubt(io, feed_of):
    feed = feed_of(io.url)
    io.play(Reply(404, {"status": 404}))
    pulled = feed.pull(YESTERDAY)
    assert (pulled.memo, pulled.reach) == (YESTERDAY, ())
    io.play(Reply(404, {"status": 404}))
    pulled = feed.pull({"": "2026-11-20"})
    assert (pulled.memo, [each.reached for each in pulled.reach]) == ({"": "2026-11-21"}, [None])


@pytest.mark.parametrize(
    "reply",
    [
        Reply(401, {}),
        Reply(403, {}),
        Reply(429, {"statusCode": 429}),
        Reply(500),
        Reply(302),
        Reply(200, b"{"),
        Reply(200, {"dateUTC": "2026-11-24", "subscriptions": [], "unsubscriptions": []}),
        Reply(200, {"dateUTC": "2026-11-25", "subscriptions": [ROSSI], "unsubscriptions": []}),
        Reply(200, {"dateUTC": "2026-11-25", "subscriptions": []}),
        *Fault,
    ],
    ids=str,
)
def test_no_trouble_of_the_feed_pauses_the_messages(io, feed_of, reply):
    """Misconfigured would pause the connector, and with it every delivery."""
    io.play(*[reply] * 5)
    with pytest.raises(Deferred):
        feed_of(io.url, timeout_s=0.5).pull(YESTERDAY)


def test_a_day_of_a_hundred_thousand(io, feed_of):
    many = [f"{number:064x}" for number in range(100_000)]
    io.play(Reply(200, {"dateUTC": "2026-11-25", "subscriptions": many, "unsubscriptions": []}))
    (reach,) = feed_of(io.url).pull(YESTERDAY).reach
    assert len(reach.reached) == 100_000


@pytest.mark.parametrize(
    ("trusted", "service", "skipped"), [(True, "tari", True), (True, "imu", False), (False, "tari", False)]
)
def test_who_is_named_is_skipped_without_a_question_where_io_has_authorised_it(io, trusted, service, skipped):
    settings = {"base_url": io.url, "api_key": "k", "services": {"tari": {"api_key": "t"}}}
    settings["subscriptions_feed"] = trusted
    connector = connect(Settings.model_validate_json(json.dumps(settings)), Limits(timeout_s=5))
    assert (connector.pull is not None) == trusted
    io.play(Reply(200, {"sender_allowed": True}))
    result = Walk(connector, make_notice(service_id=service, unreached=["tari"])).step()
    connector.close()
    assert isinstance(result, Skipped if skipped else Continue)
    assert len(io.received) == (0 if skipped else 1)
