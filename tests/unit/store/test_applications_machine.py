"""Applications against a model of them: versions in any order, time, sweeps, withdrawals (S19, S26, S28).

What holds whatever happens: the newest version is what the citizen sees, unless its draft has expired; each message is
told once; a draft ends neither by its source nor by the hub before it was promised to.
"""

import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from contracts.items.application import ApplicationState
from hub.errors import DraftGuaranteed
from hub.feed.history import history_view
from hub.ingest.rules import standard
from hub.store.amendments import Withdraw, Withdrawn
from hub.store.citizens import Subject
from hub.store.drafts import Published
from hub.store.reading import Reading
from hub.store.tables import agenda
from tests.flows.making import fresh
from tests.stores import KINDS
from tests.unit.store.canonical import days, instant
from tests.unit.store.machines import StoreMachine, on_each_kind
from tests.unit.store.making import ENTE, START, FakeClock, Store, fresh_database
from tests.unit.store.practices import Practices

STATES = ApplicationState.__args__
ONCE = {"application_submitted", "application_taken_charge"}


def version_of(number, state, *, day=0):
    """A version as a source would tell it."""
    said = {"version": number, "state": state, "as_of": instant(START + timedelta(minutes=number))}
    if state == "draft":
        said["last_edited_at"] = instant(START + days(day))
    if state == "integration_requested":
        said["integration"] = {"requested_at": instant(START), "due_at": instant(START + days(20)), "reason": "ISEE"}
    return said


class Applications(StoreMachine):
    """The model: the versions that were accepted, and what is promised of the draft."""

    def __init__(self):
        super().__init__()
        self.practices = Practices(self.store)
        self.said: dict[int, dict] = {}
        self.item_id = ""
        self.kept_until = None
        self.state = None
        self.gone = False

    def day(self):
        return (self.clock.moment - START).days

    def learn(self, answer, said):
        assert isinstance(answer, Published)
        self.item_id = answer.item_id
        newest = not self.said or said["version"] > max(self.said)
        assert answer.outcome == ("created" if not self.said else "updated" if newest else "superseded")
        self.said[said["version"]] = said
        if newest:
            self.state = said["state"]
            self.kept_until = self.clock.moment + days(365) if self.state == "draft" else None

    @precondition(lambda self: not self.gone)
    @rule(state=st.sampled_from(STATES), ahead=st.integers(1, 3))
    def publish(self, state, ahead):
        said = version_of(max(self.said, default=0) + ahead, state, day=self.day())
        if state == "draft":
            said["last_edited_at"] = instant(self.clock.moment)
        answer = self.practices.publish("a", **said)
        guaranteed = self.state == "draft" and self.clock.moment < self.kept_until
        if state == "expired" and guaranteed:
            assert isinstance(answer, DraftGuaranteed)
        else:
            self.learn(answer, said)

    @precondition(lambda self: set(range(1, max(self.said, default=1))) - set(self.said))
    @rule(data=st.data(), state=st.sampled_from(STATES))
    def publish_late(self, data, state):
        missing = set(range(1, max(self.said))) - set(self.said)
        said = version_of(data.draw(st.sampled_from(sorted(missing))), state)
        self.learn(self.practices.publish("a", **said), said)

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def repeat(self, data):
        said = self.said[data.draw(st.sampled_from(sorted(self.said)))]
        newest = said["version"] == max(self.said)
        assert self.practices.publish("a", **said).outcome == ("unchanged" if newest else "superseded")

    @rule(count=st.sampled_from([1, 29, 180, 366]))
    def wait(self, count):
        self.clock.pass_by(days=count)

    @rule()
    def sweep(self):
        self.practices.sweep()
        if self.state == "draft" and not self.gone and self.clock.moment >= self.kept_until:
            self.state = "expired"

    @precondition(lambda self: self.item_id and not self.gone)
    @rule(by_citizen=st.booleans())
    def withdraw(self, by_citizen):
        answer = self.practices.act(Withdraw(self.item_id, "errore", by_citizen=by_citizen))
        guaranteed = self.state == "draft" and self.clock.moment < self.kept_until
        assert isinstance(answer, DraftGuaranteed if guaranteed and not by_citizen else Withdrawn)
        self.gone = isinstance(answer, Withdrawn)

    @invariant()
    def the_newest_version_is_what_is_seen(self):
        if not self.said:
            return
        item = self.practices.item("a")
        assert (item["version"], item["state"]) == (max(self.said), self.state)
        assert item["lifecycle"] == ("withdrawn" if self.gone else "active")
        if self.state == "draft":
            assert item["due_at"] == self.kept_until

    @invariant()
    def each_message_is_told_once(self):
        told = list(self.practices.made(self.item_id, "messages"))
        rules = [name.partition(".")[0] for name in told]
        assert not [name for name in ONCE if rules.count(name) > 1]
        current = standard().on_state("applications", self.state) if self.said and self.state else None
        if current is not None and not current.again and not self.gone:
            assert current.name in rules

    @invariant()
    def what_is_gone_has_nothing_on_its_agenda(self):
        if self.gone:
            assert self.store.rows(agenda) == []


