"""The payment of one pagoPA notice against a model of it: two vendors who ask for it, versions early and late, a
receipt, days that pass, withdrawals (settled 11-14, S11, S58).

What holds whatever happens: each vendor is told of its own word alone; the citizen sees one payment, in the state that
all who ask say together; what was paid stays paid; it is told of once; only what is still asked for is due.
"""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from contracts.states import MACHINES
from hub.errors import AlreadyWithdrawn, StateTerminal, VersionConflict
from hub.ingest.drafting import SETTLES
from hub.store.amendments import Withdraw, Withdrawn
from hub.store.drafts import Published
from hub.store.tables import agenda
from tests.harness import make_payment, make_receipt
from tests.unit.store.canonical import Canonical
from tests.unit.store.machines import StoreMachine, on_each_kind
from tests.unit.store.making import START

PERSON, NOTICE, CREDITOR = "RSSMRA80A01H501U", "301000000000000012", "00488410010"
PLAIN, SETTLING = "acme", "beta"
VENDORS = (PLAIN, SETTLING)
MACHINE = MACHINES["payments"]
FIRST = ("refunded", "paid", "paid_elsewhere", "started", "overdue", "due", "creating", "expired", "cancelled")
PAID, ASKED = FIRST[:3], ("started", "overdue", "due")
REPORTED = st.sampled_from(FIRST)
DUE_DATE = (START + timedelta(days=30)).date().isoformat()


