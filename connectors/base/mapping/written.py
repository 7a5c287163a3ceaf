"""Documents with rules as settings: JSON, also as a text. Faults are told by JSON pointers and without values."""

import json
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from contracts.faults import pointer_of

_LARGEST: Final = 262_144


def written(kind: Any) -> WrapValidator:
    """How a setting of that type is read."""

    def read(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        if not isinstance(value, str | dict | list):
            return handler(value)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                raise ValueError("not JSON") from None
        text = json.dumps(value, default=str)
        if len(text) > _LARGEST:
            raise ValueError(f"longer than {_LARGEST} characters")
        try:
            # Lists are tuples only where JSON is read.
            return TypeAdapter(kind).validate_json(text)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False)
            told = [f"{_pointer(value, one['loc'])}: {one['msg'].removeprefix('Value error, ')}" for one in faults[:20]]
            raise ValueError("; ".join(told)) from None

    return WrapValidator(read)


def _pointer(document: Any, path: tuple[str | int, ...]) -> str:
    """A path of pydantic's as a pointer into the document: without the names of the alternatives that it tried."""
    steps = []
    for step in path:
        inside = document[step] if _has(document, step) else None
        if inside is None and isinstance(document, dict) and step in (document.get("as"), document.get("format")):
            continue
        steps.append(step)
        document = inside
    return pointer_of(steps)


def _has(document: Any, step: str | int) -> bool:
    if isinstance(document, dict):
        return step in document
    return isinstance(document, list) and isinstance(step, int) and step < len(document)
