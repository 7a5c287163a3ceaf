"""The words of an App IO message. The template alone meets IO's minimum lengths (settled 34), so no title is too short.

IO counts JavaScript's characters, so that an emoji counts twice: maxima are measured that way, and what is under a
minimum by either way of counting cannot occur.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from contracts.connector import Notice
from contracts.identifiers import TAX_CODE_FORM, holds_tax_code

SUBJECT_CHARACTERS = (10, 120)
MARKDOWN_CHARACTERS = (80, 10_000)

_ELLIPSIS = "…"
_ENTE_CHARACTERS = 80
_ACTION_CHARACTERS = 100
_CODE_BLOCK = "```"
# Whatever has the form; contracts.identifiers then decides by the check character.
_TAX_CODE = re.compile(TAX_CODE_FORM, re.IGNORECASE)
_MARKUP = re.compile(r"([\\`*_\[\]<>#|~])")


@dataclass(frozen=True, slots=True)
class Words:
    """One language's share of the template."""

    subject_prefix: str
    sensitive_subject: str
    sensitive_body: str
    elsewhere_body: str
    cut: str
    link: str
    closing: str
    """With the sender's name put in, this alone is longer than IO's minimum."""
    masked: str


WORDS: Mapping[str, Words] = {
    "it": Words(
        subject_prefix="Comunicazione: ",
        sensitive_subject="Nuova comunicazione da {ente}",
        sensitive_body="C'è una nuova comunicazione per te. Per riservatezza, si legge solo nella tua area personale.",
        elsewhere_body="C'è una nuova comunicazione per te. Aprila qui nell'app per leggerla.",
        cut="Il testo continua nella tua area personale.",
        link="Apri nella tua area personale",
        closing="Messaggio di {ente}. Trovi tutte le comunicazioni nella tua area personale, sul sito dell'ente.",
        masked="[codice fiscale]",
    ),
    "en": Words(
        subject_prefix="New notice: ",
        sensitive_subject="New notice from {ente}",
        sensitive_body="There is a new notice for you. For your privacy, it can only be read in your personal area.",
        elsewhere_body="There is a new notice for you. Open it here in the app to read it.",
        cut="The text continues in your personal area.",
        link="Open in your personal area",
        closing="Message from {ente}. All your notices are in your personal area, on the website of the public body.",
        masked="[tax code]",
    ),
}


def units(text: str) -> int:
    """Characters as JavaScript counts them."""
    return len(text.encode("utf-16-le")) // 2


def subject(notice: Notice) -> str:
    """One line of 10 to 120 characters."""
    words = _words(notice)
    if notice.sensitive:
        return shorten(words.sensitive_subject.format(ente=_line(notice.ente_name)), SUBJECT_CHARACTERS[1])
    title = _masked(_line(notice.title), words)
    if len(title) < SUBJECT_CHARACTERS[0]:
        title = words.subject_prefix + title
    return shorten(title, SUBJECT_CHARACTERS[1])


def markdown_elsewhere(notice: Notice) -> str:
    """80 to 10000 characters: that the text is fetched when the message is opened."""
    return markdown(replace(notice, body_markdown=_words(notice).elsewhere_body))


def markdown(notice: Notice) -> str:
    """80 to 10000 characters: the text, the way to the personal area, who writes.

    The link leads to the portal even where the notice has an action: the action's own address is the vendor's and may
    name the citizen, the deep link does not.
    """
    words = _words(notice)
    ente = _escaped(shorten(_line(notice.ente_name), _ENTE_CHARACTERS))
    labelled = notice.action is not None and not notice.sensitive
    label = shorten(_line(notice.action.label), _ACTION_CHARACTERS) if notice.action and labelled else words.link
    tail = f"\n\n[{_escaped(_masked(label, words))}]({notice.deep_link})\n\n{words.closing.format(ente=ente)}"
    body = words.sensitive_body if notice.sensitive else _masked(_paragraphs(notice.body_markdown), words)
    room = MARKDOWN_CHARACTERS[1] - units(tail)
    if units(body) > room:
        body = _cut(body, room, words)
    return _closed(body) + tail


def shorten(text: str, most: int) -> str:
    """`text`, or as many of its whole words as fit, with an ellipsis."""
    if units(text) <= most:
        return text
    kept = text.encode("utf-16-le")[: 2 * (most - len(_ELLIPSIS))].decode("utf-16-le", "ignore")
    if not text[len(kept)].isspace():
        whole = re.sub(r"\S+$", "", kept)
        # A word longer than half of what may stay is cut through: an ellipsis alone would say nothing.
        kept = whole if len(whole) > len(kept) // 2 else kept
    return kept.rstrip() + _ELLIPSIS


def _cut(body: str, room: int, words: Words) -> str:
    note = f"\n\n{words.cut}"
    fence = f"\n{_CODE_BLOCK}"
    return _closed(shorten(body, room - units(note) - 2 * units(fence))) + note


def _closed(body: str) -> str:
    """`body` with its last code block closed, or the link below it would be text."""
    return f"{body}\n{_CODE_BLOCK}" if body.count(_CODE_BLOCK) % 2 else body


def _words(notice: Notice) -> Words:
    # A public body's own language, where the citizen's has no template.
    return WORDS.get(notice.language.partition("-")[0], WORDS["it"])


def _line(text: str) -> str:
    return " ".join(text.split())


def _paragraphs(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _masked(text: str, words: Words) -> str:
    return _TAX_CODE.sub(lambda found: words.masked if holds_tax_code(found[0]) else found[0], text)


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)
