"""The hash chain: whatever is done to a record behind the hub's back is found, and nothing else is."""

import json

import pytest
from sqlalchemy import delete, insert, select, update

from hub.errors import StoreUnavailable
from hub.store.chain import genesis, row_bytes, row_hash, tails, verify_chain
from hub.store.committer import Committer
from hub.store.intake import Submission, Unsigned
from hub.store.readers import Access, record_access
from hub.store.tables import access_log, chain_roots, evidence
from tests.unit.store.making import ENTE, make_draft


def access(n):
    return Access(f"access-{n}", ENTE, "portale", "session", "SpidL2", "list_items", "ok")


@pytest.fixture
def chained(store):
    """Six commits: publications, refusals and reads."""
    committer = Committer(store.database)
    committer.start()
    for n in range(2):
        committer.write(store.intake.record, Submission(store.signed(), act=make_draft(f"m-{n}")))
        committer.write(
            store.intake.record_unsigned,
            Unsigned(f"u-{n}", "publish_message", "token.missing", "0" * 64, peer="public"),
        )
        committer.write(record_access, access(n))
    committer.close()
    return store


def faults(store, anchors=None):
    with store.database.read() as connection:
        return list(verify_chain(connection, anchors or {}))


def anchors_of(store):
    """The tails as they come back from the file of anchors."""
    with store.database.read() as connection:
        return {writer: tuple(tail) for writer, tail in json.loads(json.dumps(tails(connection))).items()}


def change(store, *statements):
    with store.database.write() as tx:
        for statement in statements:
            tx.connection.execute(statement)


def test_an_honest_log_has_no_fault(chained):
    assert faults(chained, anchors_of(chained)) == []


def test_a_chain_of_two_writers_has_no_fault(chained):
    committer = Committer(chained.database)
    committer.start()
    committer.write(record_access, access(9))
    committer.close()
    assert len(anchors_of(chained)) == 2
    assert faults(chained, anchors_of(chained)) == []


def test_a_root_that_is_there_already_costs_one_commit_and_not_all_that_follow(store):
    """As a commit leaves it that was taken for a failed one."""
    committer = Committer(store.database)
    before = committer._chain
    committer.start()
    committer.write(record_access, access(1))
    before._number, before._root = 0, genesis(before.writer_id)
    with pytest.raises(StoreUnavailable):
        committer.write(record_access, access(2))
    committer.write(record_access, access(3))
    committer.close()
    assert {row["request_id"] for row in store.rows(access_log)} == {"access-1", "access-3"}
    assert faults(store) == []


NOT_COVERED = {"row_hash", "writer_id", "root_number", "body_sealed", "tokens_sealed", "sealed_later"}
COLUMNS = [
    (table, column.name)
    for table in (evidence, access_log)
    for column in table.columns
    if column.name not in NOT_COVERED | {"ente_id", "evidence_id", "access_id"}
]


@pytest.mark.parametrize(("table", "name"), COLUMNS, ids=lambda x: getattr(x, "name", x))
def test_a_change_of_any_column_is_found(chained, table, name):
    python_type = table.c[name].type.python_type if name not in ("at", "tokens") else None
    value = chained.clock.moment.replace(year=2020) if name == "at" else {"a": "b"} if name == "tokens" else "changed"
    if python_type is int:
        value = 99
    change(chained, update(table).where(table.c.row_hash == chained.rows(table)[0]["row_hash"]).values({name: value}))
    assert any("was changed" in fault for fault in faults(chained))


LATER = {"verified_by", "message_id", "peer"}


def test_rows_of_before_a_column_keep_their_hash(chained):
    """A migration that adds a column must not make every record look changed."""
    row = chained.rows(evidence)[1] | dict.fromkeys(LATER)
    assert not LATER & json.loads(row_bytes(evidence, row))[1].keys()
    assert row_hash(evidence, row) == row_hash(evidence, {k: v for k, v in row.items() if k not in LATER})


@pytest.mark.parametrize("name", sorted(LATER))
def test_a_later_column_taken_away_is_found(chained, name):
    assert "public" in {row["peer"] for row in chained.rows(evidence)}
    change(chained, update(evidence).values({name: None}))
    expected = name == "peer"  # the others have none here
    assert any("was changed" in fault for fault in faults(chained)) is expected


