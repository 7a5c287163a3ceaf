"""What RQ itself does when something dies, on the version pinned: the experiments behind "RQ is a doorbell".

Where one of these fails after an upgrade, RQ has changed, and the tests of our worker say whether it matters.
"""

from pathlib import Path
from typing import Any

import pytest
from redis import Redis as Client
from rq import Queue, Retry, Worker
from rq.exceptions import DuplicateJobError

from ..faults.hub_process import CONTEXT
from ..harness import eventually
from ..real.redis import Redis
from . import rq_jobs

pytestmark = pytest.mark.xdist_group("workers")


def start(redis_server: Redis, *queues: str, dies_after_pop: bool = False) -> Any:
    process = CONTEXT.Process(target=rq_jobs.work, args=(redis_server.url, [*queues], dies_after_pop))
    process.start()
    return process


def queue_of(client: Client, name: str = "a") -> Queue:
    return Queue(name, connection=client, serializer="json")


def where(queue: Queue, job_id: str) -> list[str]:
    """The lists and registries that know the job."""
    places = {
        "queue": queue.job_ids,
        "intermediate": queue.intermediate_queue.get_job_ids(),
        "started": queue.started_job_registry.get_job_ids(cleanup=False),
        "failed": queue.failed_job_registry.get_job_ids(cleanup=False),
    }
    return [name for name, ids in places.items() if job_id in ids]


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def test_a_worker_on_two_queues_that_dies_after_the_pop_loses_the_job(
    redis_server: Redis, client: Client, tmp_path: Path
) -> None:
    queue = queue_of(client)
    job = queue.enqueue(rq_jobs.note, str(tmp_path / "log"))
    start(redis_server, "a", "b", dies_after_pop=True).join(20)
    assert (where(queue, job.id), job.get_status()) == ([], "queued")
    # And the way to mend it that suggests itself is barred by the lost job's own key.
    with pytest.raises(DuplicateJobError):
        queue.enqueue(rq_jobs.note, str(tmp_path / "log"), job_id=job.id, unique=True)
    queue.enqueue(rq_jobs.note, str(tmp_path / "log"), job_id=job.id)
    assert where(queue, job.id) == ["queue"]


def test_a_worker_on_one_queue_that_dies_after_the_pop_leaves_the_job_to_fail_much_later(
    redis_server: Redis, client: Client, tmp_path: Path
) -> None:
    queue = queue_of(client)
    job = queue.enqueue(rq_jobs.note, str(tmp_path / "log"))
    start(redis_server, "a", dies_after_pop=True).join(20)
    assert where(queue, job.id) == ["intermediate"]
    other = Worker([queue], connection=client, serializer="json")
    queue.intermediate_queue.cleanup(other, queue)
    assert where(queue, job.id) == ["intermediate"]
    first_seen = queue.intermediate_queue.get_first_seen_key(job.id)
    client.set(first_seen, float(client.get(first_seen)) - 62)
    queue.intermediate_queue.cleanup(other, queue)
    assert (where(queue, job.id), lines(tmp_path / "log")) == (["failed"], [])


def test_a_work_horse_outlives_its_killed_parent_and_with_retry_runs_beside_its_successor(
    redis_server: Redis, client: Client, tmp_path: Path
) -> None:
    queue, log = queue_of(client), tmp_path / "log"
    job = queue.enqueue(rq_jobs.note, str(log), 2.5, retry=Retry(max=2))
    parent = start(redis_server, "a")
    eventually(lambda: lines(log), lambda seen: seen == ["start"])
    parent.kill()
    parent.join(20)
    # As if its heartbeat had been missing for a minute and a half.
    for key in client.zrange(queue.started_job_registry.key, 0, -1):
        client.zadd(queue.started_job_registry.key, {key: 1})
    queue.started_job_registry.cleanup()
    assert where(queue, job.id) == ["queue"]
    second = start(redis_server, "a")
    eventually(lambda: lines(log), lambda seen: len(seen) == 4)
    assert lines(log) == ["start", "start", "end", "end"]
    second.join(20)


@pytest.mark.parametrize(("append_only", "left"), [(False, 0), (True, 20)])
def test_a_killed_redis_has_lost_the_jobs_unless_it_appended_them(append_only: bool, left: int) -> None:
    with Redis(append_only=append_only) as server, Client.from_url(server.url) as client:
        for _ in range(20):
            queue_of(client).enqueue(rq_jobs.note, "nowhere")
        server.kill()
        server.start()
        assert len(queue_of(client).job_ids) == left
