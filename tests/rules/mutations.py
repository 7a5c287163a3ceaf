"""For each check one small spoiling of the real document, which must turn that check red and no other."""

import json
from collections.abc import Callable

from .reading import Json, followed

Spoiling = Callable[[Json], Json | None]
Place = tuple[str, str]

MUTATIONS: dict[str, tuple[str, Spoiling]] = {}
"""By check: which API's document, and what is done to it in place (or a new document)."""

_STATUS: Place = ("/status", "get")
_ITEM: Place = ("/items/{item_id}", "get")
_ITEMS: Place = ("/items", "get")
_MESSAGE: Place = ("/messages", "post")
_PATCH: Place = ("/items/{item_id}/user-state", "patch")


def spoils(name: str, api: str = "publish") -> Callable[[Spoiling], Spoiling]:
    def register(spoiling: Spoiling) -> Spoiling:
        assert name not in MUTATIONS
        MUTATIONS[name] = (api, spoiling)
        return spoiling

    return register


def _simple(name: str, spoiling: Spoiling, api: str = "publish") -> None:
    spoils(name, api)(spoiling)


def _at(document: Json, place: Place) -> Json:
    found: Json = document["paths"][place[0]][place[1]]
    return found


def _own(document: Json, place: Place, status: str) -> Json:
    """The response at a place, as its own copy."""
    told = _at(document, place)["responses"]
    told[status] = json.loads(json.dumps(followed(document, told[status])))
    return told[status]


def _content(document: Json, place: Place, status: str) -> Json:
    (content,) = _own(document, place, status)["content"].values()
    found: Json = content
    return found


def _set(document: Json, *steps: str, to: object) -> None:
    for step in steps[:-1]:
        document = document[step]
    document[steps[-1]] = to


def _drop(document: Json, *steps: str) -> None:
    for step in steps[:-1]:
        document = document[step]
    del document[steps[-1]]


def _renamed(document: Json, old: str, new: str) -> None:
    document["paths"] = {new if path == old else path: item for path, item in document["paths"].items()}


def _parameter(document: Json, name: str, place: str, description: str = "x", at: Place = _ITEMS) -> None:
    schema = {"type": "string", "maxLength": 10, "pattern": "^x*$"}
    _at(document, at)["parameters"].append({"name": name, "in": place, "description": description, "schema": schema})


def _header(document: Json, name: str) -> None:
    schema = {"type": "string", "maxLength": 10, "pattern": "^x*$"}
    _own(document, _ITEMS, "200")["headers"][name] = {"description": "no-store", "schema": schema}


def _field(document: Json, schema: Json, name: str = "extra") -> None:
    document["components"]["schemas"]["Problem"]["properties"][name] = {"description": "Più. / More.", **schema}


def _scheme(document: Json, scheme: Json) -> None:
    document["components"]["securitySchemes"]["Other"] = {"description": "RFC8725", **scheme}


def _without_header(document: Json, place: Place, status: str, name: str) -> None:
    del _own(document, place, status)["headers"][name]


def _loose(*present: str) -> Json:
    """A schema with some fields, that lets any example through."""
    return {
        "type": "object",
        "required": list(present),
        "properties": {name: {} for name in present},
        "additionalProperties": {"description": "anything"},
        "maxProperties": 20,
    }


def _media(document: Json, place: Place, status: str, media: str) -> None:
    own = _own(document, place, status)
    own["content"] = {media: next(iter(own["content"].values()))}


# The head
_simple("no-swagger-2", lambda d: _set(d, "openapi", to="2.0"))
_simple("has-contact", lambda d: _drop(d, "info", "contact"))
_simple("has-x-summary", lambda d: _drop(d, "info", "x-summary"))
_simple("use-semver", lambda d: _set(d, "info", "version", to="1.0"))
_simple("has-termsOfService", lambda d: _drop(d, "info", "termsOfService"))
_simple("has-x-api-id", lambda d: _set(d, "info", "x-api-id", to="raccordo"))
_simple("info-description", lambda d: _set(d, "info", "description", to=""))
_simple("license-url", lambda d: _drop(d, "info", "license", "url"))
_simple("servers-description", lambda d: _drop(d["servers"][0], "description"))
_simple("servers-use-https", lambda d: _drop(d["servers"][1], "x-sandbox"))
_simple("tag-description", lambda d: _drop(d["tags"][0], "description"))

# Status
_simple("paths-status", lambda d: _renamed(d, "/status", "/health"))
_simple("paths-status-return-json", lambda d: _media(d, _STATUS, "200", "text/plain"))
_simple("paths-status-problem-schema", lambda d: _content(d, _STATUS, "503").update(schema=_loose("status", "title")))


@spoils("paths-status-return-problem")
def _status_xml(document: Json) -> None:
    own = _own(document, _STATUS, "503")
    own["content"]["application/problem+xml"] = own["content"]["application/problem+json"]


