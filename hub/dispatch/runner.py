"""The right half of the line: one claimed delivery, taken as far as it goes now.

    notice  = what the connector is told
    step    = advance(notice, memo)           network; no transaction is open
    next    = Done | Continue | a failure     the type is the decision
    settle  = only if the claim is still ours

An unsafe step is preceded by the durable mark "about to send": if this process dies within it, the sweeper finds the
mark and the delivery stands as `unconfirmed`.
"""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from contracts.connector import Connector, Continue, Done, Memo, Notice
from contracts.failures import Deferred, Failure, Misconfigured, Rejected, Skipped, Unconfirmed
from hub.clock import Clock
from hub.store.committer import Committer
from hub.store.outbox import Claim, Progress, Settlement, progress, settle

from .backoff import next_attempt

log = logging.getLogger(__name__)

_MOST_STEPS = 20
"""Steps of one claim that follow each other at once; a connector that wants more has a loop."""


class ClaimLost(Exception):
    """The lease ran out and somebody else may have the delivery: what we know is not written."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Works on claims. `connector` gives the connector of (ente, connector_id), at that version of its configuration
    or a newer one; None when it is not there.
    """

    committer: Committer
    clock: Clock
    notice_of: Callable[[Claim], Notice]
    connector: Callable[[str, str, int], Connector | None]
    lease: timedelta
    draw: Callable[[], float] = random.random

    def run(self, claim: Claim) -> None:
        """Take the delivery as far as it goes, and settle it."""
        try:
            end = self._end(claim)
        except ClaimLost:
            log.warning("delivery.claim_lost delivery_id=%s", claim.delivery_id)
            return
        mine = self.committer.write(settle, end)
        if mine and end.outcome == "misconfigured":
            log.warning("connector.paused connector=%s reason=%s", claim.connector_id, end.reason)
        log.info(
            "delivery.settled delivery_id=%s connector=%s state=%s outcome=%s reason=%s attempt=%d kept=%s",
            claim.delivery_id,
            claim.connector_id,
            end.state,
            end.outcome,
            end.reason,
            claim.attempts,
            mine,
        )

    def _end(self, claim: Claim) -> Settlement:
        connector = self.connector(claim.ente_id, claim.connector_id, claim.connector_version)
        if connector is None:
            return _held(claim, "connector.not_loaded")
        memo: Memo = dict(claim.memo)
        unsafe = claim.unsafe
        try:
            notice = self.notice_of(claim)
            if unsafe:
                self._mark(claim, memo, unsafe=True)
            for _ in range(_MOST_STEPS):
                step = connector.advance(notice, memo)
                if isinstance(step, Done):
                    return Settlement(claim, "delivered", "done", detail=step.detail, provider_id=step.provider_id)
                memo, unsafe = step.memo, step.unsafe
                if step.after > timedelta():
                    return self._later(claim, step)
                self._mark(claim, memo, unsafe=unsafe)
            return Settlement(claim, "parked", "deferred", "bug.endless_steps")
        except Failure as failure:
            return self._failed(claim, connector, failure, memo, unsafe)
        except ClaimLost:
            raise
        except Exception as bug:
            # A bug of the connector. Before anything was sent it is tried again; after, nobody knows.
            log.exception("delivery.bug delivery_id=%s connector=%s", claim.delivery_id, claim.connector_id)
            name = f"bug.{type(bug).__name__}"
            found = Unconfirmed(name) if unsafe else Deferred(name)
            return self._failed(claim, connector, found, memo, unsafe)

    def _mark(self, claim: Claim, memo: Memo, *, unsafe: bool) -> None:
        if not self.committer.write(progress, Progress(claim, memo, unsafe, self.lease)):
            raise ClaimLost

    def _later(self, claim: Claim, step: Continue) -> Settlement:
        due = self.clock.now() + step.after
        state = "waiting" if step.accepted else "queued"
        return Settlement(claim, state, "continue", due_at=due, memo=step.memo, unsafe=step.unsafe)

    def _failed(self, claim: Claim, connector: Connector, failure: Failure, memo: Memo, unsafe: bool) -> Settlement:
        opted_in = connector.manifest.idempotency
        match failure:
            case Rejected():
                return Settlement(claim, "rejected", "rejected", failure.reason, failure.detail)
            case Skipped():
                return Settlement(claim, "skipped", "skipped", failure.reason, failure.detail)
            case Misconfigured():
                return _held(claim, failure.reason, failure.detail, memo=memo, unsafe=unsafe)
            case Unconfirmed() if not (opted_in.resend_unconfirmed or opted_in.honours_key):
                return Settlement(claim, "unconfirmed", "unconfirmed", failure.reason, failure.detail)
            case _:
                return self._retried(claim, connector, failure, memo, unsafe)

    def _retried(self, claim: Claim, connector: Connector, failure: Failure, memo: Memo, unsafe: bool) -> Settlement:
        outcome = "unconfirmed" if isinstance(failure, Unconfirmed) else "deferred"
        due = next_attempt(
            attempt=claim.attempts,
            after=failure.after if isinstance(failure, Deferred) else None,
            now=self.clock.now(),
            expires_at=claim.expires_at,
            limits=connector.manifest.limits,
            draw=self.draw,
        )
        if due is None:
            # What the provider has accepted, or may have, does not expire: the citizen may have it.
            known_unsent = not (claim.accepted or claim.maybe_sent or outcome == "unconfirmed")
            state = "expired" if known_unsent else "unconfirmed"
            return Settlement(claim, state, outcome, failure.reason, failure.detail)
        state = "waiting" if claim.accepted else "queued"
        return Settlement(claim, state, outcome, failure.reason, failure.detail, due_at=due, memo=memo, unsafe=unsafe)


def _held(claim: Claim, reason: str, detail: str = "", *, memo: Memo | None = None, unsafe: bool = False) -> Settlement:
    return Settlement(claim, "held", "misconfigured", reason, detail, memo=memo, unsafe=unsafe, spent=False)
