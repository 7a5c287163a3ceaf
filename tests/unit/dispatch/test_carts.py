"""Which payments may be in one cart, who makes it, and what a caller is told where it is not made."""

from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from contracts.failures import Deferred, Misconfigured, Rejected, Unconfirmed
from contracts.items import Payment
from contracts.paying import PayableNotice, Returns
from contracts.positions import Numbering
from hub.dispatch.cart_errors import CartNotOffered, CartRefused, PaymentNotPayable, ProviderUnavailable
from hub.dispatch.carts import Carts, Owed, owed_of
from hub.store.configuration import ConnectorConfig
from tests.harness import make_payment

COMUNE, UNIONE = "00488410010", "06363391001"
BACK = Returns(ok="https://a.it/ok", cancel="https://a.it/no", error="https://a.it/error")
NOW = datetime(2026, 12, 16, 22, 30, tzinfo=UTC)


def owed(number="301000000000000012", creditor=COMUNE, **changes):
    notice = PayableNotice(number, creditor, 12_500, "Comune di Prova", "TARI 2026")
    return replace(Owed("c_h501", "citizen", f"item-{number[-2:]}", "RSSMRA80A01H501U", notice, None, False), **changes)


def config(name, **changes):
    return replace(ConnectorConfig("c_h501", name, "pagopa", "active", 1, {}, {}), **changes)


class Provider:
    """Connectors by their id; each remembers the carts that it was asked for."""

    def __init__(self, *configs, **creditors):
        self._configs = {(each.ente_id, each.connector_id): each for each in configs}
        self.creditors = creditors
        self.made = []
        self.fails = None
        self.carts = Carts(self)

    def configs(self):
        return self._configs

    def get(self, _ente, name):
        if name not in self.creditors:
            return None
        creditor, called = self.creditors[name]
        numbering = Numbering(creditor, 47, creditor_name=called)
        return SimpleNamespace(numbering=numbering, cart=lambda cart: self.make(name, cart))

    def make(self, name, cart):
        if self.fails is not None:
            raise self.fails
        self.made.append((name, cart))
        return "https://checkout.example/c/1"


def two_creditors():
    return Provider(config("a"), config("b"), a=(COMUNE, ""), b=(UNIONE, "Unione dei Comuni"))


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
        (owed("301000000000000013", on_trial=True), "payment.apart"),
    ],
)
def test_what_does_not_belong_into_one_cart_is_told_by_its_place(second, code):
    with pytest.raises(PaymentNotPayable) as caught:
        two_creditors().carts.plan([owed(), second], BACK)
    assert [(each.pointer, each.code) for each in caught.value.faults] == [("/item_ids/1", code)]


def test_the_same_number_of_another_creditor_is_another_notice():
    planned = two_creditors().carts.plan([owed(), owed(creditor=UNIONE)], BACK)
    assert len(planned.cart.notices) == 2


@pytest.mark.parametrize(
    "its",
    [
        config("a", status="paused"),
        config("a", status="draft"),
        config("a", environment="test"),
        config("a", ente_id="c_a944"),
        config("gone"),
    ],
)
def test_only_a_connector_in_force_for_the_creditor_makes_carts(its):
    with pytest.raises(CartNotOffered) as caught:
        Provider(its, a=(COMUNE, "")).carts.plan([owed()], BACK)
    assert [each.pointer for each in caught.value.faults] == ["/item_ids/0"]
    with pytest.raises(CartNotOffered):
        Provider(config("a"), a=(UNIONE, "")).carts.plan([owed()], BACK)


def test_what_a_vendor_in_its_sandbox_published_goes_to_a_connector_for_tests_alone():
    provider = Provider(config("a"), config("t", environment="test"), a=(COMUNE, ""), t=(COMUNE, ""))
    assert provider.carts.plan([owed(on_trial=True)], BACK).by == ("c_h501", "t")
    assert provider.carts.plan([owed()], BACK).by == ("c_h501", "a")


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (Rejected("pagopa.bad_request", "status 400"), CartRefused),
        (Deferred("pagopa.busy"), ProviderUnavailable),
        (Unconfirmed("pagopa.no_clear_answer"), ProviderUnavailable),
        (Misconfigured("pagopa.key_refused"), ProviderUnavailable),
    ],
)
def test_whoever_waits_is_told_what_became_of_it(failure, told):
    provider = two_creditors()
    planned = provider.carts.plan([owed()], BACK)
    provider.fails = failure
    with pytest.raises(told):
        provider.carts.make(planned)
    provider.creditors.clear()
    with pytest.raises(CartNotOffered):
        provider.carts.make(planned)


def asked(row=(), **fields):
    its = {"ente_id": "c_h501", "citizen_id": "c", "item_id": "i", "state": "due", "lifecycle": "active"}
    item = Payment.model_validate_json(to_json(make_payment(**fields)))
    how = {"tax_code": "RSSMRA80A01H501U", "ente_name": "Comune di Prova", "on_trial": False, "now": NOW}
    return owed_of(its | {"expires_at": None} | dict(row), item, **how)


def to_json(item):
    return Payment.model_validate(item, strict=False).model_dump_json()


@pytest.mark.parametrize("state", ["due", "started", "overdue"])
def test_what_is_open_can_be_paid(state):
    found = asked({"state": state}, due_date="2026-12-16")
    assert (found.notice.notice_number, found.notice.amount_cents) == ("301000000000000012", 12_500)
    assert "RSSMRA80A01H501U" not in repr(found)


@pytest.mark.parametrize("state", ["creating", "paid", "paid_elsewhere", "expired", "cancelled", "refunded"])
def test_what_is_not_open_cannot(state):
    assert asked({"state": state}) is None


def test_what_is_over_or_asks_for_nothing_cannot_either():
    assert asked({"lifecycle": "withdrawn"}) is None
    assert asked({"expires_at": NOW}) is None
    assert asked(amount_cents=0) is None
    assert asked(notice_number=None) is None
    # Half past eleven in the evening in Rome: the day is not over.
    last = {"due_date": "2026-12-16", "invalid_after_due": True}
    assert asked(**last) is not None
    assert asked(**last | {"due_date": "2026-12-15"}) is None
    assert asked(due_date="2026-12-15") is not None, "late, and still owed"
    assert date(2026, 12, 16) == NOW.date()
