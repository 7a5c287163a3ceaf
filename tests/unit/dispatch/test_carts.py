"""Which payments may be in one cart, who makes it, and what a caller is told where it is not made."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from contracts.connector import Limits
from contracts.failures import Deferred, Misconfigured, Rejected, Unconfirmed
from contracts.paying import PayableNotice, Returns
from contracts.positions import Numbering
from hub.dispatch.cart_errors import CartNotOffered, CartRefused, PaymentNotPayable, ProviderUnavailable
from hub.dispatch.carts import Carts
from hub.dispatch.owing import Kept, Owed

COMUNE, UNIONE = "00488410010", "06363391001"
BACK = Returns(ok="https://a.it/ok", cancel="https://a.it/no", error="https://a.it/error")


def owed(number="301000000000000012", creditor=COMUNE, **changes):
    notice = PayableNotice(number, creditor, 12_500, "Comune di Prova", "TARI 2026")
    whose = {"ente_id": "c_h501", "citizen_id": "citizen", "item_id": f"item-{number[-2:]}"}
    whose |= {name: changes.pop(name) for name in whose if name in changes}
    kept = Kept(
        **whose,
        vendor_id="acme",
        state="due",
        lifecycle="active",
        expires_at=None,
        content={},
        notice_key=None,
        cost_cents=None,
        tax_code="-",
    )
    return replace(Owed(kept, notice, "production"), **changes)


class Provider:
    """Connectors by their id, in force for a creditor each, or another ente's or for tests; each remembers the carts
    that it was asked for, and the committer what was counted."""

    def __init__(self, *, ente="c_h501", environment="production", **creditors):
        self.creditors = creditors
        self._place = (ente, environment)
        self.made, self.counted = [], []
        self.fails, self.waits = None, None
        self.carts = Carts(self, self, None)

    def acting(self):
        ente, environment = self._place
        found = {}
        for name, (creditor, _) in self.creditors.items():
            found.setdefault((ente, creditor, environment), []).append(name)
        return found

    def get(self, _ente, name):
        if name not in self.creditors:
            return None
        creditor, called = self.creditors[name]
        numbering = Numbering(creditor, 47, creditor_name=called)
        manifest = SimpleNamespace(limits=Limits())
        return SimpleNamespace(numbering=numbering, manifest=manifest, cart=lambda cart: self.make(name, cart))

    def make(self, name, cart):
        if self.fails is not None:
            raise self.fails
        self.made.append((name, cart))
        return "https://checkout.example/c/1"

    def write(self, handler, value):
        """The committer's."""
        self.counted.append((handler.__name__, value.lane.connector_id, getattr(value, "answered", None)))
        return self.waits


def two_creditors():
    return Provider(a=(COMUNE, ""), b=(UNIONE, "Unione dei Comuni"))


def test_a_cart_of_several_creditors_names_each_and_is_made_by_the_first_ones():
    provider = two_creditors()
    planned = provider.carts.plan([owed(creditor=UNIONE), owed("301000000000000013")], BACK, "mario@example.org")
    assert provider.carts.make(planned) == "https://checkout.example/c/1"
    ((name, cart),) = provider.made
    assert (name, cart.email, cart.returns) == ("b", "mario@example.org", BACK)
    assert [(each.creditor_tax_code, each.company_name) for each in cart.notices] == [
        (UNIONE, "Unione dei Comuni"),
        (COMUNE, "Comune di Prova"),
    ]


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (owed(item_id="the same notice, from another vendor"), "payment.repeated"),
        (owed("301000000000000013", citizen_id="another"), "payment.apart"),
        (owed("301000000000000013", ente_id="c_a944"), "payment.apart"),
        (owed("301000000000000013", environment="test"), "payment.apart"),
        (owed("301000000000000013", part=1, plan=1, instead=frozenset({"301000000000000012"})), "payment.overlapping"),
    ],
)
def test_what_does_not_belong_into_one_cart_is_told_by_its_place(second, code):
    with pytest.raises(PaymentNotPayable) as caught:
        two_creditors().carts.plan([owed(), second], BACK)
    assert [(each.pointer, each.code) for each in caught.value.faults] == [("/payments/1", code)]


