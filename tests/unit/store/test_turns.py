"""Places among those who share a rate: each its own, by the database's clock, for all processes together."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from hub.store.tables import turns
from hub.store.turns import take_turn
from tests.unit.store.making import ENTE


def take(store, name="a" * 64, per_s=2.0, connector="email"):
    with store.database.write() as tx:
        return take_turn(tx, ENTE, connector, name, per_s).total_seconds()


def test_each_call_takes_the_next_place(store):
    assert [take(store) for _ in range(4)] == [0, 0.5, 1, 1.5]
    store.clock.pass_by(seconds=1)
    assert take(store) == 1
    store.clock.pass_by(seconds=60)
    assert [take(store), take(store)] == [0, 0.5]


def test_names_and_connectors_do_not_share(store):
    assert [take(store), take(store, "b" * 64), take(store, connector="other")] == [0, 0, 0]


def test_many_at_once_take_different_places(store):
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: take(store, per_s=1.0), range(24)))
    assert sorted(waits) == list(range(24))


def test_what_nobody_waits_for_is_forgotten(store):
    take(store, "b" * 64)
    store.clock.pass_by(hours=2)
    take(store)
    assert [row["name"] for row in store.rows(turns)] == ["a" * 64]
    assert store.rows(turns)[0]["free_at"] == store.clock.now() + timedelta(seconds=0.5)
