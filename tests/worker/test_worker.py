"""A worker called by Redis: it delivers at once; whoever dies or hangs delays, and nothing is lost or told twice."""

import json
import signal
import time
import zlib
from collections.abc import Callable
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis import Redis as Client
from rq import Callback, Queue
from rq.exceptions import NoSuchJobError
from rq.serializers import JSONSerializer
from rq.webhook import Webhook
from sqlalchemy import ColumnElement, func, make_url, select

from hub.store.tables import deliveries
from hub.worker.process import Ring

from ..harness import ENTE, ROSSI, eventually
from ..real.redis import Redis
from .world import BODY, SWEEP_S, World, horse_of

pytestmark = pytest.mark.xdist_group("workers")
SOON_S = 12
"""A sweep, a fork and a crowded machine; what waits for Redis or for a sweeper's patience takes twenty at least."""


def titles(*names: str) -> list[str]:
    return sorted(f"Titolo {name}" for name in names)


def test_what_is_published_is_delivered_at_once(world: World) -> None:
    with world.worker(sweep_s=60):
        world.listening()
        world.publish("a", "b", "c")
        world.delivered(3)
    assert world.told() == titles("a", "b", "c")


def test_nothing_personal_goes_through_redis(world: World) -> None:
    with world.client.monitor() as monitor:
        world.publish("a")
        eventually(lambda: world.client.llen("rq:queue:raccordo"), lambda found: found >= 1)
        queue = Queue("raccordo", connection=world.client, serializer="json")
        jobs = queue.jobs
        with world.worker():
            world.delivered(1)
        world.client.echo("that was all")
        commands = (each["command"] for each in monitor.listen())
        seen = "\n".join(takewhile(lambda command: "that was all" not in command, commands))
    assert {tuple(job.args) for job in jobs} <= {(ENTE, "io"), (ENTE, "posta")}
    assert {(job.description, len(job.kwargs)) for job in jobs} == {("drain a lane", 0)}
    assert "drain a lane" in seen
    for secret in (ROSSI, "Titolo", BODY, str(world.hub.deliveries()[0]["delivery_id"])):
        assert secret not in seen


def test_whoever_writes_to_redis_does_not_command_the_worker(world: World) -> None:
    queue = Queue("raccordo", connection=world.client, serializer="json")
    ours, folder = ("hub.worker.jobs.drain", (ENTE, "io")), str(world.folder / "made by a stranger")
    queue.enqueue_call("os.mkdir", args=(folder,))
    queue.enqueue_call(*ours, on_success=Callback("os.mkdir"))
    queue.enqueue_call(*ours, webhooks=[Webhook("http://127.0.0.1:1/", "finished")])
    queue.enqueue_call(ours[0], args=("RSSMRA80A01H501U\n", "io"))
    queue.enqueue_call(ours[0], args=(ENTE,))
    world.client.hset(queue.enqueue_call(*ours).key, "data", b"no json")
    world.client.hset(queue.enqueue_call(*ours).key, "timeout", b"no number")
    world.client.hset(queue.enqueue_call(*ours).key, "data", zlib.compress(bytes(2_000_000)))
    with world.worker():
        world.publish("a")
        world.delivered(1)
        eventually(lambda: world.logs().count("worker.job_refused"), lambda count: count == 8)
    assert not Path(folder).exists()
    assert "RSSMRA" not in world.logs()
    assert world.client.llen("rq:queue:raccordo:intermediate") == 0


def test_a_job_is_measured_before_it_is_unpacked(client: Client) -> None:
    """A megabyte in Redis became a gigabyte in the parent of all work-horses."""
    queue = Queue("raccordo", connection=client, serializer="json")
    job = queue.enqueue_call("hub.worker.jobs.drain", (ENTE, "io"))
    assert Ring.fetch(job.id, connection=client, serializer=JSONSerializer).args == [ENTE, "io"]
    client.hset(job.key, "exc_info", zlib.compress(bytes(2_000_000)))
    with pytest.raises(NoSuchJobError):
        Ring.fetch(job.id, connection=client, serializer=JSONSerializer)
    assert not client.exists(job.key)


