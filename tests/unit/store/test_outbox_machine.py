"""The outbox against a model of it: any order of claims, marks, settlements, deaths and sweeps.

What holds whatever happens: a delivery is in one worker's hands at a time, only that one changes it, and one that may
have been sent is never sent again unless its connector opted in.
"""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, consumes, initialize, invariant, rule

from hub.store.outbox import Due, Progress, Settlement, claim, progress, settle
from hub.store.sweeping import MAX_CLAIMS, Sweep, sweep
from hub.store.tables import attempts
from tests.unit.store.machines import StoreMachine, on_each_kind
from tests.unit.store.making import ENTE, make_draft

LEASE = timedelta(seconds=60)
RESENDS = frozenset({(ENTE, "mail")})
ENDED = {"delivered", "rejected", "skipped", "unconfirmed", "expired", "parked"}


class Outbox(StoreMachine):
    """The model: who holds what until when, whether it was being sent, and how often it was sent."""

    claims = Bundle("claims")

    def __init__(self):
        super().__init__()
        self.holder: dict[str, str] = {}
        self.until = {}
        self.sending: set[str] = set()
        self.in_a_row: dict[str, int] = {}
        self.sent: dict[str, int] = {}
        self.ended: dict[str, str] = {}
        self.connector_of: dict[str, str] = {}

    @initialize()
    def publish(self):
        planned = make_draft().deliveries[0]
        for connector_id in ("io", "mail"):
            self.store.connector(connector_id)
        for n, connector_id in enumerate(("io", "mail")):
            own = type(planned)("io", connector_id, planned.max_age)
            self.store.publish(make_draft(f"m-{n}", deliveries=(own,)))
        self.connector_of = {row["delivery_id"]: row["connector_id"] for row in self.store.deliveries()}

    def mine(self, claimed):
        return self.holder.get(claimed.delivery_id) == claimed.claim_id

    def release(self, delivery_id):
        self.holder.pop(delivery_id)
        self.sending.discard(delivery_id)

    @rule(target=claims, limit=st.integers(1, 3))
    def take(self, limit):
        (found,) = self.store.run(claim, Due(limit, LEASE))
        for each in found:
            assert each.delivery_id not in self.holder
            assert each.delivery_id not in self.ended
            self.holder[each.delivery_id] = each.claim_id
            self.until[each.delivery_id] = self.clock.moment + LEASE
            self.in_a_row[each.delivery_id] = self.in_a_row.get(each.delivery_id, 0) + 1
        return found

    @rule(found=claims, unsafe=st.booleans())
    def step(self, found, unsafe):
        for each in found:
            kept = self.store.run(progress, Progress(each, {}, unsafe, LEASE))[0]
            assert kept is (self.mine(each) and self.until[each.delivery_id] >= self.clock.moment)
            if kept:
                self.until[each.delivery_id] = self.clock.moment + LEASE
                if unsafe:
                    self.sending.add(each.delivery_id)
                    self.sent[each.delivery_id] = self.sent.get(each.delivery_id, 0) + 1
                else:
                    self.sending.discard(each.delivery_id)

    @rule(found=consumes(claims), state=st.sampled_from(["delivered", "rejected", "skipped", "unconfirmed"]))
    def finish(self, found, state):
        for each in found:
            kept = self.store.run(settle, Settlement(each, state, "x"))[0]
            assert kept is self.mine(each)
            if kept:
                self.release(each.delivery_id)
                self.ended[each.delivery_id] = state

    @rule(found=consumes(claims), state=st.sampled_from(["queued", "waiting"]), wait=st.integers(0, 100))
    def put_off(self, found, state, wait):
        for each in found:
            due = self.clock.moment + timedelta(seconds=wait)
            kept = self.store.run(settle, Settlement(each, state, "deferred", due_at=due))[0]
            assert kept is self.mine(each)
            if kept:
                self.release(each.delivery_id)
                self.in_a_row[each.delivery_id] = 0

    @rule(seconds=st.sampled_from([1, 30, 61, 3600]))
    def wait(self, seconds):
        self.clock.pass_by(seconds=seconds)

    @rule(everyone=st.booleans())
    def sweep(self, everyone):
        (result,) = self.store.run(sweep, Sweep(RESENDS, everyone=everyone))
        expected = {"requeued": 0, "unconfirmed": 0, "parked": 0}
        for delivery_id in list(self.holder):
            if not everyone and self.until[delivery_id] >= self.clock.moment:
                continue
            resends = (ENTE, self.connector_of[delivery_id]) in RESENDS
            if delivery_id in self.sending and not resends:
                kind = "unconfirmed"
            elif self.in_a_row[delivery_id] >= MAX_CLAIMS:
                kind = "parked"
            else:
                kind = "requeued"
            expected[kind] += 1
            if kind != "requeued":
                self.ended[delivery_id] = kind
            self.release(delivery_id)
        assert {name: getattr(result, name) for name in expected} == expected

    @invariant()
    def the_rows_agree_with_the_model(self):
        for row in self.store.deliveries():
            delivery_id = row["delivery_id"]
            assert row["claim_id"] == self.holder.get(delivery_id)
            if delivery_id in self.ended:
                assert row["state"] == self.ended[delivery_id]
            elif row["state"] != "expired":
                assert row["state"] in ("queued", "waiting")
            assert (row["about_to_send_at"] is not None) is (delivery_id in self.sending)

    @invariant()
    def each_open_attempt_is_held(self):
        opened = {row["claim_id"] for row in self.store.rows(attempts) if row["ended_at"] is None}
        assert opened == set(self.holder.values())


TestOnSqlite, TestOnPostgresql = on_each_kind(Outbox, examples=(12, 12), steps=25, slow=False)
