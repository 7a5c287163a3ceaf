"""How the rules read a description: references followed, examples left out, places named."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
JSON_TYPES = ("string", "integer", "number", "boolean", "array", "object")
_NO_SCHEMA_INSIDE = ("example", "examples", "default", "enum")


def followed(document: Json, node: Any) -> Any:
    """`node`, or what its reference points to."""
    while isinstance(node, dict) and isinstance(node.get("$ref"), str):
        target: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def operations(document: Json) -> Iterator[tuple[str, str, str, Json]]:
    """(place, path, method, operation)."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", path, method, item[method]


def parameters(document: Json) -> Iterator[tuple[str, Json]]:
    for place, path, _, operation in operations(document):
        for parameter in (*document["paths"][path].get("parameters", ()), *operation.get("parameters", ())):
            yield place, followed(document, parameter)


def responses(document: Json) -> Iterator[tuple[str, str, Json]]:
    """(place, status, response)."""
    for place, _, _, operation in operations(document):
        for status, response in operation["responses"].items():
            yield f"{place} {status}", status, followed(document, response)


def headers(document: Json, response: Json) -> dict[str, Json]:
    return {name: followed(document, header) for name, header in response.get("headers", {}).items()}


def contents(document: Json, response: Json) -> Iterator[tuple[str, Json]]:
    """(media type, schema)."""
    for media, content in response.get("content", {}).items():
        yield media, followed(document, content.get("schema", {}))


def failures(document: Json) -> Iterator[tuple[str, str, Json]]:
    """The responses that report an error."""
    for place, status, response in responses(document):
        if status[0] in "45" or status == "default":
            yield place, status, response


def nodes(node: Any, place: str = "#") -> Iterator[tuple[str, Json]]:
    """Every object of the document that is not part of an example."""
    if isinstance(node, dict):
        yield place, node
        for key, member in node.items():
            if key not in _NO_SCHEMA_INSIDE or (place.endswith(("/properties", "/components")) and key != "examples"):
                yield from nodes(member, f"{place}/{key}")
    elif isinstance(node, list):
        for index, member in enumerate(node):
            yield from nodes(member, f"{place}/{index}")


def schemas(document: Json, *types: str) -> Iterator[tuple[str, Json]]:
    """Every schema of one of `types`, wherever it stands."""
    for place, node in nodes(document):
        if isinstance(node.get("type"), str) and node["type"] in (types or JSON_TYPES):
            yield place, node


def properties(document: Json) -> Iterator[tuple[str, str, Json]]:
    """(schema name, field, schema of the field) of the named schemas."""
    for name, schema in document["components"]["schemas"].items():
        for field, child in schema.get("properties", {}).items():
            yield name, field, child


def media_objects(document: Json) -> Iterator[tuple[str, Json]]:
    """Every `content` entry of requests and responses, with its place."""
    for place, _, _, operation in operations(document):
        body = followed(document, operation.get("requestBody", {}))
        for media, content in body.get("content", {}).items():
            yield f"{place} request {media}", content
    for place, _, response in responses(document):
        for media, content in response.get("content", {}).items():
            yield f"{place} {media}", content


def examples(document: Json, holder: Json) -> Iterator[tuple[str, Any]]:
    """(name, value) of the examples of a media object, parameter or header."""
    if "example" in holder:
        yield "example", holder["example"]
    for name, example in holder.get("examples", {}).items():
        yield name, followed(document, example)["value"]
