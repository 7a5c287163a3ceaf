"""What rules made of a record, held against the contract that a vendor's items are; and where it does not fit."""

from typing import Any

import orjson
from pydantic import ValidationError

from contracts.faults import code_of, led, pointer_of, sentence_of
from contracts.items import COLLECTIONS, CitizenItem, Service

from .rules import MapFault, Place, Trail
from .unmappable import Unmappable


def validated(collection: str, item: dict[str, Any]) -> CitizenItem | Service:
    """The contract's item. The hub counts versions. Raises ValidationError where it is not what a vendor may publish,
    Unmappable where it cannot be written at all: half of an emoji, an integer of more than 64 bits."""
    try:
        written = orjson.dumps(item | {"version": 1})
    except TypeError:
        raise Unmappable(
            "mapping.unwritable",
            "un testo che non è Unicode, o un numero fuori portata",
            "a text that is no Unicode, or a number out of reach",
        ) from None
    return COLLECTIONS[collection].model_validate_json(written)


def contract_faults(collection: str, item: dict[str, Any], trail: Trail) -> list[MapFault]:
    """What of the item is not as the contract wants it, besides what the trail tells of already."""
    told = [fault.place.item for fault in trail.faults]
    try:
        validated(collection, item)
    except ValidationError as error:
        faults = []
        for one in error.errors(include_url=False, include_input=False):
            pointer = pointer_of(one["loc"])
            # A field that could not be made is told of already, and lacks in what it belongs to.
            if any(_within(pointer, each) or _within(each, pointer) for each in told):
                continue
            detail = led(pointer, sentence_of(one)) if pointer else sentence_of(one)
            faults.append(MapFault(_place(pointer, trail), code_of(one["type"]), detail))
        return faults
    except Unmappable as unmappable:
        return [MapFault(trail.place, unmappable.code, unmappable.detail)]
    return []


def _place(pointer: str, trail: Trail) -> Place:
    """Where something of the item comes from: the nearest rule that made it, or should have."""
    parts = pointer.split("/")
    for length in range(len(parts), 1, -1):
        found = trail.places.get("/".join(parts[:length]))
        if found is not None:
            return found
    return Place(pointer, "", f"{trail.place.rule}/fields")


def _within(pointer: str, other: str) -> bool:
    return not other or pointer == other or pointer.startswith(f"{other}/")