TestOnSqlite, TestOnPostgresql = on_each_kind(Applications, examples=(12, 12), steps=25, slow=False)


@pytest.fixture(scope="module", params=KINDS)
def practices(request):
    """A store that all examples share: each has an application of its own."""
    with tempfile.TemporaryDirectory() as folder:
        clock = FakeClock()
        with fresh_database(request.param, Path(folder), clock) as database:
            yield Practices(Store(database, clock))


histories = st.lists(st.sampled_from(STATES), min_size=1, max_size=7)


@pytest.mark.req("S26", "S28")
@settings(max_examples=25, deadline=None)
@given(history=histories, data=st.data())
def test_the_same_versions_in_another_order_leave_the_same(practices, history, data):
    """A draft is not expired by its source here: that is refused while it is promised, in the order in which it is."""
    history = [state for state in history if state != "expired"] or ["draft"]
    versions = [version_of(number, state) for number, state in enumerate(history, start=1)]
    shuffled = data.draw(st.permutations(versions))
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=len(versions), max_size=len(versions)))
    ends = []
    for order in (versions, shuffled):
        name = fresh("practice")
        waiting, parts = list(order), iter(sizes)
        while waiting:
            size = next(parts)
            part, waiting = waiting[:size], waiting[size:]
            practices.store.publish(*[practices.draft(name, **said) for said in part])
        practices.store.publish(*[practices.draft(name, **said) for said in order])
        ends.append(end_of(practices, name))
    assert ends[0] == ends[1]


def end_of(practices, name):
    """All that the citizen sees of an application in the end, without ids and times of arrival."""
    item = practices.item(name)
    told = practices.made(item["item_id"], "messages")
    current = standard().on_state("applications", item["state"])
    store = practices.store
    subject = Subject(ENTE, "person", "RSSMRA80A01H501U")
    with store.database.look() as look:
        citizen = store.citizens.find(look.hold(), subject)
        reading = Reading(look, store.vault, citizen, subject, 3, store.clock.moment)
        history = history_view(reading.versions(item), reading.timeline(item))
    return {
        **{name: item[name] for name in ("state", "reported_state", "turn", "version", "due_at", "as_of", "lifecycle")},
        "deadlines": sorted(
            (kind, row["due_at"])
            for kind, row in practices.made(item["item_id"], "deadlines").items()
            if row["state"] == "open"
        ),
        "agenda": sorted(
            (row["occasion"], row["at"]) for row in store.rows(agenda) if row["item_id"] == item["item_id"]
        ),
        "told": current is not None and any(each.partition(".")[0] == current.name for each in told),
        "history": history,
    }
