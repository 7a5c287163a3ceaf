"""Reading what the providers and the feed know: the outsiders' side of the evidence."""

import email
import json
import re
from collections.abc import Sequence
from datetime import datetime
from email.policy import default
from pathlib import Path
from typing import Any

import httpx

from ..harness import HubUnderTest
from .evidence import Shown, Told
from .files import Lines
from .trades import CITIZENS, fingerprint

_IO = Path("io", "app_io.jsonl")
_NAME = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_NUMBER = re.compile(r"Avviso numero (\d+)")
_TAX_CODE = re.compile(r"[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]")


def told(folder: Path) -> list[Told]:
    """What the providers accepted, each in its order."""
    return [
        *_messages(folder / _IO),
        *_mails("email", folder / "mail" / "mailbox"),
        *_mails("pec", folder / "pec" / "mailbox"),
        *_positions(folder / "pagopa" / "pagopa.jsonl"),
        *_notifications(folder / "send" / "send.jsonl"),
    ]


def io_moments(folder: Path) -> list[float]:
    """When App IO accepted each of its messages, in seconds, the first one first."""
    return sorted(datetime.fromisoformat(line["at"]).timestamp() for line in Lines(folder / _IO).read())


def most_in_a_second(moments: Sequence[float]) -> int:
    return max((sum(start <= moment < start + 1 for moment in moments) for start in moments), default=0)


def _messages(ledger: Path) -> list[Told]:
    return [
        Told(
            "io",
            line["message_id"],
            _named(line["message"]["content"]["markdown"]),
            _numbered(line["message"]["content"]["subject"]),
            line["fiscal_code"],
            _title(line["message"]["content"]["subject"]),
        )
        for line in Lines(ledger).read()
    ]


def _mails(channel: str, mailbox: Path) -> list[Told]:
    found = []
    for path in sorted(mailbox.glob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=default)
        text = message.get_body(("plain",))
        assert text is not None
        words = text.get_content()
        name, number = _named(words), _numbered(f"{message['Subject']}\n{words}")
        found.append(Told(channel, str(message["Message-ID"]), name, number, str(message["To"])))
    return found


def _positions(ledger: Path) -> list[Told]:
    found = []
    for position in (line["position"] for line in Lines(ledger).read() if line["act"] == "create"):
        text = json.dumps(position)
        found.append(Told("pagopa", position["iupd"], _named(text), _numbered(text), _debtor(position)))
    return found


def _debtor(position: dict[str, Any]) -> str:
    """The tax code, wherever a version of GPD has it."""
    found = _TAX_CODE.search(json.dumps(position))
    return found[0] if found else ""


def _notifications(ledger: Path) -> list[Told]:
    """Each as its last line has it, in the order of the first ones."""
    requests = {line["notificationRequestId"]: line for line in Lines(ledger).read()}
    return [
        Told(
            "send",
            line.get("iun", ""),
            line["pair"][0],
            _numbered(line["request"]["subject"]),
            line["request"]["recipients"][0]["taxId"],
        )
        for line in requests.values()
    ]


def _named(text: str) -> str:
    found = _NAME.search(text.replace("\\", ""))
    return found[0] if found else ""


def _title(subject: str) -> str:
    return subject.partition(":")[0].strip()


def _numbered(text: str) -> int | None:
    found = _NUMBER.search(text)
    return int(found[1]) if found else None


def feed(hub: HubUnderTest, collection: str = "messages") -> list[Shown]:
    """Every item that a vendor published in a collection, of every citizen, as the portal reads it."""
    shown = []
    for tax_code in CITIZENS:
        path = f"/{collection}?limit=100"
        while path:
            page = _read(hub, path, tax_code).json()
            for row in page["items"]:
                content = _read(hub, f"/items/{row['item_id']}", tax_code).json()["content"]
                if content["source"] != "hub":  # a notice of the hub's own
                    shown.append(Shown(row["item_id"], content["external_id"], fingerprint(content)))
            cursor = page["next_cursor"]
            path = f"/{collection}?limit=100&cursor={cursor}" if cursor else ""
    return shown


def _read(hub: HubUnderTest, path: str, tax_code: str) -> httpx.Response:
    return hub.read(path, tax_code).raise_for_status()