@pytest.mark.parametrize("step", ["popped", "notice_made"])
def test_killed_before_anything_was_sent_it_is_delivered_later_and_once(world: World, step: str) -> None:
    with world.worker(step=step) as first:
        world.publish("a")
        eventually((world.folder / "died").exists, bool)
        with world.worker():
            world.delivered(1)
        del first
    assert world.told() == titles("a")


@pytest.mark.parametrize("step", ["marked", "message_sent"])
def test_a_work_horse_killed_while_sending_leaves_it_unconfirmed(world: World, step: str) -> None:
    with world.worker(step=step):
        world.publish("a")
        eventually(world.states, lambda seen: seen["unconfirmed"] == 1)
        world.publish("b")
        world.delivered(1)
    assert world.told() == titles("b") if step == "marked" else titles("a", "b")


def test_a_work_horse_killed_while_mailing_sends_again_with_the_same_message_id(world: World) -> None:
    with world.worker(step="mail_sent"):
        world.publish("a", recipient={"tax_code": ROSSI, "email": "mario@example.it"})
        world.delivered(1, channel="email")
    assert [*world.mails().values()] == [2]


def test_the_work_horse_of_a_killed_parent_finishes_and_nobody_sends_again(world: World) -> None:
    world.io_faults({"kind": "delay", "seconds": 2.5})
    with world.worker(lease_s=10) as first:
        world.publish("a")
        horse = horse_of(first)
        eventually(lambda: _set(world, deliveries.c.about_to_send_at), bool)
        first.kill()
        with world.worker(lease_s=10):
            world.publish("b")
            world.delivered(2)
        horse.wait(30)
    assert world.told() == titles("a", "b")


def test_a_sweeper_that_was_killed_is_started_again(world: World) -> None:
    with world.worker() as worker:
        world.listening()
        for child in worker.children():
            child.kill()
        world.redis.kill()
        try:
            world.publish("a")
            world.delivered(1)
        finally:
            world.redis.start()


@pytest.mark.parametrize(("go", "come_back"), [(Redis.kill, Redis.start), (Redis.freeze, Redis.thaw)])
def test_a_dead_or_frozen_redis_holds_up_neither_publishing_nor_delivering(
    world: World, go: Callable[[Redis], None], come_back: Callable[[Redis], None]
) -> None:
    with world.worker() as worker:
        world.listening()
        go(world.redis)
        try:
            assert world.publish("a", "b") < SOON_S
            assert world.delivered(2) < SOON_S
        finally:
            come_back(world.redis)
        world.publish("c")
        assert world.delivered(3) < SOON_S
        assert worker.is_running()
        eventually(lambda: world.logged("doorbell.recovered"), bool)
    # A line every five seconds, all the night, told nobody when it had begun, nor that it was over.
    assert 1 <= world.logged("doorbell.failed") <= 2
    assert world.told() == titles("a", "b", "c")


def test_a_worker_says_at_its_start_with_what_it_works(world: World) -> None:
    with world.worker():
        eventually(lambda: world.logged("worker.started"), bool)
    (line,) = (each for each in map(json.loads, world.logs().splitlines()) if each["event"] == "worker.started")
    settings = world.hub.home.settings
    database, redis = make_url(settings.database_url), make_url(settings.redis_url)
    assert line["database"] == f"{database.host}:{database.port}/{database.database}"
    assert line["redis"] == f"{redis.host}:{redis.port}/{redis.database}"
    assert (line["version"], line["enti"], line["lanes"]) == (version("raccordo"), "1", "2")
    assert str(database.password) not in world.logs()
    assert str(redis.password) not in world.logs()


def test_a_redis_that_forgot_everything_delays_by_a_sweep(world: World) -> None:
    world.publish("a")
    eventually(lambda: world.client.llen("rq:queue:raccordo"), bool)
    world.client.flushall()
    with world.worker():
        assert world.delivered(1) < SOON_S
        world.client.flushall()
        world.publish("b")
        assert world.delivered(2) < SOON_S
    assert world.told() == titles("a", "b")


