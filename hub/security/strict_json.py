"""JSON objects of strangers, read so that no two readers can see two different things."""

import json
from collections.abc import Callable
from typing import Any, Final

import orjson

from .causes import Refusal

MAX_DEPTH: Final = 8


def _members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        # RFC 7515 4 and RFC 7519 4 allow to refuse; two readers must never see two different claims.
        raise Refusal("token.duplicate_member")
    return members


def _not_a_number(name: str) -> Any:
    raise ValueError(name)


_DECODE: Callable[[str], Any] = json.JSONDecoder(
    object_pairs_hook=_members_once, parse_constant=_not_a_number, strict=True
).decode


def json_object(raw: bytes) -> dict[str, Any]:
    """The object in UTF-8: each member once, no NaN, no lone surrogate, at most `MAX_DEPTH` deep.

    Raises:
        Refusal: `token.malformed`, `token.duplicate_member`.
    """
    return _plain_object(raw) or _strict_object(raw)


def _plain_object(raw: bytes) -> dict[str, Any] | None:
    """The object of JSON as most libraries write it; None where it takes the strict reader to tell.

    A dict has each member once. So what is written back as the very bytes that were read repeated none, had no lone
    surrogate, no NaN and no number that another reader takes for another.
    """
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        return None
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) and orjson.dumps(value) == raw else None


def _strict_object(raw: bytes) -> dict[str, Any]:
    try:
        value = _DECODE(raw.decode("utf-8"))
        if b"\\u" in raw:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone surrogate cannot be stored or logged
    except (ValueError, RecursionError):
        raise Refusal("token.malformed", "not JSON in UTF-8") from None
    if not isinstance(value, dict):
        raise Refusal("token.malformed", "not a JSON object")
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and not _shallow(value, MAX_DEPTH):
        raise Refusal("token.malformed", f"nested deeper than {MAX_DEPTH}")
    return value


def _shallow(value: Any, depth: int) -> bool:
    if isinstance(value, dict):
        return depth > 0 and all(_shallow(member, depth - 1) for member in value.values())
    if isinstance(value, list):
        return depth > 0 and all(_shallow(member, depth - 1) for member in value)
    return True