# Errors
_simple("use-problem-json-for-errors", lambda d: _media(d, _ITEM, "404", "application/json"))
_simple("use-problem-schema", lambda d: _content(d, _ITEM, "404").update(schema=_loose("status", "title")))
_simple("hint-problem-schema", lambda d: _field(d, {"type": "string", "format": "byte"}, "message"))
_simple("error-examples", lambda d: _content(d, _ITEM, "404").pop("examples") and None)
_simple("success-examples", lambda d: _content(d, _ITEM, "200").pop("examples") and None)
_simple("expected-statuses", lambda d: _drop(_at(d, _ITEM), "responses", "404"))
_simple("default-response", lambda d: _drop(_at(d, _ITEM), "responses", "default"))

# Headers
_simple("no-forbidden-headers", lambda d: _parameter(d, "Accept", "header"))
_simple("no-x-headers-request", lambda d: _parameter(d, "X-Flavour", "header"))
_simple("no-x-headers-response", lambda d: _header(d, "X-Flavour"))
_simple("request-headers-train-case", lambda d: _parameter(d, "my_header", "header"))
_simple("response-headers-train-case", lambda d: _header(d, "my_header"))
_simple("missing-ratelimit", lambda d: _without_header(d, _ITEMS, "401", "X-RateLimit-Reset"))
_simple("ratelimit-429-completeness", lambda d: _without_header(d, _ITEMS, "429", "X-RateLimit-Reset"))
_simple("ratelimit-elsewhere", lambda d: _without_header(d, _ITEM, "304", "X-RateLimit-Limit"))
_simple("ratelimit-429-presence", lambda d: _without_header(d, _ITEMS, "429", "Retry-After"))
_simple("missing-retry-after", lambda d: _without_header(d, _STATUS, "503", "Retry-After"))
_simple("correlation-everywhere", lambda d: _without_header(d, _ITEMS, "default", "X-Correlation-ID"))
_simple("cache-control-parameter-undocumented", lambda d: _parameter(d, "Cache-Control", "header"))
_simple(
    "cache-responses-undocumented",
    lambda d: _set(d, "components", "headers", "Cache-Control", "description", to="Cache."),
)
_simple("cache-responses-indeterminate-behavior", lambda d: _without_header(d, _ITEMS, "200", "Cache-Control"))
_simple("location-on-201", lambda d: _without_header(d, _MESSAGE, "201", "Location"))
_simple("etag-beside-304", lambda d: _without_header(d, _ITEM, "200", "ETag"))
_simple("signed-answers", lambda d: _without_header(d, _MESSAGE, "200", "Digest"))

# Methods and bodies
_simple("http-request-GET-no-body", lambda d: _at(d, _ITEMS).update(requestBody=_at(d, _MESSAGE)["requestBody"]))


@spoils("http-request-DELETE-no-body")
def _delete_with_body(document: Json) -> None:
    deleting = {
        **_at(document, _ITEM),
        "operationId": "remove_item",
        "requestBody": _at(document, _MESSAGE)["requestBody"],
    }
    document["paths"]["/items/{item_id}"]["delete"] = deleting


@spoils("http-response-no-content-204-205")
def _content_in_204(document: Json) -> None:
    _at(document, _ITEMS)["responses"]["204"] = _own(document, _ITEMS, "200")


_simple("http-response-content-2xx", lambda d: _drop(_own(d, _MESSAGE, "200"), "content"))
_simple(
    "response-with-json-object",
    lambda d: _content(d, _ITEM, "200").update(
        schema={"type": "array", "items": {}, "minItems": 0, "maxItems": 1}, examples={"none": {"value": []}}
    ),
)


def _patch_content(document: Json) -> Json:
    found: Json = _at(document, _PATCH)["requestBody"]["content"]
    return found


_simple(
    "patch-media-type",
    lambda d: _patch_content(d).update({"application/json": _patch_content(d)["application/merge-patch+json"]}),
    "feed",
)
_simple("patch-without-request-body", lambda d: _drop(_at(d, _PATCH), "requestBody", "required"), "feed")
_simple(
    "patch-json-patch-mediatype",
    lambda d: _patch_content(d).update(
        {"application/json-patch+json": _patch_content(d)["application/merge-patch+json"]}
    ),
    "feed",
)

# Numbers
_INT: Json = {"type": "integer", "minimum": 0, "maximum": 1}
_NUMBER: Json = {"type": "number", "minimum": 0, "maximum": 1}
_simple("integer-format", lambda d: _field(d, _INT))
_simple("number-format", lambda d: _field(d, _NUMBER))
_simple("allowed-integer-format", lambda d: _field(d, {**_INT, "format": "int8"}))
_simple("allowed-number-format", lambda d: _field(d, {**_NUMBER, "format": "half"}))
_simple("sec-number-boundaries", lambda d: _field(d, {"type": "integer", "format": "int32", "minimum": 0}))

