"""A deadline that a source publishes against a model of it: versions early and late, days that pass, withdrawals
(settled 11, 12, S6).

What holds whatever happens: it is as its newest version says until its moment is past; the citizen is reminded on each
day once, never of what is done and never when it is too late, and of what was missed by the nearest reminder alone,
while the timeline says why the others stayed away; what is over is on no agenda.
"""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from contracts.states import MACHINES
from hub.errors import AlreadyWithdrawn, VersionConflict
from hub.ingest.rules import standard
from hub.store.amendments import Withdraw, Withdrawn
from hub.store.drafts import Published
from hub.store.tables import agenda, timeline
from tests.flows.making import make_deadline
from tests.unit.store.canonical import Canonical, days, instant
from tests.unit.store.machines import StoreMachine, on_each_kind
from tests.unit.store.making import START

PERSON, KIND = "RSSMRA80A01H501U", "citizen_duty"
RULE = standard().reminding("deadlines", KIND)


class OneDeadline(StoreMachine):
    """The model: the newest version, what it says, which reminders it still plans, and those that were told."""

    @initialize()
    def begin(self):
        self.hub = Canonical(self.store)
        self.version, self.state, self.due = 0, "open", START
        self.told_of, self.gone, self.swept = {}, False, False
        self.planned, self.offsets, self.reminded, self.skipped = {}, (), set(), []

    def submit(self, version, fields):
        (answer,) = self.store.publish(self.hub.drafted("deadlines", make_deadline("a", version=version, **fields)))
        return answer

    @rule(
        state=st.sampled_from(["open", "open", *MACHINES["deadlines"].ways]),
        day=st.sampled_from([10, 30, 50]),
        offsets=st.sampled_from([None, (), (3,), (1, 7)]),
        ahead=st.integers(1, 2),
    )
    def publish(self, state, day, offsets, ahead):
        version, fields = self.version + ahead, {"state": state, "due_at": instant(START + days(day))}
        if offsets is not None:
            fields["reminder_offsets"] = list(offsets)
        answer = self.submit(version, fields)
        if self.gone:
            assert isinstance(answer, AlreadyWithdrawn)
            return
        assert isinstance(answer, Published), answer
        self.version, self.state, self.due, self.swept = version, state, START + days(day), False
        self.told_of[version] = fields
        self.offsets = RULE.days if offsets is None else offsets
        ahead_of_it = {n: self.due - timedelta(days=n) for n in self.offsets}
        self.planned = {n: at for n, at in ahead_of_it.items() if state == "open" and at > self.clock.moment}

    @precondition(lambda self: self.version > 1)
    @rule(data=st.data(), state=st.sampled_from(["open", "met"]))
    def publish_late(self, data, state):
        """What is older than what is known is kept, unless it was told otherwise, and changes nothing."""
        version, before = data.draw(st.integers(1, self.version - 1)), self.hub.item("a")
        fields = {"state": state, "due_at": instant(START + days(20))}
        answer = self.submit(version, fields)
        if self.told_of.setdefault(version, fields) == fields:
            assert answer.outcome == "superseded"
        else:
            assert isinstance(answer, VersionConflict)
        assert self.hub.item("a") == before

    @precondition(lambda self: self.version > 3 and not self.gone)
    @rule()
    def withdraw(self):
        assert isinstance(self.hub.act(Withdraw(self.hub.item("a")["item_id"], "errore")), Withdrawn)
        self.gone, self.planned = True, {}

    @rule(count=st.sampled_from([1, 6, 15, 25]))
    def wait(self, count):
        self.clock.pass_by(days=count)
        self.swept = False

    @rule()
    def sweep(self):
        self.hub.sweep()
        self.swept, now = True, self.clock.moment
        missed = sorted((n for n, at in self.planned.items() if at <= now), reverse=True)
        for n in missed:
            del self.planned[n]
            if now >= self.due:
                self.skipped.append(("too_late", n))
            elif n != missed[-1]:
                self.skipped.append(("superseded", n))
            else:
                self.reminded.add(f"deadline_reminder.{KIND}.{n}.{self.due:%Y%m%d}")
        if self.version and not self.gone and self.state == "open" and now >= self.due:
            self.state = "missed"

    @invariant()
    def it_is_as_its_newest_version_says_until_its_moment_is_past(self):
        if not self.version:
            return
        item = self.hub.item("a")
        lifecycle = "withdrawn" if self.gone else "active"
        turn = "citizen" if self.state == "open" and not self.gone else "none"
        expected = (self.version, self.state, self.due, lifecycle, turn)
        assert tuple(item[name] for name in ("version", "state", "due_at", "lifecycle", "turn")) == expected

    @invariant()
    def each_reminder_is_told_once_and_none_too_late(self):
        if self.version:
            assert set(self.hub.made(self.hub.item("a")["item_id"], "messages")) == self.reminded
            assert len(self.hub.of(PERSON, "messages")) == len(self.reminded)
            told = [row for row in self.store.rows(timeline) if row["event"] == "reminder_skipped"]
            told.sort(key=lambda row: row["event_id"])
            assert [(row["data"]["reason"], row["data"]["days"]) for row in told] == self.skipped

    @invariant()
    def only_what_is_open_is_on_the_agenda(self):
        ahead = {row["occasion"]: row["at"] for row in self.store.rows(agenda)}
        waits = self.version and not self.gone and self.state == "open"
        expected = {f"remind.{KIND}.{n}": at for n, at in self.planned.items()}
        assert ahead == (expected | {f"due.{KIND}": self.due} if waits else {})


TestOnSqlite, TestOnPostgresql = on_each_kind(OneDeadline, examples=(25, 3), steps=16)