def test_a_worker_told_to_stop_finishes_what_it_is_sending(world: World) -> None:
    world.io_faults({"kind": "delay", "seconds": 1})
    with world.worker(lease_s=10) as worker:
        world.publish("a", "b")
        eventually(lambda: _set(world, deliveries.c.about_to_send_at), bool)
        worker.terminate()
        worker.wait(30)
        assert world.states()["delivered"] >= 1
        assert _set(world, deliveries.c.claim_id) == 0
        with world.worker(lease_s=10):
            world.delivered(2)
    assert world.told() == titles("a", "b")


def test_a_worker_told_to_stop_hands_back_what_it_has_not_begun_to_send(world: World) -> None:
    world.io_faults({"kind": "delay", "seconds": 10, "on": "profiles"})
    with world.worker(lease_s=60, stop_grace_s=0) as worker:
        world.publish("a")
        horse_of(worker)
        eventually(lambda: _set(world, deliveries.c.claim_id), bool)
        started = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        eventually(lambda: _set(world, deliveries.c.claim_id), lambda claimed: not claimed)
        assert time.monotonic() - started < 8
        row = world.hub.deliveries()[0]
        with world.worker():
            world.delivered(1)
    assert world.told() == titles("a")
    assert row["attempts"] <= 1


def _set(world: World, column: ColumnElement[Any]) -> int:
    """In how many deliveries the column has a value."""
    with world.hub.home.database.read() as connection:
        return int(connection.execute(select(func.count(column))).scalar_one())


def test_two_workers_and_their_sweepers_tell_everybody_once(world: World) -> None:
    names = [f"m{n}" for n in range(40)]
    with world.worker(), world.worker():
        world.publish(*names)
        world.delivered(len(names), within_s=30)
    assert world.told() == titles(*names)


def test_an_idle_worker_ends_at_once_when_it_is_told(world: World) -> None:
    with world.worker() as worker:
        world.listening()
        children = worker.children()
        worker.terminate()
        worker.wait(SOON_S)
        assert not [child for child in children if psutil.pid_exists(child.pid)]


def test_a_worker_told_to_stop_while_it_begins_does_not_listen_on(world: World) -> None:
    """RQ handles signals only after it has registered: one that came before was lost, and the worker never ended."""
    with world.worker(told="at birth") as worker:
        worker.wait(30)


def test_a_worker_told_to_stop_while_nobody_hears_it_does_not_wait_for_the_next_ring(world: World) -> None:
    """RQ looks only between two jobs: whatever takes its exception for one of its own made it listen for ever."""
    with world.worker(told="while a library counts") as worker:
        worker.wait(30)


def test_without_a_redis_of_theirs_workers_look_for_themselves(world: World) -> None:
    with world.worker(redis_url="") as worker:
        world.publish("a", "b")
        world.delivered(2)
        worker.terminate()
        worker.wait(30)
    assert world.told() == titles("a", "b")


def test_a_worker_in_a_burst_ends_when_nothing_rings(world: World) -> None:
    world.publish("a")
    eventually(lambda: world.client.llen("rq:queue:raccordo"), bool)
    with world.worker(burst=True) as worker:
        worker.wait(30)
    assert world.told() == titles("a")


def test_a_thief_of_rings_does_not_keep_the_sweeper_from_delivering(world: World) -> None:
    with world.sweeper(patience_s=1):
        world.publish("a")
        eventually(lambda: (world.client.delete("rq:queue:raccordo"), world.told())[1], bool)


def test_sweepers_beside_each_other_ring_once(world: World) -> None:
    with world.sweeper(), world.sweeper():
        world.publish("a", "b")
        eventually(lambda: world.client.llen("rq:queue:raccordo"), bool)
        time.sleep(3 * SWEEP_S)
        assert world.client.llen("rq:queue:raccordo") == 1
        assert world.told() == []


def test_a_bell_that_nobody_answers_makes_the_sweeper_deliver(world: World) -> None:
    with world.sweeper(patience_s=1):
        world.publish("a")
        world.delivered(1)
    assert world.client.llen("rq:queue:raccordo") == 1


def test_what_is_due_again_after_a_while_is_found_by_a_sweeper(world: World) -> None:
    world.io_faults({"kind": "error", "status": 500, "on": "profiles"})
    with world.worker():
        world.publish("a")
        assert world.delivered(1) < SOON_S
    assert world.told() == titles("a")
