"""JSON in which each member of an object stands once (RFC 7493 2.3): of two of one name one reader takes the first,
another the last."""

import json
from typing import Final

from .faults import bilingual

TOLD: Final = bilingual("Un campo è ripetuto", "a member occurs twice in one object")


class Repeated(ValueError):
    """An object has two members of one name."""

    def __init__(self, place: tuple[str | int, ...] = ()) -> None:
        super().__init__(TOLD)
        self.place = place
        """Of the second of them; the names on the way are those of whoever wrote it."""


class _Members(list[tuple[str, object]]):
    """Those of an object, each as often as it stands there."""


def _once(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise Repeated


# Numbers are only stepped over here: turning a long one into an integer has a limit and a cost.
_ONCE = json.JSONDecoder(object_pairs_hook=_once, parse_int=str, parse_float=str)
_WHOLE = json.JSONDecoder(object_pairs_hook=_Members, parse_int=str, parse_float=str)


def each_once(text: str) -> None:
    """Raises Repeated, of a text that is known to be JSON."""
    try:
        _ONCE.decode(text)
    except Repeated:
        raise Repeated(_repeated(_WHOLE.decode(text)) or ()) from None


def _repeated(value: object, at: tuple[str | int, ...] = ()) -> tuple[str | int, ...] | None:
    """Where the first name stands again in its object."""
    seen: set[str | int] = set()
    members = value if isinstance(value, _Members) else enumerate(value) if isinstance(value, list) else ()
    for name, each in members:
        if name in seen:
            return (*at, name)
        seen.add(name)
        if (found := _repeated(each, (*at, name))) is not None:
            return found
    return None
