"""How far the changes of each ente have come, and whose items changed: what streams of events look at."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from .bulk import pieces
from .tables import items, sequences


def last_sequences(connection: Connection) -> dict[str, int]:
    """The newest sequence number of each ente."""
    return {row.ente_id: row.value for row in connection.execute(select(sequences))}


def changed_since(connection: Connection, ente_id: str, citizen_ids: Collection[str], after: int) -> set[str]:
    """Those of the citizens of whose items any changed since a sequence number."""
    its, changed = items.c, set()
    for some in pieces(sorted(citizen_ids)):
        query = select(its.citizen_id).where(its.ente_id == ente_id, its.citizen_id.in_(some), its.sequence > after)
        changed |= set(connection.execute(query.distinct()).scalars())
    return changed
