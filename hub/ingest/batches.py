"""Batches of items (NONBLOCK_PULL_REST): taken in whole, then worked off beside everything else.

accept   the frame is looked at, the body sealed; token, quota, evidence and body are durable in one commit
advance  a piece at a time, each item as if it had been published alone, its outcome in the commit that applies it
finish   every item has an outcome: the body goes, who waits for the result is told

A piece is small beside what the committer takes at once, so that a batch never keeps another vendor's publication
waiting for longer than a piece takes; and vendors take turns.
"""

import logging
import threading
import zlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from contracts.identifiers import new_uuid7
from hub.errors import Fault, HubError, StoreUnavailable, VendorSuspended
from hub.registry import Registry, Vendor
from hub.security.digest import header_of
from hub.security.left import VendorEnded
from hub.security.modi import Verified
from hub.store.batches import AcceptBatch, Batch, body_place, decided_positions, finish, next_batches, sealed_body
from hub.store.committer import NOT_TRIED, Committer
from hub.store.database import Database, Singleton
from hub.store.drafts import Draft
from hub.store.faults import error_name
from hub.store.intake import Intake, Place, Signed, Submission
from hub.store.ports import Vault
from hub.store.watching import Trouble
from hub.store.works import Handler

from .pipeline import Inbound, Pipeline, json_body, sha256_hex
from .splitting import entry, names, split

A = TypeVar("A")
log = logging.getLogger(__name__)

PIECE = 32
"""Items handed to the committer at once; it takes 256 values a commit."""

_TRIES = 5
"""Of an item that the store does not take while it takes others; then it is refused, so that the batch goes on."""
_POLL_S = 1.0
_OPEN_BATCHES = 8
"""Bodies kept open between two pieces."""


class Batches:
    """Takes batches in."""

    def __init__(self, pipeline: Pipeline, vault: Vault) -> None:
        self._pipeline = pipeline
        self._vault = vault

    def submission(
        self,
        inbound: Inbound,
        verified: Verified,
        *,
        correlation_id: str,
        reply_to: Callable[[], str | None] = lambda: None,
    ) -> Submission[Any]:
        """A batch, or the exact reason why not. `reply_to` gives the address for the result, or refuses the one wished
        for."""

        def act(_signed: Signed) -> AcceptBatch:
            json_body(inbound.request)
            body = inbound.request.body
            size = len(split(body))
            batch_id = new_uuid7()
            sealed = self._vault.seal(zlib.compress(body, 1), body_place(verified.ente.ente_id, batch_id))
            return AcceptBatch(
                batch_id, size, header_of(inbound.request.body_digest), sealed, correlation_id, reply_to()
            )

        made = self._pipeline.submission(inbound, verified, act)
        return made if made.act is None else replace(made, cost=made.act.size)


