"""Trying a tenant without writing: what `spec/opencity.md` (17) asks to be tested, in words for an administrator."""

import time
from collections.abc import Mapping
from typing import Any

from connectors.base.http import Answer
from contracts.failures import Misconfigured

from . import mapping
from .archiving import Archive
from .config import Settings
from .fields import Fault, identifier
from .lists import MOST_BYTES, bound, counted, part, rows
from .session import Session, read

_LONG_AGO, _AHEAD_S = 946_684_800, 86_400


def check(session: Session, settings: Settings, archive: Archive) -> str:
    """Ask who the tenant is, log in, and read one application in the forms that rounds rely on.

    Raises:
        Failure: what the tenant answered, or what is to be set otherwise.
    """
    tenant = read(session.public("/tenants/info"))
    session.token()
    told = [f"OpenCity risponde ({_name(tenant)}) e accetta l'operatore."]
    if settings.reads_applications:
        told += _applications(session, settings)
    if "subscriptions" in settings.collections:
        listed = session.get("/subscriptions", {"version": "2"}, most_bytes=MOST_BYTES)
        told.append(f"Iscrizioni visibili: {len(rows(read(listed)))}.")
    if settings.reads_archive:
        told += _archived(archive)
    return " ".join(told)


def _applications(session: Session, settings: Settings) -> list[str]:
    page = read(_one(session, {}))
    everything, records = _count(page), rows(page)
    told = [f"Pratiche visibili: {everything}."]
    for record in (one for one in records if isinstance(one, Mapping)):
        if any("." in str(name) for name in record.get("data") or {}):
            raise Misconfigured("opencity.version", "`data` is not that of version 2")
        try:
            mapping.applicant(record, settings)
        except Fault as fault:
            told.append(f"La pratica letta non ha un codice fiscale in {fault.pointer}: vedi tax_code_paths.")
    if settings.changes == "updated_at":
        later = _one(session, {"updatedAt[after]": bound(int(time.time()) + _AHEAD_S)})
        earlier = _one(session, {"updatedAt[after]": bound(_LONG_AGO)})
        if _answered(later) != 0 or (_answered(earlier) or 0) < everything:
            raise Misconfigured("opencity.updated_at", "the filter updatedAt does not work here: set changes to walk")
    return told


def _archived(archive: Archive) -> list[str]:
    """Also whether the operator may ask whose a document is."""
    page = read(archive.listed(0))
    records = rows(page)
    count = counted(page)
    told = [f"Documenti nell'archivio: {len(records) if count is None else count}."]
    for record in (one for one in records[:1] if isinstance(one, Mapping)):
        try:
            archive.owner(identifier(record, "owner"))
        except Fault as fault:
            told.append(f"Del primo non si trova il titolare: {fault.code}.")
    return told


def _one(session: Session, query: Mapping[str, str]) -> Answer:
    return part(session, "/applications", 0, 1, query)


def _answered(answer: Answer) -> int | None:
    """How many a filter leaves; None where it is refused, or breaks the query."""
    return _count(read(answer)) if answer.status == 200 else None


def _count(page: Any) -> int:
    count = counted(page)
    if count is None:
        raise Misconfigured("opencity.not_the_api", "a page does not say how many there are")
    return count


def _name(tenant: Any) -> str:
    name = tenant.get("name") if isinstance(tenant, Mapping) else None
    if not isinstance(name, str):
        raise Misconfigured("opencity.not_the_api", "tenants/info has no name")
    return name[:100]
