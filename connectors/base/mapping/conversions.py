"""What a value of a record becomes: texts, whole numbers, truth, words of ours."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from .cleaning import MOST_TEXT, too_long
from .expressions import plain
from .grammar import BooleanRule, ChoiceRule
from .unmappable import Unmappable


def text_reader(clean: Callable[[str], str]) -> Callable[[Any], str]:
    """What reads a text, and cleans it."""

    def convert(value: Any) -> str:
        if isinstance(value, str):
            if len(value) > MOST_TEXT:
                raise too_long()
            return clean(value)
        return clean(_word(value))

    return convert


def _word(value: Any) -> str:
    """What can stand for a text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return plain(value)
    raise Unmappable(
        "mapping.not_a_text",
        "c'è una lista o un oggetto invece di un testo",
        "a list or an object stands where a text should",
    )


def read_integer(value: Any) -> int:
    """A whole number, or a text that is one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, Decimal) and value == int(value):
        return int(value)
    text = value.strip() if isinstance(value, str) else ""
    if text.isascii() and text.lstrip("+-").isdigit() and len(text) <= 20:
        try:
            return int(text)
        except ValueError:
            pass  # two signs
    raise Unmappable("mapping.integer", "non è un numero intero", "not a whole number")


def boolean_reader(rule: BooleanRule) -> Callable[[Any], bool]:
    """What reads the source's words for true and false, in either case."""
    words = {word.casefold(): False for word in rule.false} | {word.casefold(): True for word in rule.true}

    def convert(value: Any) -> bool:
        if isinstance(value, bool):
            return value
        found = words.get(_word(value).strip().casefold())
        if found is None:
            raise Unmappable(
                "mapping.boolean", "nessuna delle parole per vero e falso", "none of the words for true and false"
            )
        return found

    return convert


def choice_reader(rule: ChoiceRule) -> Callable[[Any], Any]:
    """What reads the source's words as ours."""
    fold: Callable[[str], str] = str.casefold if rule.ignore_case else str
    values = {fold(word): meant for word, meant in rule.values.items()}

    def convert(value: Any) -> Any:
        found = values.get(fold(_word(value).strip()), rule.otherwise)
        if found is None:
            raise Unmappable(
                "mapping.choice",
                f"nessuna delle {len(values)} parole elencate nel mapping",
                f"none of the {len(values)} words that the mapping lists",
            )
        return found

    return convert