class OnePayment(StoreMachine):
    """The model: of each vendor the newest version, its last word, and what it may know of the payment."""

    @initialize(invalid_after_due=st.booleans())
    def begin(self, invalid_after_due):
        self.hub = Canonical(self.store)
        self.invalid_after_due = invalid_after_due
        self.version, self.told, self.said, self.own = {}, {}, {}, {}
        self.gone, self.receipts, self.taken_back, self.was_paid = set(), set(), set(), False
        self.ever = set()

    def drafted(self, vendor, version, state):
        payment = make_payment(
            vendor,
            tax_code=PERSON,
            version=version,
            state=state,
            notice_number=NOTICE,
            due_date=DUE_DATE,
            invalid_after_due=self.invalid_after_due,
        )
        return self.hub.drafted("payments", payment, vendor=vendor)

    def submit(self, vendor, draft):
        (answer,) = self.store.publish(draft, vendor=vendor)
        return answer

    @rule(vendor=st.sampled_from(VENDORS), state=REPORTED, ahead=st.integers(1, 2))
    def publish(self, vendor, state, ahead):
        version = self.version.get(vendor, 0) + ahead
        answer = self.submit(vendor, self.drafted(vendor, version, state))
        if vendor in self.gone:
            assert isinstance(answer, AlreadyWithdrawn)
            return
        if vendor in self.said and not MACHINE.reportable(self.said[vendor], state):
            assert isinstance(answer, StateTerminal)
            return
        assert isinstance(answer, Published), answer
        assert answer.outcome == ("updated" if vendor in self.version else "created")
        self.version[vendor], self.said[vendor] = version, state
        self.told[vendor, version] = state
        if self.own.get(vendor) != "paid" or state == "refunded":
            self.own[vendor] = state
        self.settle()
        self.ever.update(self.own.values())

    @precondition(lambda self: any(version > 1 for version in self.version.values()))
    @rule(data=st.data(), state=REPORTED)
    def publish_late(self, data, state):
        """What is older than what is known is kept, unless it was told otherwise, and changes nothing."""
        vendor = data.draw(st.sampled_from(sorted(name for name, version in self.version.items() if version > 1)))
        version, before = data.draw(st.integers(1, self.version[vendor] - 1)), self.payments()
        answer = self.submit(vendor, self.drafted(vendor, version, state))
        if self.told.setdefault((vendor, version), state) == state:
            assert answer.outcome == "superseded"
        else:
            assert isinstance(answer, VersionConflict)
        assert self.payments() == before

    @rule(vendor=st.sampled_from(VENDORS))
    def receipt(self, vendor):
        paid = {"creditor_tax_code": CREDITOR, "notice_number": NOTICE}
        receipt = make_receipt("ricevuta", tax_code=PERSON, payment=paid)
        rights = frozenset({SETTLES}) if vendor == SETTLING else frozenset()
        answer = self.submit(vendor, self.hub.drafted("receipts", receipt, vendor=vendor, rights=rights))
        known = vendor in self.receipts | self.taken_back
        assert answer.outcome == ("unchanged" if known else "created")
        if not known:
            self.receipts.add(vendor)
            self.settle()

    @precondition(lambda self: self.receipts)
    @rule(data=st.data())
    def take_a_receipt_back(self, data):
        """What it paid stays paid, whatever the source of the payment goes on to say."""
        vendor = data.draw(st.sampled_from(sorted(self.receipts)))
        answer = self.hub.act(Withdraw(self.hub.item("ricevuta", vendor=vendor)["item_id"], "errore"), vendor=vendor)
        assert isinstance(answer, Withdrawn), answer
        self.receipts.remove(vendor)
        self.taken_back.add(vendor)

    def settle(self):
        """A receipt pays its own vendor's payment, and everybody's where its vendor has the right."""
        for vendor, own in self.own.items():
            if own != "refunded" and (vendor in self.receipts or SETTLING in self.receipts):
                self.own[vendor] = "paid"

    @precondition(lambda self: set(self.version) - self.gone)
    @rule(data=st.data())
    def withdraw(self, data):
        vendor = data.draw(st.sampled_from(sorted(set(self.version) - self.gone)))
        answer = self.hub.act(Withdraw(self.hub.item(vendor, vendor=vendor)["item_id"], "errore"), vendor=vendor)
        assert isinstance(answer, Withdrawn), answer
        self.gone.add(vendor)

    @rule(count=st.sampled_from([1, 24, 31]))
    def wait(self, count):
        self.clock.pass_by(days=count)

    @rule()
    def sweep(self):
        """The hub itself only says that the day is over."""
        before = self.rows()
        self.hub.sweep()
        for vendor, row in self.rows().items():
            state = row["own_state"] or row["state"]
            if state == self.own[vendor]:
                continue
            assert before[vendor]["state"] in ("due", "started")
            assert state == ("expired" if self.invalid_after_due else "overdue")
            assert self.clock.moment >= START + timedelta(days=30)
            self.own[vendor] = state
        self.ever.update(self.own.values())

    def payments(self):
        return self.hub.of(PERSON, "payments")

    def rows(self):
        return {row["vendor_id"]: row for row in self.payments()}

    def shown(self):
        there = [row for row in self.payments() if row["lifecycle"] == "active"]
        return [row for row in there if row["folded_into"] in (None, row["item_id"])]

    @invariant()
    def a_vendor_is_told_of_its_own_word_alone(self):
        rows = self.rows()
        assert rows.keys() == self.version.keys()
        for vendor, row in rows.items():
            assert (row["version"], row["reported_state"]) == (self.version[vendor], self.said[vendor])
            assert row["lifecycle"] == ("withdrawn" if vendor in self.gone else "active")
            assert (row["own_state"] or row["state"]) == self.own[vendor]

    @invariant()
    def the_citizen_sees_one_payment_as_all_say_together(self):
        there = set(self.version) - self.gone
        shown = self.shown()
        assert len(shown) == min(1, len(there))
        if not shown:
            return
        said = [own for vendor, own in self.own.items() if vendor in there or own in PAID]
        together = min(said, key=FIRST.index)
        assert shown[0]["state"] == together
        assert shown[0]["turn"] == ("citizen" if together in ASKED else "none")
        assert not self.was_paid or together in PAID[:2]
        self.was_paid = together in PAID[:2]

    @invariant()
    def it_is_told_of_once(self):
        made = [found for row in self.payments() for found in self.hub.made(row["item_id"], "messages").items()]
        told = [name for name, row in made if row["lifecycle"] == "active"]  # what was asked by who took it back is not
        assert sum("payment_due" in name for name in told) <= 1
        assert {"due", "overdue"} & self.ever or not any("payment_due" in name for name in told)

    @invariant()
    def only_what_is_still_asked_for_is_due(self):
        asked = {row["item_id"] for row in self.shown() if row["state"] in ASKED}
        open_still = {
            row["about_item_id"]
            for row in self.hub.of(PERSON, "deadlines")
            if row["state"] == "open" and row["lifecycle"] == "active"
        }
        assert open_still <= asked
        planned = {row["item_id"] for row in self.store.rows(agenda) if not row["occasion"].startswith("follow")}
        assert planned <= asked


TestOnSqlite, TestOnPostgresql = on_each_kind(OnePayment, examples=(25, 3), steps=16)
