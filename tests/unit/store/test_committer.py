"""Group commit: what a caller hears is what is on the disk, and a neighbour's poison is the neighbour's alone."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import DataError, OperationalError

from hub.errors import HubError, StoreUnavailable, VersionConflict
from hub.store import bulk
from hub.store.committer import BATCH, GATHERS, LATELY, LONELY, MOST_BYTES, PATIENCE, Committer
from hub.store.tables import versions
from hub.store.works import Coming, Work


def note(tx, names):
    """A handler: each name becomes a row; `conflict` is answered to its own caller, `poison` breaks the transaction."""
    results = []
    for name in names:
        if name.startswith("poison"):
            raise ValueError(name)
        if name.startswith("conflict"):
            results.append(VersionConflict())
            continue
        tx.connection.execute(insert(versions), {"name": name, "value": 1})
        results.append(name)
    return results


@pytest.fixture
def committer(store):
    made = Committer(store.database)
    yield made
    if made._thread.is_alive():
        made.close()


def names(store):
    return {row["name"] for row in store.rows(versions)} - {"trust", "oldest_code"}


def gathered(committer, values, handler=note):
    """Hand everything over before the thread starts, so that it is one batch; returns results and exceptions."""
    with ThreadPoolExecutor(len(values)) as pool:
        futures = [pool.submit(committer.write, handler, value) for value in values]
        while committer._queue.qsize() < len(values):
            pass
        committer.start()
        return [future.exception() or future.result() for future in futures]


def test_a_result_is_heard_only_once_it_is_durable(store, committer):
    committer.start()
    seen = []

    def handler(tx, values):
        with store.database.read() as connection:  # another connection: it sees what is committed, and nothing else
            seen.append(connection.execute(select(versions).where(versions.c.name == "a")).all())
        return note(tx, values)

    committer.write(handler, "a")
    assert seen == [[]]
    assert names(store) == {"a"}


def test_a_batch_is_one_transaction(store, committer):
    counts = []

    def handler(tx, values):
        counts.append(len(values))
        return note(tx, values)

    assert sorted(gathered(committer, [f"n{n}" for n in range(20)], handler)) == sorted(f"n{n}" for n in range(20))
    assert counts == [20]
    assert len(names(store)) == 20


def test_a_conflict_concerns_its_own_request_alone(store, committer):
    results = gathered(committer, ["a", "conflict", "b"])
    assert [isinstance(result, VersionConflict) for result in results].count(True) == 1
    assert names(store) == {"a", "b"}


def test_a_batch_that_fails_is_retried_in_halves(store, committer):
    results = gathered(committer, ["a", "poison", "b", "c"])
    assert [type(result) for result in results if isinstance(result, Exception)] == [ValueError]
    assert names(store) == {"a", "b", "c"}


def test_poison_in_a_batch_makes_few_transactions(committer):
    """One vendor's poison made each of its 255 neighbours a transaction of its own."""
    sizes = []

    def handler(tx, values):
        sizes.append(len(values))
        return note(tx, values)

    gathered(committer, ["poison", *(f"n{n}" for n in range(63))], handler)
    assert len(sizes) <= 13


def test_a_value_that_the_database_refuses_is_no_passing_trouble(committer):
    def handler(_tx, _values):
        raise DataError("INSERT ...", {}, Exception("text fields cannot contain NUL"))

    committer.start()
    with pytest.raises(DataError):
        committer.write(handler, 1)


def test_a_batch_behind_a_lock_that_lasts_is_not_made_to_wait_again(committer):
    tried = []

    def handler(_tx, values):
        tried.append(len(values))
        fault = Exception("canceling statement due to lock timeout")
        fault.sqlstate = "55P03"
        raise OperationalError("SELECT ...", {}, fault)

    results = gathered(committer, [1, 2, 3], handler)
    assert {type(result) for result in results} == {StoreUnavailable}
    assert tried == [3]


def test_the_error_of_a_broken_value_reaches_its_own_caller(committer):
    results = gathered(committer, ["a", "poison-1", "poison-2"])
    assert sorted(str(result) for result in results) == ["a", "poison-1", "poison-2"]


