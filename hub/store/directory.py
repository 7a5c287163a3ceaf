"""Enti, vendors, portals, services: written by administrators, read whole into a `Registry`."""

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, case, insert, literal, select, update

from contracts.identifiers import new_uuid7
from hub.profile import DEFAULT_PROFILE, Profile
from hub.registry import DocumentType, Ente, Key, Pdnd, Portal, Registry, Vendor

from .database import Tx, upsert
from .profiles import Unreadable, pdnd_of, pdnd_record, profile_of, profile_record
from .subscription_records import load_subscription_services
from .tables import document_types, enti, notice_rules, portals, services, sources, trust_keys, vendors, versions

log = logging.getLogger(__name__)

HUB = "hub"
"""What stands for the portal in the access log where the hub acted by itself."""
HUB_VENDOR = "raccordo"
"""The vendor_id of messages that a rule of the hub made. No vendor can be registered under it."""
SERVED = select(enti.c.ente_id).where(enti.c.ended_at.is_(None))
"""The codes of the enti that have not left."""


class AlreadyThere(Exception):
    """Something of that name is registered already."""


class NotThere(Exception):
    """Nothing of that name is registered."""


def version(connection: Connection, name: str) -> int:
    """A counter that moves with every change of `name` (trust, connectors)."""
    value = connection.execute(select(versions.c.value).where(versions.c.name == name)).scalar_one_or_none()
    return value or 0


def bump(tx: Tx, name: str) -> None:
    """Tell every process that `name` changed. Said first: its counter is held until the commit, so that whoever else
    changes the same waits, and then sees this."""
    statement = upsert(versions).values(name=name, value=1)
    tx.connection.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"value": versions.c.value + 1})
    )


def load_registry(connection: Connection) -> Registry:
    """Everyone, in one consistent read."""
    keys: dict[tuple[str, str], list[Key]] = {}
    for row in connection.execute(select(trust_keys)):
        keys.setdefault((row.ente_id, row.owner), []).append(
            Key(row.key_id, row.kind, row.material, row.kid, row.valid_from, row.valid_to, row.revoked_at)
        )
    by_name: dict[tuple[str, str], Vendor] = {}
    by_client: dict[tuple[str, str], Vendor] = {}
    for row in connection.execute(select(vendors)):
        profile, readable = _profile(row.ente_id, row.vendor_id, row.profile)
        vendor = Vendor(
            ente_id=row.ente_id,
            vendor_id=row.vendor_id,
            name=row.name,
            trust=row.trust,
            active=row.active and readable and row.ended_at is None,
            keys=tuple(keys.get((row.ente_id, f"vendor:{row.vendor_id}"), ())),
            subject=row.subject,
            aliases=frozenset(row.aliases),
            collections=frozenset(row.collections),
            services=frozenset(row.services),
            rights=frozenset(row.rights),
            signature_only=row.signature_only,
            daily_quota=row.daily_quota,
            profile=profile,
            stage=row.stage,
            ended_at=row.ended_at,
        )
        for name in (vendor.vendor_id, *vendor.aliases):
            by_name[(vendor.ente_id, name)] = vendor
        for client in profile.clients:
            by_client[(vendor.ente_id, client)] = vendor
    known_portals = {
        (row.ente_id, row.portal_id): Portal(
            row.ente_id,
            row.portal_id,
            row.name,
            row.active,
            tuple(keys.get((row.ente_id, f"portal:{row.portal_id}"), ())),
            frozenset(row.scopes),
        )
        for row in connection.execute(select(portals))
    }
    types = {
        (row.ente_id, row.doc_type): DocumentType(**row.record) for row in connection.execute(select(document_types))
    }
    catalogue = {(row.ente_id, row.service_id): row.record for row in connection.execute(select(services))}
    kept_longer = select(sources).where(sources.c.draft_days.is_not(None))
    draft_days = {(row.ente_id, row.vendor_id, row.source): row.draft_days for row in connection.execute(kept_longer)}
    in_turn = select(notice_rules).order_by(notice_rules.c.version)
    changes = {(row.ente_id, row.rule): row.record for row in connection.execute(in_turn)}  # the newest comes last
    return Registry(
        version=version(connection, "trust"),
        enti=tuple(
            Ente(
                row.ente_id,
                row.name,
                row.public_url,
                row.publish_audience,
                row.feed_audience,
                row.portal_url,
                pdnd_of(row.pdnd),
                row.ended_at,
            )
            for row in connection.execute(select(enti).order_by(enti.c.created_at))
        ),
        vendors=MappingProxyType(by_name),
        portals=MappingProxyType(known_portals),
        services=MappingProxyType(catalogue),
        rules=MappingProxyType(changes),
        subscription_services=load_subscription_services(connection),
        document_types=MappingProxyType(types),
        clients=MappingProxyType(by_client),
        draft_days=MappingProxyType(draft_days),
    )


