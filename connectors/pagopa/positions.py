"""Debt positions to GPD's forms, v1 and v3, and back to what can be compared. Without any I/O; `spec/pagopa.md`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from contracts.connector import Notice
from contracts.failures import Deferred, Rejected
from contracts.positions import PayOption, PositionData, Share
from contracts.reporting import iuv_of

Version = Literal["v1", "v3"]

# GPD keeps times as the wall clock of UTC, and answers them with or without a zone.
_WHOLE_SECONDS = 19


@dataclass(frozen=True, slots=True)
class Creditor:
    """As whom positions are registered."""

    tax_code: str
    segregation_code: int
    company_name: str | None = None
    office_name: str | None = None
    pay_stand_in: bool = True


def position_of(notice: Notice, creditor: Creditor, version: Version) -> PositionData:
    """What pagoPA is to have.

    Raises:
        Rejected: nothing, or not ours to register: GPD answers 403 for other creditors and segregation codes, which
            would stop the connector for everybody (spec/pagopa.md, "GPD"). Or v1 has no form for it: it would be one
            plan of all instalments of several.
    """
    position = notice.position
    if position is None:
        raise Rejected("pagopa.no_position")
    if position.creditor_tax_code != creditor.tax_code:
        raise Rejected("pagopa.other_creditor", "the payment's creditor is not that of the connector")
    for option in position.options:
        number = option.notice_number
        if number[0] == "3" and int(number[1:3]) != creditor.segregation_code:
            raise Rejected("pagopa.other_segregation_code", f"a notice number has {number[1:3]}")
    if version == "v1" and len({option.plan for option in position.options if option.instalment}) > 1:
        raise Rejected("pagopa.several_plans", "v1 has one plan of instalments")
    return position


def body(version: Version, notice: Notice, position: PositionData, creditor: Creditor) -> dict[str, Any]:
    """PaymentPositionModel of v1, or PaymentPositionModelV3."""
    common: dict[str, Any] = {
        "iupd": position.name,
        "payStandIn": creditor.pay_stand_in,
        "companyName": _company(notice, creditor),
    }
    if creditor.office_name is not None:
        common["officeName"] = creditor.office_name
    debtor = {
        "type": "F" if position.debtor_kind == "person" else "G",
        "fiscalCode": notice.tax_code,
        "fullName": position.debtor_name,
    }
    if version == "v1":
        options = [_option(each) | {"isPartialPayment": each.instalment} for each in position.options]
        return common | debtor | {"switchToExpired": position.expires, "paymentOption": options}
    plans = [
        {
            "description": plan[0].reason,
            "switchToExpired": position.expires,
            "debtor": debtor,
            "installments": [_option(each) for each in plan],
        }
        for plan in _plans(position)
    ]
    return common | {"paymentOption": plans}


def _company(notice: Notice, creditor: Creditor) -> str:
    return (creditor.company_name or notice.ente_name)[:140]


def _plans(position: PositionData) -> Iterator[tuple[PayOption, ...]]:
    """The whole, and each plan of instalments that stand for it, as options of v3."""
    for wanted in sorted({(option.instalment, option.plan) for option in position.options}):
        yield tuple(option for option in position.options if (option.instalment, option.plan) == wanted)


def _option(option: PayOption) -> dict[str, Any]:
    return {
        "nav": option.notice_number,
        "iuv": iuv_of(option.notice_number),
        "amount": option.amount_cents,
        "description": option.reason,
        "dueDate": _utc(option.due_at),
        "transfer": [_transfer(n, share) for n, share in enumerate(option.shares, start=1)],
    }


def _transfer(number: int, share: Share) -> dict[str, Any]:
    made: dict[str, Any] = {
        "idTransfer": str(number),
        "amount": share.amount_cents,
        "organizationFiscalCode": share.receiver_tax_code,
        "remittanceInformation": share.reason,
        "category": share.category,
    }
    if share.stamp is not None:
        stamp = share.stamp
        made["stamp"] = {
            "hashDocument": stamp.document_sha256,
            "stampType": stamp.kind,
            "provincialResidence": stamp.province,
        }
    else:
        made["iban"] = share.iban
        if share.postal_iban is not None:
            made["postalIban"] = share.postal_iban
    return made


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def same(version: Version, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether a position as GPD shows it is the one that `body` made, as far as it shows it: v1 shows no debtor."""
    names = ("type", "companyName", "officeName") if version == "v1" else ("companyName", "officeName")
    if any((wanted.get(name) or None) != (found.get(name) or None) for name in names):
        return False
    try:
        ours, theirs = dict(_options(version, wanted)), dict(_options(version, found))
        return ours.keys() == theirs.keys() and all(_same_option(ours[nav], theirs[nav]) for nav in ours)
    except (AttributeError, KeyError, TypeError, ValueError):
        return False  # not as described: then it is not known to be the same


def numbers_of(version: Version, position: Mapping[str, Any]) -> frozenset[str]:
    """The notice numbers of a position in GPD's form. Raises Deferred where it is not as described."""
    try:
        return frozenset(nav for nav, _ in _options(version, position))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Deferred("pagopa.unreadable", "the options are not as described", about="message") from None


_Option = tuple[Any, Mapping[str, Any]]
"""What stands around an option, and the option."""


def _options(version: Version, position: Mapping[str, Any]) -> Iterator[tuple[str, _Option]]:
    """By notice number; v3's with the plan that they belong to."""
    for option in position["paymentOption"]:
        if version == "v1":
            yield _nav(option), (bool(option["isPartialPayment"]), option)
            continue
        debtor = {name: option["debtor"].get(name) for name in ("type", "fiscalCode", "fullName")}
        plan = (bool(option["switchToExpired"]), debtor, sorted(map(_nav, option["installments"])))
        for instalment in option["installments"]:
            yield _nav(instalment), (plan, instalment)


def _nav(option: Mapping[str, Any]) -> str:
    # GPD makes it of the aux digit 3 and the IUV where it was left out.
    return str(option.get("nav") or f"3{option['iuv']}")


def _same_option(ours: _Option, theirs: _Option) -> bool:
    if ours[0] != theirs[0]:
        return False
    our, their = ours[1], theirs[1]
    # What SEND adds for its notification is in the amount, and in one of the transfers: it is no difference.
    fee = int(their.get("notificationFee") or 0)
    if int(their["amount"]) - fee != our["amount"] or their["description"] != our["description"]:
        return False
    if str(their["dueDate"])[:_WHOLE_SECONDS] != our["dueDate"][:_WHOLE_SECONDS]:
        return False
    pairs = [sorted(option["transfer"], key=lambda each: str(each["idTransfer"])) for option in (our, their)]
    if [_compared(each) for each in pairs[0]] != [_compared(each) for each in pairs[1]]:
        return False
    added = [int(b["amount"]) - a["amount"] for a, b in zip(*pairs, strict=True)]
    return sum(added) == fee and all(each in (0, fee) for each in added)


def _compared(transfer: Mapping[str, Any]) -> tuple[Any, ...]:
    stamp = transfer.get("stamp") or {}
    return (
        str(transfer["idTransfer"]),
        transfer.get("organizationFiscalCode"),
        transfer["remittanceInformation"],
        transfer["category"],
        transfer.get("iban") or None,
        transfer.get("postalIban") or None,
        *(stamp.get(name) for name in ("hashDocument", "stampType", "provincialResidence")),
    )
