"""Reading what the providers and the feed know: the outsiders' side of the evidence."""

import email
import json
import re
from email.policy import default
from pathlib import Path

import httpx

from ..harness import HubUnderTest
from .generator import CITIZENS, fingerprint
from .oracle import Shown, Told

_NAME = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_NUMBER = re.compile(r"Avviso numero (\d+)")


def told(folder: Path) -> list[Told]:
    """What the providers accepted, each in its order."""
    return [*_messages(folder / "io" / "app_io.jsonl"), *_mails(folder / "mail" / "mailbox")]


def _messages(ledger: Path) -> list[Told]:
    found = [json.loads(line) for line in ledger.read_text().splitlines()] if ledger.exists() else []
    return [
        Told(
            "io",
            line["message_id"],
            _named(line["message"]["content"]["markdown"]),
            _numbered(line["message"]["content"]["subject"]),
            line["fiscal_code"],
        )
        for line in found
    ]


def _mails(mailbox: Path) -> list[Told]:
    found = []
    for path in sorted(mailbox.glob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=default)
        text = message.get_body(("plain",))
        assert text is not None
        words = text.get_content()
        subject = str(message["Subject"])
        found.append(
            Told(
                "email", str(message["Message-ID"]), _named(words), _numbered(f"{subject}\n{words}"), str(message["To"])
            )
        )
    return found


def _named(text: str) -> str:
    found = _NAME.search(text.replace("\\", ""))
    return found[0] if found else ""


def _numbered(text: str) -> int | None:
    found = _NUMBER.search(text)
    return int(found[1]) if found else None


def feed(hub: HubUnderTest) -> list[Shown]:
    """Every message of every citizen, as the portal reads it."""
    shown = []
    for tax_code in CITIZENS:
        path = "/messages?limit=100"
        while path:
            page = _read(hub, path, tax_code).json()
            for row in page["items"]:
                content = _read(hub, f"/items/{row['item_id']}", tax_code).json()["content"]
                shown.append(Shown(row["item_id"], content["external_id"], fingerprint(content)))
            cursor = page["next_cursor"]
            path = f"/messages?limit=100&cursor={cursor}" if cursor else ""
    return shown


def _read(hub: HubUnderTest, path: str, tax_code: str) -> httpx.Response:
    return hub.read(path, tax_code).raise_for_status()
