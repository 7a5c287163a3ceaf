"""What a message encloses: documents and payments that were published before, by its vendor and source, for the same
citizen (`Message.notified`, `Message.asked_to_pay`)."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from contracts.faults import bilingual
from hub.errors import ContractViolation, Fault

from .citizens import Citizen
from .database import Tx
from .drafts import Draft, Enclosure, Identity
from .identities import load_by_identity
from .tables import item_identities, items

_NOT_HERE = bilingual("Qualcosa a cui rimanda qui non c'è", "something that it links to is not here")
_NO_DOCUMENT = bilingual(
    "Nessun documento di questo fornitore e di questa fonte per questo destinatario, disponibile e con il file qui",
    "no document of this vendor and source for this recipient that is available with its file here",
)
_NO_PAYMENT = bilingual(
    "Nessun pagamento di questo fornitore e di questa fonte per questo destinatario con un numero di avviso",
    "no payment of this vendor and source for this recipient with a notice number",
)

Known = Mapping[Identity, Mapping[str, Any]]


def load_enclosed(tx: Tx, drafts: Collection[Draft]) -> Known:
    """The items that these enclose, those that exist."""
    return load_by_identity(tx, {each.identity for draft in drafts for each in draft.encloses})


def must_be_here(draft: Draft, citizen: Citizen, known: Known) -> None:
    """Raises ContractViolation where something enclosed is not there, is another citizen's, or cannot be enclosed: a
    document without its file here, a payment without a notice number. Which of these it is it does not say."""
    faults = [_fault(each) for each in draft.encloses if not _is_here(known.get(each.identity), citizen)]
    if faults:
        raise ContractViolation(_NOT_HERE, faults=tuple(faults))


def enclosed_item(connection: Connection, citizen: Citizen, identity: Identity) -> RowMapping | None:
    """The enclosed item's row as it is now; None where it cannot be enclosed any more."""
    its, names = items.c, item_identities.c
    mine = (its.ente_id == citizen.ente_id) & (its.citizen_id == citizen.citizen_id)
    named = [names[name] == value for name, value in identity._asdict().items()]
    joined = items.join(item_identities, (names.ente_id == its.ente_id) & (names.item_id == its.item_id))
    row = connection.execute(select(items).select_from(joined).where(mine, *named)).mappings().one_or_none()
    return row if _is_here(row, citizen) else None


def _is_here(item: Mapping[str, Any] | RowMapping | None, citizen: Citizen) -> bool:
    if item is None or item["citizen_id"] != citizen.citizen_id or item["lifecycle"] != "active":
        return False
    if item["collection"] == "documents":
        return item["state"] == "available" and item["content_key"] is not None
    return item["notice_key"] is not None


def _fault(enclosure: Enclosure) -> Fault:
    if enclosure.identity.collection == "documents":
        return Fault(enclosure.pointer, "link.document_missing", _NO_DOCUMENT)
    return Fault(enclosure.pointer, "link.payment_missing", _NO_PAYMENT)


def changes_something(draft: Draft, item: Mapping[str, Any] | None) -> bool:
    """Whether the draft is new or newer: of what was published before, its enclosures may have gone since."""
    return bool(draft.encloses) and (item is None or draft.version > item["version"])
