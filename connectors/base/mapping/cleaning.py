"""Texts as sources write them, made fit for an item."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

from connectors.base.forgiving_html import BlockReader

from .unmappable import Unmappable

MOST_TEXT: Final = 100_000
Clean = Literal["trim", "squeeze", "upper", "lower", "html", "digits", "letters_digits", "controls"]

_BLANKS = re.compile(r"\s+")
_NO_DIGIT = re.compile(r"[^0-9]+")
_NEITHER = re.compile(r"[^A-Za-z0-9]+")
_BLOCKS = frozenset({"p", "br", "div", "li", "tr", "ul", "ol", "table", "h1", "h2", "h3", "h4"})
_UNREAD = frozenset({"script", "style", "head"})


def too_long() -> Unmappable:
    """A text has more than `MOST_TEXT` characters."""
    return Unmappable(
        "mapping.too_long",
        f"un testo di più di {MOST_TEXT} caratteri",
        f"a text of more than {MOST_TEXT} characters",
    )


def _without_tags(text: str) -> str:
    return "\n".join(BlockReader(_BLOCKS, _UNREAD).lines(text))


def _without_controls(text: str) -> str:
    # Cc: controls; Cf: directions and joiners that no reader sees.
    return "".join(each for each in text if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cf"))


_STEPS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {
        "trim": str.strip,
        "squeeze": lambda text: _BLANKS.sub(" ", text).strip(),
        "upper": str.upper,
        "lower": str.lower,
        "html": _without_tags,
        "digits": lambda text: _NO_DIGIT.sub("", text),
        "letters_digits": lambda text: _NEITHER.sub("", text),
        "controls": _without_controls,
    }
)


def cleaner(
    steps: Sequence[Clean], replace: Sequence[tuple[str, str]], cut: int | None, zeros: int | None
) -> Callable[[str], str]:
    """What cleans a text, in this order: the steps, replacements, zeros in front, the cut with an ellipsis."""
    todo = [_STEPS[step] for step in steps]
    if todo == [str.strip] and not replace and cut is None and zeros is None:
        return str.strip

    def clean(text: str) -> str:
        for step in todo:
            text = step(text)
        for old, new in replace:
            text = text.replace(old, new)
            if len(text) > MOST_TEXT:  # two hundred for one, twenty times over
                raise too_long()
        if zeros is not None and text:
            text = text.zfill(zeros)
        if cut is not None and len(text) > cut:
            text = text[: cut - 1].rstrip() + "…"
        return text

    return clean
