"""Carts of pagoPA's Checkout: which payments may be in one, which connector makes it, what comes of it.

One piece for the portal and the command line. A cart that nobody pays lapses, so that nothing of it is kept here: what
is paid has a receipt (`spec/pagopa.md`, "Checkout cart").
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from contracts.base import ROME
from contracts.failures import Failure, Rejected
from contracts.items import Item, Payment
from contracts.paying import Cart, Debtor, PayableNotice, Returns
from hub.errors import Fault

from .cart_errors import CartNotOffered, CartRefused, PaymentNotPayable, ProviderUnavailable
from .enclosures import payment_of
from .pool import ConnectorPool, in_turn
from .positions import debtor_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Owed:
    """A payment that can be made now, and who owes it. `repr` shows nothing personal."""

    ente_id: str
    citizen_id: str
    item_id: str
    tax_code: str = field(repr=False)
    notice: PayableNotice
    debtor: Debtor | None = field(repr=False)
    """As the payment says, where it does."""
    on_trial: bool
    """Its vendor is in the sandbox: only connectors for tests may have it."""


@dataclass(frozen=True, slots=True)
class PlannedCart:
    """A cart that may be made, and by which connector (ente_id, connector_id)."""

    by: tuple[str, str]
    cart: Cart


def owed_of(
    row: RowMapping | dict[str, Any], item: Item, *, tax_code: str, ente_name: str, on_trial: bool, now: datetime
) -> Owed | None:
    """What an item, of which the columns are given, asks its citizen to pay; None where nothing can be paid now."""
    data = payment_of(item, row["state"])
    if data is None or not isinstance(item, Payment) or data.amount_cents < 1 or row["lifecycle"] != "active":
        return None
    over = item.invalid_after_due and item.due_date is not None and item.due_date < now.astimezone(ROME).date()
    if over or (row["expires_at"] is not None and row["expires_at"] <= now):
        return None
    due_on = None if item.due_date is None else item.due_date.isoformat()
    notice = PayableNotice(
        data.notice_number, data.creditor_tax_code, data.amount_cents, ente_name, item.reason, due_on
    )
    return Owed(row["ente_id"], row["citizen_id"], row["item_id"], tax_code, notice, debtor_of(item), on_trial)


@dataclass(frozen=True, slots=True)
class Carts:
    """Plans carts, and has them made."""

    pool: ConnectorPool

    def plan(self, owed: Sequence[Owed], returns: Returns, email: str | None = None) -> PlannedCart:
        """A cart of one citizen's payments, each notice once. They may be several creditors', as each notice names its
        own, where the ente has a connector in force for each; that of the first makes it.

        Raises:
            PaymentNotPayable: a notice is there twice, or of somebody else.
            CartNotOffered: no connector in force is for a creditor.
        """
        first, seen, wrong = owed[0], set[tuple[str, str]](), []
        for n, each in enumerate(owed):
            name = (each.notice.creditor_tax_code, each.notice.notice_number)
            if name in seen:
                wrong.append(Fault(f"/item_ids/{n}", "payment.repeated", "its notice is in the cart already"))
            if _whose(each) != _whose(first):
                wrong.append(Fault(f"/item_ids/{n}", "payment.apart", "a cart is of one citizen of one ente"))
            seen.add(name)
        if wrong:
            raise PaymentNotPayable(faults=tuple(wrong))
        found = [self._creditor(each) for each in owed]
        unserved = [n for n, one in enumerate(found) if one is None]
        if unserved:
            raise CartNotOffered(
                faults=tuple(Fault(f"/item_ids/{n}", "creditor.unserved", "nobody makes carts of it") for n in unserved)
            )
        served = [one for one in found if one is not None]
        notices = tuple(
            replace(each.notice, company_name=name or each.notice.company_name)
            for each, (_, name) in zip(owed, served, strict=True)
        )
        return PlannedCart((first.ente_id, served[0][0]), Cart(notices=notices, returns=returns, email=email))

    def make(self, planned: PlannedCart) -> str:
        """The address to which the browser is to be sent: one call to pagoPA, in no transaction.

        Raises:
            CartRefused: pagoPA does not take it.
            ProviderUnavailable: it cannot be asked, or gives no clear answer.
            CartNotOffered: the connector has gone meanwhile.
        """
        connector = self.pool.get(*planned.by)
        if connector is None or connector.cart is None:
            raise CartNotOffered
        try:
            return connector.cart(planned.cart)
        except Rejected as failure:
            log.info("cart.refused connector=%s reason=%s", planned.by[1], failure.reason)
            raise CartRefused(f"pagoPA: {failure}") from None
        except Failure as failure:
            kind = type(failure).__name__.lower()
            log.warning("cart.failed connector=%s outcome=%s reason=%s", planned.by[1], kind, failure.reason)
            raise ProviderUnavailable(cause=failure.reason) from None

    def _creditor(self, owed: Owed) -> tuple[str, str] | None:
        """The connector in force of a payment's creditor, and the creditor's name; None where there is none."""
        environment = "test" if owed.on_trial else "production"
        for config in in_turn(self.pool.configs()):
            if (config.ente_id, config.status, config.environment) != (owed.ente_id, "active", environment):
                continue
            connector = self.pool.get(config.ente_id, config.connector_id)
            numbering = None if connector is None else connector.numbering
            if connector is None or connector.cart is None or numbering is None:
                continue
            if numbering.creditor_tax_code == owed.notice.creditor_tax_code:
                return config.connector_id, numbering.creditor_name
        return None


def _whose(owed: Owed) -> tuple[str, str, bool]:
    return owed.ente_id, owed.citizen_id, owed.on_trial
