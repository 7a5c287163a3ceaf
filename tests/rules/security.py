"""The rules of profile `security` (italia/api-oas-checker-rules, security/), each under its official name."""

from collections.abc import Iterator

from .checking import check
from .reading import Json, operations, schemas

_UNSAFE = ("post", "put", "patch", "delete")


def _requirements(document: Json, operation: Json) -> list[Json]:
    found: list[Json] = operation.get("security", document.get("security", []))
    return found


@check("sec-protection-global-unsafe", "error", "security")
def unsafe_protected(document: Json) -> Iterator[str]:
    yield from (
        place
        for place, _, method, told in operations(document)
        if method in _UNSAFE and not _requirements(document, told)
    )


@check("sec-protection-global-unsafe-strict", "info", "security")
def unsafe_never_open(document: Json) -> Iterator[str]:
    yield from (
        place
        for place, _, method, told in operations(document)
        if method in _UNSAFE and {} in _requirements(document, told)
    )


@check("sec-protection-global-safe", "info", "security")
def safe_stated(document: Json) -> Iterator[str]:
    yield from (
        place
        for place, _, method, told in operations(document)
        if method == "get" and not _requirements(document, told)
    )


@check("sec-apikeys-cookie", "error", "security")
def no_cookie(document: Json) -> Iterator[str]:
    for name, scheme in document["components"]["securitySchemes"].items():
        if scheme["type"] == "apiKey" and scheme["in"] == "cookie":
            yield name


@check("sec-auth-insecure-schemes", "error", "security")
def secure_schemes(document: Json) -> Iterator[str]:
    for name, scheme in document["components"]["securitySchemes"].items():
        if scheme["type"] == "http" and scheme["scheme"].lower() in ("negotiate", "oauth"):
            yield name


@check("sec-securitySchemes-jwt", "warn", "security")
def jwt_rfc8725(document: Json) -> Iterator[str]:
    for name, scheme in document["components"]["securitySchemes"].items():
        if scheme.get("bearerFormat", "").upper() == "JWT" and "RFC8725" not in scheme.get("description", ""):
            yield name


@check("sec-securitySchemes-oauth", "warn", "security")
def oauth_rfc8725(document: Json) -> Iterator[str]:
    for name, scheme in document["components"]["securitySchemes"].items():
        if scheme["type"] == "oauth2" and "RFC8725" not in scheme.get("description", ""):
            yield name


@check("sec-array-boundaries", "warn", "security")
def bounded_arrays(document: Json) -> Iterator[str]:
    yield from (p for p, schema in schemas(document, "array") if not {"minItems", "maxItems"} <= schema.keys())


@check("sec-number-boundaries", "warn", "security")
def bounded_numbers(document: Json) -> Iterator[str]:
    yield from (
        p for p, schema in schemas(document, "integer", "number") if not {"minimum", "maximum"} <= schema.keys()
    )


@check("sec-string-maxlength", "warn", "security")
def bounded_strings(document: Json) -> Iterator[str]:
    yield from (p for p, schema in schemas(document, "string") if not {"enum", "format", "maxLength"} & schema.keys())


@check("sec-string-pattern-or-format-or-enum", "hint", "security")
def patterned_strings(document: Json) -> Iterator[str]:
    yield from (p for p, schema in schemas(document, "string") if not {"enum", "format", "pattern"} & schema.keys())


@check("sec-no-additionalProperties", "warn", "security")
def never_open(document: Json) -> Iterator[str]:
    yield from (p for p, schema in schemas(document, "object") if schema.get("additionalProperties") is True)


@check("sec-no-default-additionalProperties", "warn", "security")
def said_closed(document: Json) -> Iterator[str]:
    yield from (p for p, schema in schemas(document, "object") if "additionalProperties" not in schema)


@check("sec-constrained-additionalProperties", "warn", "security")
def counted_properties(document: Json) -> Iterator[str]:
    for place, schema in schemas(document, "object"):
        if isinstance(schema.get("additionalProperties"), dict) and "maxProperties" not in schema:
            yield place
