"""What tokens say of persons: sealed, proved all the same, gone with their citizen; and the records of before."""

import base64
import json
from contextlib import suppress
from operator import itemgetter

import pytest
from sqlalchemy import select, update

from hub.errors import VersionConflict
from hub.evidence.sealing import private_of
from hub.security.vault import VaultError
from hub.store.chain import genesis, root_over, row_hash, verify_chain
from hub.store.citizens import Citizens
from hub.store.committer import Committer
from hub.store.erasing import erase_citizen
from hub.store.intake import Submission, Unsigned
from hub.store.jose_headers import whole
from hub.store.sealed_tokens import TokenSeals, commitment, has_sealed, with_opened
from hub.store.tables import chain_roots, evidence
from tests.unit.store.making import ENTE, make_draft

TRACKING = "agid-jwt-trackingevidence"
USER = base64.urlsafe_b64encode(json.dumps({"userID": "RSSMRA80A01H501U"}).encode()).decode().rstrip("=")
TOKENS = {"authorization": f"{'h' * 300}.claims.sig", TRACKING: f"{'h' * 300}.{USER}.signature"}
PRIVATE = frozenset({TRACKING})


@pytest.fixture
def seals(store):
    return TokenSeals(store.vault, Citizens(store.vault))


def records(store):
    return sorted(store.rows(evidence), key=itemgetter("evidence_id"))


def commit(store, *writes):
    committer = Committer(store.database)
    committer.start()
    for handler, value in writes:
        with suppress(VersionConflict):
            committer.write(handler, value)
    committer.close()


@pytest.fixture
def written(store):
    """A publication, a refusal after the signatures and one before them, each with a token that names its user."""
    signed = {"tokens": TOKENS, "private": PRIVATE}
    unsigned = {name: f"{token.rpartition('.')[0]}." for name, token in TOKENS.items()}
    refused = store.signed(**signed)
    commit(
        store,
        (store.intake.record, Submission(store.signed(**signed), act=make_draft("m"))),
        (store.intake.record, Submission(refused, act=make_draft("m", version=1, content_hash="1" * 64))),
        (
            store.intake.record_unsigned,
            Unsigned("u", "publish_message", "digest.mismatch", "0" * 64, tokens=unsigned, private=PRIVATE),
        ),
    )
    return records(store)


def read(store, work):
    with store.database.read() as connection:
        return work(connection)


def opened(store, seals, row):
    return read(store, lambda c: whole(c, with_opened(row, seals.open(c, row))["tokens"]))


def faults(store, seals):
    def found(connection):
        rows = connection.execute(select(evidence).where(has_sealed())).mappings().all()
        return [fault for row in rows for fault in seals.faults(connection, row)]

    return [*read(store, lambda c: list(verify_chain(c, {}, store.vault))), *read(store, found)]


def change(store, row, **values):
    with store.database.write() as tx:
        tx.connection.execute(update(evidence).where(evidence.c.evidence_id == row["evidence_id"]).values(values))


def test_no_column_says_who_the_user_is_and_the_token_opens_whole(store, seals, written):
    assert [row["verdict"] for row in written] == ["accepted", "refused", "refused"]
    for row in written:
        assert USER not in json.dumps(row, default=repr)
        assert "signature" not in row["tokens"][TRACKING]
        assert row["tokens"]["authorization"].partition(".")[2].startswith("claims.")
    assert opened(store, seals, written[0]) == opened(store, seals, written[1]) == TOKENS
    assert opened(store, seals, written[2])[TRACKING] == f"{'h' * 300}.{USER}."
    assert [row["tokens"][TRACKING].endswith(".") for row in written] == [False, False, True]
    assert faults(store, seals) == []


def test_the_same_token_is_never_sealed_into_the_same_hash(written):
    """Else who guesses a user could tell by the hash."""
    assert len({commitment(row["tokens"][TRACKING]) for row in written}) == 3


def test_an_erasure_reaches_the_citizens_record_and_the_chain_still_holds(store, seals, written):
    with store.database.write() as tx:
        erase_citizen(tx, ENTE, written[0]["citizen_id"])
    assert TRACKING in opened(store, seals, written[1])
    assert USER not in json.dumps(opened(store, seals, written[0]))
    assert faults(store, seals) == []


def test_what_is_sealed_can_be_neither_changed_nor_moved(store, seals, written):
    first, second, _ = written
    change(store, first, tokens=first["tokens"] | {TRACKING: second["tokens"][TRACKING]})
    assert any("was changed" in fault for fault in faults(store, seals))
    assert any(f"the sealed {TRACKING} was changed" in fault for fault in faults(store, seals))
    change(store, first, tokens=first["tokens"], tokens_sealed=second["tokens_sealed"])
    with pytest.raises(VaultError):
        faults(store, seals)


@pytest.mark.parametrize("nothing", [None, b""])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_what_is_sealed_cannot_be_taken_away_as_if_its_citizen_were_erased(store, seals, written, number, nothing):
    """Whoever has the database alone could else take back who the user was, and the chain would hold."""
    row = written[number]
    change(store, row, tokens_sealed=nothing)
    assert faults(store, seals) == [f"evidence {row['evidence_id']}: the sealed {TRACKING} was removed"]


