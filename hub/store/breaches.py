"""Whose data somebody touched (GDPR art. 33 and 34; P13): from the access log and the evidence, by citizen."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, func, select

from .evidence_search import id_at
from .tables import access_log, evidence

_SKEW: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Who may have been misused, and when (`until` not included). What is None does not narrow it down."""

    ente_id: str
    since: datetime
    until: datetime
    vendor_id: str | None = None
    signers: tuple[str, ...] | None = None
    """The names that evidence may give the key."""
    portal_id: str | None = None


def touched(connection: Connection, of: Suspicion) -> list[dict[str, Any]]:
    """Each citizen with how often his data was read (or changed) through portals and by administrators, and how often
    vendors published about him."""
    found: dict[str, dict[str, Any]] = {}
    if of.vendor_id is None and of.signers is None:
        log = access_log.c
        read = _counted(
            connection,
            access_log,
            log.access_id,
            of,
            *([] if of.portal_id is None else [log.portal_id == of.portal_id]),
        )
        for citizen_id, count in read:
            found[citizen_id] = {"citizen_id": citizen_id, "reads": count, "publications": 0}
    if of.portal_id is None:
        its = evidence.c
        where = [] if of.vendor_id is None else [its.vendor_id == of.vendor_id]
        where += [] if of.signers is None else [its.signer.in_(of.signers)]
        for citizen_id, count in _counted(connection, evidence, its.evidence_id, of, *where):
            none = {"citizen_id": citizen_id, "reads": 0, "publications": 0}
            found.setdefault(citizen_id, none)["publications"] = count
    return [found[citizen_id] for citizen_id in sorted(found)]


def has_signed(connection: Connection, ente_id: str, signers: tuple[str, ...]) -> bool:
    """Whether one of them ever signed anything here."""
    its = evidence.c
    query = select(its.evidence_id).where(its.ente_id == ente_id, its.signer.in_(signers)).limit(1)
    return connection.execute(query).first() is not None


def _counted(connection: Connection, table: Any, key: Any, of: Suspicion, *where: Any) -> list[tuple[str, int]]:
    its = table.c
    # Ids are in the order of time: through them, and not by reading everything, a time is found.
    interval = (its.at >= of.since, its.at < of.until, key >= id_at(of.since - _SKEW), key < id_at(of.until + _SKEW))
    query = select(its.citizen_id, func.count()).where(
        its.ente_id == of.ente_id, its.citizen_id.is_not(None), *interval, *where
    )
    return [(row[0], row[1]) for row in connection.execute(query.group_by(its.citizen_id))]
