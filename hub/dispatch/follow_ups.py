"""Asks what became of what was delivered, a few at once: outside of any transaction, and beside the deliveries."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from contracts.connector import Connector, Continue, Done, Notice
from contracts.failures import Deferred, Failure, Misconfigured, Rejected, Skipped
from hub.store.committer import Committer
from hub.store.follow_ups import Asked, Take, note_asked, take_follow_ups
from hub.store.outbox import Claim
from hub.store.standing import Lane

from .runner import provider_wish

log = logging.getLogger(__name__)

_AT_ONCE = 20
_SOON, _LATER = timedelta(minutes=1), timedelta(hours=1)
_OUR_FAULT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class FollowUps:
    """One round at a time. `notice_of` and `connector` are those of the runner. `keep` keeps what a provider made of
    it, or says that it costs; it raises Deferred where it cannot now, Misconfigured where the item's vendor may have no
    documents."""

    committer: Committer
    notice_of: Callable[[Claim], Notice]
    connector: Callable[[str, str, int], Connector | None]
    keep: Callable[[Claim, Done | Continue], None]

    def paced(self) -> int:
        """One round, and never at once another, so that a day's mass of messages is asked about in a trickle."""
        self.look()
        return 0

    def look(self) -> int:
        """One round; how many there were. A provider that did not answer one question is not asked the others."""
        claims = self.committer.write(take_follow_ups, Take(_AT_ONCE))
        silent: dict[Lane, timedelta] = {}
        for claim in claims:
            self.committer.write(note_asked, self._asked(claim, silent))
        return len(claims)

    def _asked(self, claim: Claim, silent: dict[Lane, timedelta]) -> Asked:
        connector = self.connector(claim.ente_id, claim.connector_id, claim.connector_version)
        if connector is None or connector.follow_up is None:
            return Asked(claim, claim.created_at)
        asked = partial(Asked, claim, claim.created_at + timedelta(days=connector.manifest.followed_days))
        if claim.lane in silent:
            return asked(silent[claim.lane])
        try:
            notice = self.notice_of(claim)
        except Skipped:
            # Withdrawn, erased, moot, switched off by the citizen: there is no reason any more to ask.
            return asked()
        except Deferred:
            return asked(_LATER)
        except Exception:  # of this one alone: those after it in the round are asked about all the same
            log.exception("follow_up.no_notice delivery_id=%s", claim.delivery_id)
            return asked(_OUR_FAULT)
        try:
            step = connector.follow_up(notice, dict(claim.memo))
        except Rejected as failure:
            log.warning("follow_up.refused ente=%s connector=%s reason=%s", *claim.lane, failure.reason)
            return asked()
        except Failure as failure:
            return asked(self._put_off(claim, failure, silent))
        except Exception:  # a bug of the connector ends the questions about this one alone
            log.exception("follow_up.bug delivery_id=%s ente=%s connector=%s", claim.delivery_id, *claim.lane)
            return asked()
        if step.documents or step.costs:
            try:
                self.keep(claim, step)
            except (Deferred, Misconfigured) as failure:
                log.warning("follow_up.not_kept delivery_id=%s reason=%s", claim.delivery_id, failure.reason)
                return asked(_LATER if isinstance(failure, Deferred) else _OUR_FAULT)
        if isinstance(step, Continue):
            return asked(step.after, step.memo, step.reports)
        return asked(reports=step.reports)

    def _put_off(self, claim: Claim, failure: Failure, silent: dict[Lane, timedelta]) -> timedelta:
        """For how long; the connector is not paused, as its deliveries may do well without these answers."""
        wait = _OUR_FAULT if isinstance(failure, Misconfigured) else _after(claim, failure)
        if not isinstance(failure, Deferred) or failure.about == "provider":
            silent[claim.lane] = wait
            log.warning("follow_up.put_off ente=%s connector=%s reason=%s", *claim.lane, failure.reason)
        return wait


def _after(claim: Claim, failure: Failure) -> timedelta:
    """When to ask again after a failure: of what was delivered just now soon, as its citizen may be paying at a price
    that is not known yet; at last once an hour. Never sooner than the provider asks for."""
    age = (claim.claimed_at or claim.created_at) - claim.created_at
    return max(provider_wish(failure) or timedelta(), min(_LATER, max(_SOON, age / 4)))
