"""What `spectral:oas` asks that matters here, and what the checker does not see but the API template or api.md asks."""

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from openapi_schema_validator import OAS30Validator, oas30_format_checker

from .checking import check
from .reading import (
    Json,
    examples,
    failures,
    followed,
    headers,
    media_objects,
    nodes,
    operations,
    parameters,
    properties,
    responses,
    schemas,
)

Faults = Callable[[Json, Any], list[str]]


def faults_in(document: Json) -> Faults:
    """A function that says where a value breaks a schema whose references are those of `document` as it is now."""
    components = json.dumps(document["components"]["schemas"])
    return lambda schema, value: list(_faults(json.dumps(schema), components, json.dumps(value)))


@lru_cache(maxsize=4096)
def _faults(schema: str, components: str, value: str) -> tuple[str, ...]:
    whole = {"allOf": [json.loads(schema)], "components": {"schemas": _parsed(components)}}
    validator = OAS30Validator(whole, format_checker=oas30_format_checker)
    return tuple(f"{fault.json_path}: {fault.message[:200]}" for fault in validator.iter_errors(json.loads(value)))


@lru_cache(maxsize=8)
def _parsed(components: str) -> Json:
    read: Json = json.loads(components)
    return read


# spectral:oas


@check("operation-description", "warn")
def described(document: Json) -> Iterator[str]:
    yield from (p for p, _, _, told in operations(document) if not told.get("description") or not told.get("summary"))


@check("operation-tag-defined", "warn")
def tagged(document: Json) -> Iterator[str]:
    defined = {tag["name"] for tag in document["tags"]}
    yield from (
        p for p, _, _, told in operations(document) if len(told.get("tags", [])) != 1 or not {*told["tags"]} <= defined
    )


@check("tag-description", "warn")
def tags_described(document: Json) -> Iterator[str]:
    yield from (tag["name"] for tag in document["tags"] if not tag.get("description"))


@check("operation-operationId-unique", "error")
def unique_ids(document: Json) -> Iterator[str]:
    seen: set[str] = set()
    for place, _, _, told in operations(document):
        name = told.get("operationId", "")
        if not name or name in seen:
            yield place
        seen.add(name)


@check("info-description", "warn")
def info_described(document: Json) -> Iterator[str]:
    if not document["info"].get("description"):
        yield "info.description"


@check("license-url", "warn")
def license_url(document: Json) -> Iterator[str]:
    if not {"name", "url"} <= document["info"].get("license", {}).keys():
        yield "info.license"


@check("operation-success-response", "warn")
def success(document: Json) -> Iterator[str]:
    yield from (p for p, _, _, told in operations(document) if not any(s[0] in "23" for s in told["responses"]))


@check("path-params", "error")
def path_parameters(document: Json) -> Iterator[str]:
    for place, path, _, told in operations(document):
        declared = [followed(document, parameter) for parameter in told.get("parameters", ())]
        named = {parameter["name"] for parameter in declared if parameter["in"] == "path"}
        if named != {*re.findall(r"\{(\w+)\}", path)}:
            yield place


@check("oas3-unused-component", "warn")
def unused(document: Json) -> Iterator[str]:
    text = json.dumps(document)
    for kind, table in document["components"].items():
        if kind != "securitySchemes":
            yield from (name for name in table if f'"#/components/{kind}/{name}"' not in text)


@check("no-$ref-siblings", "error")
def reference_alone(document: Json) -> Iterator[str]:
    yield from (place for place, node in nodes(document) if isinstance(node.get("$ref"), str) and len(node) > 1)


@check("typed-enum", "warn")
def typed_enum(document: Json) -> Iterator[str]:
    kinds = {"string": str, "boolean": bool, "integer": int}
    for place, schema in schemas(document, *kinds):
        for value in schema.get("enum", ()):
            if not isinstance(value, kinds[schema["type"]]) and not (value is None and schema.get("nullable")):
                yield place


@check("oas3-valid-media-example", "error")
def media_examples(document: Json) -> Iterator[str]:
    faults = faults_in(document)
    for place, content in media_objects(document):
        for name, value in examples(document, content):
            yield from (f"{place} {name} {fault}" for fault in faults(content["schema"], value))


@check("oas3-valid-parameter-example", "error")
def part_examples(document: Json) -> Iterator[str]:
    faults = faults_in(document)
    for kind in ("parameters", "headers"):
        for name, part in document["components"].get(kind, {}).items():
            for _, value in examples(document, part):
                yield from (f"{name} {fault}" for fault in faults(part["schema"], value))


# ours


@check("correlation-everywhere", "warn", "house")
def correlation(document: Json) -> Iterator[str]:
    yield from (p for p, _, told in responses(document) if "X-Correlation-ID" not in headers(document, told))


