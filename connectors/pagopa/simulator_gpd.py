"""The simulated GPD: its positions and their status machine (`spec/pagopa.md`)."""

import json
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.base.ledger import Ledger

from .simulator_fees import add_fee, keep_fees
from .simulator_forms import Broken, PositionV1, PositionV3, must_keep_the_rules, payables, plain

_PAST_UPDATING = ("INVALID", "PARTIALLY_PAID", "PAID", "REPORTED")
_PAST_INVALIDATING = ("DRAFT", "INVALID", "EXPIRED", "PARTIALLY_PAID", "PAID", "REPORTED")
_PAST_DELETING = ("PARTIALLY_PAID", "PAID", "REPORTED")


class Positions(Ledger):
    """All positions, by (organization, iupd). What is accepted is a line of the ledger before it is answered."""

    def __init__(
        self,
        ledger: Path,
        *,
        now: Callable[[], datetime],
        ibans: Collection[str] | None,
        categories: Collection[str] | None,
    ) -> None:
        self._now, self._ibans, self._categories = now, ibans, categories
        self._kept: dict[tuple[str, str], dict[str, Any]] = {}
        self._taken: dict[tuple[str, str], str] = {}
        super().__init__(ledger)

    def create(self, organization: str, position: PositionV1 | PositionV3, *, publish: bool) -> dict[str, Any]:
        """Raises Broken: 409 for a name or a number that is there, 400 for a rule that is not kept."""
        (made,) = self.create_all(organization, [position], publish=publish)
        return made

    def create_all(
        self, organization: str, positions: Collection[PositionV1 | PositionV3], *, publish: bool
    ) -> list[dict[str, Any]]:
        """All of them or none. Raises as `create`."""
        made = []
        for kept in self._all_checked(organization, positions, new=True):
            if (organization, kept["iupd"]) in self._kept:
                raise Broken(409, "A debt position with this IUPD already exists.")
            made.append(kept | {"organization": organization, "status": "DRAFT", "inserted": self._stamp()})
        for kept in made:
            if publish:
                self._publish(kept)
        return [self._accept("create", kept) for kept in made]

    def update(
        self, organization: str, iupd: str, position: PositionV1 | PositionV3, *, publish: bool
    ) -> dict[str, Any]:
        """Raises Broken: 404, 409 in a status that is past it, 400."""
        if position.iupd != iupd:
            raise Broken(400, "The IUPD is not that of the path.")
        (made,) = self.update_all(organization, [position], publish=publish)
        return made

    def update_all(
        self, organization: str, positions: Collection[PositionV1 | PositionV3], *, publish: bool
    ) -> list[dict[str, Any]]:
        """All of them or none. Raises as `update`."""
        there = {position.iupd: self.get(organization, position.iupd) for position in positions}
        for before in there.values():
            if before["status"] in _PAST_UPDATING:
                raise Broken(409, f"The debt position is {before['status']}: it cannot be updated.")
        made = []
        for changed in self._all_checked(organization, positions, new=False):
            before = there[changed["iupd"]]
            keep_fees(before, changed, organization)
            kept = before | changed
            if publish or before["status"] != "DRAFT":
                self._publish(kept)
            made.append(kept)
        return [self._accept("update", kept) for kept in made]

    def publish(self, organization: str, iupd: str) -> dict[str, Any]:
        kept = dict(self.get(organization, iupd))
        if kept["status"] != "DRAFT":
            raise Broken(409, f"The debt position is {kept['status']}: it cannot be published.")
        self._publish(kept)
        return self._accept("publish", kept)

    def invalidate(self, organization: str, iupd: str) -> dict[str, Any]:
        kept = self.get(organization, iupd)
        if kept["status"] in _PAST_INVALIDATING:
            raise Broken(409, f"The debt position is {kept['status']}: it cannot be invalidated.")
        return self._accept("invalidate", kept | {"status": "INVALID"})

    def delete(self, organization: str, iupd: str) -> None:
        kept = self.get(organization, iupd)
        if kept["status"] in _PAST_DELETING:
            raise Broken(409, f"The debt position is {kept['status']}: it cannot be deleted.")
        self._accept("delete", kept | {"status": "DELETED"})

    def pay(self, organization: str, nav: str, paid: dict[str, Any], *, elsewhere: bool = False) -> dict[str, Any]:
        """Its payment, by a PSP, or told of by the creditor. Raises Broken: 404, 409 paid before, 422 not payable."""
        kept, option, payable = self._to_change(organization, nav)
        if payable.get("status", "UNPAID") != "UNPAID":
            raise Broken(409, "The payment option is paid already.")
        if kept["status"] not in ("VALID", "PARTIALLY_PAID"):
            raise Broken(422, "The payment option is not payable.")
        payable |= {"status": "PAID", "paymentDate": self._stamp()} | ({} if elsewhere else paid)
        whole = all(each.get("status") == "PAID" for each in option["installments"])
        kept["status"] = "PAID" if whole else "PARTIALLY_PAID"
        return self._accept("pay", kept)

    def set_fee(self, organization: str, nav: str, cents: int) -> dict[str, Any]:
        """What SEND's notification costs, as SEND tells it. Raises Broken: 404, 422 where it is paid."""
        kept, _, payable = self._to_change(organization, nav)
        if payable.get("status", "UNPAID") != "UNPAID":
            raise Broken(422, "The payment option is not in unpaid state.")
        add_fee(payable, organization, cents)
        payable["lastUpdatedDateNotificationFee"] = self._stamp()
        return self._accept("fee", kept)

    def get(self, organization: str, iupd: str) -> dict[str, Any]:
        """Raises Broken: 404."""
        kept = self._kept.get((organization, iupd))
        if kept is None:
            raise Broken(404, "Not found the debt position.")
        return self._at_its_time(kept)

    def of(self, organization: str) -> list[dict[str, Any]]:
        """All of an organization, oldest first."""
        return [self._at_its_time(kept) for kept in self._kept.values() if kept["organization"] == organization]

    def paid(self, organization: str) -> list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
        """Every payable part that was paid by a PSP, with its option and its position, in the order of payment."""
        found = [
            (kept, option, payable)
            for kept in self.of(organization)
            for option, payable in payables(kept)
            if payable.get("idReceipt")
        ]
        return sorted(found, key=lambda each: str(each[2]["paymentDate"]))

    def _to_change(self, organization: str, nav: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """A copy of the position with that notice number, and in it the option and its payable part. Raises Broken:
        404."""
        for kept in map(self._at_its_time, list(self._kept.values())):
            if kept["organization"] == organization and any(its["nav"] == nav for _, its in payables(kept)):
                copied = json.loads(json.dumps(kept))
                return copied, *next(each for each in payables(copied) if each[1]["nav"] == nav)
        raise Broken(404, "Not found the payment option.")

    def _all_checked(
        self, organization: str, positions: Collection[PositionV1 | PositionV3], *, new: bool
    ) -> list[dict[str, Any]]:
        """As they would be kept. Raises Broken: 409 for a name or a number that two of them have, or as `_checked`."""
        checked = [self._checked(organization, position, new=new) for position in positions]
        if len({kept["iupd"] for kept in checked}) < len(checked):
            raise Broken(409, "Two of the debt positions have the same IUPD.")
        numbers = [payable["iuv"] for kept in checked for _, payable in payables(kept)]
        if len({*numbers}) < len(numbers):
            raise Broken(409, "One of the payment options is not unique.")
        return checked

    def _checked(self, organization: str, position: PositionV1 | PositionV3, *, new: bool) -> dict[str, Any]:
        kept = plain(position)
        must_keep_the_rules(kept, now=self._now(), new=new, ibans=self._ibans, knows_category=self._knows)
        for _, payable in payables(kept):
            payable["nav"] = payable["nav"] or f"3{payable['iuv']}"
            # A number is unique for ever inside one creditor, invalidated and deleted ones included.
            if self._taken.get((organization, payable["iuv"]), position.iupd) != position.iupd:
                raise Broken(409, "One of the payment options is not unique.")
        return kept

    def _knows(self, category: str) -> bool:
        return self._categories is None or category in self._categories

    def _publish(self, kept: dict[str, Any]) -> None:
        starts = [option["validityDate"] for option in kept["options"] if option["validityDate"]]
        future = bool(starts) and min(starts) > self._stamp()
        kept |= {"status": "PUBLISHED" if future else "VALID", "published": kept.get("published") or self._stamp()}

    def _at_its_time(self, kept: dict[str, Any]) -> dict[str, Any]:
        """Transitions by time are worked out when the position is read."""
        now, status = self._stamp(), kept["status"]
        starts = [option["validityDate"] for option in kept["options"] if option["validityDate"]]
        if status == "PUBLISHED" and (not starts or min(starts) <= now):
            status = "VALID"
        dues = [payable["dueDate"] for _, payable in payables(kept)]
        if status == "VALID" and dues and max(dues) < now and all(o["switchToExpired"] for o in kept["options"]):
            status = "EXPIRED"
        return kept | {"status": status}

    def _accept(self, act: str, kept: dict[str, Any]) -> dict[str, Any]:
        kept = kept | {"updated": self._stamp()}
        line = {"at": self._now().astimezone(UTC).isoformat(), "act": act, "position": kept}
        self.append(line)
        return kept

    def take(self, entry: dict[str, Any]) -> None:
        kept = entry["position"]
        name = (kept["organization"], kept["iupd"])
        for _, payable in payables(kept):
            self._taken[kept["organization"], payable["iuv"]] = kept["iupd"]
        if entry["act"] == "delete":
            self._kept.pop(name, None)
        else:
            self._kept[name] = kept

    def _stamp(self) -> str:
        return self._now().astimezone(UTC).replace(tzinfo=None).isoformat()


def paid_between(kept: dict[str, Any], since: str, until: str) -> bool:
    """Whether something of it was paid on these days. Raises Broken for more than thirty of them."""
    try:
        days = date.fromisoformat(until) - date.fromisoformat(since)
    except ValueError:
        raise Broken(400, "A date is not one.") from None
    if not timedelta() <= days <= timedelta(days=30):
        raise Broken(400, "The interval is of thirty days at most.")
    return any(since <= payable.get("paymentDate", "")[:10] <= until for _, payable in payables(kept))