def test_a_database_that_fails_is_answered_503(committer):
    def handler(_tx, _values):
        raise OperationalError("INSERT ...", {}, Exception("disk I/O error"))

    committer.start()
    with pytest.raises(StoreUnavailable) as refused:
        committer.write(handler, 1)
    assert refused.value.headers["Retry-After"]
    assert "disk" not in refused.value.detail


def test_a_database_that_goes_on_failing_is_told_once_and_when_it_is_over(committer, caplog):
    """A sweeper wrote a line every five seconds, a vendor one for each try."""
    caplog.set_level("INFO", "hub.store.committer")
    committer._trouble.calm_s = 0.0

    def handler(_tx, values):
        if values == ["bad"]:
            raise OperationalError("INSERT ...", {}, Exception("connection refused"))
        return values

    committer.start()
    for value in ("bad", "bad", "good", "good"):
        with suppress(StoreUnavailable):
            committer.write(handler, value)
    assert [message.partition(" after_s=")[0] for message in caplog.messages] == [
        "commit.failed error=OperationalError (nothing listens there) handler=handler",
        "commit.recovered",
    ]


def test_the_same_key_twice_in_one_batch_is_the_error_of_one(store, committer):
    results = gathered(committer, ["a", "a"])
    assert sorted(type(result).__name__ for result in results) == ["StoreUnavailable", "str"]
    assert names(store) == {"a"}


def test_a_failed_commit_runs_no_hook(store, committer):
    ran = []

    def handler(tx, values):
        tx.after_commit.append(lambda: ran.append(values))
        return note(tx, values)

    committer.start()
    with pytest.raises(ValueError):
        committer.write(handler, "poison")
    committer.write(handler, "a")
    assert ran == [["a"]]


def test_different_handlers_of_one_batch_share_its_transaction(store, committer):
    nows = []

    def other(tx, values):
        nows.append(tx)
        return note(tx, values)

    def third(tx, values):
        nows.append(tx)
        return note(tx, values)

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(committer.write, handler, name) for handler, name in ((other, "a"), (third, "b"))]
        while committer._queue.qsize() < 2:
            pass
        committer.start()
        assert sorted(future.result() for future in futures) == ["a", "b"]
    assert nows[0] is nows[1]


def test_a_closed_committer_takes_nothing(committer):
    committer.start()
    committer.close()
    with pytest.raises(StoreUnavailable):
        committer.write(note, "a")


def test_a_committer_that_died_lets_nobody_wait(committer):
    """Its callers waited for ever."""
    committer._thread = threading.Thread(target=lambda: None)
    committer._thread.start()
    committer._thread.join()
    with pytest.raises(StoreUnavailable):
        committer.write(note, "a")


def test_closing_writes_what_was_handed_over(store, committer):
    with ThreadPoolExecutor(10) as pool:
        futures = [pool.submit(committer.write, note, f"n{n}") for n in range(10)]
        while committer._queue.qsize() < 10:
            pass
        committer.start()
        committer.close()
        assert len({future.result() for future in futures}) == 10
    assert len(names(store)) == 10


def test_closing_twice_is_closing_once(committer):
    committer.start()
    committer.close()
    committer.close()


