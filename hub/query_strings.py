"""What is said of a wrong query parameter, alike by every API."""

from collections.abc import Sequence
from typing import Final

from contracts.faults import Bilingual, bilingual, led, unknown_parameter

from .errors import Fault, RequestInvalid

TWICE: Final = bilingual("È dato due volte", "given twice")
NO_CURSOR: Final = bilingual("Non è un cursore di questo elenco", "not a cursor of this list")


def bad(parameter: str, detail: Bilingual) -> RequestInvalid:
    """A query parameter is wrong."""
    return RequestInvalid(led(parameter, detail), faults=(Fault(f"#query/{parameter}", "parameter.invalid", detail),))


def unknown(known: Sequence[str]) -> RequestInvalid:
    """There is none of that name. The name is the sender's own text, and may be a tax code: it is not repeated."""
    detail = unknown_parameter(known)
    return RequestInvalid(detail, faults=(Fault("#query", "parameter.unknown", detail),))


def limit_from(text: str, most: int) -> int:
    """How many the parameter `limit` asks for, up to `most`. Raises RequestInvalid."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= most):
        raise bad("limit", bilingual(f"Un numero intero da 1 a {most}", f"a whole number from 1 to {most}"))
    return int(text)
