"""Words as people look for them: without case and accents, wherever in an item a person would read them."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

_ACCENTS = re.compile("[\u0300-\u036f]+")
_READ = frozenset(
    {
        "body_markdown",
        "filename",
        "label",
        "name",
        "notice_number",
        "number",
        "outcome_reason",
        "place",
        "psp",
        "reason",
        "receipt_number",
        "reference_number",
        "summary",
        "text",
        "title",
        "tracking",
        "value",
    }
)
"""Fields of the contents that hold what a citizen reads; the others are for machines."""


def plain(text: str) -> str:
    """Text without case and accents."""
    folded = text.casefold()
    return folded if folded.isascii() else _ACCENTS.sub("", unicodedata.normalize("NFKD", folded))


def read_of(content: Mapping[str, Any]) -> str:
    """All that a citizen reads of an item, in its parts too: steps, attachments, labels of actions."""
    return plain(" ".join(_texts(content)))


def _texts(content: Mapping[str, Any]) -> Iterator[str]:
    for name, value in content.items():
        if isinstance(value, str):
            if name in _READ:
                yield value
        elif isinstance(value, Mapping):
            yield from _texts(value)
        elif isinstance(value, list):
            for part in value:
                if isinstance(part, Mapping):
                    yield from _texts(part)
