"""A message of a vendor against a model of it: versions early and late, an embargo that moves, days that pass, a worker
that takes what is to be sent, withdrawals (settled 11-13, S4, S28).

What holds whatever happens: it is one message, sent once; nobody reads it or is written to before its time; what was
taken back before it left does not leave; past its end it is still there to be read, and says so.
"""

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from hub.errors import AlreadyWithdrawn, VersionConflict
from hub.store.amendments import Withdraw, Withdrawn
from hub.store.citizens import Subject
from hub.store.drafts import PlannedDelivery, Published
from hub.store.filters import Filters
from hub.store.outbox import Settlement, settle
from hub.store.reading import Reading
from hub.store.sweeping import Sweep, sweep
from tests.harness import make_message
from tests.unit.store.canonical import Canonical, days, instant
from tests.unit.store.machines import StoreMachine, on_each_kind
from tests.unit.store.making import ENTE, START, only, take

PERSON = "RSSMRA80A01H501U"
BY_IO = (PlannedDelivery("io", "io", timedelta(days=1000)),)


class OneMessage(StoreMachine):
    """The model: the newest version, from when until when it holds, and what became of its delivery."""

    @initialize()
    def begin(self):
        self.hub = Canonical(self.store)
        self.store.connector("io")
        self.version, self.gone, self.hidden, self.sent = 0, False, False, None
        self.told_of, self.visible_from, self.ends, self.asks = {}, None, None, False

    def submit(self, version, fields):
        draft = self.hub.drafted("messages", make_message("a", tax_code=PERSON, version=version, **fields))
        (answer,) = self.store.publish(replace(draft, deliveries=BY_IO))
        return answer

    @rule(
        shown_on=st.sampled_from([None, 5, 20]),
        ends_on=st.sampled_from([None, 30, 60]),
        asks=st.booleans(),
        ahead=st.integers(1, 2),
    )
    def publish(self, shown_on, ends_on, asks, ahead):
        version, fields = self.version + ahead, {"requires_confirmation": asks}
        visible_from = None if shown_on is None else START + days(shown_on)
        ends = None if ends_on is None else START + days(ends_on)
        fields |= {} if visible_from is None else {"visible_from": instant(visible_from)}
        fields |= {} if ends is None else {"expires_at": instant(ends)}
        answer = self.submit(version, fields)
        if self.gone:
            assert isinstance(answer, AlreadyWithdrawn)
            return
        assert isinstance(answer, Published), answer
        assert answer.outcome == ("updated" if self.version else "created")
        self.version, self.visible_from, self.ends, self.asks = version, visible_from, ends, asks
        self.hidden = visible_from is not None and visible_from > self.clock.moment
        self.told_of[version] = fields

    @precondition(lambda self: self.version > 1)
    @rule(data=st.data(), asks=st.booleans())
    def publish_late(self, data, asks):
        """What is older than what is known is kept, unless it was told otherwise, and changes nothing."""
        version, before = data.draw(st.integers(1, self.version - 1)), self.hub.item("a")
        fields = {"requires_confirmation": asks}
        answer = self.submit(version, fields)
        if self.told_of.setdefault(version, fields) == fields:
            assert answer.outcome == "superseded"
        else:
            assert isinstance(answer, VersionConflict)
        assert self.hub.item("a") == before

    @precondition(lambda self: self.version)
    @rule()
    def send(self):
        """A worker takes what is due, and delivers it."""
        due = not self.gone and self.sent is None
        due = due and (self.visible_from is None or self.visible_from <= self.clock.moment)
        claims = take(self.store)
        assert len(claims) == due
        for claimed in claims:
            assert self.store.run(settle, Settlement(claimed, "delivered", None)) == [True]
            self.sent = self.clock.moment

    @precondition(lambda self: self.version > 2 and not self.gone)
    @rule()
    def withdraw(self):
        assert isinstance(self.hub.act(Withdraw(self.hub.item("a")["item_id"], "errore")), Withdrawn)
        self.gone = True

    @rule(count=st.sampled_from([1, 6, 15]))
    def wait(self, count):
        self.clock.pass_by(days=count)

    @rule()
    def sweep(self):
        self.store.run(sweep, Sweep(frozenset()))
        self.hub.sweep()
        self.hidden = self.visible_from is not None and self.visible_from > self.clock.moment

    @invariant()
    def it_is_one_message_as_its_newest_version_says(self):
        if not self.version:
            return
        (item,) = self.hub.of(PERSON, "messages")
        turn = "citizen" if self.asks and not self.gone else "none"
        lifecycle = "withdrawn" if self.gone else "active"
        expected = (self.version, "published", turn, lifecycle, self.hidden)
        assert tuple(item[name] for name in ("version", "state", "turn", "lifecycle", "hidden")) == expected

    @invariant()
    def it_is_sent_once_and_not_at_all_where_it_was_taken_back_before(self):
        if not self.version:
            return
        delivery = only(self.store)
        expected = "delivered" if self.sent else "skipped" if self.gone else "queued"
        assert delivery["state"] == expected
        if expected == "queued":
            assert delivery["due_at"] >= (self.visible_from or delivery["due_at"])

    @invariant()
    def its_citizen_reads_it_from_its_time_on_and_sees_when_it_is_over(self):
        if not self.version:
            return
        over = self.ends is not None and self.ends <= self.clock.moment
        shown = [] if self.gone or self.hidden else ["expired" if over else "published"]
        subject = Subject(ENTE, "person", PERSON)
        with self.store.database.look() as look:
            citizen = self.store.citizens.find(look.hold(), subject)
            reading = Reading(look, self.store.vault, citizen, subject, 3, self.clock.moment)
            for state in ("published", "expired"):
                page, more = reading.page(Filters(states=(state,)), sort="-occurred_at", after=None, limit=5)
                assert (len(page), more) == (shown.count(state), False)


TestOnSqlite, TestOnPostgresql = on_each_kind(OneMessage, examples=(20, 3), steps=16)