# Names
_simple("paths-kebab-case", lambda d: _renamed(d, "/receipts", "/myReceipts"))
_simple("paths-http-method", lambda d: _renamed(d, "/receipts", "/receipts/create"))
_simple("no-method-name-in-operationId", lambda d: _at(d, _ITEM).update(operationId="get_item"))
_simple("operation-operationId-unique", lambda d: _at(d, _MESSAGE).update(operationId="publish_receipt"))
_simple("use-recommended-names-in-parameters", lambda d: _parameter(d, "cf", "query"))
_simple("use-recommended-names-in-schemas", lambda d: _field(d, {"type": "string", "format": "byte"}, "surname"))
_simple("sec-credentials-parameters", lambda d: _parameter(d, "api_key", "query"))
_simple("no-tax-code-in-urls", lambda d: _parameter(d, "tax_code", "query"))
_simple("snake-case-fields", lambda d: _field(d, {"type": "string", "format": "byte"}, "moreThings"))
_simple(
    "fields-described", lambda d: _drop(d, "components", "schemas", "Problem", "properties", "title", "description")
)
_simple("both-languages", lambda d: _at(d, _ITEM).update(summary="Read an item"))


@spoils("schema-camel-case")
def _snake_schema(document: Json) -> Json:
    text = json.dumps(document).replace("#/components/schemas/Link", "#/components/schemas/item_link")
    spoiled: Json = json.loads(text)
    spoiled["components"]["schemas"]["item_link"] = spoiled["components"]["schemas"].pop("Link")
    return spoiled


# Security
_KEY: Json = {"type": "apiKey", "name": "Key"}
_OAUTH: Json = {"tokenUrl": "https://example.it/token", "scopes": {}}
_simple("sec-apikeys-url", lambda d: _scheme(d, {**_KEY, "in": "query"}))
_simple("sec-apikeys-cookie", lambda d: _scheme(d, {**_KEY, "in": "cookie"}))
_simple("sec-auth-insecure-schemes", lambda d: _scheme(d, {"type": "http", "scheme": "negotiate"}))
_simple(
    "sec-securitySchemes-oauth-http",
    lambda d: _scheme(
        d, {"type": "oauth2", "flows": {"clientCredentials": {**_OAUTH, "tokenUrl": "http://example.it"}}}
    ),
)
_simple(
    "sec-securitySchemes-oauth-allowed-flows",
    lambda d: _scheme(d, {"type": "oauth2", "flows": {"password": _OAUTH}}),
)
_simple(
    "sec-securitySchemes-oauth",
    lambda d: _scheme(d, {"type": "oauth2", "flows": {"clientCredentials": _OAUTH}, "description": "x"}),
)
_simple(
    "sec-securitySchemes-jwt",
    lambda d: _set(d, "components", "securitySchemes", "ModiVendorToken", "description", to="A JWT."),
)


def _unsecured(document: Json, place: Place) -> None:
    del document["security"]
    del _at(document, place)["security"]


_simple("sec-protection-global-unsafe", lambda d: _unsecured(d, _MESSAGE))
_simple("sec-protection-global-safe", lambda d: _unsecured(d, _STATUS) or _without_name(d))
_simple("sec-protection-global-unsafe-strict", lambda d: _at(d, _MESSAGE)["security"].append({}))


def _without_name(document: Json) -> None:
    """Nobody is named on `/status` without security either; the expected statuses then ask for these."""
    for status in ("400", "401", "403"):
        _at(document, _STATUS)["responses"][status] = _at(document, _ITEMS)["responses"][status]


_simple("sec-array-boundaries", lambda d: _field(d, {"type": "array", "items": {}, "maxItems": 1}))
_simple("sec-string-maxlength", lambda d: _field(d, {"type": "string", "pattern": "^x$"}))
_simple("sec-string-pattern-or-format-or-enum", lambda d: _field(d, {"type": "string", "maxLength": 1}))
_simple("sec-no-additionalProperties", lambda d: _field(d, {"type": "object", "additionalProperties": True}))
_simple("sec-no-default-additionalProperties", lambda d: _field(d, {"type": "object"}))
_simple("sec-constrained-additionalProperties", lambda d: _field(d, {"type": "object", "additionalProperties": {}}))

# spectral:oas
_simple("operation-description", lambda d: _drop(_at(d, _ITEM), "description"))
_simple("operation-tag-defined", lambda d: _at(d, _ITEM).update(tags=["elsewhere"]))
_simple("path-params", lambda d: _at(d, _ITEM)["parameters"].pop(0) and None)
_simple("no-$ref-siblings", lambda d: _content(d, _ITEM, "200")["schema"].update(description="x"))
_simple("typed-enum", lambda d: _field(d, {"type": "string", "enum": [1]}))
_simple(
    "oas3-valid-media-example", lambda d: _content(d, _ITEM, "200")["examples"]["item"]["value"].pop("state") and None
)
_simple("oas3-valid-parameter-example", lambda d: _set(d, "components", "parameters", "Limit", "example", to=101))
_simple(
    "lists-are-pages", lambda d: _at(d, _ITEMS)["parameters"].remove({"$ref": "#/components/parameters/Limit"}), "feed"
)


@spoils("oas3-unused-component")
def _spare_part(document: Json) -> None:
    document["components"]["headers"]["Spare"] = document["components"]["headers"]["Cache-Control"]


@spoils("operation-success-response")
def _only_failures(document: Json) -> None:
    told = _at(document, ("/receipts", "post"))["responses"]
    for status in ("200", "201"):
        del told[status]
