"""A digital card as a picture: SVG with its fields, its validity and its QR, readable by screen readers (S50)."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from textwrap import wrap

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from contracts.base import ROME
from contracts.items import Document

_PAGES = Path(__file__).parent / "pages"
_TEMPLATES = Environment(loader=FileSystemLoader(_PAGES), autoescape=True, undefined=StrictUndefined)
_ACROSS, _NARROW, _TITLE = 46, 30, 26
"""Letters to a line: across the whole card, and beside the QR, where a title's are larger."""

WORDS = {
    "it": {
        "valid": "Valida",
        "not_yet_valid": "Non ancora valida",
        "expired": "NON VALIDA: scaduta",
        "superseded": "NON VALIDA: sostituita",
        "from": "Valida dal {day}",
        "until": "Valida fino al {day}",
        "no_end": "Senza scadenza",
        "verify": "Inquadra per verificare",
        "qr": "Codice QR per verificare la validità",
    },
    "en": {
        "valid": "Valid",
        "not_yet_valid": "Not valid yet",
        "expired": "NOT VALID: expired",
        "superseded": "NOT VALID: superseded",
        "from": "Valid from {day}",
        "until": "Valid until {day}",
        "no_end": "Without an end",
        "verify": "Scan to verify",
        "qr": "QR code to verify that it is valid",
    },
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text at its height."""

    y: int
    text: str
    style: str


def picture(card: Document, *, issuer: str, state: str, address: str) -> bytes:
    """The SVG of a card in that state (`cards.card_state`), in the document's own language where it is known."""
    assert card.card is not None
    language = "en" if card.language[:2] == "en" else "it"
    words = WORDS[language]
    lines = [Line(36, _line(issuer, _ACROSS), "issuer")]
    y = 96
    for part in _wrapped(card.title, _TITLE):
        lines.append(Line(y, part, "title"))
        y += 30
    y += 6
    for field in card.card.fields:
        lines.append(Line(y, _line(field.label, _ACROSS), "label"))
        y += 22
        # Beside the QR a line is shorter than below it.
        for part in _wrapped(field.value, _NARROW if y < 330 else _ACROSS):
            lines.append(Line(y, part, "value"))
            y += 24
        y += 12
    y = max(y, 340)
    validity = [
        words["from"].format(day=_day(card.valid_from)) if card.valid_from else "",
        words["until"].format(day=_day(card.ends_at)) if card.ends_at else words["no_end"],
    ]
    told = ". ".join(each for each in validity if each)
    qr = segno.make(address, error="m", micro=False)
    shown = _TEMPLATES.get_template("card.svg").render(
        language=language,
        title=card.title,
        spoken=". ".join(
            [words[state], issuer, *(f"{field.label}: {field.value}" for field in card.card.fields), told]
        ),
        lines=lines,
        bottom=y,
        height=y + 56,
        state=words[state],
        good=state == "valid",
        validity=told,
        qr=_path(qr),
        modules=qr.symbol_size(border=0)[0],
        words=words,
    )
    return shown.encode()


def _path(code: segno.QRCode) -> str:
    """The dark modules as one path: a run of them is one rectangle."""
    parts = []
    for y, row in enumerate(code.matrix):
        x = 0
        while x < len(row):
            width = 0
            while x + width < len(row) and row[x + width]:
                width += 1
            if width:
                parts.append(f"M{x} {y}h{width}v1h-{width}z")
            x += width or 1
    return "".join(parts)


def _wrapped(text: str, width: int) -> list[str]:
    return wrap(text, width, break_long_words=True) or [text]


def _line(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _day(moment: datetime) -> str:
    return moment.astimezone(ROME).strftime("%d/%m/%Y")
