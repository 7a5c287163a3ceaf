"""Sequence numbers: given last, in commit order, without gap or repeat within an ente."""

from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.store.bulk import Journey
from hub.store.committer import Committer
from hub.store.intake import Submission
from hub.store.rows import take_numbers
from hub.store.sweeping import Sweep, sweep
from hub.store.tables import items, sequences
from tests.unit.store.following import seen_while
from tests.unit.store.making import ENTE, FakeClock, fresh_database, make_draft


def numbers(store):
    with store.database.read() as connection:
        return connection.execute(select(items.c.sequence).order_by(items.c.sequence)).scalars().all()


def test_each_item_of_a_batch_has_its_own_number(store):
    store.publish(*[make_draft(f"m-{n}") for n in range(5)])
    store.publish(make_draft("m-9"))
    assert numbers(store) == [1, 2, 3, 4, 5, 6]


def test_a_changed_item_has_a_new_number(store):
    store.publish(make_draft())
    store.publish(make_draft("m-2"))
    store.publish(make_draft(version=2, content_hash="1" * 64))
    assert numbers(store) == [2, 3]


def test_an_item_changed_twice_in_a_batch_has_one_new_number(store):
    store.publish(make_draft(), make_draft(version=2, content_hash="1" * 64))
    assert numbers(store) == [1]


def test_what_changes_nothing_takes_no_number(store):
    store.publish(make_draft())
    store.publish(make_draft())
    assert numbers(store) == [1]
    assert store.rows(sequences) == [{"ente_id": ENTE, "value": 1}]


@pytest.mark.parametrize("hidden", [False, True])
def test_a_sweep_and_publications_in_one_transaction_number_each_item_once(store, hidden):
    """The sweep's empty batch had the numbers given twice: the whole commit failed, and was tried one by one."""
    visible_from = store.clock.moment + timedelta(hours=1) if hidden else None
    store.publish(make_draft(visible_from=visible_from))
    store.clock.pass_by(hours=2)
    with store.database.write() as tx:
        sweep(tx, [Sweep(frozenset())])
        store.intake.record(tx, [Submission(store.signed(), act=make_draft(f"n-{n}")) for n in range(3)])
    assert numbers(store) == ([2, 3, 4, 5] if hidden else [1, 2, 3, 4])
    assert store.rows(sequences)[0]["value"] == numbers(store)[-1]


@settings(max_examples=20, deadline=None)
@given(batches=st.lists(st.lists(st.sampled_from(["a", "b", "c"]), max_size=5), max_size=6))
def test_every_ente_counts_for_itself(kind, tmp_path_factory, batches):
    given_out: dict[str, list[int]] = {}
    folder = tmp_path_factory.mktemp("sequences")
    with fresh_database(kind, folder, FakeClock()) as database, database.write() as tx:
        for batch in batches:
            rows = [{"ente_id": ente_id} for ente_id in batch]
            take_numbers(Journey(tx.connection), (sequences, rows, "sequence"))
            for row in rows:
                given_out.setdefault(row["ente_id"], []).append(row["sequence"])
    assert all(found == list(range(1, len(found) + 1)) for found in given_out.values())


def test_a_reader_never_sees_a_number_appear_below_one_it_has_seen(store):
    """Two writers: numbers taken early and committed late would let `changes` skip an item."""
    writers = [Committer(store.database), Committer(store.database)]
    for writer in writers:
        writer.start()

    def write(which):
        for n in range(30):
            writers[which].write(store.intake.record, Submission(store.signed(), act=make_draft(f"{which}-{n}")))

    assert seen_while(store, *(partial(write, which) for which in (0, 1))) == list(range(1, 61))
    for writer in writers:
        writer.close()
