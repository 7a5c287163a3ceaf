"""Assembles the OpenAPI 3.0.3 document of an API from the table of operations, the contracts and the errors."""

from typing import Any

from pydantic import BaseModel

from contracts.problem import Problem
from hub.errors import HubError
from hub.http.operations import ADMIN, FEED, PUBLISH, Api, Operation

from . import admin, admin_parameters, failures, feed, information, parts, publish
from .entries import BINARY, Answer, Body, Entry
from .json_schema import Json, schemas_of
from .openapi_schema import components, reference

_OPERATIONS: dict[Api, tuple[Operation, ...]] = {"publish": PUBLISH, "feed": FEED, "admin": ADMIN}
_IN_PATH = {
    "{item_id}": "ItemId",
    "{batch_id}": "BatchId",
    "{provider_id}": "ProviderId",
    "{connector_id}": "ConnectorId",
    "{connector_type}": "ConnectorType",
    "{version}": "VersionNumber",
    "{vendor_id}": "VendorId",
    "{key_id}": "KeyId",
    "{service_id}": "ServiceInPath",
    "{delivery_id}": "DeliveryId",
    "{quarantine_id}": "QuarantineId",
    "{report_id}": "ReportId",
    "{source}": "SourceName",
    "{broadcast_id}": "BroadcastId",
    "{list_id}": "ListId",
    "{request_id}": "RequestId",
}
_ENTRIES: dict[Api, dict[str, Entry]] = {
    "publish": publish.ENTRIES,
    "feed": feed.ENTRIES,
    "admin": admin.ENTRIES,
}


def describe(api: Api, public_url: str | None = None) -> Json:
    """The description of `api`; with `public_url` the running hub's own, without it the one under openapi/."""
    operations, entries = _OPERATIONS[api], _ENTRIES[api]
    scheme = information.HEADINGS[api].scheme
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = operation_told(
            operation, entries[operation.operation_id], scheme
        )
    servers = information.servers(api, public_url)
    document: Json = {
        "openapi": information.OPENAPI_VERSION,
        "info": information.info(api, servers[0]["url"]),
        "servers": servers,
        "tags": information.tags(api),
        "security": [{scheme: []}],
        "paths": paths,
    }
    told_entries = [entries[operation.operation_id] for operation in operations]
    document["components"] = {
        "parameters": referred(document, "parameters", parts.PARAMETERS | admin_parameters.PARAMETERS),
        "headers": referred(document, "headers", parts.HEADERS),
        "examples": examples_of({error for entry in told_entries for error in entry.errors}),
        "schemas": _strict_patch(components(schemas_of(_models(told_entries)))),
        "securitySchemes": information.security_schemes(api),
    }
    return document


def error_codes(api: Api, operation_id: str) -> dict[int, tuple[str, ...]]:
    """The codes that an operation can answer, by status."""
    told = failures.by_status(_ENTRIES[api][operation_id].errors)
    return {status: tuple(error.code for error in classes) for status, classes in told.items()}


def operation_told(operation: Operation, entry: Entry, scheme: str) -> Json:
    """One operation; `scheme` is how its caller is known, unless it says otherwise."""
    names = (*(name for field, name in _IN_PATH.items() if field in operation.path), *entry.parameters)
    told: Json = {
        "operationId": operation.operation_id,
        "tags": [entry.tag],
        "summary": entry.summary,
        "description": entry.description,
        "security": [{}] if operation.public else [{operation.scheme or scheme: []}],
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in names],
    }
    if entry.request is not None:
        told["requestBody"] = {
            "description": entry.request.description,
            "required": not entry.request.may_be_empty,
            "content": _content(entry.request),
        }
    told["responses"] = {str(status): _answer(status, answer) for status, answer in sorted(entry.answers.items())} | {
        str(status): failures.response(classes, status=status, more_headers=entry.error_headers.get(status, ()))
        for status, classes in failures.by_status(entry.errors).items()
    }
    told["responses"]["default"] = failures.response(failures.UNFORESEEN, status="default")
    return told


def _answer(status: int, answer: Answer) -> Json:
    cached = ("Cache-Control",) if 200 <= status < 300 else ()
    told: Json = {
        "description": answer.description,
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"} for name in (*parts.ALWAYS, *cached, *answer.headers)
        },
    }
    if answer.body is not None:
        told["content"] = _content(answer.body) | {media: {"schema": dict(BINARY)} for media in answer.file_types}
    return told


def _content(body: Body) -> Json:
    schema = BINARY if body.model is None else reference(body.model.__name__)
    shown = {"examples": {name: {"value": value} for name, value in body.examples.items()}} if body.examples else {}
    return {media: {"schema": dict(schema), **shown} for media in body.media}


def _models(entries: list[Entry]) -> tuple[type[BaseModel], ...]:
    bodies = [
        body for entry in entries for body in (entry.request, *(answer.body for answer in entry.answers.values()))
    ]
    models = {body.model for body in bodies if body is not None and body.model is not None}
    return tuple(sorted({*models, Problem}, key=lambda model: model.__name__))


def examples_of(classes: set[type[HubError]]) -> Json:
    """`components/examples`: a problem of each class, and of what no operation foresees."""
    named = {failures.example_name(error): error for error in {*classes, *failures.UNFORESEEN}}
    return {name: failures.example_component(error) for name, error in sorted(named.items())}


def referred(document: Json, kind: str, table: dict[str, Json]) -> Json:
    """The entries of `table` that `document` refers to: a component nobody uses is a warning of the checker."""
    prefix = f"#/components/{kind}/"
    used: set[str] = set()

    def visit(value: Any) -> None:
        if isinstance(value, dict):
            target = value.get("$ref")
            if isinstance(target, str) and target.startswith(prefix):
                used.add(target.removeprefix(prefix))
            for member in value.values():
                visit(member)
        elif isinstance(value, list):
            for member in value:
                visit(member)

    visit(document)
    return {name: part for name, part in table.items() if name in used}


def _strict_patch(schemas: dict[str, Json]) -> dict[str, Json]:
    """In a merge patch null means "remove", which no flag can be; RAC_REST_FORMAT_004: booleans are never null."""
    for name in ("UserStatePatch", "ChannelsPatch"):
        for field in schemas.get(name, {}).get("properties", {}).values():
            for keyword in ("nullable", "default"):
                field.pop(keyword, None)
            if "enum" in field:
                field["enum"] = [value for value in field["enum"] if value is not None]
    return schemas
