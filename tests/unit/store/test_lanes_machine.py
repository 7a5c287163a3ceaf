"""A lane against a model of it: four citizens with notices in order, three workers, a provider that comes and goes.

What holds whatever happens: nothing is in two hands, a worker that lost its claim changes nothing, one citizen's
notices go one at a time and in order, an open breaker lets nothing through and costs no attempt, and whatever has not
ended is either in somebody's hands or due at some time.
"""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, consumes, initialize, invariant, rule

from contracts.connector import Limits
from hub.store.lanes import standings
from hub.store.outbox import Due, Progress, Settlement, claim, progress, settle
from hub.store.standing import Lane, Standing
from hub.store.sweeping import Sweep, sweep
from tests.unit.store.filling import fill
from tests.unit.store.machines import StoreMachine, on_each_kind
from tests.unit.store.making import ENTE

LEASE = timedelta(seconds=60)
LANE = Lane(ENTE, "io")
CITIZENS = ("anna", "bruno", "carla", "dario")
LIMITS = Limits(
    rate_per_s=1, burst=4, concurrency=3, breaker_failures=2, breaker_open_s=20, breaker_max_open_s=40
)  # fmt: skip


class OneLane(StoreMachine):
    """The model: who holds what, the attempts that count, the breaker, and the claims of the last moments."""

    claims = Bundle("claims")

    def __init__(self):
        super().__init__()
        self.holder, self.until, self.attempts = {}, {}, {}
        self.accepted, self.ended = set(), set()
        self.failures = self.times_opened = 0
        self.open_until = None
        self.begun = []

    @initialize()
    def publish(self):
        self.store.connector()
        self.order = {who: fill(self.store, "io", 3, citizen_id=who, order_key="tari") for who in CITIZENS}
        self.owner = {name: who for who, names in self.order.items() for name in names}
        self.attempts = dict.fromkeys(self.owner, 0)
        self.clock.pass_by(microseconds=1)  # whatever is done to a row is later than its making

    @property
    def breaker(self):
        if self.open_until is None:
            return "closed"
        return "open" if self.clock.moment < self.open_until else "half_open"

    def live(self):
        return [name for name, until in self.until.items() if until >= self.clock.moment]

    def release(self, name):
        del self.holder[name], self.until[name]

    def first_in_line(self, name):
        unfinished = [n for n in self.order[self.owner[name]] if n not in self.ended | self.accepted]
        return unfinished[0] == name

    @rule(target=claims, limit=st.integers(1, 5))
    def take(self, limit):
        breaker, live = self.breaker, self.live()
        (found,) = self.store.run(claim, Due(limit, LEASE, limits={LANE: LIMITS}))
        assert len(live) + len(found) <= {"closed": 3, "half_open": max(1, len(live)), "open": len(live)}[breaker]
        for each in found:
            name = each.delivery_id
            assert name not in self.holder
            assert name not in self.ended
            assert each.accepted is (name in self.accepted)
            assert each.accepted or self.first_in_line(name)
            self.holder[name], self.until[name] = each.claim_id, self.clock.moment + LEASE
            self.attempts[name] += not each.accepted
            self.begun.append(self.clock.moment)
        return found

    def finish(self, each, state, *, answered, wait=0):
        due = self.clock.moment + timedelta(seconds=wait)
        end = Settlement(each, state, "x", answered=answered, due_at=due)
        kept = self.store.run(settle, end)[0]
        assert kept is (self.holder.get(each.delivery_id) == each.claim_id)
        if not kept:
            return
        self.release(each.delivery_id)
        if answered is False and self.open_until is not None and not each.accepted:
            self.attempts[each.delivery_id] -= 1
        self.judge(answered)
        if state == "waiting":
            self.accepted.add(each.delivery_id)
        elif state != "queued":
            self.ended.add(each.delivery_id)

    def judge(self, answered):
        if answered is None or self.breaker == "open":
            return
        if answered:
            self.failures, self.times_opened, self.open_until = 0, 0, None
            return
        self.failures += 1
        if self.breaker == "half_open" or self.failures >= 2:
            wait = min(40, 20 * 2**self.times_opened)
            self.times_opened, self.open_until = self.times_opened + 1, self.clock.moment + timedelta(seconds=wait)

    @rule(found=consumes(claims), state=st.sampled_from(["delivered", "rejected", "unconfirmed", "waiting"]))
    def is_answered(self, found, state):
        for each in found:
            self.finish(each, state, answered=True, wait=1)

    @rule(found=consumes(claims), wait=st.integers(0, 50))
    def is_not_answered(self, found, wait):
        for each in found:
            self.finish(each, "waiting" if each.accepted else "queued", answered=False, wait=wait)

    @rule(found=claims)
    def goes_on(self, found):
        for each in found:
            kept = self.store.run(progress, Progress(each, {}, False, LEASE))[0]
            mine = self.holder.get(each.delivery_id) == each.claim_id
            assert kept is (mine and self.until[each.delivery_id] >= self.clock.moment)
            if kept:
                self.until[each.delivery_id] = self.clock.moment + LEASE

    @rule(passed=st.sampled_from([1, 5, 20, 61]))
    def wait(self, passed):
        self.clock.pass_by(seconds=passed)

    @rule()
    def sweep(self):
        self.store.run(sweep, Sweep(frozenset()))
        for name in set(self.until) - set(self.live()):
            self.release(name)

    @invariant()
    def rows_agree(self):
        per_citizen = dict.fromkeys(CITIZENS, 0)
        for row in self.store.deliveries():
            name = row["delivery_id"]
            parked = row["state"] == "parked"
            if parked:
                self.ended.add(name)
            assert row["claim_id"] == self.holder.get(name)
            assert (row["claim_id"] is None) is (row["lease_until"] is None)
            assert row["due_at"] is not None
            assert (row["state"] in ("queued", "waiting")) is (name not in self.ended)
            assert row["attempts"] == self.attempts[name]
            per_citizen[row["citizen_id"]] += row["claim_id"] is not None and row["state"] == "queued"
        assert max(per_citizen.values()) <= 1

    @invariant()
    def the_breaker_agrees(self):
        with self.store.database.read() as connection:
            standing = standings(connection).get(LANE, Standing())
        assert (standing.failures, standing.opened, standing.open_until) == (
            self.failures,
            self.times_opened,
            self.open_until,
        )

    @invariant()
    def the_rate_holds(self):
        for n, since in enumerate(self.begun):
            for m, until in enumerate(self.begun[n:], start=1):
                assert m <= 4 + (until - since).total_seconds()


TestOnSqlite, TestOnPostgresql = on_each_kind(OneLane, examples=(60, 8), steps=30, slow=False)
