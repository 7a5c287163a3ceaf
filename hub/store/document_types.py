"""The types of documents (S54): an administrator's vocabulary, read with the registry; and types that vendors used
although nobody listed them, noted so that the administrator finds them.
"""

from collections.abc import Collection
from dataclasses import asdict, replace

from sqlalchemy import Connection, delete, select

from hub.registry import OTHERS, DocumentType

from .database import Tx, upsert
from .directory import AlreadyThere, NotThere, bump
from .drafts import Draft
from .tables import document_types

_ITS = document_types.c


def types_of(connection: Connection, ente_id: str) -> set[str] | None:
    """The types that the ente lists; None where it takes documents of others too."""
    found = connection.execute(select(_ITS.doc_type, _ITS.record).where(_ITS.ente_id == ente_id))
    types = {row.doc_type: DocumentType(**row.record) for row in found}
    listed = {name for name, one in types.items() if one.seen is None}
    return listed if types.get(OTHERS, DocumentType()).refused else None


def add_type(tx: Tx, ente_id: str, doc_type: str, record: DocumentType) -> None:
    """List a type; one that vendors used already is listed from now on. Raises AlreadyThere."""
    bump(tx, "trust")
    kept = _kept(tx, ente_id, doc_type)
    if kept is not None and kept.seen is None:
        raise AlreadyThere(doc_type)
    _keep(tx, ente_id, doc_type, replace(record, seen=None))


def change_type(tx: Tx, ente_id: str, doc_type: str, record: DocumentType) -> None:
    """Put the record in the place of a listed type's. Raises NotThere."""
    bump(tx, "trust")
    kept = _kept(tx, ente_id, doc_type)
    if kept is None or kept.seen is not None:
        raise NotThere(doc_type)
    _keep(tx, ente_id, doc_type, record)


def remove_type(tx: Tx, ente_id: str, doc_type: str) -> None:
    """Take a type off the list; documents of it stay as they are. Raises NotThere."""
    bump(tx, "trust")
    its = (_ITS.ente_id == ente_id) & (_ITS.doc_type == doc_type)
    if tx.connection.execute(delete(document_types).where(its)).rowcount == 0:
        raise NotThere(doc_type)


def set_others(tx: Tx, ente_id: str, *, refused: bool, keep_copy: bool) -> None:
    """What becomes of documents of types that are not listed."""
    bump(tx, "trust")
    _keep(tx, ente_id, OTHERS, DocumentType(refused=refused, keep_copy=keep_copy))


def note_unlisted(tx: Tx, drafts: Collection[Draft]) -> None:
    """Of documents whose types nobody listed the types, and the first vendor of each. Processes that do not know of it
    yet say so again, to no effect."""
    used = {
        (draft.identity.ente_id, draft.unlisted_type, draft.identity.vendor_id)
        for draft in drafts
        if draft.unlisted_type is not None
    }
    for ente_id, doc_type, vendor_id in sorted(used):
        row = {"ente_id": ente_id, "doc_type": doc_type, "record": asdict(DocumentType(seen=vendor_id))}
        tx.connection.execute(upsert(document_types).values(row).on_conflict_do_nothing())


def _kept(tx: Tx, ente_id: str, doc_type: str) -> DocumentType | None:
    query = select(_ITS.record).where(_ITS.ente_id == ente_id, _ITS.doc_type == doc_type)
    record = tx.connection.execute(query).scalar_one_or_none()
    return None if record is None else DocumentType(**record)


def _keep(tx: Tx, ente_id: str, doc_type: str, record: DocumentType) -> None:
    statement = upsert(document_types).values(ente_id=ente_id, doc_type=doc_type, record=asdict(record))
    tx.connection.execute(
        statement.on_conflict_do_update(
            index_elements=["ente_id", "doc_type"], set_={"record": statement.excluded.record}
        )
    )
