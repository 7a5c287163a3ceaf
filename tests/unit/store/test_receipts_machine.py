"""A receipt against a model of it: versions early and late, the notices it may be of, the payments of these, days that
pass, withdrawals (settled 11-14, S58, S59).

What holds whatever happens: it is kept for good as its newest version says, and asks for nothing; it is told of once a
notice; what it ever paid stays paid, and nothing else is.
"""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from hub.errors import AlreadyWithdrawn, VersionConflict
from hub.store.amendments import Withdraw, Withdrawn
from hub.store.drafts import Published
from hub.store.tables import agenda, timeline
from tests.harness import make_payment, make_receipt
from tests.unit.store.canonical import Canonical
from tests.unit.store.machines import StoreMachine, on_each_kind

PERSON, CREDITOR = "RSSMRA80A01H501U", "00488410010"
NOTICES = ("301000000000000012", "302000000000000034")
A_NOTICE = st.sampled_from(NOTICES)


class OneReceipt(StoreMachine):
    """The model: the newest version and its notice; of each notice what the source of its payment says."""

    @initialize()
    def begin(self):
        self.hub = Canonical(self.store)
        self.version, self.notice, self.gone = 0, None, False
        self.told_of, self.notices = {}, set()
        self.said, self.payment_version, self.paid = {}, {}, set()

    def submit(self, version, notice):
        paid = {"creditor_tax_code": CREDITOR, "notice_number": notice}
        receipt = make_receipt("a", tax_code=PERSON, version=version, payment=paid)
        (answer,) = self.store.publish(self.hub.drafted("receipts", receipt))
        return answer

    @rule(notice=A_NOTICE, ahead=st.integers(1, 2))
    def publish(self, notice, ahead):
        answer = self.submit(self.version + ahead, notice)
        if self.gone:
            assert isinstance(answer, AlreadyWithdrawn)
            return
        assert isinstance(answer, Published), answer
        assert answer.outcome == ("updated" if self.version else "created")
        self.version, self.notice = self.version + ahead, notice
        self.told_of[self.version] = notice
        self.notices.add(notice)
        self.pay()

    @precondition(lambda self: self.version > 1)
    @rule(data=st.data(), notice=A_NOTICE)
    def publish_late(self, data, notice):
        """What is older than what is known is kept, unless it was told otherwise, and pays nothing."""
        version, before = data.draw(st.integers(1, self.version - 1)), self.hub.item("a")
        answer = self.submit(version, notice)
        if self.told_of.setdefault(version, notice) == notice:
            assert answer.outcome == "superseded"
        else:
            assert isinstance(answer, VersionConflict)
        assert self.hub.item("a") == before

    @rule(notice=A_NOTICE, state=st.sampled_from(["due", "started", "cancelled"]))
    def ask(self, notice, state):
        version = self.payment_version.get(notice, 0) + 1
        own = {"version": version, "state": state, "notice_number": notice, "due_date": "2099-12-16"}
        (answer,) = self.store.publish(self.hub.drafted("payments", make_payment(notice, tax_code=PERSON, **own)))
        assert isinstance(answer, Published), answer
        self.payment_version[notice], self.said[notice] = version, state
        self.pay()

    def pay(self):
        if self.version and not self.gone and self.notice in self.said:
            self.paid.add(self.notice)

    @precondition(lambda self: self.version > 3 and not self.gone)
    @rule()
    def withdraw(self):
        assert isinstance(self.hub.act(Withdraw(self.hub.item("a")["item_id"], "errore")), Withdrawn)
        self.gone = True

    @rule(count=st.sampled_from([1, 400, 4000]))
    def wait(self, count):
        self.clock.pass_by(days=count)
        self.hub.sweep()

    @invariant()
    def it_is_kept_as_its_newest_version_says(self):
        if not self.version:
            return
        item, lifecycle = self.hub.item("a"), "withdrawn" if self.gone else "active"
        expected = (self.version, "available", "none", lifecycle)
        assert tuple(item[name] for name in ("version", "state", "turn", "lifecycle")) == expected
        assert not [row for row in self.store.rows(agenda) if row["item_id"] == item["item_id"]]

    @invariant()
    def it_is_told_of_once_a_notice(self):
        if not self.version:
            return
        told = self.hub.made(self.hub.item("a")["item_id"], "messages").values()
        assert len(told) == len(self.notices)
        assert {row["lifecycle"] for row in told} == {"withdrawn" if self.gone else "active"}

    @invariant()
    def what_it_paid_stays_paid_and_is_said_to_be_once(self):
        paid = [row["item_id"] for row in self.store.rows(timeline) if row["event"] == "paid"]
        for notice, said in self.said.items():
            item = self.hub.item(notice)
            assert item["state"] == ("paid" if notice in self.paid else said)
            assert item["reported_state"] == said
            assert paid.count(item["item_id"]) == (notice in self.paid)


TestOnSqlite, TestOnPostgresql = on_each_kind(OneReceipt, examples=(20, 3), steps=12)
