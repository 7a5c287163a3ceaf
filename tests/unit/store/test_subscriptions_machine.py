"""A subscription against a model of it: a source that says anything in any order, a citizen who asks, days that pass.

What holds whatever happens: the hub goes only where the machine leads; at most one request waits, and while it does it
is the source's turn and nothing ends; a co-holder sees the same state; an instalment is asked for once; what is over
asks for nothing any more.
"""

import json
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from contracts.identifiers import new_uuid7
from contracts.items.subscription import PlannedInstallment
from contracts.states import MACHINES
from contracts.subscription_services import SubscriptionService
from hub.errors import AlreadyWithdrawn, HubError
from hub.ingest.canonical import parse
from hub.ingest.drafting import draft_of
from hub.ingest.occasions import Occasions
from hub.ingest.rules import standard
from hub.ingest.subscription_occasions import SubscriptionOccasions
from hub.ingest.subscriptions import Terms
from hub.registry import Registry
from hub.security.claims import UsedToken
from hub.store.agenda import Agenda, Keep
from hub.store.amendments import Withdraw
from hub.store.citizens import Subject
from hub.store.intake import Submission
from hub.store.publications import Publications
from hub.store.readers import Access
from hub.store.requesting import Requesting, Wish
from hub.store.tables import agenda, item_identities, items, subscription_requests
from tests.flows.making import make_subscription
from tests.unit.store.machines import StoreMachine, on_each_kind
from tests.unit.store.making import ENTE, START, make_vendor

HOLDER, OTHER = "RSSMRA80A01H501U", "BNCLRA85C41F205P"
MACHINE = MACHINES["subscriptions"]
LAST_DAY = START.date() + timedelta(days=60)
PLAN = [
    PlannedInstallment(n=n, amount_cents=100, due_date=START.date() + timedelta(days=20 * n), reason=f"Rata {n}")
    for n in (1, 2, 3)
]


