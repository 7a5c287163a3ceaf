"""The right half of the line: one claimed delivery, taken as far as it goes now.

    notice  = what the connector is told
    asked   = lookup(notice, memo)            only where the provider may have it and can be asked
    step    = advance(notice, memo)           network; no transaction is open
    next    = Done | Continue | a failure     the type is the decision
    settle  = only if the claim is still ours

An unsafe step is preceded by the durable mark "about to send": if this process dies within it, the sweeper finds the
mark and the delivery stands as `unconfirmed`.
"""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from contracts.connector import Connector, Continue, Done, Memo, Notice
from contracts.failures import Deferred, Failure, Misconfigured, Rejected, Skipped, Unconfirmed
from contracts.inbound import Report
from hub.clock import Clock
from hub.metrics import count_attempt
from hub.store.committer import Committer
from hub.store.faults import LOST, error_name
from hub.store.outbox import Claim, Progress, Settlement, progress, settle
from hub.tracing import span

from .backoff import next_attempt
from .putting_off import PutOff

log = logging.getLogger(__name__)

_MOST_STEPS = 20
"""Steps of one claim that follow each other at once; a connector that wants more has a loop."""


class _Undecided(Unconfirmed):
    """Not even the provider can tell whether it has the message: a person decides."""


class ClaimLost(Exception):
    """The lease ran out and somebody else may have the delivery: what we know is not written."""


