"""Deliberate bugs: each must turn the oracle red, else it is blind. Installed in the hub process of one test only."""

import dataclasses
import functools
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import and_, bindparam, true

import hub.dispatch.runner as runner
import hub.security.digest as digest
import hub.store.committer as committer
import hub.store.intake as intake
import hub.store.outbox as outbox
from contracts.positions import PAGOPA
from contracts.settling import SETTLED
from hub.dispatch.pool import ConnectorPool
from hub.store.rows import Batch
from hub.store.tables import deliveries
from hub.store.works import answer

from ..harness import BIANCHI, ROSSI

_THIRD = 3
_LATE_S = 600.0


def answer_before_commit() -> None:
    """The caller hears 201, then the transaction is committed, a little later."""

    def transaction(self: committer.Committer, batch: list[Any]) -> None:
        kinds: dict[Any, list[Any]] = {}
        for work in batch:
            kinds.setdefault(work.handler, []).append(work)
        with self._database.write() as tx:
            for handler, works in kinds.items():
                for work, result in zip(works, handler(tx, [work.value for work in works]), strict=True):
                    work.result = result
            answer([work for work in batch if work.loop is not None])
            time.sleep(0.25)  # until it has heard
            self._chain.extend(tx)
        self._chain.committed()

    committer.Committer._transaction = transaction  # type: ignore[method-assign]  # that is the bug


def _lose_third(name: str) -> None:
    original = Batch.write
    seen = [0]

    def write(self: Batch, tx: Any) -> None:
        if getattr(self, name):
            seen[0] += 1
            if seen[0] == _THIRD:
                setattr(self, name, type(getattr(self, name))())
                if name == "new_items":
                    self.identities, self.versions, self.events, self.deliveries = [], [], [], []
        original(self, tx)

    Batch.write = write  # type: ignore[method-assign]  # that is the bug


def drop_a_message() -> None:
    """One accepted batch of items is never written."""
    _lose_third("new_items")


def drop_a_delivery() -> None:
    """One message is kept, but nobody is ever told."""
    _lose_third("deliveries")


def skip_the_fence() -> None:
    """A worker whose lease ran out writes, and sends, as if it still had the delivery."""
    outbox.MINE = and_(
        deliveries.c.ente_id == bindparam("my_ente"),
        deliveries.c.delivery_id == bindparam("my_delivery"),
        bindparam("my_claim").is_not(None),
    )
    outbox._leased = lambda now: true()


def skip_the_mark() -> None:
    """Nothing says that bytes may have left."""
    runner.Runner._mark = lambda self, claim, memo, **_: None  # type: ignore[method-assign]  # that is the bug


def resend_unconfirmed() -> None:
    """Every connector counts as one that may send twice."""
    ConnectorPool.resending = lambda self: frozenset(self._configs())  # type: ignore[method-assign]  # that is the bug


def unconfirmed_without_mark() -> None:
    """A worker that dies before anything left is reported as if something might have."""
    import hub.store.sweeping as sweeping

    original = sweeping._take_back

    @functools.wraps(original)
    def release(tx: Any, row: dict[str, Any], *others: Any) -> str:
        return original(tx, row | {"about_to_send_at": tx.now}, *others)

    sweeping._take_back = release


def skip_the_digest() -> None:
    """A body that was changed on its way passes."""
    digest.check = lambda value, request: None


def forget_tokens() -> None:
    """A used token is good a second time."""
    intake.consume_tokens = lambda tx, wanted: [True] * len(wanted)


def log_the_citizen() -> None:
    """A tax code finds its way into a log line."""
    original = runner.Runner._end

    def end(self: Any, claim: Any) -> Any:
        logging.getLogger("hub").info("delivery.begun tax_code=%s", self.notice_of(claim).tax_code)
        return original(self, claim)

    runner.Runner._end = end  # type: ignore[method-assign]  # that is the bug


def mix_up_the_citizens() -> None:
    """A notice goes to somebody else."""
    from hub.dispatch.notices import Notices

    original = Notices.of
    others = {ROSSI: BIANCHI, BIANCHI: ROSSI}

    def of(self: Notices, *args: Any, **kwargs: Any) -> Any:
        notice = original(self, *args, **kwargs)
        return dataclasses.replace(notice, tax_code=others[notice.tax_code])

    Notices.of = of  # type: ignore[method-assign]  # that is the bug


def settle_late() -> None:
    """Whoever comes back after its lease writes over what was decided meanwhile."""
    original = runner.Runner._end

    def end(self: Any, claim: Any) -> Any:
        found = original(self, claim)
        if claim.channel == "io" and found.state == "waiting":
            time.sleep(2.5 * self.lease.total_seconds())
        return found

    runner.Runner._end = end  # type: ignore[method-assign]  # that is the bug
    skip_the_fence()


def forget_the_order() -> None:
    """Whose turn it is counts for nothing; the last come first."""
    import hub.store.lanes as lanes

    write, oldest = Batch.write, lanes.oldest

    def unordered(self: Batch, tx: Any) -> None:
        self.deliveries = [row | {"order_key": None} for row in self.deliveries]
        write(self, tx)

    def newest(*args: Any, **kwargs: Any) -> Any:
        return oldest(*args, **kwargs)[::-1]

    Batch.write = unordered  # type: ignore[method-assign]  # that is the bug
    lanes.oldest = newest


def sweep_too_rarely() -> None:
    """What is due again is found, but late."""
    import hub.worker.sweeper as sweeper

    original, began = sweeper.Sweeper.sweep, time.monotonic()

    def sweep(self: Any) -> None:
        if time.monotonic() - began > _LATE_S:
            original(self)

    sweeper.Sweeper.sweep = sweep  # type: ignore[method-assign]  # that is the bug


def fork_the_chain() -> None:
    """Evidence is written over the root before the last one, as a writer would that forgot a commit."""
    from hub.store.chain import ChainWriter

    original, lock = ChainWriter.committed, threading.Lock()
    seen = [0]

    def committed(self: ChainWriter) -> None:
        root = self._root
        with lock:
            seen[0] += 1
            original(self)
            if seen[0] == _THIRD:
                self._root = root[::-1]

    ChainWriter.committed = committed  # type: ignore[method-assign]  # that is the bug


def tell_nobody_later() -> None:
    """SEND never hears of a payment, GPD of no change."""
    original = Batch.write

    def write(self: Batch, tx: Any) -> None:
        self.deliveries = [row for row in self.deliveries if row["channel"] not in (SETTLED, PAGOPA)]
        original(self, tx)

    Batch.write = write  # type: ignore[method-assign]  # that is the bug


def tell_blindly() -> None:
    """SEND is told of a payment without a look at what it knows, nor a mark that it may."""
    from connectors.send.settled import Settled

    skip_the_mark()
    Settled._looked = lambda self, paid: None  # type: ignore[method-assign]  # that is the bug


BUGS: dict[str, Callable[[], None]] = {
    bug.__name__: bug
    for bug in (
        answer_before_commit,
        drop_a_message,
        drop_a_delivery,
        skip_the_fence,
        skip_the_mark,
        resend_unconfirmed,
        unconfirmed_without_mark,
        skip_the_digest,
        forget_tokens,
        log_the_citizen,
        mix_up_the_citizens,
        settle_late,
        forget_the_order,
        sweep_too_rarely,
        fork_the_chain,
        tell_nobody_later,
        tell_blindly,
    )
}
