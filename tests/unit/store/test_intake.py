"""What a verified request leaves: its token used, its quota counted, its evidence, its act; in that order."""

import gc
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from hub.errors import ContractViolation, QuotaExceeded, RecipientChanged, TokenReplayed, VersionConflict
from hub.store.amendments import Upload, Withdraw
from hub.store.database import Tx
from hub.store.directory import HUB_VENDOR
from hub.store.drafts import Identity, PlannedDelivery, Published, Told
from hub.store.identities import load_by_identity
from hub.store.intake import Read, Submission
from hub.store.packing import unpacked
from hub.store.quotas import used_on_days
from hub.store.sweeping import Sweep, sweep
from hub.store.tables import citizens, evidence, items, quota_usage, replays
from tests.unit.store.making import ENTE, START, make_draft

OTHER = "1" * 64


def record(store, *submissions):
    return store.run(store.intake.record, *submissions)


def test_a_withdrawal_reaches_the_notice_that_an_upload_made_in_the_same_commit(store):
    """The new message is written last: the withdrawal did not see it, and the citizen was told of nothing."""
    identity = Identity(ENTE, "acme", "anagrafe", "d-1", "documents")
    document = {"identity": identity, "state": "announced", "reported_state": "announced", "deliveries": ()}
    (published,) = store.publish(make_draft(**document))
    message = make_draft("told", identity=Identity(ENTE, HUB_VENDOR, "raccordo", "told", "messages"))
    told = make_draft(**document | {"told": Told(message, message.deliveries)})
    upload = Upload(published.item_id, 1, "0" * 64, "key", told)
    withdraw = Withdraw(published.item_id, "errore")
    record(store, *[Submission(store.signed(), act=act) for act in (upload, withdraw)])
    assert {(row["collection"], row["lifecycle"]) for row in store.rows(items)} == {
        ("documents", "withdrawn"),
        ("messages", "withdrawn"),
    }
    assert [(row["state"], row["reason"]) for row in store.deliveries()] == [("skipped", "item.withdrawn")]


def test_the_first_use_of_a_token_in_a_batch_wins(store):
    answers = record(store, *[Submission(store.signed(jti="one"), act=make_draft(f"m-{n}")) for n in range(3)])
    assert [type(answer) for answer in answers] == [Published, TokenReplayed, TokenReplayed]
    assert len(store.rows(items)) == 1


def test_a_batch_leaves_nothing_to_the_collector(store):
    """Each batch's rows stayed in a cycle with their transaction: 10 MB of a server's memory."""
    gc.collect()
    gc.disable()
    try:
        store.publish(make_draft())
        assert not [each for each in gc.get_objects() if type(each) is Tx]
    finally:
        gc.enable()


def test_a_token_used_before_is_refused_before_anything_else_is_said(store):
    record(store, Submission(store.signed(jti="one"), act=Read()))
    (answer,) = record(store, Submission(store.signed(jti="one", daily_quota=0), refusal=ContractViolation()))
    assert isinstance(answer, TokenReplayed)


def test_a_refused_request_consumes_its_token(store):
    record(store, Submission(store.signed(jti="one"), refusal=ContractViolation()))
    assert len(store.rows(replays)) == 1


def test_a_token_is_forgotten_only_well_after_it_could_be_accepted(store):
    record(store, Submission(store.signed(jti="one"), act=Read()))
    expires_at = store.rows(replays)[0]["expires_at"]
    store.clock.moment = expires_at + timedelta(minutes=5)
    store.run(sweep, Sweep(frozenset()))
    assert len(store.rows(replays)) == 1
    store.clock.pass_by(seconds=1)
    store.run(sweep, Sweep(frozenset()))
    assert store.rows(replays) == []


def test_every_request_leaves_one_row_of_evidence(store):
    submissions = [
        Submission(store.signed(jti="a"), act=make_draft()),
        Submission(store.signed(jti="a"), act=make_draft("m-2")),
        Submission(store.signed(), refusal=ContractViolation()),
        Submission(store.signed(), act=Read()),
        Submission(store.signed(), act=make_draft(content_hash=OTHER)),
    ]
    with store.database.write() as tx:
        store.intake.record(tx, submissions)
        found = [(row["verdict"], row["code"]) for row in tx.evidence_rows]
    assert found == [
        ("accepted", "item.created"),
        ("refused", "token.replayed"),
        ("refused", "contract.violation"),
        ("accepted", "read"),
        ("refused", "version.conflict"),
    ]


