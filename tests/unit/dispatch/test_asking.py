"""A worker that died while sending, and a provider that can be asked: the folder's connector, the real outbox."""

import json
from datetime import timedelta

import pytest

from connectors.base.conformance import make_notice
from connectors.loopback import connect
from connectors.loopback.config import Settings
from contracts.connector import Limits
from hub.dispatch.runner import Runner
from hub.store.outbox import Due, Progress, claim, progress
from hub.store.sweeping import Sweep, Swept, sweep
from tests.unit.store.filling import fill
from tests.unit.store.making import ENTE

LEASE = timedelta(seconds=60)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def died_sending(store, folder, *, arrived):
    """The connector, after a worker of its died behind the mark; whether the message had `arrived` nobody knows."""
    connector = connect(Settings.model_validate_json(json.dumps({"folder": str(folder)})), Limits())
    store.connector()
    (name,) = fill(store, "io", 1)
    (claimed,) = store.run(claim, Due(1, LEASE))[0]
    store.run(progress, Progress(claimed, {}, True, LEASE))
    if arrived:
        connector.advance(make_notice(delivery_id=name), {})
    store.clock.pass_by(seconds=61)
    assert store.run(sweep, Sweep(frozenset({(ENTE, "io")} if connector.may_repeat else ())))[0] == Swept(requeued=1)
    return connector


def work(store, connector):
    (claimed,) = store.run(claim, Due(1, LEASE))[0]
    notice = make_notice(delivery_id=claimed.delivery_id)
    Runner(store, store.clock, lambda _: notice, lambda *_: connector, LEASE).run(claimed)
    (row,) = store.deliveries()
    return row


@pytest.mark.parametrize("arrived", [True, False])
def test_what_arrived_is_not_sent_again_and_what_did_not_is(store, folder, arrived):
    connector = died_sending(store, folder, arrived=arrived)
    before = [(path.name, path.stat().st_ino) for path in folder.iterdir()]
    row = work(store, connector)
    after = [(path.name, path.stat().st_ino) for path in folder.iterdir()]
    assert (row["state"], len(after)) == ("delivered", 1)
    assert row["maybe_sent"] is arrived
    assert (before == after) is arrived