def has_left(connection: Connection, ente_id: str) -> bool:
    """Whether the body has left, or begins to."""
    left = select(enti.c.ente_id).where(enti.c.ente_id == ente_id, enti.c.ended_at.is_not(None))
    return connection.execute(left).first() is not None


def vendors_of(connection: Connection, ente_id: str) -> set[str]:
    """By all their names, their aliases too; without those that have left."""
    query = select(vendors.c.vendor_id, vendors.c.aliases)
    rows = connection.execute(query.where(vendors.c.ente_id == ente_id, vendors.c.ended_at.is_(None)))
    return {name for row in rows for name in (row.vendor_id, *row.aliases)}


def _profile(ente_id: str, vendor_id: str, record: Mapping[str, Any] | None) -> tuple[Profile, bool]:
    """The profile, and whether it could be read: a vendor whose could not is as if suspended, and nobody else is."""
    try:
        return profile_of(record), True
    except Unreadable as setting:
        log.error("vendor.profile_unreadable ente=%s vendor=%s setting=%s", ente_id, vendor_id, setting)  # noqa: TRY400 - the name says all
        return DEFAULT_PROFILE, False


@dataclass(frozen=True, slots=True)
class NewKey:
    """Trust material to register."""

    kind: str
    material: str
    kid: str | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None


def add_ente(tx: Tx, ente: Ente) -> None:
    """Register a body. Raises AlreadyThere, also when its audiences are those of another one."""
    bump(tx, "trust")
    for row in tx.connection.execute(select(enti)):
        theirs = {row.public_url, row.publish_audience, row.feed_audience, (row.pdnd or {}).get("audience")}
        if row.ente_id == ente.ente_id or theirs & {ente.public_url, ente.publish_audience, ente.feed_audience}:
            raise AlreadyThere(ente.ente_id)
    tx.connection.execute(
        insert(enti),
        {
            "ente_id": ente.ente_id,
            "name": ente.name,
            "public_url": ente.public_url,
            "portal_url": ente.portal_url,
            "publish_audience": ente.publish_audience,
            "feed_audience": ente.feed_audience,
            "pdnd": pdnd_record(ente.pdnd),
            "created_at": tx.now,
        },
    )


def change_ente(tx: Tx, ente_id: str, *, name: str | None, portal_url: str | None) -> None:
    """What citizens read of a body, and where its portal is; None leaves what is there."""
    bump(tx, "trust")
    told = {"name": name, "portal_url": portal_url}
    given = {key: value for key, value in told.items() if value is not None}
    tx.connection.execute(update(enti).where(enti.c.ente_id == ente_id).values(given))


def set_pdnd(tx: Tx, ente_id: str, pdnd: Pdnd | None) -> None:
    """What the ente registered at PDND; None takes it away. Raises NotThere; AlreadyThere for another's audience."""
    bump(tx, "trust")
    for row in tx.connection.execute(select(enti).where(enti.c.ente_id != ente_id)):
        theirs = {row.publish_audience, row.feed_audience, (row.pdnd or {}).get("audience")}
        if pdnd is not None and pdnd.audience in theirs:
            raise AlreadyThere(row.ente_id)
    changed = update(enti).where(enti.c.ente_id == ente_id).values(pdnd=pdnd_record(pdnd))
    if tx.connection.execute(changed).rowcount == 0:
        raise NotThere(ente_id)


def add_vendor(tx: Tx, vendor: Vendor, keys: Iterable[NewKey]) -> None:
    """Register a vendor with its trust material. Raises AlreadyThere, also for an alias that is taken."""
    bump(tx, "trust")
    names = {vendor.vendor_id, *vendor.aliases}
    if HUB_VENDOR in names:
        raise AlreadyThere(HUB_VENDOR)
    for row in tx.connection.execute(select(vendors).where(vendors.c.ente_id == vendor.ente_id)):
        if names & {row.vendor_id, *row.aliases}:
            raise AlreadyThere(vendor.vendor_id)
    _free_clients(tx, vendor.ente_id, vendor.vendor_id, vendor.profile)
    tx.connection.execute(
        insert(vendors),
        {
            "ente_id": vendor.ente_id,
            "vendor_id": vendor.vendor_id,
            "name": vendor.name,
            "trust": vendor.trust,
            "active": vendor.active,
            "subject": vendor.subject,
            "aliases": sorted(vendor.aliases),
            "collections": sorted(vendor.collections),
            "services": sorted(vendor.services),
            "rights": sorted(vendor.rights),
            "signature_only": vendor.signature_only,
            "daily_quota": vendor.daily_quota,
            "profile": profile_record(vendor.profile),
            "stage": vendor.stage,
            "created_at": tx.now,
        },
    )
    add_keys(tx, vendor.ente_id, f"vendor:{vendor.vendor_id}", keys)