def test_what_was_taken_away_is_not_sealed_over(store, seals, written):
    """The hub would vouch for it: what is missing would look like what never was."""
    change(store, written[1], tokens_sealed=None)
    assert seals.seal_old(store.database, judge) == (0, 0)
    (sealed,) = [row for row in records(store) if row["evidence_id"] == written[1]["evidence_id"]]
    assert (sealed["tokens_sealed"], sealed["sealed_later"]) == (None, None)
    assert any("was removed" in fault for fault in faults(store, seals))


@pytest.mark.parametrize("token", ["not.a.token", ".@"])
def test_a_token_that_is_none_is_told_and_stops_no_erasure(store, seals, written, token):
    change(store, written[1], tokens={"authorization": token}, tokens_sealed=None)
    assert seals.seal_old(store.database, private_of) == (0, 1)


def test_a_token_that_was_taken_out_is_a_fault_and_stops_no_audit(store, seals, written):
    change(store, written[0], tokens={"authorization": written[0]["tokens"]["authorization"]})
    assert faults(store, seals) == [f"evidence {written[0]['evidence_id']}: the record was changed"]


# Records of before migration 0028


@pytest.fixture
def old(store, written):
    """The same records as a version before wrote them: in the clear, under one root each."""
    for row, tokens in zip(written, (TOKENS, TOKENS, {TRACKING: f"short.{USER}."}), strict=True):
        clear = {**row, "tokens": tokens}
        hashed = row_hash(evidence, clear)
        change(store, row, tokens=tokens, tokens_sealed=None, row_hash=hashed)
    with store.database.write() as tx:
        before = None
        for root in tx.connection.execute(select(chain_roots).order_by(chain_roots.c.root_number)).all():
            its = select(evidence.c.row_hash).where(evidence.c.root_number == root.root_number)
            before = root_over(before or genesis(root.writer_id), tx.connection.execute(its).scalars())
            itself = chain_roots.c.root_number == root.root_number
            tx.connection.execute(update(chain_roots).where(itself).values(root=before))
    return records(store)


def judge(_connection, row):
    return PRIVATE & row["tokens"].keys()


def test_old_records_hold_in_the_clear_and_sealed_and_are_sealed_once(store, seals, old):
    assert faults(store, seals) == []
    assert seals.seal_old(store.database, judge) == (3, 0)
    assert seals.seal_old(store.database, judge) == (0, 0)
    for before, now in zip(old, records(store), strict=True):
        assert USER not in json.dumps(now, default=repr)
        assert now["row_hash"] == before["row_hash"]
        assert read(store, lambda c, now=now: with_opened(now, seals.open(c, now)))["tokens"] == before["tokens"]
    assert faults(store, seals) == []


def test_of_one_citizen_alone_only_his_are_sealed(store, seals, old):
    """An erasure waits for nobody else's."""
    mine = next(row for row in old if row["citizen_id"])
    his = [row["evidence_id"] for row in old if row["citizen_id"] == mine["citizen_id"]]
    assert seals.seal_old(store.database, judge, (mine["ente_id"], mine["citizen_id"])) == (len(his), 0)
    assert [row["evidence_id"] for row in records(store) if row["tokens_sealed"]] == his
    assert len(his) < len(old)


@pytest.mark.parametrize("column", ["code", "tokens", "sealed_later"])
def test_a_change_of_a_record_sealed_later_is_found(store, seals, old, column):
    seals.seal_old(store.database, judge)
    row = records(store)[0]
    values = {"code": "forged", "tokens": {TRACKING: row["tokens"][TRACKING]}, "sealed_later": "0" * 64}
    change(store, row, **{column: values[column]})
    assert any("the record was changed" in fault for fault in faults(store, seals))


def test_the_word_for_one_record_is_none_for_another(store, seals, old):
    seals.seal_old(store.database, judge)
    first, second, _ = records(store)
    change(store, first, sealed_later=second["sealed_later"])
    assert any("the record was changed" in fault for fault in faults(store, seals))


def test_a_record_that_was_changed_before_is_not_sealed_into_a_good_one(store, seals, old):
    change(store, old[0], code="forged")
    assert seals.seal_old(store.database, judge) == (2, 1)
    assert any("the record was changed" in fault for fault in faults(store, seals))


def test_an_old_record_whose_segment_is_gone_stands_in_no_others_way(store, seals, old):
    """An erasure seals what is left: one broken record must not keep the others in the clear."""

    def broken(connection, row):
        if row["evidence_id"] == old[0]["evidence_id"]:
            raise LookupError("the protected segment is not kept")
        return judge(connection, row)

    assert seals.seal_old(store.database, broken) == (2, 1)


def test_old_records_of_who_was_erased_are_closed_for_good(store, seals, old):
    with store.database.write() as tx:
        erase_citizen(tx, ENTE, old[0]["citizen_id"])
    assert seals.seal_old(store.database, judge) == (3, 0)
    row = records(store)[0]
    assert row["tokens_sealed"] == b""
    assert USER not in json.dumps(row, default=repr)
    assert faults(store, seals) == []
