"""Reconciliation of payments: what is paid (receipts), what is reported (flows), and what is missing of either.

A payment is known to a flow by (creditor, IUV), to a receipt by (creditor, notice number), which holds the IUV. Amounts
are compared in cents: what the flows report of a payment, all its transfers to this creditor together, against what its
receipt says, or the creditor's own share where the payment has several beneficiaries.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Literal

import orjson
from sqlalchemy import Connection

from contracts.base import ROME
from contracts.items import Payment, Receipt
from contracts.reporting import iuv_of, notice_numbers_of
from hub.security.vault import Vault
from hub.store.notice_keys import is_tried, notice_key
from hub.store.paid import OfNotice, of_notices, receipts_between
from hub.store.reporting import KeptFlow, Reported, flows_between, reported_between, reported_of

Status = Literal["matched", "awaited", "report_missing", "receipt_missing", "amount_differs", "revoked"]
MISSING: Final = frozenset({"report_missing", "receipt_missing", "amount_differs", "revoked"})
"""Where somebody has to look. `awaited`: the provider still has time to report."""

_AROUND: Final = timedelta(days=92)
"""A receipt is looked for where its `occurred_at` is this near the days asked for: sources say there what they like."""

_Key = tuple[str, str]
"""Creditor and IUV."""


@dataclass(frozen=True, slots=True)
class Days:
    """From a day in Italy to another, which is included; and how many days providers have to report."""

    since: date
    until: date
    today: date
    grace: int = 5


@dataclass(frozen=True, slots=True)
class Line:
    """One payment. `iuv` names it at its creditor's; no person stands in it."""

    status: Status
    creditor_tax_code: str
    iuv: str = field(repr=False)
    paid_on: date
    paid_cents: int | None
    """As the receipt says, the creditor's share of it; None where there is no receipt."""
    reported_cents: int | None
    """As the flows say; None where none does."""
    flows: tuple[str, ...]
    receipts: tuple[str, ...]
    """The items."""
    payment: str | None
    """The item, and its state, where there is one."""
    payment_state: str | None


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was found of the days asked for."""

    lines: tuple[Line, ...]
    flows: tuple[KeptFlow, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing, of payments or of flows."""
        return not any(line.status in MISSING for line in self.lines) and not any(flow.fault for flow in self.flows)

    def totals(self) -> dict[str, dict[str, int]]:
        """How many, and how many cents: of all that is paid and reported, and of each status."""
        found: dict[str, dict[str, int]] = {}
        for name, lines in (
            ("paid", [line for line in self.lines if line.paid_cents is not None]),
            ("reported", [line for line in self.lines if line.reported_cents is not None]),
        ):
            cents = sum((line.paid_cents if name == "paid" else line.reported_cents) or 0 for line in lines)
            found[name] = {"count": len(lines), "cents": cents}
        for status in ("matched", "awaited", *sorted(MISSING)):
            those = [line for line in self.lines if line.status == status]
            cents = sum(line.paid_cents if line.paid_cents is not None else line.reported_cents or 0 for line in those)
            found[status] = {"count": len(those), "cents": cents}
        return found


@dataclass(slots=True)
class _Case:
    """All that is known of one payment."""

    receipts: dict[str, tuple[OfNotice, Receipt]] = field(default_factory=dict)
    """By their numbers: copies for co-holders are the same receipt."""
    payment: tuple[OfNotice, Payment] | None = None
    reported: list[Reported] = field(default_factory=list)


def reconcile(connection: Connection, vault: Vault, ente_id: str, days: Days) -> Reconciled:
    """Whoever paid in these days, by its receipt or by a flow, with what the other side says of it whenever it was."""
    begin = datetime.combine(days.since, time(), ROME).astimezone(UTC) - _AROUND
    end = datetime.combine(days.until, time(), ROME).astimezone(UTC) + _AROUND
    cases: defaultdict[_Key, _Case] = defaultdict(_Case)
    for found in receipts_between(connection, vault, ente_id, begin, end):
        if is_tried(found.notice_key):
            continue  # no money
        receipt = _receipt(found)
        if days.since <= _paid_on(receipt) <= days.until:
            cases[_key_of(receipt)].receipts[receipt.receipt_number] = (found, receipt)
    reported = reported_between(connection, vault, ente_id, days.since, days.until)
    asked = {*cases, *((one.creditor_tax_code, one.iuv) for one in reported)}
    for one in reported_of(connection, vault, ente_id, asked):
        cases[one.creditor_tax_code, one.iuv].reported.append(one)
    _add_items(connection, vault, ente_id, cases)
    lines = [_line(key, case, days) for key, case in cases.items()]
    return Reconciled(
        tuple(sorted((line for line in lines if line), key=lambda line: (line.paid_on, line.iuv))),
        tuple(flows_between(connection, ente_id, days.since, days.until)),
    )


