"""Vendors on board: a record in the sandbox, keys, a report of conformance, then production."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from contracts.faults import bilingual
from contracts.naming import Named
from contracts.vendor_administration import NewVendor, NewVendorKey, VendorPatch
from hub.errors import ContractViolation, Fault
from hub.profile import defaults_of
from hub.registry import Vendor
from hub.security.left import VendorEnded
from hub.store import quotas, vendor_records
from hub.store.database import Tx
from hub.store.directory import (
    HUB_VENDOR,
    AlreadyThere,
    NewKey,
    add_keys,
    add_vendor,
    bump,
    load_registry,
    revoke_keys,
    set_profile,
)
from hub.store.tables import clipped
from hub.store.vendor_records import ConformanceReport

from .acting import Acted, Actor, Matches, Order
from .catalogue_names import must_be_known
from .errors import (
    KeyRevoked,
    ReportUnknown,
    VendorExists,
    VendorKeyUnknown,
    VendorNotConformant,
    VendorUnknown,
    none_such,
)
from .trust_material import (
    BadMaterial,
    key_of_anchor,
    key_of_certificate,
    key_of_thumbprint,
    keys_of_jwks,
)
from .vendor_profiles import PROFILE, amended, must_fit
from .vendor_views import key_state, key_view, report_view, vendor_view

_COLUMNS = {"display_name": "name", "service_ids": "services"}
_LISTS = ("aliases", "collections", "service_ids", "rights")
_NULLABLE = ("daily_quota",)


CANNOT_BE_TAKEN_AWAY: Final = bilingual("Non si può togliere", "it cannot be taken away")
_KID_KNOWN: Final = bilingual("C'è già una chiave con questo kid", "a key of that kid is registered")


@dataclass(frozen=True, slots=True)
class Vendors:
    """The vendors of all enti; each reading and each order is of one."""

    def all_of(self, connection: Connection, ente_id: str, now: datetime) -> list[tuple[str, dict[str, Any]]]:
        """contracts.vendor_administration.VendorView of each, by id."""
        registry = load_registry(connection)
        reports: dict[str, ConformanceReport] = {}
        for vendor_id, report in vendor_records.reports_of(connection, ente_id):
            reports.setdefault(vendor_id, report)
        found = {v.vendor_id: v for (owner, _), v in registry.vendors.items() if owner == ente_id}
        return [(name, vendor_view(found[name], reports.get(name), now)) for name in sorted(found)]

    def one_of(self, connection: Connection, ente_id: str, vendor_id: str) -> Vendor:
        """By its id, not by an alias. Raises VendorUnknown."""
        registry = load_registry(connection)
        found = registry.vendors.get((ente_id, vendor_id))
        if found is None or found.vendor_id != vendor_id:
            names = {vendor.vendor_id for (owner, _), vendor in registry.vendors.items() if owner == ente_id}
            raise VendorUnknown(none_such("nessun fornitore", "vendor", sorted(names)))
        return found

    def view(self, connection: Connection, ente_id: str, vendor_id: str, now: datetime) -> dict[str, Any]:
        """contracts.vendor_administration.VendorView. Raises VendorUnknown."""
        vendor = self.one_of(connection, ente_id, vendor_id)
        return vendor_view(vendor, self._newest_report(connection, vendor), now)

    def keys(
        self, connection: Connection, ente_id: str, vendor_id: str, now: datetime
    ) -> list[tuple[str, dict[str, Any]]]:
        """contracts.vendor_administration.VendorKeyView of each, oldest first. Raises VendorUnknown."""
        vendor = self.one_of(connection, ente_id, vendor_id)
        in_turn = sorted(vendor.keys, key=lambda key: key.key_id)
        return [(key.key_id, key_view(key, now)) for key in in_turn]

    def quota_days(self, connection: Connection, ente_id: str, vendor_id: str) -> list[dict[str, Any]]:
        """contracts.vendor_administration.QuotaDay of each, newest first. Raises VendorUnknown."""
        self.one_of(connection, ente_id, vendor_id)
        return [{"day": day, "used": used} for day, used in quotas.used_on_days(connection, ente_id, vendor_id)]

    def reports(self, connection: Connection, ente_id: str, vendor_id: str) -> list[dict[str, Any]]:
        """contracts.vendor_administration.ReportView of each, newest first. Raises VendorUnknown."""
        self.one_of(connection, ente_id, vendor_id)
        return [report_view(report) for _, report in vendor_records.reports_of(connection, ente_id, vendor_id)]

    def report(self, connection: Connection, ente_id: str, vendor_id: str, report_id: str) -> dict[str, Any]:
        """contracts.vendor_administration.ReportWhole. Raises VendorUnknown, ReportUnknown."""
        self.one_of(connection, ente_id, vendor_id)
        found = [
            one for _, one in vendor_records.reports_of(connection, ente_id, vendor_id) if one.report_id == report_id
        ]
        if not found:
            raise ReportUnknown
        content = vendor_records.report_content(connection, ente_id, vendor_id, report_id)
        return report_view(found[0]) | {"report": content}

    def add(self, actor: Actor, wish: NewVendor) -> Order:
        """Register a vendor, in its sandbox. The order raises VendorExists."""
        target = target_of(wish.vendor_id)

        def do(tx: Tx) -> Acted:
            if HUB_VENDOR in (wish.vendor_id, *wish.aliases):
                raise VendorExists
            vendor = Vendor(
                ente_id=actor.ente_id,
                vendor_id=wish.vendor_id,
                name=wish.display_name,
                trust=wish.trust,
                active=True,
                keys=(),
                subject=wish.subject or wish.vendor_id,
                aliases=frozenset(wish.aliases),
                collections=frozenset(wish.collections),
                services=frozenset(wish.service_ids),
                rights=frozenset(wish.rights),
                signature_only=wish.signature_only,
                daily_quota=wish.daily_quota,
                profile=amended(defaults_of(wish.trust), wish.model_dump()),
                stage="sandbox",
            )
            must_fit(vendor)
            must_be_known(tx.connection, actor.ente_id, _places(wish.service_ids))
            try:
                add_vendor(tx, vendor, [])
            except AlreadyThere as taken:
                raise VendorExists(
                    bilingual(
                        f"{taken} c'è già, o è di un altro fornitore", f"{taken} is there already, or another vendor's"
                    )
                ) from None
            view = self.view(tx.connection, actor.ente_id, wish.vendor_id, tx.now)
            return Acted(view, target, after=view)

        return Order("add_vendor", actor, do, target)

    def change(self, actor: Actor, vendor_id: str, patch: VendorPatch, matches: Matches) -> Order:
        """Change a vendor's record. To production it goes only once a report of its conformance has passed,
        and put back into its sandbox it needs a new one. The order raises VendorEnded."""
        given = patch.model_dump(exclude_unset=True)
        missing = sorted(name for name, value in given.items() if value is None and name not in _NULLABLE)
        if missing:
            faults = tuple(Fault(f"/{name}", "field.missing", CANNOT_BE_TAKEN_AWAY) for name in missing)
            raise ContractViolation(faults=faults)
        own = {name: value for name, value in given.items() if name not in PROFILE}
        values = {_COLUMNS.get(name, name): sorted(v) if name in _LISTS else v for name, v in own.items()}

        def do(tx: Tx) -> Acted:
            bump(tx, "trust")  # who changes something at this moment is waited for, and what came of it is seen
            vendor = self.one_of(tx.connection, actor.ente_id, vendor_id)
            report = self._newest_report(tx.connection, vendor)
            before = vendor_view(vendor, report, tx.now)
            matches(before)
            if vendor.ended_at is not None:
                raise VendorEnded
            to_production = given.get("stage") == "production" and vendor.stage != "production"
            if to_production and (report is None or report.verdict != "passed"):
                raise VendorNotConformant
            if given.get("stage") == "sandbox" and vendor.stage != "sandbox":
                vendor_records.lapse_reports(tx, actor.ente_id, vendor_id)
            must_be_known(tx.connection, actor.ente_id, _places(given.get("service_ids", ())))
            profile = amended(vendor.profile, given)
            if profile != vendor.profile or "signature_only" in given:
                only = given.get("signature_only", vendor.signature_only)
                must_fit(replace(vendor, profile=profile, signature_only=only))
            try:
                if values:
                    vendor_records.change_vendor(tx, actor.ente_id, vendor_id, values)
                if profile != vendor.profile:
                    set_profile(tx, actor.ente_id, vendor_id, profile)
            except AlreadyThere as taken:
                raise VendorExists(
                    bilingual(f"{taken} è già di un altro fornitore", f"{taken} is another vendor's already")
                ) from None
            after = self.view(tx.connection, actor.ente_id, vendor_id, tx.now)
            return Acted(after, target_of(vendor_id), *changed_parts(before, after))

        return Order("change_vendor", actor, do, target_of(vendor_id))

    def add_keys(self, actor: Actor, vendor_id: str, wish: NewVendorKey, now: datetime) -> Order:
        """Register trust material. Raises ContractViolation; the order, VendorEnded."""
        try:
            fresh = _material(wish, now)
        except BadMaterial as bad:
            raise ContractViolation(faults=(Fault("/material", "key.invalid", bad.text),)) from None

        def do(tx: Tx) -> Acted:
            vendor = self.one_of(tx.connection, actor.ente_id, vendor_id)
            if vendor.ended_at is not None:
                raise VendorEnded
            fits = wish.kind.startswith("channel_") or (wish.kind == "jwk") is (vendor.trust == "jwk")
            if not fits or (vendor.trust == "pdnd" and not wish.kind.startswith("channel_")):
                detail = bilingual(f"Non va con trust {vendor.trust}", f"it does not go with trust {vendor.trust}")
                raise ContractViolation(faults=(Fault("/kind", "field.not_allowed", detail),))
            known = {key.kid for key in vendor.keys if key.kid and key_state(key, tx.now) != "revoked"}
            if known & {key.kid for key in fresh if key.kid}:
                raise ContractViolation(faults=(Fault("/material", "key.known", _KID_KNOWN),))
            # The same twice would still hold once one of them is revoked.
            registered: dict[tuple[str, str], str] = {
                (key.kind, key.material): key.key_id
                for key in vendor.keys
                if key_state(key, tx.now) not in ("revoked", "ended")
            }
            again = [registered[each.kind, each.material] for each in fresh if (each.kind, each.material) in registered]
            if again:
                detail = bilingual(f"È già registrata come {again[0]}", f"it is registered as {again[0]}")
                raise ContractViolation(faults=(Fault("/material", "key.known", detail),))
            add_keys(tx, actor.ente_id, f"vendor:{vendor_id}", fresh)
            before = {key.key_id for key in vendor.keys}
            made = self.keys(tx.connection, actor.ente_id, vendor_id, tx.now)
            views = [view for key_id, view in made if key_id not in before]
            return Acted({"items": views, "next_cursor": None}, target_of(vendor_id), after={"keys": views})

        return Order("add_vendor_keys", actor, do, target_of(vendor_id))

    def revoke(self, actor: Actor, vendor_id: str, key_id: str) -> Order:
        """Refuse a key from now on. The order raises VendorKeyUnknown, KeyRevoked."""

        def do(tx: Tx) -> Acted:
            vendor = self.one_of(tx.connection, actor.ente_id, vendor_id)
            found = [key for key in vendor.keys if key.key_id == key_id]
            if not found:
                raise VendorKeyUnknown(none_such("nessuna chiave", "key", (key.key_id for key in vendor.keys)))
            if key_state(found[0], tx.now) == "revoked":
                raise KeyRevoked
            revoke_keys(tx, actor.ente_id, f"vendor:{vendor_id}", [key_id], tx.now)
            return Acted(None, target_of(vendor_id), before={"key": key_view(found[0], tx.now)})

        return Order("revoke_vendor_key", actor, do, target_of(vendor_id))

    def attach(self, actor: Actor, vendor_id: str, report: Any) -> Order:
        """Attach a report of the vendor's conformance. Raises ContractViolation where it is none."""
        counts = _counted(report)
        passed = counts["failed"] == 0 and counts["passed"] > 0
        digest = hashlib.sha256(json.dumps(report, sort_keys=True).encode()).hexdigest()

        def do(tx: Tx) -> Acted:
            self.one_of(tx.connection, actor.ente_id, vendor_id)
            made = vendor_records.attach_report(
                tx,
                actor.ente_id,
                vendor_id,
                author=clipped(actor.name, 120),
                verdict="passed" if passed else "failed",
                counts=counts,
                tried=clipped(report["tried"], 500),
                sha256=digest,
                report=report,
            )
            view = report_view(made)
            return Acted(view, target_of(vendor_id), after=view)

        return Order("attach_conformance_report", actor, do, target_of(vendor_id))

    def _newest_report(self, connection: Connection, vendor: Vendor) -> ConformanceReport | None:
        found = vendor_records.reports_of(connection, vendor.ente_id, vendor.vendor_id)
        return found[0][1] if found else None


