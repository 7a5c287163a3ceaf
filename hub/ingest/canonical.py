"""From bytes to a canonical item and back: parsing with exact faults, and the one form that is hashed and kept."""

import hashlib
from dataclasses import replace
from typing import Final, TypeVar

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

import contracts.items as canonical
from contracts.faults import bilingual, code_of, pointer_of, sentence_of
from contracts.items import COLLECTIONS, Item
from contracts.once import TOLD, Repeated, each_once
from contracts.problem import MAX_FAULTS
from hub.errors import ContractViolation, Fault, HubError, PersonalExternalId, RequestInvalid
from hub.telemetry import redact

M = TypeVar("M", bound=BaseModel)
_ITEM: TypeAdapter[Item] = TypeAdapter(Item)

AS_JSON: Final = bilingual("Inviare il corpo come application/json", "send the body as application/json")
NOT_JSON: Final = Fault("", "body.not_json", bilingual("Il corpo non è JSON in UTF-8", "the body is not JSON in UTF-8"))
NOT_OBJECT: Final = Fault(
    "", "body.not_object", bilingual("Il corpo non è un oggetto JSON", "the body is not a JSON object")
)
_DUPLICATE = Fault("", "field.duplicate", TOLD)
_TOO_MANY = Fault("", "body.too_many", bilingual("Ci sono troppi campi", "there are too many fields"))
_PERSONAL = Fault(
    "/external_id", "external_id.personal_data", bilingual("Contiene un codice fiscale", "holds a tax code")
)

_MOST_STRINGS = 5000
"""Names and texts in a body; the fullest item has a fifth of it. Each unknown name costs the event loop a fault."""


def parse(collection: str, body: bytes) -> Item:
    """The item in `body`.

    Raises:
        RequestInvalid: not a JSON object in UTF-8.
        PersonalExternalId: external_id holds a tax code.
        ContractViolation: the contract is broken; every fault with its JSON pointer, of an array the first.
    """
    return read_as(COLLECTIONS[collection], body)


def read_as(model: type[M], body: bytes, *, is_long: bool = False) -> M:
    """Any body, each member of an object once: of two of one name another reader may take the other, and what was
    signed must mean one thing (modi 5.18, RFC 7493 2.3). It must be such as can be read in little time, or `is_long`,
    as one that may hold more texts than an item does. Raises RequestInvalid, ContractViolation."""
    # A string begins with a quote that no backslash precedes: there are no more of them than this.
    if not is_long and body.count(b'"') - body.count(b'\\"') > 2 * _MOST_STRINGS:
        raise ContractViolation(faults=(_TOO_MANY,))
    try:
        value = model.model_validate_json(body)
    except ValidationError as exc:
        raise refusal_of(exc) from None
    try:
        each_once(body.decode())
    except Repeated as found:
        raise repeated_at(found.place) from None
    return value


def repeated_at(place: tuple[str | int, ...]) -> ContractViolation:
    """The refusal of a member that stands again, at that place."""
    return ContractViolation(faults=(replace(_DUPLICATE, pointer=pointer_to(place)),))


def refusal_of(error: ValidationError) -> HubError:
    """A validation error as our own: pointers and rules, never the values."""
    errors = error.errors(include_url=False, include_input=False)
    if any(e["type"] == "json_invalid" for e in errors):
        return RequestInvalid(NOT_JSON.detail, faults=(NOT_JSON,))
    if errors[0]["type"].endswith("_type") and not errors[0]["loc"]:
        return RequestInvalid(NOT_OBJECT.detail, faults=(NOT_OBJECT,))
    if any(isinstance(e.get("ctx", {}).get("error"), canonical.PersonalExternalId) for e in errors):
        return PersonalExternalId(faults=(_PERSONAL,))
    # A list with a wrong element is also called too short, as only its right ones are counted.
    at_fault = {e["loc"][:depth] for e in errors for depth in range(len(e["loc"]))}
    told = [e for e in errors if e["type"] != "too_short" or e["loc"] not in at_fault]
    return ContractViolation(faults=tuple(_fault(e) for e in told[:MAX_FAULTS]))


def canonical_json(item: Item) -> bytes:
    """RFC 8785 canonical JSON of the item, absent optional fields left out.

    orjson's sorted output is the canonical form here: our keys are ASCII and our numbers integers below 2^53; its
    instants are written as `rfc3339` writes them. A test holds it against a library of the RFC.
    """
    return orjson.dumps(item.model_dump(exclude_none=True), option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)


def content_hash(payload: bytes) -> str:
    """Hex SHA-256 of the canonical JSON: equal hash means same content (`settled` 11)."""
    return hashlib.sha256(payload).hexdigest()


def read(payload: bytes) -> Item:
    """An item that `canonical_json` wrote."""
    return _ITEM.validate_json(payload)


def pointer_to(place: tuple[str | int, ...]) -> str:
    """A place in what others wrote, as a JSON pointer."""
    # The name of an unknown field is the sender's own text, and may hold a tax code, of which a cut would leave all but
    # a letter, and which is not known for one after the digit of an escape.
    return pointer_of([redact(str(name)) for name in place])[:500]


def _fault(error: ErrorDetails) -> Fault:
    return Fault(pointer_to(error["loc"]), code_of(error["type"]), sentence_of(error))
