"""A hub at work beside a simulated PDND: what it fetches, what it forgets, and what an operator sees of it."""

import asyncio
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from connectors.base.serving import LoopbackServer
from hub import exporter
from hub.app import Application
from hub.bootstrap import Hub
from hub.errors import RequestRefused
from hub.security.material import Wanted
from hub.trust.budget import EACH
from hub.trust.resolver import DEADLINE_S
from tests.flows.test_metrics import scrape
from tests.harness import eventually, make_home
from tests.pdnd import Client, access, rsa_key, running_pdnd
from tests.real.server import free_port

ADDRESS = "192.0.2.1"


@pytest.fixture
def pdnd(tmp_path):
    with running_pdnd(tmp_path / "pdnd") as pdnd:
        yield pdnd


@pytest.fixture
def consumer(pdnd):
    return Client(pdnd, key=rsa_key("consumer"))


@contextmanager
def serving(folder: Path, pdnd, **settings):
    """A hub that serves and has read the feed of events to its end, so that old ones drop nothing any more."""
    given = access(pdnd, events_every_s=0.5)
    hub = Hub(make_home(folder, **settings), pdnd=lambda: [given])
    server = LoopbackServer(Application(hub))
    server.start()
    try:
        eventually(hub._trusting.feeds.lags, lambda lags: lags and max(lags.values()) < 5)
        yield hub
    finally:
        server.stop()


@pytest.fixture
def hub(tmp_path, pdnd):
    with serving(tmp_path / "home", pdnd) as hub:
        yield hub


def resolve(hub: Hub, *kids: str) -> list[BaseException | None]:
    async def all_():
        asking = (hub.resolver.resolve(Wanted("pdnd-key", kid), caller=ADDRESS) for kid in kids)
        return await asyncio.gather(*asking, return_exceptions=True)

    return asyncio.run(all_())


def held(hub: Hub, kid: str):
    return hub.shelf.get("pdnd-key", kid, time.time())


def is_wanted(hub: Hub, kid: str) -> bool:
    try:
        held(hub, kid)
    except Wanted:
        return True
    return False


def test_a_key_is_fetched_once_for_all_who_want_it_at_once(hub, pdnd, consumer):
    assert resolve(hub, *[consumer.kid] * 50) == [None] * 50
    assert held(hub, consumer.kid).value.client_id == consumer.client_id
    assert pdnd.ledger.count("key") == 1


def test_a_revoked_key_is_gone_within_seconds(hub, pdnd, consumer):
    resolve(hub, consumer.kid)
    pdnd.records.revoke_key(consumer.kid)
    eventually(lambda: is_wanted(hub, consumer.kid), bool)
    resolve(hub, consumer.kid)
    assert held(hub, consumer.kid).value is None


def test_unknown_kids_of_one_address_cost_no_more_than_its_budget(hub, pdnd):
    hub.resolver._budget._clock = lambda: 30.0  # all within one minute, however slow this machine is
    slowest = 0.0
    refused = []
    for n in range(200):
        started = time.monotonic()
        refused += resolve(hub, f"unknown{n}")
        slowest = max(slowest, time.monotonic() - started)
    assert pdnd.ledger.count("key") <= EACH
    over = [one for one in refused if one is not None]
    assert len(over) == 200 - EACH
    assert all(isinstance(one, RequestRefused) and one.cause.startswith("trust.budget") for one in over)
    assert slowest < DEADLINE_S


def test_a_pdnd_that_hangs_makes_few_wait_and_none_for_long(hub, pdnd, monkeypatch):
    monkeypatch.setattr("hub.trust.http.TOTAL_S", 0.5)
    pdnd.faults.add("hang", on="key", times=0, seconds=20)
    started = time.monotonic()
    for n in range(15):
        resolve(hub, f"unknown{n}")
    # One waits for its time-out; while the server is left alone the others are refused at once.
    assert time.monotonic() - started < 15 * 0.5
    assert pdnd.ledger.count("key") <= 5


def test_an_operator_sees_fetches_the_lag_and_that_the_hub_is_ready(tmp_path, pdnd, consumer, monkeypatch):
    monkeypatch.setattr(exporter, "CACHED_S", 0.0)
    port = free_port()
    with serving(tmp_path / "home", pdnd, metrics_listen=f"127.0.0.1:{port}") as hub:
        before = scrape(port)
        resolve(hub, consumer.kid, "unknown")
        eventually(lambda: scrape(port)[("raccordo_pdnd_events_lag_seconds", pdnd.issuer)], lambda lag: lag < 2)
        after = scrape(port)

        def grown(outcome: str) -> float:
            key = ("raccordo_trust_fetches_total", outcome, "pdnd-key")
            return after.get(key, 0) - before.get(key, 0)

        assert (grown("found"), grown("absent")) == (1, 1)
        assert after[("raccordo_trust_held",)] == 2
        pdnd.faults.add("down", times=0)
        lag = ("raccordo_pdnd_events_lag_seconds", pdnd.issuer)
        eventually(lambda: scrape(port)[lag], lambda seconds: seconds > 2)
        # PDND's outage is no reason to take the hub away from everybody else.
        assert httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200


def test_a_hub_without_pdnd_asks_nobody(tmp_path, pdnd):
    hub = Hub(make_home(tmp_path / "home"))
    with hub.running():
        assert resolve(hub, "kid") == [None]
        assert held(hub, "kid").problem == "pdnd.no_environment"
    assert pdnd.ledger.lines == []
    (refused,) = resolve(hub, "other")
    assert isinstance(refused, RequestRefused)
