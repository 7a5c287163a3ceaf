"""What cannot be had must not hold up what comes behind it: when it is passed over, and how that is said.

Where the tenant answers, but this one question so, three times are enough; of what looks like an outage the settings
say how long it is waited for, and the tenant is asked for something else before: an outage of all of it is waited out.
"""

import json
from collections.abc import Callable, Iterator
from typing import Final

from contracts.failures import Deferred, Failure
from contracts.faults import Bilingual, bilingual, led
from contracts.inbound import Found, Pulled, Stuck, Wrong

from .fields import IN_VAIN
from .places import Place, Walk

BY_HAND: Final = frozenset(
    {
        "opencity.file_redirected",
        "opencity.file_breaks",
        "opencity.file_refused",
        "opencity.file_incomplete",
        "opencity.file_not_its_type",
    }
)
"""Of files that were refused, or are none: they wait for a person. What merely did not come a sweep asks for."""
ANSWERED: Final = BY_HAND | {"opencity.breaks", "opencity.incomplete", "opencity.unreadable"}
"""How the tenant answers while it is there."""
_TRIES = 3


class Blocked(Exception):
    """One thing in the way of a walk: why, what is `found` instead of it and the walk `after` it. `question` is what a
    sweep asks for it by, and `is_there` raises a Failure where it is the tenant that is away."""

    def __init__(
        self,
        failure: Deferred,
        after: Walk,
        found: tuple[Found, ...] = (),
        *,
        question: str = "",
        is_there: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(failure.reason)
        self.failure, self.found, self.question, self.is_there = failure, found, question, is_there
        in_sweeps = question and failure.reason not in BY_HAND
        self.after = after.passing_over(question) if in_sweeps else after


def past(
    place: Place,
    walk: Walk,
    blocked: Blocked,
    went: Callable[[Walk, Iterator[Found]], Pulled],
    is_there: Callable[[], object],
) -> Pulled:
    """The step without what is in its way, where what was passed over before was lost for the same reason.

    Raises:
        Stuck: with that step, for when it was asked for often enough.
        Failure: it is the tenant that is away.
    """
    failure = blocked.failure
    answered = failure.reason in ANSWERED
    lost = f"{kind_of(walk)} {failure.reason}"

    def step() -> Pulled:
        if blocked.is_there is not None:
            blocked.is_there()
        elif not answered:
            is_there()
        return went(blocked.after.model_copy(update={"hopeless": lost}), iter(blocked.found))

    if walk.hopeless == lost:
        return step()
    few = answered or place.has_missed(blocked.question)
    raise Stuck(failure, step, tries=_TRIES if few else None) from None


def kind_of(walk: Walk) -> str:
    """What a walk asks for next."""
    if walk.todo:
        return walk.todo[0].partition("/")[0]
    return "page" if walk.listings else "subscriptions" if walk.subscriptions else "archive"


def hopeful(walk: Walk) -> Walk:
    """The walk once it got what it asks for next."""
    its = walk.hopeless.partition(" ")[0] == kind_of(walk)
    return walk.model_copy(update={"hopeless": ""}) if its and walk.hopeless else walk


_PASSED_OVER: Final = bilingual("saltato fino al prossimo giro completo", "passed over until a sweep")


def passed_over(kind: str, failure: Failure, *, application: str = "", detail: Bilingual = IN_VAIN) -> Found:
    """What the quarantine says of a question of that kind, about an application or about none. Its content is what
    `Records.read` asks it again by."""
    fault = Wrong("", failure.reason, led(detail, _PASSED_OVER))
    kept = {"kind": kind} | ({"application": {"id": application}} if application else {})
    return Found(_name(kind, application), json.dumps(kept).encode(), wrong=(fault,))


def mended(kind: str, application: str = "") -> Found:
    """What was passed over so has come."""
    return Found(_name(kind, application), b"")


def _name(kind: str, application: str) -> str:
    return f"{kind}/{application}" if application else kind