class OneSubscription(StoreMachine):
    """The model: the source's last word, and the state as it was after the step before."""

    @initialize(
        renewal=st.sampled_from(["auto", "manual", "none"]), cancellation=st.sampled_from(["auto", "manual", "none"])
    )
    def begin(self, renewal, cancellation):
        self.service = SubscriptionService(
            code="nido-2026",
            name="Nido",
            renewal=renewal,
            cancellation=cancellation,
            notice_days=20,
            answer_days=15,
            payment_plan=tuple(PLAN),
            days_ahead=10,
            creditor_tax_code="00488410010",
        )
        vault = self.store.vault
        registry = Registry(1, subscription_services={(ENTE, self.service.code): self.service})
        publications = Publications(self.store.citizens, vault)
        decides = SubscriptionOccasions(self.route, vault.keyed_hash, lambda: registry, lambda _: standard())
        self.agenda = Agenda(self.store.citizens, vault, publications, Occasions(self.route, decides, decides.rules))
        self.requesting = Requesting(self.store.citizens, vault, decides.grant)
        self.version, self.withdrawn, self.reported = 0, False, None
        self.publish("active", None, shares=True)

    @staticmethod
    def route(*_):
        return ()

    def own(self, tax_code, collection):
        with self.store.database.read() as connection:
            citizen = self.store.citizens.find(connection, Subject(ENTE, "person", tax_code))
        found = self.store.rows(items)
        return [
            row
            for row in found
            if citizen and row["citizen_id"] == citizen.citizen_id and row["collection"] == collection
        ]

    @property
    def item(self):
        (row,) = self.own(HOLDER, "subscriptions")
        return row

    def pending(self):
        return [row for row in self.store.rows(subscription_requests) if row["state"] == "pending"]

    @rule(
        state=st.sampled_from([*MACHINE.ways]),
        outcome=st.sampled_from([None, None, "accepted", "refused"]),
        shares=st.booleans(),
    )
    def publish(self, state, outcome, shares):
        self.version += 1
        own = {"beneficiaries": [{"tax_code": OTHER, "role": "co_holder"}]} if shares else {}
        own |= {"state": state, "valid_to": LAST_DAY.isoformat(), "version": self.version}
        asked = self.store.rows(subscription_requests)
        if outcome is not None and asked:
            own["answers_request"] = {"request_id": asked[-1]["request_id"], "outcome": outcome}
        body = json.dumps(make_subscription("iscrizione", valid_from="2026-01-01", **own)).encode()
        item, terms = parse("subscriptions", body), Terms(self.service, self.clock.moment)
        hashed = self.store.vault.keyed_hash
        draft = draft_of(item, make_vendor(), route=self.route, keyed_hash=hashed, rules=standard(), terms=terms)
        (result,) = self.store.publish(draft)
        if self.withdrawn:
            assert isinstance(result, AlreadyWithdrawn)
            return
        assert not isinstance(result, HubError)
        self.reported, self.shares = state, shares
        shown = self.item["state"]
        assert shown == state or (state, shown) == ("active", "renewal_due")

    @rule(days=st.integers(1, 25))
    def pass_days(self, days):
        self.clock.pass_by(days=days)

    @rule()
    def sweep(self):
        before, waiting = self.item, self.pending()
        self.store.write(self.agenda.keep, Keep())
        after = self.item
        if after["state"] != before["state"]:
            assert MACHINE.leads(before["state"], after["state"])
            assert after["state"] in ("renewal_due", "ended")
            assert before["lifecycle"] == "active"
        # The hub alone ends nothing for whose renewal somebody waits.
        if any(row["kind"] == "renew" and row["answer_by"] > self.clock.moment for row in waiting):
            assert after["state"] == before["state"]

    @rule(kind=st.sampled_from(["renew", "cancel"]))
    def ask(self, kind):
        before, waiting = self.item, self.pending()
        token = UsedToken("authorization", new_uuid7(), self.clock.moment + timedelta(days=1))
        access = Access("r", ENTE, "portale", "x", "x", "ask", "ok", before["citizen_id"], before["item_id"])
        result = self.store.write(self.requesting.ask, Wish(access, "portal:p", (token,), 3, kind))
        if isinstance(result, HubError):
            assert self.item == before
            assert self.pending() == waiting
            return
        assert self.item["state"] == before["state"]
        if result.new:
            assert not waiting
            assert (self.service.renewal if kind == "renew" else self.service.cancellation) == "manual"

    @precondition(lambda self: not self.withdrawn)
    @rule()
    def withdraw(self):
        item_id = self.item["item_id"]
        self.store.run(self.store.intake.record, Submission(self.store.signed(), act=Withdraw(item_id, "x")))
        self.withdrawn = True

    @invariant()
    def at_most_one_request_waits_and_it_is_the_sources_turn(self):
        waiting = self.pending()
        assert len(waiting) <= 1
        if waiting:
            assert self.item["turn"] == "body"
            assert {row["occasion"] for row in self.store.rows(agenda)} >= {f"answer.{waiting[0]['kind']}"}

    @invariant()
    def a_co_holder_sees_the_same_state_or_nothing(self):
        copies = [row for row in self.own(OTHER, "subscriptions") if row["lifecycle"] == "active"]
        shared = self.shares and not self.withdrawn
        assert [row["state"] for row in copies] == ([self.item["state"]] if shared else [])

    @invariant()
    def an_instalment_is_asked_for_once(self):
        names = [row["external_id"] for row in self.store.rows(item_identities) if row["collection"] == "payments"]
        assert len(names) == len(set(names)) <= len(PLAN)

    @invariant()
    def what_is_over_asks_for_nothing(self):
        item = self.item
        mine = {row["occasion"] for row in self.store.rows(agenda) if row["item_id"] == item["item_id"]}
        open_windows = [
            row
            for row in self.own(HOLDER, "deadlines")
            if row["about_item_id"] == item["item_id"] and row["state"] == "open" and row["lifecycle"] == "active"
        ]
        if self.withdrawn or item["state"] in ("cancelled", "ended"):
            assert mine == set()
            assert not self.pending()
        if self.withdrawn or item["state"] != "renewal_due" or self.pending_renewal():
            assert open_windows == []

    def pending_renewal(self):
        return any(row["kind"] == "renew" for row in self.pending())


TestOnSqlite, TestOnPostgresql = on_each_kind(OneSubscription, examples=(25, 4), steps=14)