def set_profile(tx: Tx, ente_id: str, vendor_id: str, profile: Profile) -> None:
    """How a vendor proves who it is from now on. Raises NotThere; AlreadyThere for another vendor's client."""
    bump(tx, "trust")
    _free_clients(tx, ente_id, vendor_id, profile)
    where = (vendors.c.ente_id == ente_id) & (vendors.c.vendor_id == vendor_id)
    if tx.connection.execute(update(vendors).where(where).values(profile=profile_record(profile))).rowcount == 0:
        raise NotThere(vendor_id)


def _free_clients(tx: Tx, ente_id: str, vendor_id: str, profile: Profile) -> None:
    """A client names one vendor of an ente."""
    others = select(vendors).where(vendors.c.ente_id == ente_id, vendors.c.vendor_id != vendor_id)
    for row in tx.connection.execute(others) if profile.clients else ():
        taken = profile.clients & {*(row.profile or {}).get("clients", ())}
        if taken:
            raise AlreadyThere(min(taken))


def add_portal(tx: Tx, portal: Portal, keys: Iterable[NewKey]) -> None:
    """Register a portal. Raises AlreadyThere."""
    bump(tx, "trust")
    taken = select(portals).where(portals.c.ente_id == portal.ente_id, portals.c.portal_id == portal.portal_id)
    if tx.connection.execute(taken).first():
        raise AlreadyThere(portal.portal_id)
    row = {"ente_id": portal.ente_id, "portal_id": portal.portal_id, "name": portal.name, "active": portal.active}
    tx.connection.execute(insert(portals), row | {"scopes": sorted(portal.scopes), "created_at": tx.now})
    add_keys(tx, portal.ente_id, f"portal:{portal.portal_id}", keys)


def add_service(tx: Tx, ente_id: str, service_id: str, record: dict[str, Any]) -> None:
    """Put a service into the catalogue. Raises AlreadyThere."""
    bump(tx, "trust")
    taken = select(services).where(services.c.ente_id == ente_id, services.c.service_id == service_id)
    if tx.connection.execute(taken).first():
        raise AlreadyThere(service_id)
    row = {"ente_id": ente_id, "service_id": service_id, "record": record, "created_at": tx.now}
    tx.connection.execute(insert(services), row)


def add_keys(tx: Tx, ente_id: str, owner: str, keys: Iterable[NewKey]) -> None:
    """Add trust material to `vendor:<id>` or `portal:<id>`."""
    bump(tx, "trust")
    rows = [
        {
            "ente_id": ente_id,
            "owner": owner,
            "key_id": new_uuid7(),
            "kind": key.kind,
            "material": key.material,
            "kid": key.kid,
            "valid_from": key.valid_from,
            "valid_to": key.valid_to,
        }
        for key in keys
    ]
    if rows:
        tx.connection.execute(insert(trust_keys), rows)


def retire_keys(tx: Tx, ente_id: str, owner: str, at: datetime, *, kinds: Collection[str] = ()) -> int:
    """Let the owner's present keys, or those of some kinds, end at `at`: a rotation's overlap. Returns how many."""
    bump(tx, "trust")
    current = (
        (trust_keys.c.ente_id == ente_id)
        & (trust_keys.c.owner == owner)
        & (trust_keys.c.valid_to.is_(None) | (trust_keys.c.valid_to > at))
    )
    if kinds:
        current &= trust_keys.c.kind.in_(kinds)
    return tx.connection.execute(update(trust_keys).where(current).values(valid_to=at)).rowcount


def revoke_keys(tx: Tx, ente_id: str, owner: str, key_ids: Collection[str], at: datetime) -> None:
    """Let those keys of the owner hold no longer from `at` on, an earlier revocation kept. Raises NotThere."""
    bump(tx, "trust")
    found = trust_keys.c
    where = (found.ente_id == ente_id) & (found.owner == owner) & found.key_id.in_(key_ids)
    earlier = found.revoked_at.is_not(None) & (found.revoked_at <= at)
    values = {"revoked_at": case((earlier, found.revoked_at), else_=literal(at, found.revoked_at.type))}
    if tx.connection.execute(update(trust_keys).where(where).values(values)).rowcount != len(set(key_ids)):
        raise NotThere(", ".join(sorted(key_ids)))


def set_vendor_active(tx: Tx, ente_id: str, vendor_id: str, *, active: bool) -> None:
    """Suspend or readmit a vendor. Raises NotThere."""
    bump(tx, "trust")
    where = (vendors.c.ente_id == ente_id) & (vendors.c.vendor_id == vendor_id)
    if tx.connection.execute(update(vendors).where(where).values(active=active)).rowcount == 0:
        raise NotThere(vendor_id)
