"""Protected segments: kept once where they are long, and every token whole again."""

import pytest
from sqlalchemy import delete, func, select, update

from hub.store.committer import Committer
from hub.store.intake import Submission
from hub.store.jose_headers import JoseHeaders, verify_segments, whole
from hub.store.tables import evidence, jose_headers
from tests.unit.store.making import make_draft

CHAIN = "c" * 3000
OTHER = "d" * 201
REQUESTS = [
    {"authorization": f"{CHAIN}.p.s", "agid-jwt-signature": f"{CHAIN}.q.t"},
    {"authorization": "short.p.s", "agid-jwt-signature": f"{CHAIN}.q.t"},
    {"agid-jwt-signature": f"{OTHER}.q.t"},
    {"authorization": f"{CHAIN}.p.s", "agid-jwt-signature": "short.q.t"},
    {},
]


def keep(store, headers, requests):
    with store.database.write() as tx:
        return headers.keep(tx, requests)


def read(store, work):
    with store.database.read() as connection:
        return work(connection)


def segments(store):
    return read(store, lambda c: c.execute(select(func.count()).select_from(jose_headers)).scalar_one())


def test_every_token_is_whole_again_and_each_long_segment_stands_once(store):
    headers = JoseHeaders()
    for _ in range(2):
        kept = keep(store, headers, REQUESTS)
        assert read(store, lambda c, kept=kept: [whole(c, tokens) for tokens in kept]) == REQUESTS
    assert segments(store) == 2
    assert max(len(token) for tokens in kept for token in tokens.values()) < 80


def test_what_another_process_wrote_is_not_written_again(store):
    keep(store, JoseHeaders(), REQUESTS[:2])
    keep(store, JoseHeaders(), REQUESTS[:3])
    assert segments(store) == 2


def test_what_was_not_committed_is_written_with_the_next(store):
    headers = JoseHeaders()

    def fail(_tx):
        raise RuntimeError

    with pytest.raises(RuntimeError), store.database.write() as tx:  # noqa: PT012 - the end of the block raises
        headers.keep(tx, REQUESTS)
        tx.before_commit.append(fail)
    assert segments(store) == 0
    keep(store, headers, REQUESTS)
    assert segments(store) == 2


def test_a_missing_segment_is_told(store):
    kept = keep(store, JoseHeaders(), REQUESTS[:1])
    with store.database.write() as tx:
        tx.connection.execute(delete(jose_headers))
    with pytest.raises(LookupError):
        read(store, lambda c: whole(c, kept[0]))


def test_the_audit_finds_a_changed_and_a_missing_segment(store):
    committer = Committer(store.database)
    committer.start()
    committer.write(store.intake.record, Submission(store.signed(tokens=REQUESTS[0]), act=make_draft("m")))
    committer.close()
    assert read(store, lambda c: list(verify_segments(c))) == []
    with store.database.write() as tx:
        tx.connection.execute(update(jose_headers).values(segment=OTHER))
    (fault,) = read(store, lambda c: list(verify_segments(c)))
    assert fault.endswith("the segment was changed")
    with store.database.write() as tx:
        tx.connection.execute(delete(jose_headers))
    (fault,) = read(store, lambda c: list(verify_segments(c)))
    evidence_id = read(store, lambda c: c.execute(select(evidence.c.evidence_id)).scalar_one())
    assert fault == f"evidence {evidence_id}: the protected segment of a token is missing"