def test_a_refused_body_is_kept_by_its_hash_alone(store):
    with store.database.write() as tx:
        store.intake.record(tx, [Submission(store.signed(body=b"RSSMRA80A01H501U"), refusal=ContractViolation())])
        (row,) = tx.evidence_rows
    assert row["body_sealed"] is None
    assert "RSSMRA" not in str(row)
    assert store.rows(evidence) == []  # the chain writes the rows, with the commit


@pytest.mark.parametrize("padding", [0, 1_000_000])
def test_an_accepted_body_is_kept_as_it_was_signed_without_what_it_was_padded_with(store, padding):
    body = b" " * padding + b'{"external_id": "m-1"}'
    with store.database.write() as tx:
        store.intake.record(tx, [Submission(store.signed(body=body), act=make_draft())])
        (row,) = tx.evidence_rows
        citizen = store.citizens.find(tx.connection, make_draft().subject)
    place = f"evidence|body|{ENTE}|{row['evidence_id']}"
    assert unpacked(store.vault.open_with(citizen.data_key, row["body_sealed"], place)) == body
    assert len(row["body_sealed"]) < 10_000


@pytest.mark.parametrize("batched", [True, False])
def test_the_quota_is_exact_over_and_within_batches(store, batched):
    wishes = [Submission(store.signed(daily_quota=3), act=make_draft(f"m-{n}")) for n in range(5)]
    answers = record(store, *wishes) if batched else [record(store, wish)[0] for wish in wishes]
    assert [type(answer) for answer in answers] == [Published] * 3 + [QuotaExceeded] * 2
    assert [row["used"] for row in store.rows(quota_usage)] == [3]


@pytest.mark.parametrize(
    ("at", "wait_s"),
    [
        ("2026-11-23T22:59:30+00:00", 31),
        ("2026-11-23T23:00:00+00:00", 24 * 3600 + 1),  # midnight in Rome, not yet in Greenwich
        ("2026-10-24T22:00:00+00:00", 25 * 3600 + 1),  # the night on which the clocks go back
        ("2026-07-01T21:59:59+00:00", 2),
    ],
)
def test_the_quota_begins_anew_at_midnight_in_rome_and_says_how_long_that_is(store, at, wait_s):
    store.clock.pass_by(seconds=(datetime.fromisoformat(at) - store.clock.now()).total_seconds())
    wish = lambda n: Submission(store.signed(daily_quota=1), act=make_draft(f"m-{n}"))  # noqa: E731
    _, over = record(store, wish(1), wish(2))
    assert over.headers["Retry-After"] == over.headers["X-RateLimit-Reset"] == str(wait_s)
    store.clock.pass_by(seconds=wait_s - 2)
    assert isinstance(record(store, wish(3))[0], QuotaExceeded)
    store.clock.pass_by(seconds=2)
    assert isinstance(record(store, wish(4))[0], Published)


def test_whoever_wants_more_than_is_left_is_told_of_the_days_limit_and_what_is_left(store):
    taken, over, last = record(
        store,
        *(
            Submission(store.signed(daily_quota=3), act=make_draft(f"m-{n}"), cost=cost)
            for n, cost in enumerate((2, 2, 1))
        ),
    )
    assert [type(taken), type(over), type(last)] == [Published, QuotaExceeded, Published]
    assert (over.headers["X-RateLimit-Limit"], over.headers["X-RateLimit-Remaining"]) == ("3", "1")
    assert "1 of today's quota of 3 are left, and this takes 2" in over.detail
    with store.database.read() as connection:
        assert used_on_days(connection, ENTE, "acme") == [("2026-11-24", 3)]


def test_the_quota_of_one_vendor_is_not_anothers(store):
    record(store, Submission(store.signed(daily_quota=1), act=make_draft()))
    draft = make_draft("m-2")
    (answer,) = record(store, Submission(store.signed(vendor="beta", daily_quota=1), act=draft))
    assert isinstance(answer, Published)


# --- publications in one batch: each follows the one before


