"""Where a citizen can be reached, as the citizen or a register said (S5)."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from .bulk import select_rows
from .citizens import Citizen
from .given import GIVEN, given, is_given
from .ports import Vault
from .tables import citizen_contacts

EMAIL = "email"

_ITS = citizen_contacts.c
_REACHABLE = (
    select(_ITS.ente_id, _ITS.citizen_id)
    .select_from(GIVEN.join(citizen_contacts, is_given(_ITS.ente_id, _ITS.citizen_id)))
    .where(_ITS.kind == EMAIL, _ITS.verified_at.is_not(None))
)


def contact_of(connection: Connection, vault: Vault, citizen: Citizen) -> str | None:
    """The e-mail address which was verified last, in clear; None where there is none."""
    its = citizen_contacts.c
    query = (
        select(its.contact_id, its.value_sealed)
        .where(
            its.ente_id == citizen.ente_id,
            its.citizen_id == citizen.citizen_id,
            its.kind == EMAIL,
            its.verified_at.is_not(None),
        )
        .order_by(its.verified_at.desc(), its.contact_id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return vault.open_with(citizen.data_key, row.value_sealed, contact_place(citizen, row.contact_id)).decode()


def email_hash(vault: Vault, email: str) -> str:
    """By what contacts, opt-outs and dead addresses know an e-mail address."""
    return vault.keyed_hash("email", email.lower())


def reachable(connection: Connection, citizens: Iterable[Citizen]) -> set[tuple[str, str]]:
    """Those who have a verified e-mail address, by (ente_id, citizen_id)."""
    wanted = {(each.ente_id, each.citizen_id) for each in citizens}
    if not wanted:
        return set()
    return {(ente_id, citizen_id) for ente_id, citizen_id in select_rows(connection, _REACHABLE, given(wanted))}


def contact_place(citizen: Citizen, contact_id: str) -> str:
    """Where the value of a contact is sealed for."""
    return f"citizen_contacts|value|{citizen.ente_id}|{citizen.citizen_id}|{contact_id}"