def test_a_full_queue_is_503_at_once(store):
    small = Committer(store.database, depth=1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(small.write, note, "a")
        while small._queue.qsize() < 1:
            pass
        with pytest.raises(StoreUnavailable):
            small.write(note, "b")
        small.start()
        assert first.result() == "a"
    small.close()


def test_more_than_a_batch_is_written_all_the_same(store, committer):
    counts = []

    def handler(tx, values):
        counts.append(len(values))
        return note(tx, values)

    async def flood():
        sent = [asyncio.ensure_future(committer.submit(handler, f"n{n}")) for n in range(BATCH + 10)]
        while committer._queue.qsize() < BATCH + 10:
            await asyncio.sleep(0)
        committer.start()
        return await asyncio.gather(*sent)

    assert len(set(asyncio.run(flood()))) == BATCH + 10
    assert max(counts) <= BATCH
    assert len(names(store)) == BATCH + 10


def test_a_batch_ends_with_its_bytes_too(committer):
    """Fifty bodies of a megabyte were one batch, for which everybody waited."""
    sizes = []

    def handler(tx, values):
        sizes.append(len(values))
        return note(tx, values)

    async def all_together():
        calls = [committer.submit(handler, f"n{n}", size=MOST_BYTES // 3 + 1) for n in range(6)]
        waiting = asyncio.gather(*calls)
        while committer.depth < len(calls):
            await asyncio.sleep(0)
        committer.start()
        await waiting

    asyncio.run(all_together())
    assert sizes == [3, 3]


def test_a_coroutine_hears_its_own_result_or_error(committer):
    committer.start()

    async def ask():
        return await asyncio.gather(
            *(committer.submit(note, name) for name in ("a", "conflict", "b")), return_exceptions=True
        )

    first, error, second = asyncio.run(ask())
    assert (first, second) == ("a", "b")
    assert isinstance(error, HubError)


def test_a_caller_that_went_away_does_not_stop_the_others(store, committer):
    async def leave():
        gone = asyncio.ensure_future(committer.submit(note, "gone"))
        kept = asyncio.ensure_future(committer.submit(note, "kept"))
        while committer._queue.qsize() < 2:
            await asyncio.sleep(0)
        gone.cancel()
        committer.start()
        return await kept

    assert asyncio.run(leave()) == "kept"
    assert names(store) == {"gone", "kept"}


def waits(committer, monkeypatch, *, before, here, coming=None, ends_after=None):
    """How often a batch waits for company, after one of `before`, with so many values here; nobody else comes. With
    `coming` it is of announced ones, of whom so many are on their way, until they end."""
    slept = []
    others = [Coming(committer) for _ in range(coming or 0)]
    for each in others:
        each.begin()

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == ends_after:
            for each in others:
                each.end()
        return False

    monkeypatch.setattr(committer._here, "wait", sleep)
    for _ in range(here - 1):
        committer._queue.put(None)
    committer._gather(Work(note, "first", None, None, coming=None if coming is None else Coming(committer)), before)
    for each in others:
        each.end()
    for _ in range(here - 1):
        committer._queue.get()
    return len(slept)


@pytest.mark.parametrize(("before", "here", "expected"), [(1, 1, 0), (20, 10, 0), (20, 9, GATHERS), (2, 1, 0)])
def test_a_batch_waits_a_little_for_half_of_the_one_before(store, committer, monkeypatch, before, here, expected):
    if store.database.is_shared:  # there it waits for all: the other processes use the time
        expected = GATHERS if before > 1 else 0
    assert waits(committer, monkeypatch, before=before, here=here) == expected


def test_a_batch_of_announced_values_waits_for_those_on_their_way_and_no_longer(committer, monkeypatch):
    """One alone was written while thirty were being verified, which then waited for its commit: at every turn."""
    assert waits(committer, monkeypatch, before=40, here=1, coming=3, ends_after=7) == 7 + LONELY
    assert waits(committer, monkeypatch, before=40, here=1, coming=3) == PATIENCE  # they hang
    assert waits(committer, monkeypatch, before=40, here=1, coming=0) == LONELY  # whose next may not be read yet
    assert waits(committer, monkeypatch, before=40, here=BATCH, coming=3) == 0
    assert waits(committer, monkeypatch, before=1, here=1, coming=0) == 0


def test_a_batch_as_large_as_they_lately_were_waits_for_those_on_their_way_alone(committer, monkeypatch):
    """All who publish here had come, and each of their commits looked three times more for others."""
    committer._lately += [12, 17, 16]  # somebody was there by chance
    assert waits(committer, monkeypatch, before=16, here=16, coming=0) == 0
    assert waits(committer, monkeypatch, before=16, here=16) == 0
    assert waits(committer, monkeypatch, before=16, here=16, coming=1, ends_after=3) == 3
    assert waits(committer, monkeypatch, before=16, here=15, coming=0) == LONELY
    committer._lately += [16] * (LATELY - 3)  # there may be more by now
    assert waits(committer, monkeypatch, before=16, here=16, coming=0) == LONELY
    assert waits(committer, monkeypatch, before=16, here=16, coming=0) == LONELY, "it has not been seen how many"


def test_who_waits_for_company_goes_as_soon_as_the_last_is_here(committer, monkeypatch):
    """Not at its next look."""
    monkeypatch.setattr("hub.store.committer.GATHER_S", 30.0)
    committer._lately += [2, 2]
    on_its_way = Coming(committer)
    on_its_way.begin()
    waits, looks = threading.Event(), committer._here.wait

    def look(seconds):
        waits.set()
        return looks(seconds)

    monkeypatch.setattr(committer._here, "wait", look)

    async def hand_over():
        waiting = asyncio.to_thread(committer._gather, Work(note, "first", None, None, coming=Coming(committer)), 2)
        gathering = asyncio.ensure_future(waiting)
        await asyncio.to_thread(waits.wait)
        last = asyncio.ensure_future(committer.submit(note, "last", coming=on_its_way))
        await asyncio.wait_for(gathering, 20)
        last.cancel()

    asyncio.run(hand_over())


def test_who_was_not_on_the_way_wakes_nobody(committer):
    """A batch waits so many looks for company: each reader's line of the access log took it one of them at once."""

    async def hand_over():
        handed = asyncio.ensure_future(committer.submit(note, "unannounced"))
        while not committer.depth:
            await asyncio.sleep(0)
        handed.cancel()

    asyncio.run(hand_over())
    assert not committer._here.is_set()


def test_what_has_come_or_failed_is_on_its_way_no_more(committer):
    committer.start()

    async def ask():
        coming = Coming(committer)
        coming.begin()
        await committer.submit(note, "a", coming=coming)
        coming.end()  # as every request says when it is answered
        full = Coming(committer)
        full.begin()
        committer._most = 0
        with pytest.raises(StoreUnavailable):
            await committer.submit(note, "b", coming=full)

    asyncio.run(ask())
    assert committer.coming == 0


def test_many_threads_lose_nothing(store, committer):
    committer.start()
    barrier = threading.Barrier(8)

    def write(thread):
        barrier.wait()
        return [committer.write(note, f"{thread}-{n}") for n in range(25)]

    with ThreadPoolExecutor(8) as pool:
        written = [name for batch in pool.map(write, range(8)) for name in batch]
    assert names(store) == set(written)
    assert len(written) == 200


def test_several_of_a_thread_are_written_in_their_order_each_with_its_own_end(store, committer):
    committer.start()
    results = committer.write_all(note, ["a", "conflict", "b"])
    assert (results[0], results[2]) == ("a", "b")
    assert isinstance(results[1], HubError)
    assert names(store) == {"a", "b"}


def test_where_the_queue_is_full_nothing_overtakes_what_was_refused(store):
    committer = Committer(store.database, depth=2)
    results = []
    writer = threading.Thread(target=lambda: results.extend(committer.write_all(note, ["a", "b", "c", "d"])))
    writer.start()
    while committer.depth < 2:
        pass
    committer.start()
    writer.join()
    committer.close()
    assert results[:2] == ["a", "b"]
    assert [type(each) for each in results[2:]] == [StoreUnavailable] * 2
    assert names(store) == {"a", "b"}


def test_what_stands_is_told_early_and_heard_once_it_is_durable(store, committer):
    told = []

    def early(result):
        told.append(f"early {result}")
        raise ValueError  # what is prepared may fail: it is nobody's answer yet

    async def heard(name):
        try:
            told.append(f"heard {await committer.submit(note, name, early=early)}")
        except VersionConflict:
            told.append("refused")

    async def all_of_them():
        waiting = asyncio.gather(heard("a"), heard("conflict"))
        await asyncio.sleep(0)
        committer.start()
        await waiting

    asyncio.run(all_of_them())
    assert told == ["early a", "heard a", "refused"]
    assert names(store) == {"a"}


def test_what_was_told_early_of_a_commit_that_failed_is_heard_by_nobody(store, committer, monkeypatch):
    told, run = threading.Event(), bulk._RUN["postgresql"]

    def full(_transaction):
        assert told.wait(30)
        raise OperationalError("COMMIT", None, Exception("the disk is full"))

    def run_or_full(connection, statements):  # there it travels with the last rows
        return full(connection) if statements[-1][0] == "COMMIT" else run(connection, statements)

    async def hear():
        committer.start()
        with pytest.raises(StoreUnavailable):
            await committer.submit(note, "a", early=lambda _: told.set())

    with monkeypatch.context() as faulty:
        faulty.setattr("sqlalchemy.engine.RootTransaction.commit", full)
        faulty.setitem(bulk._RUN, "postgresql", run_or_full)
        asyncio.run(hear())
    assert told.is_set()
    assert names(store) == set()
