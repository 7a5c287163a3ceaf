"""One token used a thousand times by several processes: one use is accepted, on either database (settled 3)."""

import multiprocessing
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from hub.errors import TokenReplayed
from hub.store.committer import Committer
from hub.store.database import Database
from hub.store.intake import Submission
from hub.store.tables import evidence, items, replays
from tests.unit.store.making import FakeClock, Store, make_draft

PROCESSES, USES, AT_ONCE = 4, 250, 25


def of_a_process(url, start, found):
    """The same token, over and over, by many threads of a process with a committer of its own."""
    clock = FakeClock()
    database = Database(url, clock)
    store, committer = Store(database, clock), Committer(database)
    committer.start()

    def use(_):
        try:
            committer.write(store.intake.record, Submission(store.signed(jti="once"), act=make_draft("m")))
        except TokenReplayed:
            return "replayed"
        return "accepted"

    start.wait()
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found.put(Counter(pool.map(use, range(USES))))
    except Exception as exc:
        found.put(Counter({repr(exc): 1}))
        raise
    finally:
        committer.close()
        database.close()


def test_of_a_thousand_uses_of_one_token_by_four_processes_one_is_accepted(store):
    spawn = multiprocessing.get_context("spawn")
    start, found = spawn.Barrier(PROCESSES), spawn.Queue()
    processes = [spawn.Process(target=of_a_process, args=(store.database._url, start, found)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    outcomes = sum((found.get(timeout=60) for _ in processes), Counter())
    for process in processes:
        process.join()
    assert outcomes == {"accepted": 1, "replayed": PROCESSES * USES - 1}
    assert (len(store.rows(replays)), len(store.rows(items))) == (1, 1)
    verdicts = Counter((row["verdict"], row["code"]) for row in store.rows(evidence))
    assert verdicts == {("accepted", "item.created"): 1, ("refused", "token.replayed"): PROCESSES * USES - 1}
