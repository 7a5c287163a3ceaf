"""Amounts as sources write them, to integer cents: exactly, or not at all."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Literal

from .unmappable import Unmappable

Notation = Literal["it", "en", "cents"]

_CURRENCY = re.compile(r"^(?:EUR|€)?\s*(.*?)\s*(?:EUR|€)?$", re.DOTALL)
_FORMS: Final[Mapping[str, re.Pattern[str]]] = MappingProxyType(
    {
        "it": re.compile(r"([+-]?)([0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)(?:,([0-9]{1,2}))?"),
        "en": re.compile(r"([+-]?)([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.([0-9]{1,2}))?"),
    }
)
_SHOWN: Final[Mapping[str, str]] = MappingProxyType({"it": "1.234,56", "en": "1,234.56"})
_MOST_DIGITS = 20


def cents_reader(notation: Notation) -> Callable[[Any], int]:
    """What reads an amount: a text in this notation, or a number of JSON, which is in euro but with `cents`."""
    if notation == "cents":
        return _whole_cents
    form, shown = _FORMS[notation], _SHOWN[notation]

    def read(value: Any) -> int:
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return _of_euro(value)
        if not isinstance(value, str):
            raise Unmappable("mapping.money", "né un testo né un numero", "neither a text nor a number")
        found = _CURRENCY.match(value.replace("\xa0", " ").strip())
        match = form.fullmatch(found[1]) if found else None
        if match is None or len(match[2]) > _MOST_DIGITS:
            raise Unmappable(
                "mapping.money", f"non è un importo scritto come {shown}", f"not an amount written as {shown}"
            )
        sign, whole, fraction = match.groups()
        digits = whole.replace(".", "").replace(",", "") + (fraction or "").ljust(2, "0")
        return int(sign + digits)

    return read


def _of_euro(value: int | Decimal) -> int:
    cents = value * 100
    if cents != int(cents):
        raise Unmappable("mapping.money", "frazioni di centesimo", "parts of a cent")
    return int(cents)


def _whole_cents(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,20}", value.strip()):
        return int(value)
    raise Unmappable("mapping.money", "non è un numero intero di centesimi", "not a whole number of cents")