def changed_parts(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The members that differ, as they were and as they are."""
    names = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}


def target_of(vendor_id: str) -> str:
    """What stands in the record for the vendor."""
    return f"vendors/{vendor_id}"


def _places(service_ids: Sequence[str]) -> list[Named]:
    return [Named("service", service_id, f"/service_ids/{n}") for n, service_id in enumerate(service_ids)]


def _material(wish: NewVendorKey, now: datetime) -> Sequence[NewKey]:
    what = "material"
    if wish.kind == "jwk":
        text = wish.material if isinstance(wish.material, str) else json.dumps(wish.material)
        return keys_of_jwks(text, what=what)
    if not isinstance(wish.material, str):
        raise BadMaterial(f"{what} di {wish.kind} è un testo", f"{what} of {wish.kind} is a text")
    if wish.kind.endswith("thumbprint"):
        return [key_of_thumbprint(wish.material, kind=wish.kind)]
    pem = wish.material.encode("utf-8", "replace")
    if wish.kind == "certificate":
        return [key_of_certificate(pem, now=now, what=what)]
    return [key_of_anchor(pem, kind=wish.kind, now=now, what=what)]


def _counted(report: Any) -> dict[str, int]:
    """How many cases passed, failed and were skipped, as the report says and as its cases do. Raises
    ContractViolation."""
    cases = report.get("cases") if isinstance(report, dict) else None
    if not isinstance(cases, list) or not isinstance(report.get("tried"), str) or not report["tried"].strip():
        detail = bilingual(
            "Non è un rapporto di `raccordo conformance --json`", "not a report of `raccordo conformance --json`"
        )
        raise ContractViolation(faults=(Fault("/report", "report.invalid", detail),))
    outcomes = [case.get("outcome") if isinstance(case, dict) else None for case in cases]
    counts = {name: outcomes.count(name) for name in ("passed", "failed", "skipped")}
    if sum(counts.values()) != len(cases) or any(report.get(name) != count for name, count in counts.items()):
        detail = bilingual("I suoi totali non sono quelli dei suoi casi", "its counts are not those of its cases")
        raise ContractViolation(faults=(Fault("/report/cases", "report.invalid", detail),))
    return counts