def test_the_same_number_of_another_creditor_is_another_notice():
    planned = two_creditors().carts.plan([owed(), owed(creditor=UNIONE, item_id="other")], BACK)
    assert len(planned.cart.notices) == 2


def test_a_payment_does_not_go_beside_its_own_instalment_that_another_payment_asks_for():
    whole = owed(instead=frozenset({"301000000000000013"}))
    with pytest.raises(PaymentNotPayable):
        two_creditors().carts.plan([whole, owed("301000000000000013")], BACK)
    two_creditors().carts.plan([whole, owed("301000000000000013", creditor=UNIONE)], BACK)


def test_two_instalments_of_one_payment_go_together():
    parts = [owed(f"30100000000000001{n}", item_id="one", part=n, plan=1) for n in (1, 2)]
    assert len(two_creditors().carts.plan(parts, BACK).cart.notices) == 2


@pytest.mark.parametrize("elsewhere", [{"ente": "c_a944"}, {"environment": "test"}])
def test_only_a_connector_in_force_for_the_creditor_makes_carts(elsewhere):
    for provider in (Provider(a=(COMUNE, ""), **elsewhere), Provider(a=(UNIONE, "")), Provider()):
        with pytest.raises(CartNotOffered) as caught:
            provider.carts.plan([owed()], BACK)
        assert [each.pointer for each in caught.value.faults] == ["/payments/0"]


def test_what_a_vendor_in_its_sandbox_published_goes_to_a_connector_for_tests_alone():
    trial = Provider(environment="test", t=(COMUNE, ""))
    assert trial.carts.plan([owed(environment="test")], BACK).by == ("c_h501", "t")
    with pytest.raises(CartNotOffered):
        trial.carts.plan([owed()], BACK)


def test_one_that_makes_no_carts_is_passed_over():
    provider = Provider(a=(COMUNE, ""), b=(COMUNE, ""))
    made = provider.get
    provider.get = lambda ente, name: SimpleNamespace(numbering=made(ente, name).numbering, cart=None)
    with pytest.raises(CartNotOffered):
        provider.carts.plan([owed()], BACK)
    provider.get = lambda ente, name: made(ente, name) if name == "b" else None
    assert provider.carts.plan([owed()], BACK).by == ("c_h501", "b")


def test_a_call_is_counted_before_it_and_after_it():
    provider = two_creditors()
    planned = provider.carts.plan([owed()], BACK)
    provider.carts.begin(planned)
    provider.carts.make(planned)
    assert provider.counted == [("begin", "a", None), ("end", "a", True)]


def test_where_it_is_not_its_turn_whoever_waits_is_told_when_to_come_again():
    provider = two_creditors()
    planned = provider.carts.plan([owed()], BACK)
    for wait, told in ((0.2, "1"), (41.5, "42"), (100_000, "3600")):
        provider.waits = timedelta(seconds=wait)
        with pytest.raises(ProviderUnavailable) as caught:
            provider.carts.begin(planned)
        assert caught.value.headers["Retry-After"] == told
    assert provider.made == []


@pytest.mark.parametrize(
    ("failure", "told", "counted"),
    [
        (Rejected("pagopa.bad_request", "status 400"), CartRefused, [True]),
        (Deferred("pagopa.busy", after=timedelta(seconds=7)), ProviderUnavailable, [False]),
        (Deferred("pagopa.unreadable", about="message"), ProviderUnavailable, [True]),
        (Unconfirmed("pagopa.no_clear_answer"), ProviderUnavailable, [False]),
        (Misconfigured("pagopa.key_refused"), ProviderUnavailable, [False]),
    ],
)
def test_whoever_waits_is_told_what_became_of_it(failure, told, counted):
    provider = two_creditors()
    planned = provider.carts.plan([owed()], BACK)
    provider.fails = failure
    with pytest.raises(told) as caught:
        provider.carts.make(planned)
    assert [answered for _, _, answered in provider.counted] == counted
    if told is ProviderUnavailable:
        assert caught.value.headers["Retry-After"] == ("7" if failure.reason == "pagopa.busy" else "30")
    provider.creditors.clear()
    with pytest.raises(CartNotOffered):
        provider.carts.make(planned)
