"""What SEND's notification costs, at the simulated GPD: SEND alone says so; it is in the amount and in one transfer.

Who updates a position leaves it aside: GPD keeps it by IUV, and adds it again (its sources, decision 150).
"""

from typing import Any

from pydantic import Field

from .simulator_forms import Broken, Closed, payables

FEE = "notificationFee"


class NotificationFee(Closed):
    """NotificationFeeUpdateModel."""

    notification_fee: int = Field(ge=0)


def add_fee(payable: dict[str, Any], organization: str, cents: int) -> None:
    """Another takes the place of the one before. Raises Broken: 422 where no transfer is the creditor's own."""
    own = (
        each
        for each in sorted(payable["transfer"], key=lambda each: str(each["idTransfer"]))
        if each.get("organizationFiscalCode") in (None, organization) and not each.get("stamp")
    )
    transfer = next(own, None)
    if transfer is None:
        raise Broken(422, "No transfer of the creditor institution to add the fee to.")
    more = cents - (payable.get(FEE) or 0)
    payable["amount"] += more
    transfer["amount"] += more
    payable[FEE] = cents


def keep_fees(before: dict[str, Any], changed: dict[str, Any], organization: str) -> None:
    """A position that is updated has the costs of the notices that it had before."""
    known = {its["iuv"]: its for _, its in payables(before)}
    for _, payable in payables(changed):
        its = known.get(payable["iuv"], {})
        if its.get(FEE):
            add_fee(payable, organization, its[FEE])
            payable["lastUpdatedDateNotificationFee"] = its["lastUpdatedDateNotificationFee"]
