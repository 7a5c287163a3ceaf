"""Payments that are new to the hub and ask for what GPD answers of their notice: the amount with SEND's cost in it.

A notice has one amount at pagoPA. So where the vendor has published it already, for another debtor or under another
name, the one is known by the other. What other vendors say of the notice tells it nothing, here as elsewhere (`settled`
14); and of a notice that it publishes for the first time nobody could tell.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import select

from contracts.items.payment import bare_of
from contracts.states import OWED

from .costs import AmountIncludesCost, includes_cost, told_costs
from .database import Tx
from .drafts import Draft, Identity
from .given import GIVEN, given, is_given
from .paid import whole
from .ports import Vault
from .tables import items

_ITS = items.c
_DEARER = (
    select(items)
    .select_from(GIVEN.join(items, is_given(_ITS.ente_id, _ITS.vendor_id, _ITS.notice_key)))
    .where(_ITS.collection == "payments", _ITS.lifecycle == "active", _ITS.cost_at.is_not(None))
)
"""Payments of the vendors and notices given, to which something was added."""


def raised(
    tx: Tx, vault: Vault, drafts: Sequence[Draft], known: Collection[Identity]
) -> Mapping[Identity, AmountIncludesCost]:
    """Which of these payments are to be refused, and why. `known`: what is there already says it by itself."""
    asked = [(draft, _place(draft)) for draft in drafts if _is_new(draft, known)]
    others = tx.connection.execute(_DEARER, given({place for _, place in asked})).mappings().all() if asked else ()
    if not others:
        return {}
    there: dict[tuple[Any, ...], dict[int, int]] = {}
    for ente_id in {row["ente_id"] for row in others}:
        its = {row["item_id"]: row for row in others if row["ente_id"] == ente_id}
        ids = [(row["citizen_id"], item_id) for item_id, row in its.items()]
        for other in whole(tx.connection, vault, ente_id, ids):
            content, row = orjson.loads(other.payload), its[other.item_id]
            bare = bare_of(content["amount_cents"], content.get("notification_fee_cents"))
            here = there.setdefault((ente_id, row["vendor_id"], row["notice_key"]), {})
            here |= {bare + cost: cost for cost in told_costs(tx.connection, dict(row)) if cost}
    return {
        draft.identity: includes_cost(
            f"Un altro pagamento dello stesso avviso chiede {cost} centesimi in meno",
            f"another payment of its notice asks for {cost} cents less",
        )
        for draft, place in asked
        if (cost := there.get(place, {}).get(_bare_said(draft)))
    }


def _is_new(draft: Draft, known: Collection[Identity]) -> bool:
    is_owed = draft.identity.collection == "payments" and draft.state in OWED
    return is_owed and draft.notice_key is not None and draft.identity not in known


def _place(draft: Draft) -> tuple[str, str, str]:
    assert draft.notice_key is not None
    return draft.identity.ente_id, draft.identity.vendor_id, draft.notice_key


def _bare_said(draft: Draft) -> int:
    """The amount, where nothing says how much of it a cost is; else none that anybody asks for."""
    content = orjson.loads(draft.payload)
    return -1 if "notification_fee_cents" in content else int(content["amount_cents"])