@pytest.mark.parametrize(
    ("second", "outcome"),
    [
        ({}, "unchanged"),
        ({"version": 2, "content_hash": OTHER}, "updated"),
        ({"content_hash": OTHER}, VersionConflict),
        ({"version": 2, "tax_code": "BNCLRA85C41F205P"}, RecipientChanged),
    ],
)
@pytest.mark.parametrize("batched", [True, False])
def test_two_of_one_identity_are_judged_alike_in_one_batch_and_in_two(store, second, outcome, batched):
    drafts = [make_draft(), make_draft(**second)]
    answers = store.publish(*drafts) if batched else [store.publish(draft)[0] for draft in drafts]
    assert answers[0].outcome == "created"
    assert getattr(answers[1], "outcome", type(answers[1])) == outcome
    assert len(store.rows(items)) == 1
    assert len(store.deliveries()) == 1


@pytest.mark.parametrize("batched", [True, False])
def test_versions_in_any_order_leave_the_newest(store, batched):
    drafts = [make_draft(version=n, content_hash=str(n) * 64) for n in (2, 1, 3, 1)]
    answers = store.publish(*drafts) if batched else [store.publish(draft)[0] for draft in drafts]
    assert [answer.outcome for answer in answers] == ["created", "superseded", "updated", "superseded"]
    assert [(row["version"], row["content_hash"]) for row in store.rows(items)] == [(3, "3" * 64)]


def test_an_embargo_that_is_moved_moves_what_tells_of_it(store):
    """A new version said "not before next year", and its text left with the notice of the first."""
    at = lambda hours: START + timedelta(hours=hours)  # noqa: E731
    message = make_draft("p-1.rule", identity=Identity(ENTE, "raccordo", "hub", "rule", "messages"))
    own, payment = make_draft("m-1"), Identity(ENTE, "acme", "tributi", "p-1", "payments")
    for version, hours in ((1, 1), (2, 48), (3, 2)):
        made = {"version": version, "content_hash": str(version) * 64, "visible_from": at(hours)}
        told = Told(replace(message, visible_from=at(hours)), message.deliveries)
        about = replace(own, identity=payment, told=told, deliveries=(), **made)
        store.publish(replace(own, **made), about)
        rows = store.deliveries()
        assert [row["due_at"] for row in rows] == [at(hours)] * 2
        assert {row["expires_at"] - row["due_at"] for row in rows} == {timedelta(days=3)}
        assert [row["visible_from"] for row in store.rows(items)] == [at(hours)] * 3


def test_two_vendors_notices_do_not_wait_for_each_other(store):
    ordered = (PlannedDelivery("io", "io", timedelta(days=3), ordered=True),)
    for vendor in ("acme", "beta"):
        identity = Identity(ENTE, vendor, "tributi", "m-1", "messages")
        store.publish(make_draft(identity=identity, deliveries=ordered), vendor=vendor)
    assert len({row["order_key"] for row in store.deliveries()}) == 2


def test_only_the_items_that_are_named_are_read(store):
    """A vendor's own sources and names, published crosswise: a batch of n of them locked and loaded n * n."""
    crosswise = [Identity(ENTE, "acme", source, name, "messages") for source in "abc" for name in "abc"]
    store.publish(*(make_draft(identity=identity) for identity in crosswise))
    wanted = {identity for identity in crosswise if identity.source == identity.external_id}
    with store.database.write() as tx:
        assert set(load_by_identity(tx, wanted, lock=True)) == wanted


def test_one_citizen_is_made_once_a_batch(store):
    store.publish(*[make_draft(f"m-{n}") for n in range(3)], make_draft("m-9", tax_code="BNCLRA85C41F205P"))
    assert len(store.rows(citizens)) == 2


def test_a_citizen_of_a_batch_that_failed_is_not_remembered(store):
    """A cached identity whose row was rolled back would leave items without an owner."""
    try:
        with store.database.write() as tx:
            store.intake.record(tx, [Submission(store.signed(), act=make_draft())])
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    store.publish(make_draft())
    assert {row["citizen_id"] for row in store.rows(citizens)} == {row["citizen_id"] for row in store.rows(items)}


def test_the_order_of_answers_is_that_of_requests(store):
    wishes = [
        Submission(store.signed(), act=Read()),
        Submission(store.signed(), act=make_draft("a")),
        Submission(store.signed(), refusal=ContractViolation()),
        Submission(store.signed(), act=make_draft("b")),
    ]
    answers = record(store, *wishes)
    assert [getattr(answer, "external_id", type(answer)) for answer in answers] == [Read, "a", ContractViolation, "b"]
