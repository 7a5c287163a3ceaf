"""What providers call: from what each connector's manifest says of it. The forms are the providers' own, and what the
hub itself answers there (403, 404, 413, 429, 503) is told beside them.
"""

import json

from contracts.calls import CallAnswer, ProviderCall
from contracts.connector import Manifest
from contracts.problem import Problem
from hub import errors
from hub.home import manifests
from hub.http.operations import CALLBACKS, Operation
from hub.security.left import EnteEnded

from . import document, failures, information, parts
from .admin_parameters import PARAMETERS
from .entries import BINARY, Errors, ServiceStatus, both
from .json_schema import Json, schemas_of
from .openapi_schema import components, reference
from .publish import status

_STATUS = status("callbacks")
_HUB_ERRORS: Errors = (
    errors.PathUnknown,
    errors.RequestMalformed,
    errors.BodyTooSlow,
    errors.BodyTooLarge,
    errors.QuotaExceeded,
    errors.StoreUnavailable,
)
_BRINGING: Errors = (EnteEnded,)
"""Of a call that brings something."""
_OBJECT: Json = {
    "type": "object",
    "description": "Nella forma del fornitore. / In the provider's own form.",
    "additionalProperties": {},
    "maxProperties": 1000,
}
_ENTE: Json = parts.in_path("ente_id", "Il codice dell'ente. / The municipality's code.", parts.CODE, "c_h501")
_PART: Json = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[A-Za-z0-9_-]+$"}
_HEADER: Json = {"type": "string", "minLength": 1, "maxLength": 16384, "pattern": r"^[\x20-\x7e]+$"}


def callback_operations() -> tuple[Operation, ...]:
    """The status, and every call that a connector declares."""
    return CALLBACKS + tuple(_operation_of(call) for manifest in manifests() for call in manifest.calls)


def describe_callbacks(public_url: str | None = None) -> Json:
    """The description of the callbacks, as `describe` gives it of the other APIs."""
    told = [manifest for manifest in manifests() if manifest.calls]
    servers = information.servers("callbacks", public_url)
    paths: dict[str, Json] = {"/status": {"get": document.operation_told(CALLBACKS[0], _STATUS, "")}}
    for manifest in told:
        for call in manifest.calls:
            one = _operation_of(call)
            paths.setdefault(one.path, {})[one.method.lower()] = _told(manifest, call, one)
    tags = [
        {"name": each.name, "description": f"Tipo di connettore / Type of connector: {each.title}"} for each in told
    ]
    described: Json = {
        "openapi": information.OPENAPI_VERSION,
        "info": information.info("callbacks", servers[0]["url"]),
        "servers": servers,
        "tags": [*tags, *information.tags("callbacks")],
        "paths": paths,
    }
    parameters = parts.PARAMETERS | PARAMETERS | {"EnteId": _ENTE}
    described["components"] = {
        "parameters": document.referred(described, "parameters", parameters),
        "headers": document.referred(described, "headers", parts.HEADERS),
        "examples": document.examples_of({*_STATUS.errors, *_HUB_ERRORS, *_BRINGING}),
        "schemas": components(schemas_of((Problem, ServiceStatus))) | {"ProviderObject": _OBJECT},
        "securitySchemes": {
            proof.name: {
                "type": "apiKey",
                "in": "header",
                "name": proof.header,
                "description": f"{proof.italian} / {proof.english}",
            }
            for manifest in told
            for call in manifest.calls
            for proof in call.proofs
        },
    }
    return described


def _operation_of(call: ProviderCall) -> Operation:
    return Operation("callbacks", call.method, f"/{{ente_id}}/{{connector_id}}/{call.path}", call.operation_id)


def _told(manifest: Manifest, call: ProviderCall, operation: Operation) -> Json:
    names = [part[1:-1] for part in call.path.split("/") if part.startswith("{")]
    told: Json = {
        "operationId": operation.operation_id,
        "tags": [manifest.name],
        "summary": call.summary,
        "description": _description(call),
        "security": [{proof.name: []} for proof in call.proofs],
        "parameters": [
            {"$ref": "#/components/parameters/EnteId"},
            {"$ref": "#/components/parameters/ConnectorId"},
            *(
                parts.in_path(name, "Dato dall'hub. / Given by the hub.", _PART, parts.EXAMPLE_ITEM_ID)
                for name in names
            ),
            *(
                {
                    "name": header.name,
                    "in": "header",
                    "description": f"{header.italian} / {header.english}",
                    "required": header.required,
                    "schema": _HEADER,
                    "example": header.example,
                }
                for header in call.headers
            ),
        ],
    }
    if call.media_types:
        told["requestBody"] = {
            "description": "Nella forma del fornitore / In the provider's form",
            "required": True,
            "content": {media: _content(media, call.example) for media in call.media_types},
        }
    told["responses"] = _responses(call)
    return told


def _description(call: ProviderCall) -> str:
    if call.largest_bytes is None:
        return both(call.italian, call.english)
    kib = call.largest_bytes // 1024
    return both(
        f"{call.italian}\n\nCorpo: al più {kib} KiB, e il limite dell'hub.",
        f"{call.english}\n\nBody: at most {kib} KiB, and the hub's limit.",
    )


def _responses(call: ProviderCall) -> Json:
    """By status: what the connector answers, and what the hub does before it or in its place."""
    hubs_own = failures.by_status((*_HUB_ERRORS, *(_BRINGING if call.media_types else ())))
    found: dict[str, Json] = {str(code): failures.response(classes, status=code) for code, classes in hubs_own.items()}
    for answer in call.answers:
        own = _answer(answer)
        hubs = found.get(str(answer.status))
        if hubs is not None:
            own = {
                "description": f"{own['description']} — {hubs['description']}",
                "headers": own["headers"] | hubs["headers"],
                "content": own.get("content", {}) | hubs["content"],
            }
        found[str(answer.status)] = own
    return dict(sorted(found.items())) | {"default": failures.response(failures.UNFORESEEN, status="default")}


def _answer(answer: CallAnswer) -> Json:
    told: Json = {
        "description": f"{answer.italian} / {answer.english}",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in (*parts.ALWAYS, "Cache-Control")},
    }
    if answer.media_type is not None:
        told["content"] = {answer.media_type: _content(answer.media_type, answer.example)}
    return told


def _content(media_type: str, example: str | None) -> Json:
    if media_type == failures.PROBLEM_MEDIA_TYPE:
        return {"schema": dict(_OBJECT)}
    if not media_type.endswith("json"):
        return {"schema": dict(BINARY)}
    shown = {} if example is None else {"examples": {"usual": {"value": json.loads(example)}}}
    return {"schema": reference("ProviderObject"), **shown}