@check("default-response", "warn", "house")
def has_default(document: Json) -> Iterator[str]:
    yield from (p for p, _, _, told in operations(document) if "default" not in told["responses"])


@check("expected-statuses", "warn", "house")
def expected_statuses(document: Json) -> Iterator[str]:
    """429 and 503 everywhere; 400, 401 and 403 where somebody must be named; 404 where something must be found."""
    for place, path, _, told in operations(document):
        wanted = {"429", "503"}
        wanted |= set() if {} in told.get("security", ()) else {"400", "401", "403"}
        wanted |= {"404"} if "{" in path else set()
        yield from (f"{place} {status}" for status in sorted(wanted - told["responses"].keys()))


@check("error-examples", "warn", "house")
def error_examples(document: Json) -> Iterator[str]:
    """One example for each code, under its code, with the status of its response."""
    for place, status, response in failures(document):
        shown = [one for content in response.get("content", {}).values() for one in examples(document, content)]
        if not shown or any(
            name != value.get("code", name) or status not in ("default", str(value.get("status", status)))
            for name, value in shown
        ):
            yield place


@check("success-examples", "warn", "house")
def success_examples(document: Json) -> Iterator[str]:
    for place, content in media_objects(document):
        failing = re.search(r" ([45]..|default) ", place)
        if not failing and content["schema"].get("format") != "binary" and not [*examples(document, content)]:
            yield place


@check("location-on-201", "warn", "house")
def location(document: Json) -> Iterator[str]:
    yield from (
        p for p, status, told in responses(document) if status == "201" and "Location" not in headers(document, told)
    )


@check("etag-beside-304", "warn", "house")
def etag(document: Json) -> Iterator[str]:
    """Who may be answered 304 must have been given an ETag, and must be able to send it back."""
    for place, _, _, told in operations(document):
        given = [s for s in ("200", "304") if s in told["responses"] and "304" in told["responses"]]
        sends = {followed(document, parameter)["name"] for parameter in told.get("parameters", ())}
        for status in given:
            if (
                "ETag" not in followed(document, told["responses"][status]).get("headers", {})
                or "If-None-Match" not in sends
            ):
                yield f"{place} {status}"


@check("signed-answers", "warn", "house")
def signed_answers(document: Json) -> Iterator[str]:
    """Who must sign its body gets a signed answer: evidence for both sides."""
    for place, _, _, told in operations(document):
        if "Agid-JWT-Signature" in {followed(document, parameter)["name"] for parameter in told.get("parameters", ())}:
            for status, response in told["responses"].items():
                if status[0] == "2" and not {"Digest", "Agid-JWT-Signature"} <= headers(document, response).keys():
                    yield f"{place} {status}"


@check("no-tax-code-in-urls", "error", "house")
def no_tax_code(document: Json) -> Iterator[str]:
    for place, told in parameters(document):
        if told["in"] in ("path", "query") and re.search("tax_?code|codice_?fiscale|fiscal", told["name"]):
            yield f"{place} {told['name']}"


@check("snake-case-fields", "warn", "house")
def snake_case(document: Json) -> Iterator[str]:
    names = [(f"{schema}.{field}", field) for schema, field, _ in properties(document)]
    names += [(p, told["name"]) for p, told in parameters(document) if told["in"] != "header"]
    yield from (place for place, name in names if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name))


@check("fields-described", "warn", "house")
def fields_described(document: Json) -> Iterator[str]:
    yield from (f"{schema}.{field}" for schema, field, told in properties(document) if not told.get("description"))


@check("both-languages", "warn", "house")
def both_languages(document: Json) -> Iterator[str]:
    """Italian first, then English: ` / ` in a line, an empty line between paragraphs."""
    for place, _, _, told in operations(document):
        if " / " not in told["summary"] or "\n\n" not in told.get("description", "\n\n"):
            yield place
    yield from (f"{s}.{f}" for s, f, told in properties(document) if " / " not in told.get("description", " / "))
    schemas_told = document["components"]["schemas"].items()
    yield from (name for name, told in schemas_told if " / " not in told.get("description", ""))


@check("lists-are-pages", "warn", "house")
def lists_are_pages(document: Json) -> Iterator[str]:
    """A list is `{"items": [...], "next_cursor": ...}`, and whoever pages may say how many."""
    for place, _, method, told in operations(document):
        if told["operationId"].startswith(("list_", "find_")) and method == "get":
            (content,) = followed(document, told["responses"]["200"])["content"].values()
            schema = followed(document, content["schema"])
            sends = {followed(document, parameter)["name"] for parameter in told["parameters"]}
            if not {"items", "next_cursor"} <= schema.get("properties", {}).keys() or "limit" not in sends:
                yield place
