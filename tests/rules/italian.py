"""The rules of profile `full` (italia/api-oas-checker-rules, rules/), each under its official name.

Stricter than the checker where the specification's page asks for it: every response counts, also one without headers.
"""

import re
from collections.abc import Iterator

from .checking import check
from .reading import Json, contents, failures, followed, nodes, operations, parameters, properties, responses
from .reading import schemas as schemas_of

_PROBLEM_FIELDS = {"type", "title", "status", "detail"}
_VERBS = re.compile(r"(^|[/-])(get|post|put|delete|patch|create|remove|list|update)($|[/-])", re.IGNORECASE)
_METHOD_FIRST = re.compile(r"^(get|post|put|delete|patch|head|options)", re.IGNORECASE)
_POOR_NAMES = {"name", "nome", "surname", "cf", "fiscal_code", "fiscal_number", "first_name", "last_name"}
_CREDENTIAL = re.compile(r"password|passwd|secret|api_?-?key|token|credential", re.IGNORECASE)
# Of a service, not of a person: `name` is what the catalogue calls it.
_NOT_A_PERSON = {("CatalogueService", "name"), ("Office", "name"), ("Service", "name")}


@check("no-swagger-2", "error")
def no_swagger_2(document: Json) -> Iterator[str]:
    if not document.get("openapi", "").startswith("3."):
        yield "openapi"


@check("has-contact", "error")
def has_contact(document: Json) -> Iterator[str]:
    if not {"name", "url", "email"} <= document["info"].get("contact", {}).keys():
        yield "info.contact"


@check("has-x-summary", "error")
def has_x_summary(document: Json) -> Iterator[str]:
    if not document["info"].get("x-summary"):
        yield "info.x-summary"


@check("use-semver", "error")
def use_semver(document: Json) -> Iterator[str]:
    if not re.fullmatch(r"\d+\.\d+\.\d+", document["info"]["version"]):
        yield "info.version"


@check("has-termsOfService", "warn")
def has_terms(document: Json) -> Iterator[str]:
    if not document["info"].get("termsOfService", "").startswith("https://"):
        yield "info.termsOfService"


@check("has-x-api-id", "hint")
def has_api_id(document: Json) -> Iterator[str]:
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", document["info"].get("x-api-id", "")):
        yield "info.x-api-id"


@check("servers-description", "error")
def servers_description(document: Json) -> Iterator[str]:
    yield from (server["url"] for server in document["servers"] if not server.get("description"))


@check("servers-use-https", "error")
def servers_https(document: Json) -> Iterator[str]:
    for server in document["servers"]:
        if not server["url"].startswith("https://") and server.get("x-sandbox") is not True:
            yield server["url"]


@check("paths-status", "error")
def status_path(document: Json) -> Iterator[str]:
    if "/status" not in document["paths"]:
        yield "/status"


def _status_responses(document: Json) -> Iterator[tuple[str, Json]]:
    told = document["paths"].get("/status", {}).get("get", {}).get("responses", {})
    yield from ((status, followed(document, response)) for status, response in told.items())


@check("paths-status-return-json", "error")
def status_json(document: Json) -> Iterator[str]:
    for status, response in _status_responses(document):
        if status == "200" and not response["content"].keys() <= {"application/json", "application/problem+json"}:
            yield status


@check("paths-status-return-problem", "error")
def status_problem(document: Json) -> Iterator[str]:
    for status, response in _status_responses(document):
        if status[0] in "45" and response["content"].keys() != {"application/problem+json"}:
            yield status


@check("paths-status-problem-schema", "warn")
def status_problem_schema(document: Json) -> Iterator[str]:
    for status, response in _status_responses(document):
        for _, schema in contents(document, response):
            if status[0] in "45" and not schema.get("properties", {}).keys() >= _PROBLEM_FIELDS:
                yield status


@check("use-problem-json-for-errors", "error")
def problem_json(document: Json) -> Iterator[str]:
    for place, _, response in failures(document):
        if not response.get("content") or not response["content"].keys() <= {
            "application/problem+json",
            "application/problem+xml",
        }:
            yield place


@check("use-problem-schema", "hint")
def problem_schema(document: Json) -> Iterator[str]:
    """All four fields, required, where the official rule asks for two. `/status` has its own rule."""
    for place, _, response in failures(document):
        for _, schema in contents(document, response):
            if " /status " not in place and not {*schema.get("required", ())} >= _PROBLEM_FIELDS:
                yield place


@check("hint-problem-schema", "hint")
def problem_names(document: Json) -> Iterator[str]:
    """`message` and `msg` only: api.md promises `code`, stable and for programs, as an extension member of RFC 9457."""
    for place, _, response in failures(document):
        for _, schema in contents(document, response):
            if {"message", "msg"} & schema.get("properties", {}).keys():
                yield place


@check("http-request-GET-no-body", "error")
def get_no_body(document: Json) -> Iterator[str]:
    yield from (place for place, _, method, told in operations(document) if method == "get" and "requestBody" in told)


@check("http-request-DELETE-no-body", "warn")
def delete_no_body(document: Json) -> Iterator[str]:
    yield from (p for p, _, method, told in operations(document) if method == "delete" and "requestBody" in told)


