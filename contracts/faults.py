"""The faults of an item as everyone spells them: a stable code, and a JSON pointer."""

from collections.abc import Sequence

from pydantic import BaseModel

# pydantic's error types -> our stable codes; what is not here is `field.invalid`.
_CODES = {
    "missing": "field.missing",
    "extra_forbidden": "field.unknown",
    "literal_error": "field.not_allowed",
    "string_too_long": "field.too_long",
    "too_long": "field.too_long",
    "string_too_short": "field.too_short",
    "too_short": "field.too_short",
    "string_pattern_mismatch": "field.pattern",
    "greater_than_equal": "field.too_small",
    "less_than_equal": "field.too_large",
    "timezone_aware": "field.zone_missing",
}


def code_of(kind: str) -> str:
    """The code of a validation error of this type of pydantic's."""
    return _CODES.get(kind, "field.type" if kind.endswith(("_type", "_parsing")) else "field.invalid")


def unknown_name(model: type[BaseModel]) -> str:
    """What whoever gives a name that a model does not have is told: those that it has."""
    return f"there is none of this name; there are {', '.join(model.model_fields)}"


def has_required(model: type[BaseModel]) -> bool:
    """Whether a model cannot be made of nothing."""
    return any(field.is_required() for field in model.model_fields.values())


def pointer_of(path: Sequence[str | int]) -> str:
    """A path as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part)[:200].replace("~", "~0").replace("/", "~1") for part in path)
