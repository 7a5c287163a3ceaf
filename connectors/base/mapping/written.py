"""Documents with rules as settings: JSON, also as a text. Faults are told where they are, and without values."""

import json
from collections.abc import Iterable
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import ErrorDetails, PydanticCustomError

from contracts.faults import sentence_of

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
                raise ValueError("Non è JSON / not JSON") from None
        text = json.dumps(value, default=str)
        if len(text) > _LARGEST:
            raise ValueError(f"Caratteri: al massimo {_LARGEST} / longer than {_LARGEST} characters")
        try:
            # Lists are tuples only where JSON is read.
            return TypeAdapter(kind).validate_json(text)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False)
            places = [one["loc"] for one in faults]
            # What has a wrong entry has not too few.
            own = [one for one in faults if one["type"] != "too_short" or not _has_inner(places, one["loc"])]
            told = [(_place(value, one), _sentence(kind, one)) for one in own[:20]]
            raise ValidationError.from_exception_data(
                "written",
                [{"type": PydanticCustomError("written", text), "loc": loc, "input": None} for loc, text in told],
            ) from None

    return WrapValidator(read)


def _has_inner(places: Iterable[tuple[str | int, ...]], outer: tuple[str | int, ...]) -> bool:
    return any(len(each) > len(outer) and each[: len(outer)] == outer for each in places)


def _sentence(kind: Any, fault: ErrorDetails) -> str:
    if fault["type"] not in ("union_tag_not_found", "union_tag_invalid"):
        return sentence_of(fault)
    name = fault["ctx"]["discriminator"].split(" | ")[-1].strip("'")
    tags = ", ".join(_tags(TypeAdapter(kind).json_schema(), name))
    if fault["type"] == "union_tag_not_found":
        return f'Manca "{name}" / "{name}" is missing; it is one of {tags}'
    return f'"{name}" non è tra i valori ammessi / "{name}" cannot be that: it is one of {tags}'


def _tags(schema: Any, name: str) -> Iterable[str]:
    """The words of the first choice that is made by a member of that name."""
    if isinstance(schema, dict):
        choice = schema.get("discriminator")
        if isinstance(choice, dict) and choice.get("propertyName") == name:
            return tuple(choice["mapping"])
        schema = schema.values()
    elif not isinstance(schema, list):
        return ()
    return next(filter(None, (_tags(each, name) for each in schema)), ())


def _place(document: Any, fault: ErrorDetails) -> tuple[str | int, ...]:
    """Where in the document it is: pydantic's path without the names of the alternatives that it tried."""
    steps: list[str | int] = []
    *outer, last = fault["loc"] or (None,)
    for step in outer:
        if _has(document, step):
            steps.append(step)
            document = document[step]
    if last is not None and (fault["type"] == "missing" or _has(document, last)):
        steps.append(last)
    return tuple(steps)


def _has(document: Any, step: str | int) -> bool:
    if isinstance(document, dict):
        return step in document
    return isinstance(document, list) and isinstance(step, int) and step < len(document)
