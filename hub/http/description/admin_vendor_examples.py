"""Vendors and services as the description shows them."""

from .json_schema import Json
from .parts import EXAMPLE_ITEM_ID

_THUMBPRINT = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
REPORT: Json = {
    "report_id": EXAMPLE_ITEM_ID,
    "attached_at": "2026-11-23T09:00:00Z",
    "author": "anna.verdi",
    "verdict": "passed",
    "passed": 61,
    "failed": 0,
    "skipped": 7,
    "tried": "https://raccordo.comune.example.it/publish/v1",
    "sha256": _THUMBPRINT,
}
NEW_VENDOR: Json = {
    "vendor_id": "tributi-srl",
    "display_name": "Tributi Srl",
    "trust": "x509",
    "collections": ["messages", "payments", "receipts"],
    "service_ids": ["tari"],
    "daily_quota": 50_000,
}
VENDOR: Json = {
    **NEW_VENDOR,
    "stage": "sandbox",
    "active": True,
    "ended_at": None,
    "subject": "tributi-srl",
    "aliases": [],
    "rights": [],
    "signature_only": False,
    "pdnd_clients": [],
    "pdnd_purposes": [],
    "usable_keys": 1,
    "newest_report": REPORT,
}
NEW_KEY: Json = {"kind": "thumbprint", "material": _THUMBPRINT}
KEY: Json = {
    "key_id": EXAMPLE_ITEM_ID,
    "kind": "thumbprint",
    "label": _THUMBPRINT,
    "state": "current",
    "valid_from": None,
    "valid_to": None,
    "revoked_at": None,
}
QUOTA_DAY: Json = {"day": "2026-11-23", "used": 41_873}
NEW_REPORT: Json = {
    "report": {
        "tried": "https://raccordo.comune.example.it/publish/v1",
        "passed": 1,
        "failed": 0,
        "skipped": 0,
        "cases": [{"group": "good", "name": "message", "outcome": "passed"}],
    }
}
SERVICE: Json = {
    "service_id": "tari",
    "display_name": "TARI",
    "state": "published",
    "card_url": "https://www.comune.example.it/tari",
    "start_url": None,
    "category": "Tributi",
    "life_events": [],
    "owner_office": "Ufficio tributi",
    "max_response_days": 30,
    "min_loa": None,
    "named_by": ["pagopa"],
}
