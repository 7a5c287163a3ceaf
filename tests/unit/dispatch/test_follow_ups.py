"""What becomes of a message after it was delivered: asked for days, and never at the cost of the delivery."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from connectors.base.conformance import make_notice
from contracts.connector import Connector, Continue, Done, Manifest
from contracts.failures import Deferred, Misconfigured, Rejected, Skipped
from contracts.inbound import ProviderDocument, Report
from hub.dispatch.follow_ups import FollowUps
from hub.dispatch.runner import Runner
from hub.store.reports import take_reports
from hub.store.tables import connectors, deliveries, timeline, vendor_events
from tests.unit.store.making import START, make_draft, only, take

MANIFEST = Manifest(name="odd", title="Odd", channel="io")
READ = Report("read", START, provider_id="P-1")


def told_of(claim):
    return make_notice(delivery_id=claim.delivery_id)


class Asking:
    """A connector that hands over at once, and answers each question with the next of a list."""

    def __init__(self, store, *answers):
        self.store, self.answers, self.asked = store, list(answers), []
        self.connector = Connector(MANIFEST, self.advance, lambda: "", follow_up=self.follow_up)
        self.kept = []
        self.follow_ups = FollowUps(store, told_of, lambda *_: self.connector, self.keep)

    def keep(self, claim, made):
        if self.kept == ["suspended"]:
            raise Misconfigured("source.vendor_unknown")
        self.kept += [(claim.delivery_id, each.name) for each in made.documents]

    def advance(self, _notice, _memo):
        return Done("P-1", follow_up=Continue({"n": 0}, after=timedelta(hours=1)))

    def follow_up(self, claim, memo):
        self.asked.append((claim.delivery_id, memo))
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def deliver(self, count=1):
        self.store.connector()
        for number in range(count):
            self.store.publish(make_draft(f"m-{number}"))
        self.run()

    def run(self):
        """Whatever is due is delivered."""
        runner = Runner(self.store, self.store.clock, told_of, lambda *_: self.connector, timedelta(minutes=1))
        for claim in take(self.store):
            runner.run(claim)

    def after(self, **time):
        self.store.clock.pass_by(**time)
        return self.follow_ups.look()


def events(store):
    return [row["event"] for row in store.rows(timeline) if row["event"].startswith(("notified", "read"))]


def test_what_was_delivered_is_asked_about_and_what_is_learned_is_told_once(store):
    asking = Asking(store, Continue({"n": 1}, timedelta(hours=3), reports=(READ,)), Done(reports=(READ,)))
    asking.deliver()
    assert (only(store)["state"], asking.follow_ups.look()) == ("delivered", 0)
    assert asking.after(hours=1.1) == 1
    assert asking.after(hours=2.8) == 0
    assert asking.after(hours=0.3) == 1
    assert asking.after(days=30) == 0
    assert [memo for _, memo in asking.asked] == [{"n": 0}, {"n": 1}]
    assert (only(store)["state"], only(store)["follow_up_at"]) == ("delivered", None)
    assert events(store) == ["notified", "read_on_channel"]


def test_one_whose_notice_cannot_be_made_does_not_hold_up_the_others(store):
    asking = Asking(store, Done(reports=(READ,)))
    asking.deliver(2)
    first = min(row["delivery_id"] for row in store.deliveries())

    def broken(claim):
        if claim.delivery_id == first:
            raise KeyError("ente")
        return told_of(claim)

    asking.follow_ups = FollowUps(store, broken, lambda *_: asking.connector, asking.keep)
    assert asking.after(hours=1.1) == 2
    assert [delivery_id for delivery_id, _ in asking.asked] != [first]
    assert len(asking.asked) == 1


def paper(name):
    return ProviderDocument(name, "attestazione", "Attestazione", "a.pdf", "application/pdf", START, b"%PDF")


def test_papers_are_kept_before_the_memo_that_passes_over_them(store):
    found = Continue({"n": 1}, timedelta(hours=3), documents=(paper("a.pdf"), paper("b.pdf")))
    asking = Asking(store, found, found, Done())
    asking.deliver()
    asking.kept = ["suspended"]
    asking.after(hours=1.1)
    assert asking.asked[-1][1] == {"n": 0}
    asking.kept = []
    asking.after(hours=23)
    assert len(asking.asked) == 1
    asking.after(hours=1.1)
    assert [name for _, name in asking.kept] == ["a.pdf", "b.pdf"]
    asking.after(hours=3.1)
    assert [memo for _, memo in asking.asked] == [{"n": 0}, {"n": 0}, {"n": 1}]


def test_a_vendor_without_the_right_learns_nothing_of_it(store):
    asking = Asking(store, Done(reports=(READ,)))
    asking.deliver()
    asking.after(hours=1.1)
    (told,) = [row for row in store.rows(vendor_events) if row["event"] == "read_on_channel"]
    assert told["detail"]


@pytest.mark.parametrize(
    ("failure", "wait"),
    [(Deferred("x.away"), {"hours": 1.1}), (Misconfigured("x.key"), {"days": 1.1}), (Skipped("x.odd"), {"hours": 1})],
)
def test_a_failure_puts_off_all_of_that_provider_and_touches_no_delivery(store, failure, wait):
    asking = Asking(store, failure, Done(), Done())
    asking.deliver(2)
    assert asking.after(hours=1.1) == 2
    assert len(asking.asked) == 1
    assert {row["state"] for row in store.deliveries()} == {"delivered"}
    assert {row["status"] for row in store.rows(connectors)} == {"active"}
    assert asking.follow_ups.look() == 0
    assert asking.after(**wait) == 2
    assert len(asking.asked) == 3


def test_a_bug_ends_the_questions_about_one_alone(store):
    asking = Asking(store, KeyError("x"), Done())
    asking.deliver(2)
    asking.after(hours=1.1)
    assert (len(asking.asked), {row["follow_up_at"] for row in store.deliveries()}) == (2, {None})


def test_a_refusal_ends_the_questions_about_one_alone(store):
    asking = Asking(store, Rejected("x.no"), Done())
    asking.deliver(2)
    assert asking.after(hours=1.1) == 2
    assert (len(asking.asked), {row["follow_up_at"] for row in store.deliveries()}) == (2, {None})


@pytest.mark.parametrize("content", [b"%PDF", None])
def test_what_a_provider_made_is_asked_for_again_where_it_is_not_kept(store, content):
    made = replace(paper("a.pdf"), content=content)
    asking, kept = Asking(store, Done(documents=(made,)), Done(documents=(made,))), []
    asking.deliver()

    def keep(claim, made):
        if not kept:
            kept.append("not yet")
            raise Deferred("store.unavailable", about="message")
        kept.append((claim.delivery_id, *made.documents))

    asking.follow_ups = FollowUps(store, told_of, lambda *_: asking.connector, keep)
    asking.after(hours=1.1)
    assert kept == ["not yet"]
    asking.after(hours=1.1)
    assert kept[1:] == [(only(store)["delivery_id"], made)]
    assert only(store)["follow_up_at"] is None


def test_nothing_is_asked_for_ever(store):
    asking = Asking(store, *[Continue({}, timedelta(days=20))] * 9)
    asking.deliver()
    for _ in range(9):
        asking.after(days=20)
    assert len(asking.asked) == 3


def test_how_long_it_is_asked_is_the_connectors_own_matter(store):
    asking = Asking(store, *[Continue({}, timedelta(days=20))] * 12)
    longer = MANIFEST.model_copy(update={"followed_days": 180})
    asking.connector = replace(asking.connector, manifest=longer)
    asking.deliver()
    for _ in range(12):
        asking.after(days=20)
    assert len(asking.asked) == 9


def test_a_process_that_died_over_a_question_leaves_it_to_the_next(store):
    asking = Asking(store, SystemExit(), Done())
    asking.deliver()
    with suppress(SystemExit):
        asking.after(hours=1.1)
    assert asking.follow_ups.look() == 0
    assert asking.after(minutes=10) == 1
    assert len(asking.asked) == 2


def test_what_nobody_may_know_any_more_is_not_asked(store):
    asking = Asking(store)
    asking.deliver()

    def gone(_claim):
        raise Skipped("item.withdrawn")

    asking.follow_ups = FollowUps(store, gone, lambda *_: asking.connector, asking.keep)
    assert asking.after(hours=1.1) == 1
    assert asking.after(days=30) == 0
    assert asking.asked == []


def test_a_paused_connector_asks_nothing(store):
    asking = Asking(store, Done())
    asking.deliver()
    with store.database.write() as tx:
        tx.connection.execute(update(connectors).values(status="paused"))
    assert asking.after(hours=2) == 0


def test_one_that_is_sent_again_by_a_person_is_not_asked_about_meanwhile(store):
    asking = Asking(store, Done(reports=(READ,)))
    asking.deliver()
    with store.database.write() as tx:
        tx.connection.execute(update(deliveries).values(state="queued"))
    store.clock.pass_by(hours=1.1)
    assert asking.follow_ups.look() == 0
    assert "read_on_channel" not in events(store)
    assert only(store)["memo"] == {"n": 0}


def test_what_is_learned_on_the_way_is_kept_with_the_settlement(store):
    asking = Asking(store)
    steps = [
        Continue({"a": 1}, reports=(Report("read", START, delivery_id="other"),)),
        Continue({"a": 2}, timedelta(hours=1), accepted=True, reports=(Report("paid", START, provider_id="none"),)),
    ]
    asking.connector = Connector(MANIFEST, lambda *_: steps.pop(0), lambda: "")
    asking.deliver()
    assert only(store)["state"] == "waiting"
    (row,) = store.deliveries()
    steps.append(Done("P", reports=(Report("read", START, delivery_id=row["delivery_id"]),)))
    store.clock.pass_by(hours=1.1)
    asking.run()
    assert events(store) == ["notified", "read_on_channel"]


def test_after_a_failure_what_is_young_is_asked_about_soon_and_what_is_old_once_an_hour(store):
    failures = [*(Deferred("x.away") for _ in range(3)), Deferred("x.busy", after=timedelta(hours=5))]
    asking = Asking(store, *failures, Done())
    asking.deliver()
    assert asking.after(hours=1.1) == 1
    assert asking.after(minutes=16) == 0
    assert asking.after(minutes=1) == 1
    assert asking.after(days=1) == 1
    assert asking.after(minutes=59) == 0
    assert asking.after(minutes=2) == 1
    assert asking.after(hours=4.9) == 0, "the provider wishes to be left alone"
    assert asking.after(hours=0.2) == 1


def test_one_that_failed_after_all_is_asked_about_no_more(store):
    asking = Asking(store, Done())
    asking.deliver()
    failed = Report("failed", START, provider_id="P-1", reason="x.gone")
    with store.database.write() as tx:
        take_reports(tx, "c_h501", "io", [failed])
    assert (only(store)["state"], only(store)["follow_up_at"]) == ("rejected", None)
    assert asking.after(days=1) == 0


def test_a_round_is_followed_by_a_pause(store):
    """A thread that looks on for as long as it finds something would ask twenty thousand questions in a row."""
    asking = Asking(store, Done())
    asking.deliver()
    store.clock.pass_by(hours=1.1)
    assert asking.follow_ups.paced() == 0
    assert len(asking.asked) == 1
