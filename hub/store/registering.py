"""Debt positions of payments, as deliveries of the one outbox: registered, updated with each version, taken back.

A delivery says no more than that the position is to be as the payment is when it leaves (`hub.dispatch.positions`);
those of one payment go one after the other. So a registered payment keeps its creditor, and the notice number that it
can be paid by.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import select

from contracts.faults import bilingual
from contracts.positions import PAGOPA
from contracts.states import SETTLED_FOR_GOOD
from hub.errors import ContractViolation, Fault, PositionMoved

from .configuration import RESTRICTED
from .database import Tx, among, keys
from .drafts import Draft, Numbers
from .notice_keys import is_real, leaves_trial
from .queueing import delivery_row
from .rows import Batch
from .tables import deliveries

_ITS = deliveries.c
# Of several for one payment the newest comes last, and counts.
_REGISTERED = (
    select(_ITS.message_id, _ITS.connector_id, _ITS.state, _ITS.expires_at, _ITS.created_at)
    .where(among("item", _ITS.ente_id, _ITS.message_id), _ITS.channel == PAGOPA)
    .order_by(_ITS.delivery_id)
)

_UNSERVED = bilingual(
    "Nessun connettore pagoPA di questo ente registra posizioni di quel creditore: lo aggiunge chi amministra",
    "no pagoPA connector of this ente registers positions of that creditor: its administrator adds one",
)
_UNSERVED_ON_TRIAL = bilingual(
    "Il fornitore è in prova, e l'ente non ha un connettore pagoPA di ambiente `test` per quel creditore: lo aggiunge"
    " chi amministra (`raccordo connector set NOME --type pagopa --environment test`)",
    "the vendor is in its sandbox, and the ente has no pagoPA connector of the environment `test` for that creditor:"
    " its administrator adds one",
)
_ONE_PLAN = bilingual(
    "Il connettore del creditore registra un solo piano di rate (api v1 di GPD)",
    "the creditor's connector registers one plan of instalments (api v1 of GPD)",
)

_KEEPS_ITS_CREDITOR = bilingual(
    "Un pagamento registrato non cambia ente creditore: ritirarlo, e pubblicarne un altro",
    "a registered payment keeps its creditor: take it back, and publish another one",
)
_KEEPS_ITS_NUMBER = bilingual(
    "Un pagamento registrato non cambia numero di avviso finché non è annullato",
    "a registered payment keeps its notice number until it was cancelled",
)

TAKEN_BACK = frozenset({"cancelled", "expired", "paid_elsewhere", "creation_failed"})
"""States in which a source asks for no payment: pagoPA was told to take none, or is about to be."""


def taken_back(item: Mapping[str, Any]) -> bool:
    """Whether nothing is to be paid of a payment, and nothing was."""
    return item["reported_state"] in TAKEN_BACK and item["state"] not in SETTLED_FOR_GOOD


def served(draft: Draft, item: Mapping[str, Any] | None, key: str | None) -> Draft:
    """The draft with who registers its position, and gives its numbers: a connector of production for what is real, of
    the environment for tests for what is on trial, and never the other one. `item`: what is there of that name; `key`:
    of the notice that it names or keeps, in production, None where it is to get a new number."""
    asked = draft.asked
    if asked is None:
        return draft
    is_on_trial = draft.on_trial and (key is None or item is None or item["notice_key"] != key)
    by = asked.by.get("test" if is_on_trial else "production")
    return draft if by is None else replace(draft, registration=by, numbers=Numbers(by.numbering, asked.missing))


def must_be_served(draft: Draft, item: Mapping[str, Any] | None) -> None:
    """Raises ContractViolation where nobody could register the position as it is. What is sent again asks nobody."""
    asked, by = draft.asked, draft.registration
    if asked is None or (item is not None and item["version"] == draft.version):
        return
    if by is None:
        words = _UNSERVED_ON_TRIAL if draft.on_trial and not is_real(item) else _UNSERVED
        raise ContractViolation(faults=(Fault("/position", "position.unserved", words),))
    if asked.several_plans and not by.numbering.several_plans:
        raise ContractViolation(faults=(Fault("/position/installments", "position.several_plans", _ONE_PLAN),))


def must_stay(tx: Tx, draft: Draft, item: dict[str, Any], said: Callable[[], Mapping[str, Any]]) -> None:
    """A new version of a payment. `said`: what the one before says, asked for only where the notice is another.

    Raises:
        PositionMoved: it is registered under another creditor, whose position nobody could take back any more; or it
            may be being paid by another notice number, whose receipt would find no payment.
    """
    if item["collection"] != "payments" or draft.notice_key == item["notice_key"] or leaves_trial(draft, item):
        return
    registered = tx.connection.execute(_REGISTERED, keys("item", {(item["ente_id"], item["item_id"])})).all()
    if not registered:
        return
    before = said()
    if before.get("creditor_tax_code") != orjson.loads(draft.payload)["creditor_tax_code"]:
        raise PositionMoved(_KEEPS_ITS_CREDITOR)
    asked = draft.registration is not None and before.get("position") is not None
    if asked and not taken_back(item) and registered[-1].state != "rejected":
        raise PositionMoved(_KEEPS_ITS_NUMBER)


def register(tx: Tx, batch: Batch, changed: Iterable[tuple[Draft, dict[str, Any], bool]]) -> None:
    """After new payments, and new versions of some: their positions are to follow; those that are no longer asked for,
    too. (draft, item, whether it is new)"""
    left = []
    for draft, item, first in changed:
        if item["collection"] != "payments":
            continue
        if draft.registration is not None:
            batch.deliveries.append(_row(tx, item, draft.registration.connector_id, draft.registration.max_age))
        elif not first:
            left.append(item)
    if left:
        unregister(tx, batch, left)


def unregister(tx: Tx, batch: Batch, items: Collection[dict[str, Any]]) -> None:
    """These payments were taken back, or ask for no position any more: whoever was to register one hears of it."""
    wanted = {(item["ente_id"], item["item_id"]) for item in items}
    known = {
        row.message_id: (row.connector_id, row.expires_at - row.created_at)
        for row in tx.connection.execute(_REGISTERED, keys("item", wanted))
    }
    for row in batch.deliveries:  # asked for in this very batch
        if row["channel"] == PAGOPA:
            known[row["message_id"]] = (row["connector_id"], row["expires_at"] - row["created_at"])
    for item in items:
        if item["item_id"] in known:
            batch.deliveries.append(_row(tx, item, *known[item["item_id"]]))


def _row(tx: Tx, item: dict[str, Any], connector_id: str, max_age: timedelta) -> dict[str, Any]:
    row = delivery_row(
        tx.now,
        ente_id=item["ente_id"],
        citizen_id=item["citizen_id"],
        message_id=item["item_id"],
        connector_id=connector_id,
        channel=PAGOPA,
        due_at=tx.now,
        max_age=max_age,
        order_key=item["item_id"],
    )
    # Nothing is done for it while it is restricted; once it is not, pagoPA has to have what came meanwhile.
    return row | ({"state": "held", "reason": RESTRICTED} if item["lifecycle"] == "restricted" else {})
