"""The body of a batch, cut into its items without changing a byte of them.

Each item is then parsed exactly as if it had been published alone. What is looked at here is the frame around them:
`{"items": [{"collection": ..., "item": {...}}, ...]}`.
"""

import json
import re
from collections.abc import Iterator

from pydantic import TypeAdapter

from contracts.batches import MOST_ITEMS
from contracts.faults import Bilingual, bilingual
from contracts.identifiers import ExternalId, holds_tax_code
from contracts.items import COLLECTIONS
from hub.errors import ContractViolation, Fault, RequestInvalid

from .canonical import NOT_JSON, NOT_OBJECT, repeated_at

# Numbers are only stepped over here: turning a long one into an integer has a limit and a cost.
_VALUE = json.JSONDecoder(parse_int=str, parse_float=str)
_SPACE = re.compile(r"[ \t\n\r]*")
_EXTERNAL_ID: TypeAdapter[str] = TypeAdapter(ExternalId)


def split(body: bytes) -> list[bytes]:
    """The elements of a batch, in order.

    Raises:
        RequestInvalid: not a JSON object in UTF-8.
        ContractViolation: not a list of 1 to 500 items, or something beside it.
    """
    try:
        text = body.decode("utf-8")
        start = _skip(text, 0)
        if text[start : start + 1] != "{":
            _VALUE.decode(text)  # is it JSON at all?
            raise RequestInvalid(NOT_OBJECT.detail, faults=(NOT_OBJECT,))
        found = _object(text, start)
    except (ValueError, RecursionError):
        raise RequestInvalid(NOT_JSON.detail, faults=(NOT_JSON,)) from None
    items = found.get("items")
    if items is None:
        raise _wrong(
            "/items", "field.missing", bilingual("Un lotto è una lista di items", "a batch is a list of items")
        )
    if len(found) > 1:
        raise _wrong(
            "", "field.unknown", bilingual("Un lotto ha solo items", "a batch has the member items and no other")
        )
    if not items.startswith("["):
        raise _wrong("/items", "field.type", bilingual("Deve essere una lista", "must be a list"))
    elements = [element.encode() for element in _array(items)]
    if not 1 <= len(elements) <= MOST_ITEMS:
        code = "field.too_long" if elements else "field.too_short"
        raise _wrong(
            "/items",
            code,
            bilingual(
                f"Un lotto ha da 1 a {MOST_ITEMS} items; questo ne ha {len(elements)}",
                f"a batch has 1 to {MOST_ITEMS} items; this one has {len(elements)}",
            ),
        )
    return elements


def entry(element: bytes) -> tuple[str, bytes]:
    """Collection and item of an element, the item in the bytes that were sent. Raises ContractViolation."""
    text = element.decode("utf-8")
    if not text.startswith("{"):
        raise _wrong(
            "",
            "field.type",
            bilingual("Deve essere un oggetto con collection e item", "must be an object with collection and item"),
        )
    found = _object(text, 0)
    for name in ("collection", "item"):
        if name not in found:
            raise _wrong(f"/{name}", "field.missing", bilingual(f"Manca {name}", f"{name} is missing"))
    if len(found) > 2:
        raise _wrong(
            "",
            "field.unknown",
            bilingual("Un elemento ha solo collection e item", "collection and item and no other"),
        )
    collection = _VALUE.decode(found["collection"])
    if not isinstance(collection, str) or collection not in COLLECTIONS:
        names = ", ".join(COLLECTIONS)
        raise _wrong("/collection", "field.not_allowed", bilingual(f"Deve essere una di: {names}", f"one of {names}"))
    if not found["item"].startswith("{"):
        raise _wrong("/item", "field.type", bilingual("Deve essere un oggetto", "must be an object"))
    return collection, found["item"].encode()


def names(element: bytes) -> tuple[str | None, str | None]:
    """Collection and `external_id` of an element, as far as they can be repeated: an external_id that holds a tax code
    cannot."""
    try:
        collection, item = entry(element)
    except (ContractViolation, ValueError, RecursionError):
        return None, None
    try:
        external_id = _EXTERNAL_ID.validate_python(json.loads(item).get("external_id"), strict=True)
    except ValueError:  # pydantic's ValidationError is one too
        return collection, None
    return collection, None if holds_tax_code(external_id) else external_id


def _object(text: str, start: int) -> dict[str, str]:
    """The members of the object at `start`, each in its own text. Raises ValueError, ContractViolation."""
    members: dict[str, str] = {}
    place = _skip(text, start + 1)
    while text[place : place + 1] != "}":
        name, after = _VALUE.raw_decode(text, place)
        place = _skip(text, after)
        if not isinstance(name, str) or text[place : place + 1] != ":":
            raise ValueError
        place = _skip(text, place + 1)
        _, after = _VALUE.raw_decode(text, place)
        if name in members:
            raise repeated_at((name.encode(errors="replace").decode(),))  # half a pair of surrogates is no text
        members[name] = text[place:after]
        place = _next(text, after, "}")
    if _skip(text, place + 1) != len(text):
        raise ValueError
    return members


def _array(text: str) -> Iterator[str]:
    """The elements of the array that `text` is, each in its own text; it was decoded once already."""
    place = _skip(text, 1)
    while text[place : place + 1] != "]":
        _, after = _VALUE.raw_decode(text, place)
        yield text[place:after]
        place = _next(text, after, "]")


def _next(text: str, after: int, end: str) -> int:
    """The place of the next member, or of `end`."""
    place = _skip(text, after)
    if text[place : place + 1] == ",":
        place = _skip(text, place + 1)
        if text[place : place + 1] != end:
            return place
        raise ValueError  # a comma with nothing after it
    if text[place : place + 1] != end:
        raise ValueError
    return place


def _skip(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    assert match is not None
    return match.end()


def _wrong(pointer: str, code: str, detail: Bilingual) -> ContractViolation:
    return ContractViolation(faults=(Fault(pointer, code, detail),))
