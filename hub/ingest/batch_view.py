"""What a vendor may see of its own batches."""

from collections.abc import Mapping
from typing import Any

import orjson

from contracts.base import rfc3339
from contracts.connector import Push
from hub.errors import BatchRunning, BatchUnknown
from hub.registry import Vendor
from hub.store.batches import Batch, find_batch, outcomes
from hub.store.database import Database


class BatchView:
    """Reads batches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def one(self, vendor: Vendor, batch_id: str) -> Batch:
        """Raises BatchUnknown, also for another vendor's."""
        with self._database.read() as connection:
            found = find_batch(connection, ente_id=vendor.ente_id, vendor_id=vendor.vendor_id, batch_id=batch_id)
        if found is None:
            raise BatchUnknown
        return found

    def result(self, vendor: Vendor, batch_id: str) -> dict[str, Any]:
        """contracts.batches.BatchResult. Raises BatchUnknown, BatchRunning."""
        batch = self.one(vendor, batch_id)
        if batch.state != "done":
            raise BatchRunning
        with self._database.read() as connection:
            found = outcomes(connection, batch)
        if len(found) < batch.size:
            raise BatchUnknown  # it was forgotten between the two reads
        return result_of(batch, found)

    def push(self, ente_id: str, vendor_id: str, batch_id: str) -> Push:
        """The result for the address that the vendor named. Raises LookupError once it is forgotten."""
        with self._database.read() as connection:
            batch = find_batch(connection, ente_id=ente_id, vendor_id=vendor_id, batch_id=batch_id)
            if batch is None or batch.state != "done":
                raise LookupError(batch_id)
            content = result_of(batch, outcomes(connection, batch))
        return Push(batch.correlation_id, orjson.dumps(content), batch.reply_to)


def status_of(batch: Batch) -> dict[str, Any]:
    """contracts.batches.BatchStatus."""
    return {
        "batch_id": batch.batch_id,
        "state": batch.state,
        "size": batch.size,
        "decided": batch.decided,
        "received_at": rfc3339(batch.received_at),
    }


def result_of(batch: Batch, found: list[dict[str, Any]]) -> dict[str, Any]:
    """contracts.batches.BatchResult."""
    assert batch.finished_at is not None
    return {
        "batch_id": batch.batch_id,
        "size": batch.size,
        "received_at": rfc3339(batch.received_at),
        "finished_at": rfc3339(batch.finished_at),
        "request_digest": batch.body_digest,
        "items": [_item(each) for each in found],
    }


def _item(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in _SHOWN} | {"errors": row["faults"]}


_SHOWN = ("position", "collection", "external_id", "outcome", "item_id", "version", "code")
