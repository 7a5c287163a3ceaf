"""The feed of key events: what was revoked is forgotten, and nothing is believed when the feed loses its place."""

import asyncio
import json
import time
from contextlib import contextmanager

import pytest

from hub.clock import SystemClock
from hub.security.material import Shelf, Wanted
from hub.trust.environment import KeyName, PdndAccess
from hub.trust.events import KeyFeeds, Positions
from hub.trust.http import Web
from hub.trust.pdnd import PdndKeys
from hub.trust.resolver import Resolver
from tests.harness import eventually
from tests.pdnd import Client, access, ec_key, jwk_of, rsa_key, running_pdnd

VERSIONS = ("v1", "v2", "v3")


@pytest.fixture
def pdnd(tmp_path):
    with running_pdnd(tmp_path / "pdnd") as pdnd:
        yield pdnd


@pytest.fixture
def consumer(pdnd):
    return Client(pdnd, key=rsa_key("consumer"))


class World:
    """Shelf, resolver and feeds at work, as in a process that serves."""

    def __init__(self, folder, environments) -> None:
        clock, web = SystemClock(), Web()
        self.shelf = Shelf()
        keys = PdndKeys(environments, web, clock)
        self.resolver = Resolver(self.shelf, keys.fetchers(), clock)
        self.feeds = KeyFeeds(keys, self.resolver, Positions(folder / "pdnd-events.json"))
        self._closing = web.aclose

    def start(self) -> None:
        self.resolver.start(background=[self.feeds.follow], closing=[self._closing])

    def value(self, name: str):
        """What the shelf holds of a key; "wanted" where it holds nothing."""
        try:
            return self.shelf.get("pdnd-key", name, time.time()).value
        except Wanted:
            return "wanted"

    def resolve(self, name: str):
        asyncio.run(self.resolver.resolve(Wanted("pdnd-key", name), caller="192.0.2.1"))
        return self.value(name)

    def caught_up(self) -> None:
        eventually(self.feeds.lags, lambda lags: lags and max(lags.values()) < 0.3)


@contextmanager
def following(folder, environments):
    world = World(folder, environments)
    world.start()
    try:
        yield world
    finally:
        world.resolver.stop()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_revoked_key_is_forgotten_within_seconds_by_each_process(pdnd, consumer, tmp_path, version):
    given = access(pdnd, version, events_every_s=0.5)
    with following(tmp_path, lambda: [given]) as one, following(tmp_path, lambda: [given]) as other:
        for world in (one, other):
            world.caught_up()  # that the key was added is an event too, and would be taken after it was fetched
            assert world.resolve(consumer.kid).key.public == consumer.key.public_key()
        pdnd.records.revoke_key(consumer.kid)
        for world in (one, other):
            eventually(lambda world=world: world.value(consumer.kid), lambda value: value == "wanted")
            assert world.resolve(consumer.kid) is None


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_producers_key_and_every_name_of_a_key_are_forgotten(pdnd, tmp_path, version):
    kid = pdnd.records.add_key(pdnd.records.add_keychain(), jwk_of(ec_key()))
    given = access(pdnd, version)
    names = [str(KeyName(kid, issuer, producer=True)) for issuer in ("", pdnd.issuer)]
    with following(tmp_path, lambda: [given]) as world:
        world.caught_up()
        for name in names:
            assert world.resolve(name) is not None
        pdnd.records.revoke_key(kid)
        for name in names:
            eventually(lambda name=name: world.value(name), lambda value: value == "wanted")


