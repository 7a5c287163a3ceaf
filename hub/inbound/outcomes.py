"""What became of what was handed to the store, and what of it is tried again."""

from dataclasses import replace
from typing import Final

from contracts.inbound import Found
from hub.errors import HubError, StoreUnavailable, VersionConflict
from hub.store.amendments import Withdraw
from hub.store.faults import error_name
from hub.store.taking import Take

TRIES: Final = 3


def given_up(take: Take, fault: Exception, attempt: int) -> Take:
    """What the store fails over is at fault itself: a bug of ours, or a value that it cannot take."""
    if attempt >= TRIES - 1 or take.submission is None:
        raise StoreUnavailable(cause=error_name(fault))
    return replace(take, submission=replace(take.submission, act=None, refusal=HubError()))


def in_conflict(take: Take, fault: VersionConflict, attempt: int) -> Take:
    """What another content has the number of is kept in quarantine; the store keeps nothing of a conflict itself."""
    if attempt >= TRIES:
        raise StoreUnavailable(cause=error_name(fault))
    wrong = ({"pointer": "/version", "code": fault.code, "detail": fault.detail},)
    return replace(take, submission=None, misfit=replace(take.misfit, wrong=wrong))


def overtaken(found: Found, result: object) -> bool:
    """Whether the number that the hub gave was behind; a source's own numbers are the source's affair."""
    behind = isinstance(result, VersionConflict) or getattr(result, "outcome", "") == "superseded"
    return behind and found.item is not None and "version" not in found.item


def outcome(take: Take, result: object) -> str:
    if take.is_over:
        return "passed"
    if isinstance(result, HubError) or result is None:
        return "quarantined"
    return "withdrawn" if isinstance(take.submission and take.submission.act, Withdraw) else "taken"
