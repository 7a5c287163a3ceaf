"""What a connector would make of a sample that a person pastes: the canonical items, and every error with its place."""

from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping
from itertools import islice
from typing import Any

import orjson

from contracts.connector import Connector
from contracts.failures import Failure
from contracts.faults import bilingual
from contracts.inbound import Found, Read
from contracts.items import COLLECTIONS
from hub.errors import ContractViolation, Fault, HubError
from hub.ingest.canonical import canonical_json, parse
from hub.store.tables import clipped

MOST = 100
_READS_NONE = bilingual("Questo tipo non legge esempi", "this type reads no samples")
_NO_COLLECTION = bilingual("Questa collezione non esiste", "there is no such collection")

Absent = Callable[[Mapping[str, Container[str]]], Iterable[str]]
"""What was taken in and is in no list of all names (`contracts.inbound.Pulled.all_names`)."""


def preview(connector: Connector, sample: str, absent: Absent) -> dict[str, Any]:
    """contracts.work_administration.MappingPreview. Raises ContractViolation where nothing can be read."""
    if connector.read is None:
        raise ContractViolation(faults=(Fault("/connector_id", "source.not_read", _READS_NONE),))
    try:
        found = _found(connector, connector.read, sample.encode("utf-8"), absent)
    except Failure as failure:
        text = clipped(f"{failure.reason}: {failure.detail}", 500)
        detail = bilingual(f"L'esempio non si può leggere ({failure.reason})", text)
        raise ContractViolation(faults=(Fault("/sample", "source.unreadable", detail),)) from None
    return {"records": [_record(each) for each in found[:MOST]], "has_more": len(found) > MOST}


def _found(connector: Connector, read: Read, sample: bytes, absent: Absent) -> list[Found]:
    if connector.read_whole is None:
        return list(islice(read(sample), MOST + 1))
    whole = connector.read_whole(sample)
    its = iter(whole.found)
    found = list(islice(its, MOST + 1))
    deque(its, maxlen=0)  # to its end: then all names are known
    missing = (whole.look(name) for name in absent(whole.all_names))
    return [*islice(filter(None, missing), MOST + 1), *found][: MOST + 1]


def _record(found: Found) -> dict[str, Any]:
    item, wrong = found.item, [_fault(each.pointer, each.code, each.detail) for each in found.wrong]
    if item is not None:
        try:
            if found.collection not in COLLECTIONS:
                raise ContractViolation(faults=(Fault("", "collection.unknown", _NO_COLLECTION),))
            # Where the source has no version the hub counts; for a preview it is the first.
            body = orjson.dumps({"version": 1, **item}, default=str)
            item = orjson.loads(canonical_json(parse(found.collection, body)))
        except HubError as error:
            wrong += [_fault(fault.pointer, fault.code, fault.detail) for fault in error.faults]
            wrong += [] if error.faults else [_fault("", error.code, error.detail)]
            item = orjson.loads(orjson.dumps(item, default=str))
    return {
        "record_name": clipped(found.name, 300) or "-",
        "collection": found.collection[:20],
        "item": item,
        "wrong": wrong[:200],
        "is_withdrawn": found.withdrawn is not None,
        "withdrawn_reason": found.withdrawn and clipped(found.withdrawn, 500),
    }


def _fault(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": clipped(pointer, 500), "code": clipped(code, 64), "detail": clipped(detail, 500)}
