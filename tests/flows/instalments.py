"""Payments that may be paid in instalments, and the receipts of these."""

from datetime import UTC, datetime, timedelta

from tests.flows.making import fresh, notice_number, published, to
from tests.harness import make_payment, make_receipt

TOWN = "00488410010"
IBAN = "IT60X0542811101000000123456"
TODAY = datetime.now(UTC).date()
LATER, BEFORE = (str(TODAY + timedelta(days=days)) for days in (30, -30))


def payment(hub, person, *, vendor=None, **fields):
    own = {"notice_number": notice_number(), "due_date": LATER, "notify": {"channels": []}} | fields
    return published(hub, "payments", make_payment(fresh(), **to(person, None), **own), vendor=vendor)


def in_parts(hub, person, *dues, plans=1, **fields):
    """A payment that may be paid in instalments, with numbers of their own, in each of so many plans; and those."""
    plan = [
        {"amount_cents": 5_000, "due_date": due, "notice_number": f"347{notice_number()[3:]}"}
        | ({"plan": number} if plans > 1 else {})
        for number in range(1, plans + 1)
        for due in dues
    ]
    asked = {"debtor_name": "Maria Rossi", "iban": IBAN, "category": "9/0301105TS/", "installments": plan}
    own = {"notice_number": f"347{notice_number()[3:]}", "amount_cents": 5_000 * len(dues), "position": asked}
    return payment(hub, person, **(own | fields)), [each["notice_number"] for each in plan]


def paid(hub, person, number, creditor=TOWN, **how):
    proof = {"notice_number": number, "creditor_tax_code": creditor}
    published(hub, "receipts", make_receipt(fresh(), **to(person, None), payment=proof), **how)
