"""JSON that a person wrote: each member of an object once, as in every body over HTTP, for of two the last would hold
silently."""

from typing import Any

import orjson

from contracts.once import Repeated, each_once
from hub.ingest.canonical import pointer_to

from .console import WrongUsage


def json_of(raw: bytes, *, name: str) -> Any:
    """What it says. Raises WrongUsage."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise WrongUsage(f"{name}: non è JSON in UTF-8 / not JSON in UTF-8: {error}") from None
    must_be_once(raw.decode(), name=name)
    return value


def checked_where_json(text: str, *, name: str) -> str:
    """A setting as it was written, such as a mapping, or a key that is no JSON. Raises WrongUsage."""
    try:
        is_json = isinstance(orjson.loads(text), dict | list)
    except orjson.JSONDecodeError:
        is_json = False
    if is_json:
        must_be_once(text, name=name)
    return text


def must_be_once(text: str, *, name: str) -> None:
    """Raises WrongUsage, of a text that is known to be JSON."""
    try:
        each_once(text)
    except Repeated as found:
        raise WrongUsage(f"{name}: {pointer_to(found.place)}: {found}") from None
