"""Payments that may be paid in instalments: each has a notice of its own, and all those of one plan pay the payment.

Which notices these are stands in the payment's content alone. So of a citizen whose notice was paid the registered
payments that are open are looked through: they are few, and no other row has to be kept in step with every version.
"""

from collections.abc import Collection, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import func, select

from contracts.items.payment import FIRST_PLAN
from contracts.positions import PAGOPA
from contracts.states import SETTLED_FOR_GOOD

from .citizens import Citizens
from .database import Tx
from .given import GIVEN, given, is_given
from .notice_keys import is_tried, notice_key, staged
from .paid import paid_among
from .ports import Vault
from .rows import AS_IN_ORDER, IN_ORDER, Batch, item_key, payload_place
from .tables import deliveries, item_versions, items

_ITS, _VERSIONS, _DELIVERIES = items.c, item_versions.c, deliveries.c
_REGISTERED = (
    select(_DELIVERIES.message_id)
    .where(_DELIVERIES.ente_id == _ITS.ente_id, _DELIVERIES.message_id == _ITS.item_id, _DELIVERIES.channel == PAGOPA)
    .exists()
)
_OPEN = (
    select(items)
    .select_from(GIVEN.join(items, is_given(_ITS.ente_id, _ITS.citizen_id)))
    .where(
        _ITS.notice_key > "",  # as a range, by which SQLite finds them past whatever else the citizen has
        _ITS.collection == "payments",
        _ITS.lifecycle != "erased",
        func.coalesce(_ITS.own_state, _ITS.state).not_in(sorted(SETTLED_FOR_GOOD)),
        _REGISTERED,
    )
    .order_by(*AS_IN_ORDER)
    .with_for_update(of=items)
)
"""The registered payments of the citizens given that are not paid, held until the commit. Only what is read after that
has what other writers committed meanwhile: so contents and payments of notices are read by statements of their own."""
_CONTENTS = select(_ITS.item_id, _VERSIONS.payload_sealed).select_from(
    GIVEN.join(items, is_given(*IN_ORDER)).join(
        item_versions,
        (_VERSIONS.ente_id == _ITS.ente_id)
        & (_VERSIONS.item_id == _ITS.item_id)
        & (_VERSIONS.version == _ITS.version)
        & (_VERSIONS.citizen_id == _ITS.citizen_id),
    )
)
Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plans:
    """Knows by which notices payments are paid in instalments."""

    citizens: Citizens
    vault: Vault

    def paid(
        self, tx: Tx, batch: Batch, whose: Collection[tuple[str, str]], held: MutableMapping[str, Item]
    ) -> list[Item]:
        """Those payments of these citizens (ente_id, citizen_id) that are not paid as such, and of which all the
        instalments of a plan are. `held`: the items that this transaction has in its hands, by id, as they will be
        written; the payments are added to it."""
        for row in tx.connection.execute(_OPEN, given(whose)).mappings() if whose else ():
            held.setdefault(row["item_id"], dict(row))
        open_still = [item for item in held.values() if _whose(item) in whose and _is_open(item)]
        plans = {item["item_id"]: plans for item, plans in self._plans(tx, batch, open_still)}
        asked: dict[tuple[str, str], set[str]] = {}
        for item in open_still:
            for keys in plans.get(item["item_id"], {}).values():
                asked.setdefault(_whose(item), set()).update(keys)
        known = {one: paid_among(tx.connection, *one, keys, held.values()) for one, keys in asked.items()}
        return [
            item
            for item in open_still
            if any(
                all(known[_whose(item)].knows(item["vendor_id"], key) for key in keys)
                for keys in plans.get(item["item_id"], {}).values()
            )
        ]

    def _plans(self, tx: Tx, batch: Batch, payments: Collection[Item]) -> Iterator[tuple[Item, dict[int, list[str]]]]:
        """Of each that has instalments, the notice keys of these by plan."""
        citizens = self.citizens.by_ids(tx.connection, {_whose(item) for item in payments})
        ours = {(row["item_id"], row["version"]): row["payload_sealed"] for row in batch.versions}
        kept = {item_key(item) for item in payments if (item["item_id"], item["version"]) not in ours}
        sealed: dict[str, bytes] = {}
        if kept:
            sealed = {row.item_id: row.payload_sealed for row in tx.connection.execute(_CONTENTS, given(kept))}
        for item in payments:
            ente_id, item_id, version = item["ente_id"], item["item_id"], item["version"]
            content = ours.get((item_id, version)) or sealed.get(item_id)
            citizen = citizens.get(_whose(item))
            if content is None or citizen is None:
                continue
            place = payload_place(ente_id, item_id, version)
            payment = orjson.loads(self.vault.open_with(citizen.data_key, content, place))
            if plans := self._read(payment, on_trial=is_tried(item["notice_key"])):
                yield item, plans

    def _read(self, payment: Mapping[str, Any], *, on_trial: bool) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for each in (payment.get("position") or {}).get("installments", ()):
            key = notice_key(self.vault.keyed_hash, payment["creditor_tax_code"], each["notice_number"])
            found.setdefault(each.get("plan") or FIRST_PLAN, []).append(staged(key, on_trial=on_trial))
        return found


def _whose(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["ente_id"], item["citizen_id"]


def _is_open(item: Mapping[str, Any]) -> bool:
    is_payment = item["collection"] == "payments" and item["lifecycle"] != "erased"
    return is_payment and (item["own_state"] or item["state"]) not in SETTLED_FOR_GOOD
