"""A vendor, its keys and the reports of its conformance, as administrators see them."""

from datetime import datetime
from typing import Any

from contracts.base import rfc3339
from contracts.vendor_administration import KeyState
from hub.registry import Key, Vendor
from hub.store.tables import clipped
from hub.store.vendor_records import ConformanceReport

from .trust_material import name_of, own_end


def key_state(key: Key, now: datetime) -> KeyState:
    """Where a key is in its life."""
    if key.revoked_at is not None and key.revoked_at <= now:
        return "revoked"
    if key.valid_to is not None and key.valid_to <= now:
        return "ended"
    if key.valid_from is not None and now < key.valid_from:
        return "coming"
    # A certificate has an end from the beginning: an earlier one says that another key follows.
    return "current" if key.valid_to in (None, own_end(key)) and key.revoked_at is None else "retiring"


def vendor_view(vendor: Vendor, report: ConformanceReport | None, now: datetime) -> dict[str, Any]:
    return {
        "vendor_id": vendor.vendor_id,
        "display_name": vendor.name,
        "trust": vendor.trust,
        "stage": vendor.stage,
        "active": vendor.active,
        "ended_at": None if vendor.ended_at is None else rfc3339(vendor.ended_at),
        "subject": vendor.subject,
        "aliases": sorted(vendor.aliases),
        "collections": sorted(vendor.collections),
        "service_ids": sorted(vendor.services),
        "rights": sorted(vendor.rights),
        "signature_only": vendor.signature_only,
        "pdnd_clients": sorted(vendor.profile.clients),
        "pdnd_purposes": sorted(vendor.profile.purposes),
        "daily_quota": vendor.daily_quota,
        "usable_keys": sum(key.usable(now) for key in vendor.keys),
        "newest_report": None if report is None else report_view(report),
    }


def report_view(report: ConformanceReport) -> dict[str, Any]:
    return {
        "report_id": report.report_id,
        "attached_at": rfc3339(report.at),
        "author": report.author,
        "verdict": report.verdict,
        "passed": report.passed,
        "failed": report.failed,
        "skipped": report.skipped,
        "tried": report.tried,
        "sha256": report.sha256,
    }


def key_view(key: Key, now: datetime) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "kind": key.kind,
        "label": clipped(name_of(key), 1000),
        "state": key_state(key, now),
        "valid_from": None if key.valid_from is None else rfc3339(key.valid_from),
        "valid_to": None if key.valid_to is None else rfc3339(key.valid_to),
        "revoked_at": None if key.revoked_at is None else rfc3339(key.revoked_at),
    }
