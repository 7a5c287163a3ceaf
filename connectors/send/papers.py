"""The papers that SEND makes of a notification, as its timeline names them and as documents: legal facts (attestazioni
opponibili a terzi) and the notice of delivery (AAR, avviso di avvenuta ricezione).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from contracts.base import Model, rfc3339
from contracts.inbound import ProviderDocument

from .moments import moment
from .wire import objects

TITLES: Mapping[str, str] = {
    "AAR": "Avviso di avvenuta ricezione",
    "SENDER_ACK": "Attestazione di presa in carico della notifica",
    "DIGITAL_DELIVERY": "Attestazione di notifica digitale",
    "ANALOG_DELIVERY": "Attestazione di recapito cartaceo",
    "RECIPIENT_ACCESS": "Attestazione di avvenuto accesso",
    "PEC_RECEIPT": "Ricevuta PEC",
    "ANALOG_FAILURE_DELIVERY": "Attestazione di mancato recapito cartaceo",
    "NOTIFICATION_CANCELLED": "Attestazione di annullamento della notifica",
}
_OTHER = "Attestazione di SEND"
_TYPES = {"pdf": "application/pdf", "xml": "application/xml", "eml": "message/rfc822", "zip": "application/zip"}
_KEY = re.compile(r"(?:safestorage://)?([A-Za-z0-9._-]{1,150})")


class Paper(Model):
    """One that is to be had; `at` in RFC 3339."""

    key: str
    category: str
    at: str


def papers_of(timeline: object) -> list[Paper]:
    """Those that a timeline names, each once, in its order."""
    found: dict[str, Paper] = {}
    for element in objects(timeline):
        details = element.get("details")
        notice = details.get("generatedAarUrl") if isinstance(details, dict) else None
        named = [(each.get("key"), each.get("category")) for each in objects(element.get("legalFactsIds"))]
        for key, category in [*named, (notice, "AAR")]:
            if isinstance(key, str) and (plain := _KEY.fullmatch(key)):
                known = category if isinstance(category, str) and category in TITLES else "OTHER"
                paper = Paper(key=plain[1], category=known, at=rfc3339(moment(element)))
                found.setdefault(paper.key, paper)
    return list(found.values())


def document_of(iun: str, paper: Paper, content: bytes, filename: str) -> ProviderDocument:
    """A paper as the hub keeps it; its form is told by its content where it can be, else by its name."""
    ending = "pdf" if content.startswith(b"%PDF") else (filename or paper.key).rpartition(".")[2].lower()
    if ending not in _TYPES or (ending == "pdf" and not content.startswith(b"%PDF")):
        ending = "bin"
    word = paper.category.lower().replace("_", "-")
    return ProviderDocument(
        name=paper.key,
        doc_type="avviso-send" if paper.category == "AAR" else "attestazione-send",
        title=f"{TITLES.get(paper.category, _OTHER)} ({iun})",
        filename=f"{word}-{iun}.{ending}",
        media_type=_TYPES.get(ending, "application/octet-stream"),
        issued_at=datetime.fromisoformat(paper.at).astimezone(UTC),
        content=content,
    )