def _add_items(connection: Connection, vault: Vault, ente_id: str, cases: Mapping[_Key, _Case]) -> None:
    """The payments, and receipts of other days."""
    keys = {
        notice_key(vault.keyed_hash, creditor, number): (creditor, iuv)
        for creditor, iuv in cases
        for number in notice_numbers_of(iuv)
    }
    for found in of_notices(connection, vault, ente_id, keys):
        case = cases[keys[found.notice_key]]
        if found.collection == "payments":
            # Of those that several sources published, the one that says who gets what.
            payment = Payment.model_validate_json(found.payload)
            if case.payment is None or (payment.items and not case.payment[1].items):
                case.payment = (found, payment)
        elif found.collection == "receipts":
            receipt = _receipt(found)
            case.receipts.setdefault(receipt.receipt_number, (found, receipt))


def _line(key: _Key, case: _Case, days: Days) -> Line | None:
    counted = [one for one in case.reported if one.outcome != "revoked"]
    is_revoked = len(counted) < len(case.reported)
    if not case.receipts and not counted:
        return None  # taken back before anybody here heard of it: no money, no receipt
    reported = sum(one.amount_cents for one in counted) if counted else None
    receipts = [receipt for _, receipt in case.receipts.values()]
    shares = {_share(key[0], receipt.amount_cents, case.payment) for receipt in receipts}
    paid_on = min([*(one.paid_on for one in counted), *map(_paid_on, receipts)])
    status: Status
    if is_revoked:
        status = "revoked"
    elif reported is None:
        late = paid_on + timedelta(days=days.grace) < days.today
        status = "report_missing" if late else "awaited"
    elif not receipts:
        status = "receipt_missing"
    else:
        status = "matched" if reported in shares else "amount_differs"
    return Line(
        status=status,
        creditor_tax_code=key[0],
        iuv=key[1],
        paid_on=paid_on,
        # Two receipts of one payment, the vendor's and pagoPA's own, are one payment.
        paid_cents=reported if reported in shares else max(shares, default=None),
        reported_cents=reported,
        flows=tuple(sorted({one.flow for one in case.reported})),
        receipts=tuple(sorted(found.item_id for found, _ in case.receipts.values())),
        payment=case.payment[0].item_id if case.payment else None,
        payment_state=case.payment[0].state if case.payment else None,
    )


def _share(creditor: str, amount_cents: int, payment: tuple[OfNotice, Payment] | None) -> int:
    """Of what was paid, what is the creditor's: flows of others report the rest. Stamps are the State's; what a
    notification has added to the parts is the creditor's."""
    parts = payment[1].items if payment else ()
    added = amount_cents - sum(part.amount_cents for part in parts)
    if not parts or added < 0:
        return amount_cents
    own = sum(part.amount_cents for part in parts if part.receiver_tax_code == creditor and part.kind == "pagopa")
    return own + added


def _receipt(found: OfNotice) -> Receipt:
    return Receipt.model_validate_json(found.payload)


def _paid_on(receipt: Receipt) -> date:
    return receipt.paid_at.astimezone(ROME).date()


def _key_of(receipt: Receipt) -> _Key:
    return receipt.payment.creditor_tax_code, iuv_of(receipt.payment.notice_number)


def as_json(found: Reconciled) -> dict[str, Any]:
    """For machines: totals, each payment, each flow."""
    return {
        "totals": found.totals(),
        "payments": [_plain(line) for line in found.lines],
        "flows": [_plain(flow) | {"fault": flow.fault} for flow in found.flows],
    }


def _plain(value: Any) -> dict[str, Any]:
    plain: dict[str, Any] = orjson.loads(orjson.dumps(value, option=orjson.OPT_SERIALIZE_DATACLASS))
    return plain


def missing(lines: Iterable[Line]) -> Sequence[Line]:
    """Those that somebody has to look at."""
    return [line for line in lines if line.status in MISSING]
