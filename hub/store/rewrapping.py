"""What is sealed under a vault key itself: counted by key, and sealed anew under the current one.

That is little: the citizens' data keys, settings of connectors, private keys, vouchers, batches under way. All else is
sealed under the data keys, which stay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sqlalchemy import Column, Connection, LargeBinary, Table, func, inspect, select, update

from .administrators import secret_place, verifier_place
from .batches import body_place
from .broadcasts import broadcast_place
from .citizens import key_place
from .configuration import overrides_place, settings_place
from .connector_versions import version_overrides_place, version_place
from .database import Database, Tx
from .hub_keys import private_place
from .pdnd_clients import certificate_place, client_place
from .positions import memo_place
from .quarantine import raw_place
from .reporting import names_place
from .second_factors import factor_place
from .tables import (
    batches,
    broadcasts,
    citizens,
    connector_versions,
    connectors,
    hub_keys,
    identity_providers,
    pdnd_clients,
    pdnd_vouchers,
    provider_logins,
    quarantine,
    reported_payments,
    second_factors,
    source_positions,
)
from .vouchers import voucher_place

_ID_BYTES: Final = 8
BATCH: Final = 500


class VaultKeys(Protocol):
    """A vault of several keys."""

    @property
    def current(self) -> str: ...

    def seal(self, plaintext: bytes, place: str) -> bytes: ...

    def open(self, sealed: bytes, place: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A column that holds what a vault key sealed, and the place it is bound to."""

    table: Table
    column: str
    place: Callable[[Any], str]

    @property
    def value(self) -> Column[Any]:
        return self.table.c[self.column]

    @property
    def key_id(self) -> Any:
        return func.substr(self.value, 1, _ID_BYTES, type_=LargeBinary)


_SEALED: Final = (
    _Sealed(citizens, "data_key_sealed", lambda row: key_place(row.ente_id, row.citizen_id)),
    _Sealed(connectors, "settings_sealed", lambda row: settings_place(row.ente_id, row.connector_id)),
    _Sealed(connectors, "overrides_sealed", lambda row: overrides_place(row.ente_id, row.connector_id)),
    _Sealed(
        connector_versions,
        "settings_sealed",
        lambda row: version_place(row.ente_id, row.connector_id, row.version),
    ),
    _Sealed(
        connector_versions,
        "overrides_sealed",
        lambda row: version_overrides_place(row.ente_id, row.connector_id, row.version),
    ),
    _Sealed(identity_providers, "secret_sealed", lambda row: secret_place(row.ente_id, row.provider_id)),
    _Sealed(provider_logins, "verifier_sealed", lambda row: verifier_place(row.ente_id, row.state_hash)),
    _Sealed(second_factors, "secret_sealed", lambda row: factor_place(row.ente_id, row.administrator_id)),
    _Sealed(batches, "body_sealed", lambda row: body_place(row.ente_id, row.batch_id)),
    _Sealed(broadcasts, "content_sealed", lambda row: broadcast_place(row.ente_id, row.broadcast_id)),
    _Sealed(hub_keys, "private_sealed", lambda row: private_place(row.kid)),
    _Sealed(source_positions, "memo_sealed", lambda row: memo_place(row.ente_id, row.connector_id)),
    _Sealed(quarantine, "raw_sealed", lambda row: raw_place(row.ente_id, row.quarantine_id)),
    _Sealed(pdnd_clients, "key_sealed", lambda row: client_place(row.ente_id, row.name)),
    _Sealed(pdnd_clients, "certificate_sealed", lambda row: certificate_place(row.ente_id, row.name)),
    _Sealed(pdnd_vouchers, "voucher_sealed", lambda row: voucher_place(row.ente_id, row.voucher_key)),
    _Sealed(
        reported_payments,
        "names_sealed",
        lambda row: names_place(row.ente_id, row.psp_id, row.flow, row.revision, row.number),
    ),
)


def sealed_by(connection: Connection, key_id: str) -> int:
    """How many values that key sealed. A schema of before may lack a table, or a column."""
    schema = inspect(connection)
    tables = {one.table.name for one in _SEALED}.intersection(schema.get_table_names())
    there = {(name, each["name"]) for name in tables for each in schema.get_columns(name)}
    return sum(
        connection.execute(
            select(func.count()).select_from(one.table).where(one.key_id == key_id.encode("ascii"))
        ).scalar_one()
        for one in _SEALED
        if (one.table.name, one.column) in there
    )


def rewrap(database: Database, vault: VaultKeys, *, batch: int = BATCH) -> int:
    """Seal everything under the current key, a transaction each batch; broken off, it goes on the next time. Returns
    how many values it sealed anew.

    Raises what `vault.open` raises where a value does not open.
    """
    count = 0
    for one in _SEALED:
        while True:
            with database.write() as tx:
                done = _some(tx, one, vault, batch)
            count += done
            if done < batch:
                break
    return count


def _some(tx: Tx, one: _Sealed, vault: VaultKeys, batch: int) -> int:
    # What an erasure emptied has no key.
    stale = (func.length(one.value) > _ID_BYTES) & (one.key_id != vault.current.encode("ascii"))
    keys: Sequence[Column[Any]] = list(one.table.primary_key.columns)
    rows = tx.connection.execute(select(one.table).where(stale).order_by(*keys).limit(batch).with_for_update()).all()
    for row in rows:
        place = one.place(row)
        again = vault.seal(vault.open(bytes(row._mapping[one.column]), place), place)
        itself = [key == row._mapping[key.name] for key in keys]
        tx.connection.execute(update(one.table).where(*itself).values({one.column: again}))
    return len(rows)
