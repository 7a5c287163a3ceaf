"""What registers say of citizens, for forms to be filled in once (S40): kept sealed, with its source and its date."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, select

from .citizens import Citizen, Citizens, Subject
from .database import Tx, upsert
from .ports import Vault
from .tables import citizen_attributes

_ITS = citizen_attributes.c


@dataclass(frozen=True, slots=True)
class Attribute:
    """One of them, in clear."""

    code: str
    value: str = field(repr=False)
    source: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Stated:
    """What a register says of a person: None where it says nothing any more."""

    subject: Subject
    source: str
    as_of: datetime
    values: Mapping[str, str | None] = field(repr=False)


def attributes_of(connection: Connection, vault: Vault, citizen: Citizen) -> tuple[Attribute, ...]:
    """By their codes."""
    mine = (_ITS.ente_id == citizen.ente_id) & (_ITS.citizen_id == citizen.citizen_id)
    return tuple(
        Attribute(
            row.code,
            vault.open_with(citizen.data_key, row.value_sealed, attribute_place(citizen, row.code)).decode(),
            row.source,
            row.as_of,
        )
        for row in connection.execute(select(citizen_attributes).where(mine).order_by(_ITS.code))
    )


@dataclass(frozen=True, slots=True)
class AttributeKeeper:
    """Writes them."""

    citizens: Citizens
    vault: Vault

    def state(self, tx: Tx, stated: Sequence[Stated]) -> list[int]:
        """A Committer handler: how many values changed of each. What is older than what is known changes nothing."""
        known = self.citizens.resolve(tx, [each.subject for each in stated])
        return [self._state(tx, known[each.subject], each) for each in stated]

    def _state(self, tx: Tx, citizen: Citizen, stated: Stated) -> int:
        held = {each.code: each for each in attributes_of(tx.connection, self.vault, citizen)}
        changed = 0
        names = {"ente_id": citizen.ente_id, "citizen_id": citizen.citizen_id}
        for code, value in sorted(stated.values.items()):
            before = held.get(code)
            if before is not None and before.as_of > stated.as_of:
                continue
            if value is None:
                if before is not None:
                    _forget(tx, citizen, [code])
                    changed += 1
                continue
            values = {
                "value_sealed": self.vault.seal_with(citizen.data_key, value.encode(), attribute_place(citizen, code)),
                "source": stated.source,
                "as_of": stated.as_of,
                "updated_at": tx.now,
            }
            row = upsert(citizen_attributes).values(**names, code=code, **values)
            tx.connection.execute(row.on_conflict_do_update(index_elements=[*names, "code"], set_=values))
            changed += before is None or before.value != value
        return changed


def _forget(tx: Tx, citizen: Citizen, codes: Collection[str]) -> None:
    mine = (_ITS.ente_id == citizen.ente_id) & (_ITS.citizen_id == citizen.citizen_id)
    tx.connection.execute(delete(citizen_attributes).where(mine, _ITS.code.in_(codes)))


def attribute_place(citizen: Citizen, code: str) -> str:
    """Where a value is sealed for."""
    return f"citizen_attributes|value|{citizen.ente_id}|{citizen.citizen_id}|{code}"