def test_a_key_that_is_added_is_no_longer_one_that_does_not_exist(pdnd, consumer, tmp_path):
    given = access(pdnd)
    pdnd.records.revoke_key(consumer.kid)
    with following(tmp_path, lambda: [given]) as world:
        world.caught_up()
        assert world.resolve(consumer.kid) is None
        pdnd.records.add_key(consumer.client_id, jwk_of(consumer.key))
        eventually(lambda: world.value(consumer.kid), lambda value: value == "wanted")
        assert world.resolve(consumer.kid) is not None


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_a_long_feed_is_read_to_its_end(pdnd, consumer, tmp_path, version):
    for _ in range(130):
        pdnd.records.revoke_key(consumer.kid)
        pdnd.records.add_key(consumer.client_id, jwk_of(consumer.key))
    given = access(pdnd, version)
    with following(tmp_path, lambda: [given]) as world:
        world.caught_up()
        assert world.resolve(consumer.kid) is not None
        pdnd.records.revoke_key(consumer.kid)
        eventually(lambda: world.value(consumer.kid), lambda value: value == "wanted")


def test_a_start_goes_on_from_the_place_that_was_kept(pdnd, consumer, tmp_path):
    given = access(pdnd, "v2")
    with following(tmp_path, lambda: [given]) as world:
        world.caught_up()
    kept = json.loads((tmp_path / "pdnd-events.json").read_text())
    assert kept[f"{pdnd.issuer} v2 consumer"] == pdnd.records.events[-1].event_id


def test_a_place_that_pdnd_does_not_know_means_that_nothing_is_believed(pdnd, consumer, tmp_path):
    given = access(pdnd, "v2")
    with following(tmp_path, lambda: [given]) as world:
        world.caught_up()
        assert world.resolve(consumer.kid) is not None
        pdnd.records.events.clear()  # an environment that was set up anew
        eventually(lambda: world.value(consumer.kid), lambda value: value == "wanted")
        world.caught_up()


def test_an_event_that_names_no_key_may_be_about_any(pdnd, consumer, tmp_path):
    given = access(pdnd)
    with following(tmp_path, lambda: [given]) as world:
        world.caught_up()
        assert world.resolve(consumer.kid) is not None
        pdnd.faults.add("nameless", on="events", times=0)
        Client(pdnd)
        eventually(lambda: world.value(consumer.kid), lambda value: value == "wanted")


def test_while_pdnd_is_down_known_keys_hold_and_the_lag_grows(pdnd, consumer, tmp_path):
    given = access(pdnd)
    with following(tmp_path, lambda: [given]) as world:
        assert world.resolve(consumer.kid) is not None
        pdnd.faults.add("down", times=0)
        eventually(world.feeds.lags, lambda lags: lags[pdnd.issuer] > 0.6)
        assert world.value(consumer.kid) is not None
        assert world.resolve("another") is None
        assert world.shelf.get("pdnd-key", "another", time.time()).problem in ("pdnd.unreachable", "pdnd.paused")
        pdnd.faults.clear()
        world.caught_up()


@pytest.mark.parametrize("kind", ["nonsense", "altered", "unsigned", "redirect", "huge", "error", "throttle"])
def test_a_feed_that_lies_changes_nothing_and_is_read_again(pdnd, consumer, tmp_path, kind):
    given = access(pdnd)
    with following(tmp_path, lambda: [given]) as world:
        world.caught_up()
        pdnd.faults.add(kind, on="events", times=2, location="http://127.0.0.1:9", bytes=5_000_000)
        eventually(pdnd.faults.rest, lambda rest: not rest)
        assert world.resolve(consumer.kid) is not None
        pdnd.records.revoke_key(consumer.kid)
        eventually(lambda: world.value(consumer.kid), lambda value: value == "wanted")


def test_no_feed_is_read_where_there_is_no_api(pdnd, tmp_path):
    environment = access(pdnd).environment
    with following(tmp_path, lambda: [PdndAccess(environment)]) as world:
        assert world.resolve("kid") is None
        assert world.feeds.lags() == {}
    assert pdnd.ledger.count("events") == 0


def test_feeds_follow_the_configuration(pdnd, consumer, tmp_path):
    configured = []
    with following(tmp_path, lambda: configured) as world:
        assert world.feeds.lags() == {}
        configured.append(access(pdnd))
        world.caught_up()
        assert world.resolve(consumer.kid) is not None
        configured.clear()
        eventually(world.feeds.lags, lambda lags: lags == {})
        assert world.value(consumer.kid) == "wanted"
