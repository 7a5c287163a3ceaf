"""Carts of pagoPA's Checkout: which payments may be in one, which connector makes it, what comes of it.

One piece for the portal and the command line. A cart that nobody pays lapses, so that nothing of it is kept here: what
is paid has a receipt (`spec/pagopa.md`, "Checkout cart").
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson

from contracts.connector import Connector
from contracts.failures import Failure, Misconfigured, Rejected
from contracts.faults import bilingual
from contracts.paying import Cart, CartPart, MakeCart, Returns
from hub.errors import Fault, ItemUnknown
from hub.store.committer import Committer
from hub.store.reading import Listed, Reading
from hub.store.side_calls import Call, begin, end
from hub.store.standing import Lane, Verdict

from .cart_errors import CartNotOffered, CartRefused, PaymentNotPayable, ProviderUnavailable
from .creditors import Acting, acting_for, is_served
from .owing import Owed, Owing, kept_of
from .pool import ConnectorPool
from .runner import provider_answered, provider_wish

log = logging.getLogger(__name__)

_UNSERVED = bilingual("Nessuno ne fa carrelli", "nobody makes carts of it")
_REPEATED = bilingual("Il suo avviso è già nel carrello", "its notice is in the cart already")
_OVERLAPPING = bilingual(
    "Di un pagamento l'intero, oppure rate di un solo piano", "of one payment the whole, or instalments of one plan"
)
_APART = bilingual(
    "Un carrello è di un solo cittadino di un solo ente, e di un solo gruppo",
    "a cart is of one citizen of one ente, and of one group",
)


@dataclass(frozen=True, slots=True)
class PlannedCart:
    """A cart that may be made, and by which connector (ente_id, connector_id)."""

    by: tuple[str, str]
    cart: Cart


@dataclass(frozen=True, slots=True)
class Carts:
    """Says what may be in carts, plans them, and has them made."""

    pool: ConnectorPool
    committer: Committer
    owing: Owing

    def offers(
        self, reading: Reading, payable: Sequence[tuple[Listed, Mapping[str, Any]]]
    ) -> Mapping[str, dict[str, Any]]:
        """What of these payments, each with what it says, a cart may have (contracts.paying.CartOffer), by item; what
        is not there may be in none. A cart is then refused only for what one payment is to another, or what has
        changed."""
        its = [kept_of(reading, row, content) for row, content in payable]
        owed = self.owing.of(lambda: reading.connection, its, reading.now)
        # Of one payment all is owed to one creditor; most of a page to the same.
        asked = {each[0].payment.item_id: each for each in owed if each}
        creditors = {_creditor(its[0]): its[0] for its in asked.values()}
        served = {creditor for creditor, one in creditors.items() if self._acting(one) is not None}
        return {item_id: _offer(its) for item_id, its in asked.items() if _creditor(its[0]) in served}

    def may_offer(self, ente_id: str) -> bool:
        """Whether any payment of an ente may be in a cart: where none may, none need be looked at."""
        return is_served(self.pool, ente_id)

    def chosen(self, reading: Reading, wanted: Sequence[CartPart]) -> list[Owed]:
        """What is owed of what a citizen wants to pay.

        Raises:
            ItemUnknown: one is not the citizen's.
            PaymentNotPayable: one is nothing that can be paid now.
        """
        rows = [reading.one(each.item_id) for each in wanted]
        if not all(rows):
            raise ItemUnknown
        its = [kept_of(reading, row.listed, orjson.loads(row.payload)) for row in rows if row is not None]
        owed = self.owing.of(lambda: reading.connection, its, reading.now)
        found = [
            next((one for one in those if one.part == (each.installment or 0)), None)
            for each, those in zip(wanted, owed, strict=True)
        ]
        closed = [n for n, one in enumerate(found) if one is None]
        if closed:
            detail = bilingual(
                "Non è un pagamento, o una rata, con un avviso pagabile ora",
                "not a payment, or an instalment, with a notice that can be paid now",
            )
            raise PaymentNotPayable(faults=tuple(Fault(f"/payments/{n}", "payment.closed", detail) for n in closed))
        return [one for one in found if one is not None]

    def plan(self, owed: Sequence[Owed], returns: Returns, email: str | None = None) -> PlannedCart:
        """A cart of one citizen's payments. They may be several creditors', as each notice names its own, where the
        ente has a connector in force for each; that of the first makes it.

        Raises:
            PaymentNotPayable: one does not go with another.
            CartNotOffered: no connector in force is for a creditor.
        """
        if wrong := tuple(_apart(owed)):
            raise PaymentNotPayable(faults=wrong)
        found = [self._acting(each) for each in owed]
        unserved = [n for n, one in enumerate(found) if one is None]
        if unserved:
            raise CartNotOffered(
                faults=tuple(Fault(f"/payments/{n}", "creditor.unserved", _UNSERVED) for n in unserved)
            )
        served = [one for one in found if one is not None]
        notices = tuple(
            replace(each.notice, company_name=one.name or each.notice.company_name)
            for each, one in zip(owed, served, strict=True)
        )
        cart = Cart(notices=notices, returns=returns, email=email)
        return PlannedCart((owed[0].payment.ente_id, served[0].connector_id), cart)

    def begin(self, planned: PlannedCart) -> None:
        """Count the call that will make it, before anything else is done for it.

        Raises:
            ProviderUnavailable: pagoPA is left alone for a while, as it failed again and again, or there were too many.
            CartNotOffered: the connector has gone meanwhile.
        """
        connector, _ = self._maker(planned)
        wait: timedelta | None = self.committer.write(begin, Call(Lane(*planned.by), connector.manifest.limits))
        if wait is not None:
            raise ProviderUnavailable(
                bilingual("pagoPA ora non viene interrogato", "pagoPA is not asked now"),
                cause="lane.closed",
                after=wait,
            )

    def make(self, planned: PlannedCart) -> str:
        """The address to which the browser is to be sent: one call to pagoPA, in no transaction.

        Raises:
            CartRefused: pagoPA does not take it.
            ProviderUnavailable: it cannot be asked, or gives no clear answer.
            CartNotOffered: the connector has gone meanwhile.
        """
        connector, make = self._maker(planned)
        try:
            url = make(planned.cart)
        except Failure as failure:
            self._ended(planned, connector, failure)
            kind = type(failure).__name__.lower()
            if isinstance(failure, Rejected):
                log.info("cart.refused ente=%s connector=%s reason=%s", *planned.by, failure.reason)
                raise CartRefused(bilingual(f"pagoPA rifiuta il carrello: {failure}", f"pagoPA: {failure}")) from None
            log.warning("cart.failed ente=%s connector=%s outcome=%s reason=%s", *planned.by, kind, failure.reason)
            raise ProviderUnavailable(cause=failure.reason, after=provider_wish(failure)) from None
        self._ended(planned, connector, None)
        return url

    def _acting(self, owed: Owed) -> Acting | None:
        return acting_for(self.pool, owed, lambda connector: connector.cart)

    def _maker(self, planned: PlannedCart) -> tuple[Connector, MakeCart]:
        connector = self.pool.get(*planned.by)
        if connector is None or connector.cart is None:
            raise CartNotOffered
        return connector, connector.cart

    def _ended(self, planned: PlannedCart, connector: Connector, failure: Failure | None) -> None:
        # Our own fault closes this lane alone: deliveries and receipts have keys of their own, and may do well.
        ours = isinstance(failure, Misconfigured)
        answered = True if failure is None else provider_answered(failure)
        if ours or answered is not None:
            after = None if failure is None else provider_wish(failure)
            limits = connector.manifest.limits
            verdict = Verdict(Lane(*planned.by), bool(answered), limits, after, misconfigured=ours)
            self.committer.write(end, verdict)


def _offer(owed: Sequence[Owed]) -> dict[str, Any]:
    return {
        "group": owed[0].environment,
        "notices": [
            {
                "installment": each.part or None,
                "plan": each.plan or None,
                "creditor_tax_code": each.notice.creditor_tax_code,
                "notice_number": each.notice.notice_number,
                "amount_cents": each.notice.amount_cents,
                "due_date": each.notice.due_on,
            }
            for each in owed
        ],
    }


def _apart(owed: Sequence[Owed]) -> Iterator[Fault]:
    """What keeps one from those before it."""
    for n, each in enumerate(owed):
        before = owed[:n]
        if any(_notice(one) == _notice(each) for one in before):
            yield Fault(f"/payments/{n}", "payment.repeated", _REPEATED)
        elif any(_stands_for(one, each) or _stands_for(each, one) for one in before):
            yield Fault(f"/payments/{n}", "payment.overlapping", _OVERLAPPING)
        if _whose(each) != _whose(owed[0]):
            yield Fault(f"/payments/{n}", "payment.apart", _APART)


def _stands_for(owed: Owed, other: Owed) -> bool:
    """Whether it is the same debt in other parts."""
    same = owed.notice.creditor_tax_code == other.notice.creditor_tax_code
    return same and other.notice.notice_number in owed.instead


def _notice(owed: Owed) -> tuple[str, str]:
    return owed.notice.creditor_tax_code, owed.notice.notice_number


def _creditor(owed: Owed) -> tuple[str, str]:
    """By whom a connector is found, among those of one ente."""
    return owed.notice.creditor_tax_code, owed.environment


def _whose(owed: Owed) -> tuple[str, str, str]:
    return owed.payment.ente_id, owed.payment.citizen_id, owed.environment
