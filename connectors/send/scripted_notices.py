"""What the tests of this folder notify: the scenarios of `samples/` as notices, and settings for whoever plays SEND."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from connectors.base.conformance import make_notice
from contracts.connector import Legal, Notice, NoticeFile, PaymentData
from contracts.items import LegalNotification

from .config import Settings

KEY = "0123456789abcdef-the-key"
SAMPLES = Path(__file__).parent / "samples"
STREAM = "6f1f4c1e-4d0e-4a55-9d0e-0a6d3f1b2c3d"


def settings(url: str, **changes: Any) -> Settings:
    """Those that lead to a played SEND on loopback."""
    given = {"base_url": url, "api_key": KEY, "sender_tax_code": "00301970190", "sender_name": "Comune di Valdilago"}
    return Settings.model_validate(given | {"private_upload_hosts": ["127.0.0.1"]} | changes)


def file(title: str, content: str, media_type: str = "application/pdf", **_: Any) -> NoticeFile:
    """A document with that content."""
    raw = content.encode()
    return NoticeFile(title, media_type, len(raw), hashlib.sha256(raw).hexdigest(), lambda: raw)


def notice_of(sample: dict[str, Any]) -> Notice:
    """The notice of a scenario."""
    files = tuple(file(**each) for each in sample["files"])
    payments = tuple(PaymentData(*each) for each in sample.get("payments", ()))
    wish = LegalNotification.model_validate_json(json.dumps(sample["legal"]))
    return replace(make_notice(**sample["notice"]), legal=Legal(wish, files, payments))


def sample(name: str, url: str = "{url}") -> dict[str, Any]:
    """A scenario, or a table, with the address of whoever keeps the files."""
    found: dict[str, Any] = json.loads((SAMPLES / name).read_text(encoding="utf-8").replace("{url}", url))
    return found
