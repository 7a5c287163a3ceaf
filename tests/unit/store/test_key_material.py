"""What tokens were verified with: kept once, named by each record, and missed where it is gone."""

import pytest
from sqlalchemy import delete, func, select, update

from hub.store.committer import Committer
from hub.store.intake import Submission
from hub.store.key_material import KeyMaterial, verify_material, whole_chains
from hub.store.tables import evidence, key_material
from tests.unit.store.making import make_draft

CHAIN = (b"leaf", b"issuer", b"anchor")
REQUESTS = [
    {"authorization": CHAIN, "agid-jwt-signature": CHAIN},
    {"authorization": (b"voucher key",), "agid-jwt-signature": CHAIN},
    {"agid-jwt-signature": (b"other leaf", b"issuer", b"anchor")},
    {},
]


def keep(store, material, requests):
    with store.database.write() as tx:
        return material.keep(tx, requests)


def read(store, work):
    with store.database.read() as connection:
        return work(connection)


def test_each_piece_is_kept_once_and_every_chain_is_whole_again(store):
    material = KeyMaterial()
    for _ in range(2):
        kept = keep(store, material, REQUESTS)
    keep(store, KeyMaterial(), REQUESTS)  # as another process would
    assert read(store, lambda c: c.execute(select(func.count()).select_from(key_material)).scalar_one()) == 5
    assert list(kept[0]) == ["authorization"]
    assert kept[3] is None
    found = read(store, lambda c: [whole_chains(c, k, r) for k, r in zip(kept, REQUESTS, strict=True)])
    assert found == REQUESTS


def test_what_was_not_committed_is_written_with_the_next(store):
    material = KeyMaterial()

    def fail(_tx):
        raise RuntimeError

    with pytest.raises(RuntimeError), store.database.write() as tx:  # noqa: PT012 - the end of the block raises
        material.keep(tx, REQUESTS)
        tx.before_commit.append(fail)
    keep(store, material, REQUESTS)
    assert read(store, lambda c: c.execute(select(func.count()).select_from(key_material)).scalar_one()) == 5


def test_the_audit_finds_a_changed_and_a_missing_certificate(store):
    committer = Committer(store.database)
    committer.start()
    committer.write(store.intake.record, Submission(store.signed(verified_by=REQUESTS[0]), act=make_draft("m")))
    committer.close()
    assert read(store, lambda c: list(verify_material(c))) == []
    leaf = key_material.c.der == b"leaf"
    with store.database.write() as tx:
        tx.connection.execute(update(key_material).where(leaf).values(der=b"another"))
    (fault,) = read(store, lambda c: list(verify_material(c)))
    assert fault.endswith("the key or certificate was changed")
    with store.database.write() as tx:
        tx.connection.execute(delete(key_material).where(key_material.c.der == b"another"))
    (fault,) = read(store, lambda c: list(verify_material(c)))
    row = read(store, lambda c: c.execute(select(evidence)).mappings().one())
    assert fault.startswith(f"evidence {row['evidence_id']}: the key or certificate")
    with pytest.raises(LookupError):
        read(store, lambda c: whole_chains(c, row["verified_by"], ["authorization"]))