class MarkFailed(Exception):
    """The store did not take a mark, or nobody knows. The step after it was not begun, and the claim is not settled:
    its lease runs out, and the sweeper reads from the row whether the mark is there."""


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
    failed: Callable[[Claim], None] = lambda _: None
    """Told, at best effort, of a claim that did not deliver, once it is settled."""
    dead: Callable[[Claim, str], None] = lambda *_: None
    """Told likewise of one whose address is dead, and why: lost, the next refusal says it again."""
    keep: Callable[[Claim, Done | Continue], None] = lambda *_: None
    """Keeps what a step has learned beside its reports, before the step is. Raises Deferred."""

    def run(self, claim: Claim) -> None:
        """Take the delivery as far as it goes, and settle it."""
        started = time.monotonic()
        try:
            with span("deliver", delivery_id=claim.delivery_id, connector=claim.connector_id, attempt=claim.attempts):
                end = self._end(claim)
        except ClaimLost:
            log.warning("delivery.claim_lost delivery_id=%s", claim.delivery_id)
            return
        mine = self.committer.write(settle, end)
        count_attempt(
            ente_id=claim.ente_id,
            connector_id=claim.connector_id,
            outcome=end.outcome,
            state=end.state,
            seconds=time.monotonic() - started,
        )
        if mine and end.outcome not in ("done", "continue"):
            _told(self.failed, claim)
        if mine and end.address_is_dead:
            _told(self.dead, claim, end.reason or "")
        if mine and end.outcome == "misconfigured":
            log.warning("connector.paused ente=%s connector=%s reason=%s", *claim.lane, end.reason)
        log.info(
            "delivery.settled delivery_id=%s ente=%s connector=%s state=%s outcome=%s reason=%s attempt=%d kept=%s",
            claim.delivery_id,
            *claim.lane,
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
        at = _Place(claim, dict(claim.memo), claim.unsafe)
        try:
            notice = self.notice_of(claim)
            at.called = True
            step = self._walk(at, connector, notice)
        except (ClaimLost, MarkFailed):
            raise
        except Failure as failure:
            end = self._failed(at, connector, failure)
            answered = _answered(at.claim, failure) if at.called else None
            return replace(end, answered=answered, after=provider_wish(failure), reports=tuple(at.reports))
        except LOST as trouble:
            # By what reads the notice, or by a part of the hub that the connector was given.
            log.warning("delivery.store_failed delivery_id=%s error=%s", claim.delivery_id, error_name(trouble))
            return self._failed(at, connector, at.broken_off("store.unavailable"))
        except Exception as bug:
            # A bug of the connector, or of whatever made its notice.
            log.exception("delivery.bug delivery_id=%s ente=%s connector=%s", claim.delivery_id, *claim.lane)
            return self._failed(at, connector, at.broken_off(f"bug.{type(bug).__name__}"))
        return replace(
            self._reached(at, step),
            answered=_answered(at.claim, step),
            reports=tuple(at.reports),
            recalled=notice.withdrawn,
        )

    def _walk(self, at: "_Place", connector: Connector, notice: Notice) -> Done | Continue | None:
        """Step after step, to the end or to a wait; None where neither comes."""
        step = self._asked(at.claim, connector, notice)
        if step is None:
            # It never was sent, or the provider says that nothing arrived, or it may be sent twice.
            at.claim = replace(at.claim, maybe_sent=at.claim.maybe_sent and connector.lookup is None)
            if at.unsafe:
                self._mark(at.claim, at.memo, unsafe=True)
        for _ in range(_MOST_STEPS):
            step = step or connector.advance(notice, at.memo)
            at.reports += step.reports
            if step.costs:
                self.keep(at.claim, step)
            if isinstance(step, Done):
                return step
            at.memo, at.unsafe = step.memo, step.unsafe
            if step.after > timedelta():
                return step
            self._mark(at.claim, at.memo, unsafe=at.unsafe, provider_id=step.provider_id)
            step = None
        return None

    def _asked(self, claim: Claim, connector: Connector, notice: Notice) -> Done | Continue | None:
        """What the provider says of a delivery that it may have; None where it surely has not, or cannot be asked."""
        if not claim.maybe_sent or claim.accepted or connector.lookup is None:
            return None
        try:
            found = connector.lookup(notice, dict(claim.memo))
        except Unconfirmed as failure:
            raise _Undecided(failure.reason, failure.detail) from failure
        log.info("delivery.asked delivery_id=%s found=%s", claim.delivery_id, found is not None)
        return found

    def _mark(self, claim: Claim, memo: Memo, *, unsafe: bool, provider_id: str | None = None) -> None:
        try:
            kept = self.committer.write(progress, Progress(claim, memo, unsafe, self.lease, provider_id))
        except Exception as error:
            raise MarkFailed from error
        if not kept:
            raise ClaimLost

    def _reached(self, at: "_Place", step: Done | Continue | None) -> Settlement:
        match step:
            case Done():
                end = Settlement(at.claim, "delivered", "done", detail=step.detail, provider_id=step.provider_id)
                if (later := step.follow_up) is None:
                    return end
                return replace(end, memo=later.memo, follow_up_at=self._now(at) + later.after)
            case Continue():
                state, due = "waiting" if step.accepted else "queued", self._now(at) + step.after
                return Settlement(
                    at.claim,
                    state,
                    "continue",
                    due_at=due,
                    memo=step.memo,
                    unsafe=step.unsafe,
                    provider_id=step.provider_id,
                )
            case None:
                return Settlement(at.claim, "parked", "deferred", "bug.endless_steps")

    def _now(self, at: "_Place") -> datetime:
        """The database's time, whatever this machine's clock says: that of the claim, and what has passed since."""
        if at.claim.claimed_at is None:
            return self.clock.now()
        return at.claim.claimed_at + timedelta(seconds=time.monotonic() - at.since)

    def _failed(self, at: "_Place", connector: Connector, failure: Failure) -> Settlement:
        match failure:
            case PutOff():
                return Settlement(
                    at.claim, "queued", "deferred", failure.reason, due_at=failure.until, memo=at.memo, spent=False
                )
            case Rejected():
                dead = failure.address_is_dead
                return Settlement(
                    at.claim, "rejected", "rejected", failure.reason, failure.detail, address_is_dead=dead
                )
            case Skipped():
                return Settlement(at.claim, "skipped", "skipped", failure.reason, failure.detail)
            case Misconfigured():
                return _held(at.claim, failure.reason, failure.detail, memo=at.memo, unsafe=at.unsafe)
            case Unconfirmed() if isinstance(failure, _Undecided) or not connector.may_repeat:
                return Settlement(at.claim, "unconfirmed", "unconfirmed", failure.reason, failure.detail)
            case _:
                return self._retried(at, connector, failure)

    def _retried(self, at: "_Place", connector: Connector, failure: Failure) -> Settlement:
        claim = at.claim
        outcome = "unconfirmed" if isinstance(failure, Unconfirmed) else "deferred"
        due = next_attempt(
            attempt=claim.attempts,
            after=provider_wish(failure),
            now=self._now(at),
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
        return Settlement(
            claim, state, outcome, failure.reason, failure.detail, due_at=due, memo=at.memo, unsafe=at.unsafe
        )


@dataclass(slots=True)
class _Place:
    """How far a claim has come: what a failure leaves behind."""

    claim: Claim
    memo: Memo
    unsafe: bool
    since: float = field(default_factory=time.monotonic)
    reports: list[Report] = field(default_factory=list)
    called: bool = False
    """The connector was: what it raises may speak of the provider."""

    def broken_off(self, reason: str) -> Failure:
        """What nobody raised on purpose. Before anything was sent it is tried again; after, nobody knows."""
        return Unconfirmed(reason) if self.called and self.unsafe else Deferred(reason)


def _told(hook: Callable[..., None], claim: Claim, *more: str) -> None:
    """The delivery is settled, and nothing that follows from it may say or do otherwise."""
    try:
        hook(claim, *more)
    except Exception as exc:  # noqa: BLE001 - a copy or a note for later must not cost anybody a delivery
        log.warning("delivery.not_followed delivery_id=%s error=%s", claim.delivery_id, error_name(exc))


def _answered(claim: Claim, result: Done | Continue | Failure | None) -> bool | None:
    """What a result says of the provider's health. Following up, a connector takes a failed question for an answer."""
    if result is None:
        return None
    said = provider_answered(result) if isinstance(result, Failure) else True
    return None if said and claim.accepted else said


def provider_answered(failure: Failure) -> bool | None:
    """What a failure says of the provider's health: whether it answered; None where it says nothing."""
    match failure:
        case Unconfirmed() | Deferred(about="provider"):
            return False
        case Misconfigured():
            return None
        case _:
            return True


def provider_wish(failure: Failure) -> timedelta | None:
    """For how long the provider asked to be left alone."""
    return failure.after if isinstance(failure, Deferred) else None


def _held(claim: Claim, reason: str, detail: str = "", *, memo: Memo | None = None, unsafe: bool = False) -> Settlement:
    return Settlement(claim, "held", "misconfigured", reason, detail, memo=memo, unsafe=unsafe, spent=False)
