"""The JSON Schemas (2020-12) of the contracts, closed and bounded at every place; adds what pydantic does not say."""

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from contracts.items import COLLECTIONS

from . import texts

Json = dict[str, Any]

SCHEMA_BASE = "https://raccordo.comune.example.it/schemas/v1"
_INT32 = 2_147_483_647
_FREE_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
_OPEN_VALUE: Json = {
    "anyOf": [
        {"type": "string", "maxLength": 500, "pattern": _FREE_TEXT},
        {"type": "integer", "minimum": -(2**53) + 1, "maximum": 2**53 - 1, "format": "int64"},
        {"type": "boolean"},
    ]
}


def schemas_of(models: tuple[type[BaseModel], ...]) -> dict[str, Json]:
    """Every schema that `models` need, by name, with `#/$defs/` references.

    One mode, validation, for requests and answers alike: a field that has a default may be left out of either.
    """
    _, document = models_json_schema([(model, "validation") for model in models])
    return {name: _completed(name, schema) for name, schema in sorted(document["$defs"].items())}


def collection_schema(collection: str) -> Json:
    """The schema of one collection as a document of its own, for vendors who write in another language."""
    model = COLLECTIONS[collection]
    schemas = schemas_of((model,))
    own = schemas.pop(model.__name__)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{SCHEMA_BASE}/{collection}.json",
        "title": model.__name__,
        **own,
        "$defs": schemas,
    }


def children(schema: Json) -> Iterator[tuple[Json, Json | list[Any], Any]]:
    """The subschemas of `schema`, each with the container and the key or index where it stands."""
    for keyword in ("properties", "$defs"):
        for name, child in schema.get(keyword, {}).items():
            yield child, schema[keyword], name
    for keyword in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(keyword), dict):
            yield schema[keyword], schema, keyword
    for keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for index, child in enumerate(schema.get(keyword, ())):
            yield child, schema[keyword], index


def rewritten(schema: Json, change: Callable[[Json], Json]) -> Json:
    """`schema` with `change` applied to every subschema, the innermost first."""
    copy = {key: _copied(value) for key, value in schema.items()}
    for child, container, key in list(children(copy)):
        container[key] = rewritten(child, change)
    return change(copy)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(member) for key, member in value.items()}
    return [_copied(member) for member in value] if isinstance(value, list) else value


def _completed(name: str, schema: Json) -> Json:
    whole = rewritten(schema, _bounded)
    described = texts.of_schema(name, " ".join(whole.pop("description", "").split()))
    for field, child in whole.get("properties", {}).items():
        text = texts.of_field(name, field)
        if text is not None:
            whole["properties"][field] = {"description": text} | child
    return ({"description": described} if described else {}) | whole


def _bounded(schema: Json) -> Json:
    schema.pop("title", None)
    match schema.get("type"):
        case "string" if not {"enum", "const", "format", "pattern"} & schema.keys():
            schema["pattern"] = _FREE_TEXT
        case "integer":
            schema.setdefault("format", "int32" if schema.get("maximum", _INT32 + 1) <= _INT32 else "int64")
        case "array":
            schema.setdefault("minItems", 0)
        case "object" if schema.get("additionalProperties") is True:
            schema["additionalProperties"] = _copied(_OPEN_VALUE)
    return schema
