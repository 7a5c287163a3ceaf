"""What the operations of the administration have in common."""

from pydantic import BaseModel

from hub import errors
from hub.admin import errors as admin_errors

from .entries import Answer, Body, Entry, Errors
from .json_schema import Json
from .parts import EXAMPLE_ITEM_ID
from .publish import ANY_CALLER, UNCHANGED

ADMIN: Errors = (errors.RequestInvalid, admin_errors.SessionRefused, admin_errors.RoleMissing, *ANY_CALLER)
BODILESS: Errors = (*ADMIN, errors.BodyTooLarge, errors.BodyTooSlow)
"""Where a body is read whatever it is: none is asked for, or a file."""
WRITING: Errors = (
    *ADMIN,
    errors.MediaUnsupported,
    errors.ContractViolation,
    errors.BodyTooLarge,
    errors.BodyTooSlow,
)
CHANGE = ("IfMatch", "CorrelationId")
PAGE = ("Limit", "Cursor", "CorrelationId")


def page(item: Json) -> Json:
    """A list of one."""
    return {"items": [item], "next_cursor": None}


def listed(
    tag: str,
    summary: str,
    description: str,
    model: type[BaseModel],
    item: Json,
    known: Errors = ADMIN,
    *,
    filters: tuple[str, ...] = (),
) -> Entry:
    """What is said of a list in pages."""
    body = Body(model=model, examples={"page": page(item)})
    return Entry(
        tag=tag,
        summary=summary,
        description=description,
        parameters=(*filters, *PAGE),
        answers={200: Answer(description="Una pagina / A page", body=body)},
        errors=known,
    )


def shown(tag: str, summary: str, description: str, found: str, body: Body, known: Errors) -> Entry:
    """What is said of one thing that is looked at, with its ETag; `found` of the answer."""
    return Entry(
        tag=tag,
        summary=summary,
        description=description,
        parameters=("IfNoneMatch", "CorrelationId"),
        answers={200: Answer(description=found, body=body, headers=("ETag",)), 304: UNCHANGED},
        errors=known,
    )


QUARANTINED: Json = {
    "quarantine_id": EXAMPLE_ITEM_ID,
    "connector_id": "sportello",
    "record_name": "pratica-123",
    "collection": "applications",
    "wrong": [{"pointer": "/state", "code": "field.not_allowed", "detail": "Stato sconosciuto / not a known state"}],
    "decided": None,
    "times": 2,
    "first_at": "2026-11-23T09:00:00Z",
    "last_at": "2026-11-23T09:00:00Z",
}
"""A record of a source that did not fit."""