class BatchRunner:
    """Works off what was accepted, in a thread; one process does among all that share the database."""

    def __init__(
        self,
        *,
        database: Database,
        committer: Committer,
        intake: Intake,
        pipeline: Pipeline,
        vault: Vault,
        registry: Callable[[], Registry],
        accepted: Callable[[], None] = lambda: None,
        finish: Handler[Batch, bool] = finish,
        piece: int = PIECE,
    ) -> None:
        self._database = database
        self._committer = committer
        self._intake = intake
        self._pipeline = pipeline
        self._vault = vault
        self._registry = registry
        self._accepted = accepted
        self._finish = finish
        self._piece = piece
        self._part: Singleton = database.singleton("batches")
        self._open: OrderedDict[str, list[bytes]] = OrderedDict()
        self._failed: Counter[tuple[str, int]] = Counter()
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="batches", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ring(self) -> None:
        """A batch was accepted."""
        self._bell.set()

    def stop(self) -> None:
        """Stop after the piece under way; the rest goes on at the next start."""
        self._stopping.set()
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join()
        self._part.release()

    def _run(self) -> None:
        trouble = Trouble(log, "batches")
        while not self._stopping.is_set():
            worked = False
            try:
                worked = self.round()
            except Exception as exc:  # noqa: BLE001 - a store that is away comes back; the loop must live
                trouble.failed(exc)
            else:
                trouble.over()
            if not worked:
                self._bell.wait(_POLL_S)
                self._bell.clear()

    def round(self) -> bool:
        """A piece of the oldest batch of each vendor; whether anything was decided. Nothing where another process
        works."""
        with self._database.read() as connection:
            found = next_batches(connection)
        # Only then: asking for a part that another plays costs a connection.
        if not (found and self._part.held()):
            return False
        worked = False
        for batch in found:
            if self._stopping.is_set():
                break
            try:
                worked = self._advance(batch) or worked
            except Exception as exc:  # noqa: BLE001 - one batch in trouble is not everybody's
                log.warning("batches.stuck batch_id=%s error=%s", batch.batch_id, error_name(exc))
        return worked

    def _advance(self, batch: Batch) -> bool:
        with self._database.read() as connection:
            decided = decided_positions(connection, batch)
        piece = [n for n in range(batch.size) if n not in decided][: self._piece]
        if not piece:
            self._end(batch)
            return True
        elements = self._elements(batch)
        submissions = [self._item(batch, n, elements[n]) for n in piece]
        results = self._committer.write_all(self._intake.record, submissions, size=_size)
        if any(getattr(result, "notification", "") == "pending" for result in results):
            self._accepted()
        undecided = [each for each in zip(submissions, results, strict=True) if _undecided(each[1])]
        self._give_up([(each, fault) for each, fault in undecided if getattr(fault, "cause", "") not in NOT_TRIED])
        return not undecided  # a store in trouble is left alone for a moment

    def _give_up(self, undecided: Sequence[tuple[Submission[Any], object]]) -> None:
        """What the store did not take again and again is at fault itself: a bug of ours, or a value that it cannot
        take. Where the store is in trouble it does not take the refusal either, and the item is tried again."""
        for each, _ in undecided:
            assert each.place is not None
            key = (each.place.batch_id, each.place.position)
            self._failed[key] += 1
            if self._failed[key] >= _TRIES:
                refused = replace(each, act=None, refusal=HubError())
                (result,) = self._committer.write_all(self._intake.record, [refused])
                if not _undecided(result):
                    log.error("batches.item_given_up batch_id=%s position=%d", *key)
                    del self._failed[key]

    def _end(self, batch: Batch) -> None:
        self._committer.write(self._finish, batch)
        self._open.pop(batch.batch_id, None)
        if batch.reply_to is not None:
            self._accepted()
        log.info("batch.done batch_id=%s vendor_id=%s size=%d", batch.batch_id, batch.vendor_id, batch.size)

    def _elements(self, batch: Batch) -> list[bytes]:
        elements = self._open.get(batch.batch_id)
        if elements is None:
            with self._database.read() as connection:
                sealed = sealed_body(connection, batch)
            if sealed is None:
                raise LookupError(batch.batch_id)  # another process has just finished it
            elements = split(zlib.decompress(self._vault.open(sealed, body_place(batch.ente_id, batch.batch_id))))
            self._open[batch.batch_id] = elements
            if len(self._open) > _OPEN_BATCHES:
                self._open.popitem(last=False)
        return elements

    def _item(self, batch: Batch, position: int, element: bytes) -> Submission[Any]:
        """The item as a publication of its own; its signature was checked, and its quota counted, with the batch."""
        place = Place(batch.batch_id, position, *names(element))
        act: Draft | None = None
        refusal: HubError | None = None
        body = element
        try:
            vendor = self._vendor(batch)
            collection, body = _pointing(f"/items/{position}", lambda: entry(element))
            act = _pointing(f"/items/{position}/item", lambda: self._pipeline.draft(vendor, collection, body))
        except HubError as error:
            refusal = error
        except Exception:
            log.exception("batches.bug batch_id=%s position=%d", batch.batch_id, position)
            refusal = HubError()
        signed = Signed(
            request_id=batch.request_id,
            operation="publish_batch",
            ente_id=batch.ente_id,
            vendor_id=batch.vendor_id,
            signer=batch.signer,
            used=(),
            tokens={},
            body=body,
            body_sha256=sha256_hex(body),
        )
        return Submission(signed, act=act, refusal=refusal, place=place)

    def _vendor(self, batch: Batch) -> Vendor:
        """The vendor as it is registered now: a suspension, or an end, holds for what is still to be decided."""
        vendor = self._registry().vendors[batch.ente_id, batch.vendor_id]
        if vendor.ended_at is not None:
            raise VendorEnded
        if not vendor.active:
            raise VendorSuspended
        return vendor


def _pointing(prefix: str, act: Callable[[], A]) -> A:
    """What `act` gives; the faults of its refusal point into the body of the batch."""
    try:
        return act()
    except HubError as error:
        error.faults = tuple(Fault(f"{prefix}{each.pointer}"[:500], each.code, each.detail) for each in error.faults)
        raise


def _size(submission: Submission[Any]) -> int:
    return len(submission.signed.body)


def _undecided(result: object) -> bool:
    """Whether nothing of the item is written: the store was away, or failed over it."""
    return isinstance(result, StoreUnavailable) or (isinstance(result, Exception) and not isinstance(result, HubError))
