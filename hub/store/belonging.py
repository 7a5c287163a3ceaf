"""Which keys a database belongs to: a number for each, beside the counters of `versions`, written when it is made."""

from collections.abc import Mapping

from sqlalchemy import Connection, select

from .database import Database, Tx, upsert
from .tables import enti, versions


def keys_of(connection: Connection, names: Mapping[str, int]) -> dict[str, int]:
    """The numbers on record for those names; one that a version before this one made has none."""
    found = select(versions.c.name, versions.c.value).where(versions.c.name.in_(list(names)))
    return {row.name: row.value for row in connection.execute(found)}


def note_keys(tx: Tx, numbers: Mapping[str, int]) -> None:
    """Put the numbers of the home's keys on record, instead of any that were there: also when a key is changed."""
    for name, value in numbers.items():
        row = upsert(versions).values(name=name, value=value)
        tx.connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def is_unclaimed(database: Database) -> bool:
    """Whether a database that has its schema belongs to no hub yet: neither keys nor enti are on record."""
    with database.read() as connection:
        keys = keys_of(connection, {"vault.json": 0, "hub-key.pem": 0})
        return not keys and connection.execute(select(enti.c.ente_id).limit(1)).first() is None