@pytest.mark.parametrize("table", [evidence, access_log], ids=lambda t: t.name)
def test_a_record_changed_with_its_hash_is_found_by_its_root(chained, table):
    row = chained.rows(table)[0]
    forged = row | {"operation": "forged"}
    values = {"operation": "forged", "row_hash": row_hash(table, forged)}
    change(chained, update(table).where(table.c.row_hash == row["row_hash"]).values(values))
    assert any("do not fit" in fault for fault in faults(chained))


@pytest.mark.parametrize("table", [evidence, access_log], ids=lambda t: t.name)
def test_a_removed_record_is_found(chained, table):
    change(chained, delete(table).where(table.c.row_hash == chained.rows(table)[0]["row_hash"]))
    assert any("1 records written, 0 found" in fault for fault in faults(chained))


def test_an_added_record_is_found(chained):
    row = chained.rows(access_log)[0] | {"access_id": "added"}
    change(chained, insert(access_log).values(row | {"row_hash": row_hash(access_log, row)}))
    assert any("1 records written, 2 found" in fault for fault in faults(chained))


def test_a_record_added_under_a_root_that_is_not_there_is_found(chained):
    row = chained.rows(access_log)[0] | {"access_id": "added", "root_number": 77}
    change(chained, insert(access_log).values(row | {"row_hash": row_hash(access_log, row)}))
    assert any("records without a root" in fault for fault in faults(chained))


def test_two_records_that_changed_places_are_found(chained):
    first, second = chained.rows(access_log)
    move = lambda row, to: update(access_log).where(access_log.c.access_id == row["access_id"]).values(root_number=to)  # noqa: E731
    change(chained, move(first, second["root_number"]), move(second, first["root_number"]))
    assert faults(chained) != []


def test_two_roots_that_changed_places_are_found(chained):
    number = chain_roots.c.root_number
    change(
        chained,
        update(chain_roots).where(number == 1).values(root_number=100),
        update(chain_roots).where(number == 2).values(root_number=1),
        update(chain_roots).where(number == 100).values(root_number=2),
    )
    assert faults(chained) != []


def test_a_whole_commit_taken_out_of_the_middle_is_found(chained):
    change(
        chained,
        delete(chain_roots).where(chain_roots.c.root_number == 3),
        delete(evidence).where(evidence.c.root_number == 3),
        delete(access_log).where(access_log.c.root_number == 3),
    )
    assert any("are missing" in fault for fault in faults(chained))


def cut_tail(store, after):
    change(
        store,
        delete(chain_roots).where(chain_roots.c.root_number > after),
        delete(evidence).where(evidence.c.root_number > after),
        delete(access_log).where(access_log.c.root_number > after),
    )


@pytest.mark.parametrize("after", [0, 1, 5])
def test_a_cut_tail_is_found_by_the_anchor_outside_the_database(chained, after):
    anchors = anchors_of(chained)
    cut_tail(chained, after)
    assert faults(chained) == []
    assert any("cut or rewritten before anchor 6" in fault for fault in faults(chained, anchors))


def test_what_was_written_after_the_last_anchor_may_be_cut_unseen(chained):
    """The limit of the promise: the window between two anchors."""
    anchors = anchors_of(chained)
    committer = Committer(chained.database)
    committer.start()
    committer.write(record_access, access(9))
    committer.close()
    (late,) = {row["writer_id"] for row in chained.rows(chain_roots)} - set(anchors)
    change(
        chained,
        delete(chain_roots).where(chain_roots.c.writer_id == late),
        delete(access_log).where(access_log.c.writer_id == late),
    )
    assert faults(chained, anchors) == []


def test_an_erased_body_breaks_nothing(chained):
    change(chained, update(evidence).values(body_sealed=None, tokens_sealed=b""))
    assert faults(chained, anchors_of(chained)) == []


def test_a_batch_that_failed_leaves_no_gap_in_the_chain(store):
    committer = Committer(store.database)
    committer.start()

    def broken(tx, values):
        record_access(tx, values)
        raise ValueError

    committer.write(record_access, access(1))
    with pytest.raises(ValueError):
        committer.write(broken, access(2))
    committer.write(record_access, access(3))
    committer.close()
    with store.database.read() as connection:
        numbers = connection.execute(select(chain_roots.c.root_number)).scalars().all()
    assert sorted(numbers) == [1, 2]
    assert faults(store) == []
