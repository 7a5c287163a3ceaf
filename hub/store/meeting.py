"""Writers who have to do with one notice wait for each other, and always in one order: by the items whose notice may
change, by notices and documents, then by rows. Whoever holds a row asks for no name any more, so that none of two waits
for ever.

A payment that gets another notice has to do with the one it leaves as well, and which that is only its row says: so
nobody else may change that between the look at it and the lock of it.
"""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import select

from .costs import notice_lock
from .database import Tx, is_alone, lock_names
from .drafts import Draft
from .given import GIVEN, given, is_given
from .identities import places
from .rows import IN_ORDER, ItemKey
from .tables import items

_OF_NOTICES = frozenset({"payments", "receipts"})
_NOTICES = (
    select(items.c.ente_id, items.c.notice_key)
    .select_from(GIVEN.join(items, is_given(*IN_ORDER)))
    .where(items.c.notice_key.is_not(None))
)


def meet(tx: Tx, drafts: Sequence[Draft], others: Collection[ItemKey] = ()) -> None:
    """Whoever writes about one of these notices or documents waits for whoever does already: a payment and its receipt,
    both new, would not see each other, and the payment would stay unpaid. `others`: items of which there is no draft.
    Before any item is locked."""
    if is_alone(tx):
        return
    named = {name for draft in drafts for name in draft.names if name.collection in _OF_NOTICES}
    there = {*places(tx, named), *others}
    names = {name for draft in drafts for name in _names(draft)}
    if there:
        lock_names(tx, {f"item|{ente_id}|{item_id}" for ente_id, _, item_id in there})
        names |= {notice_lock(*row) for row in tx.connection.execute(_NOTICES, given(there))}
    lock_names(tx, names)


def _names(draft: Draft) -> Iterable[str]:
    ente_id, vendor_id, source, external_id, collection = draft.identity
    if draft.notice_key is not None:
        yield notice_lock(ente_id, draft.notice_key)
    yield from (notice_lock(ente_id, key) for key in draft.instalments if key is not None)
    if collection == "documents":
        for name in (external_id, *(to for rel, to in draft.links if rel == "replaces")):
            yield f"document|{ente_id}|{vendor_id}|{source}|{name}"