@check("http-response-no-content-204-205", "error")
def no_content(document: Json) -> Iterator[str]:
    yield from (place for place, status, told in responses(document) if status in ("204", "205") and "content" in told)


@check("http-response-content-2xx", "hint")
def content_2xx(document: Json) -> Iterator[str]:
    for place, status, response in responses(document):
        if status in ("200", "201", "202", "203", "206") and not all(
            s for _, s in [*contents(document, response)] or [("", {})]
        ):
            yield place


@check("integer-format", "error")
def integer_format(document: Json) -> Iterator[str]:
    yield from (place for place, schema in schemas_of(document, "integer") if "format" not in schema)


@check("number-format", "error")
def number_format(document: Json) -> Iterator[str]:
    yield from (place for place, schema in schemas_of(document, "number") if "format" not in schema)


@check("allowed-integer-format", "hint")
def integer_formats(document: Json) -> Iterator[str]:
    allowed = ("int32", "int64")
    yield from (p for p, schema in schemas_of(document, "integer") if schema.get("format", "int32") not in allowed)


@check("allowed-number-format", "hint")
def number_formats(document: Json) -> Iterator[str]:
    allowed = ("float", "double", "decimal32", "decimal64", "decimal128")
    yield from (p for p, schema in schemas_of(document, "number") if schema.get("format", "float") not in allowed)


def _patches(document: Json) -> Iterator[tuple[str, Json]]:
    yield from (
        (p, followed(document, t.get("requestBody", {}))) for p, _, m, t in operations(document) if m == "patch"
    )


@check("patch-media-type", "error")
def patch_media(document: Json) -> Iterator[str]:
    for place, body in _patches(document):
        if not body.get("content", {}).keys() <= {"application/merge-patch+json", "application/json-patch+json"}:
            yield place


@check("patch-without-request-body", "error")
def patch_body(document: Json) -> Iterator[str]:
    yield from (place for place, body in _patches(document) if body.get("required") is not True)


@check("patch-json-patch-mediatype", "warn")
def json_patch(document: Json) -> Iterator[str]:
    for place, body in _patches(document):
        for media, schema in contents(document, body):
            if media == "application/json-patch+json" and schema.get("type") != "array":
                yield place


@check("response-with-json-object", "warn")
def json_object(document: Json) -> Iterator[str]:
    for place, _, response in responses(document):
        for media, schema in contents(document, response):
            if media.endswith("json") and schema and schema.get("type") != "object":
                yield place


@check("paths-kebab-case", "warn")
def kebab_case(document: Json) -> Iterator[str]:
    yield from (path for path in document["paths"] if not re.fullmatch(r"(/[a-z0-9.-]+|/\{[a-z0-9_]+\})+", path))


@check("paths-http-method", "hint")
def no_verbs(document: Json) -> Iterator[str]:
    yield from (path for path in document["paths"] if _VERBS.search(path))


@check("no-method-name-in-operationId", "hint")
def operation_id_verb(document: Json) -> Iterator[str]:
    yield from (p for p, _, _, told in operations(document) if _METHOD_FIRST.match(told.get("operationId", "")))


@check("schema-camel-case", "hint")
def pascal_case(document: Json) -> Iterator[str]:
    names = document["components"]["schemas"]
    yield from (name for name in names if not re.fullmatch(r"([A-Z][a-z0-9]+)+", name))


@check("use-recommended-names-in-parameters", "info")
def parameter_names(document: Json) -> Iterator[str]:
    yield from (f"{place} {told['name']}" for place, told in parameters(document) if told["name"] in _POOR_NAMES)


@check("use-recommended-names-in-schemas", "info")
def schema_names(document: Json) -> Iterator[str]:
    for schema, field, _ in properties(document):
        if field in _POOR_NAMES and (schema, field) not in _NOT_A_PERSON:
            yield f"{schema}.{field}"


@check("sec-apikeys-url", "error")
def keys_in_url(document: Json) -> Iterator[str]:
    for name, scheme in document["components"]["securitySchemes"].items():
        if scheme["type"] == "apiKey" and scheme["in"] == "query":
            yield name


@check("sec-credentials-parameters", "error")
def credentials_in_url(document: Json) -> Iterator[str]:
    for place, parameter in parameters(document):
        if parameter["in"] in ("path", "query") and _CREDENTIAL.search(parameter["name"]):
            yield f"{place} {parameter['name']}"


@check("sec-securitySchemes-oauth-http", "error")
def oauth_https(document: Json) -> Iterator[str]:
    for place, node in nodes(document["components"]["securitySchemes"]):
        for key in ("authorizationUrl", "tokenUrl", "refreshUrl"):
            if not str(node.get(key, "https://")).startswith("https://"):
                yield f"{place}/{key}"


@check("sec-securitySchemes-oauth-allowed-flows", "error")
def oauth_flows(document: Json) -> Iterator[str]:
    for name, scheme in document["components"]["securitySchemes"].items():
        if {"implicit", "password"} & scheme.get("flows", {}).keys():
            yield name
