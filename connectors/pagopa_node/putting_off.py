"""Flows that could not be read: each is asked for again after a pause that grows to a day, and left alone after 30.

A provider mends a flow by publishing it again, as a higher revision or as the same; the first is listed anyway.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from pydantic import BaseModel

from contracts.faults import bilingual
from contracts.inbound import Wrong

_FIRST_S: Final = 300
_LONGEST_S: Final = 86_400
_GIVEN_UP_S: Final = 30 * 86_400
_MOST: Final = 100
"""A memo is small; who has more of them has another trouble. All of them stand in quarantine."""

LEFT_ALONE: Final = Wrong(
    "",
    "fdr.left_alone",
    bilingual(
        "dopo un mese non si chiede più da sé: lo si chiede ancora leggendo la fonte con `connector poll`",
        "after a month it is not asked for any more by itself: reading the source by `connector poll` asks again",
    ),
)


class Flow(BaseModel):
    """One that is listed, in a memo."""

    fdr: str
    psp: str
    revision: int

    def replaces(self, other: "Flow") -> bool:
        """Whether it holds in the place of the other: of a flow the highest revision does, whole."""
        return (self.fdr, self.psp) == (other.fdr, other.psp) and self.revision >= other.revision


class PutOff(BaseModel):
    """One that could not be read, in a memo. Its times are seconds since 1970."""

    flow: Flow
    since: int
    times: int = 1
    due_at: int | None
    """None: it is left alone."""


def put_off(before: Iterable[PutOff], flow: Flow, now: int) -> list[PutOff]:
    """They and that flow, which could not be read now; the newest last."""
    others, times, since = [], 1, now
    for one in before:
        if one.flow == flow:
            times, since = one.times + 1, one.since
        else:
            others.append(one)
    pause = min(_FIRST_S * 2 ** min(times - 1, 20), _LONGEST_S)
    due_at = now + pause if now - since < _GIVEN_UP_S else None
    if len(others) >= _MOST:
        others.remove(next((one for one in others if one.due_at is None), others[0]))
    return [*others, PutOff(flow=flow, since=since, times=times, due_at=due_at)]


def due(several: Sequence[PutOff], now: int) -> list[Flow]:
    """Those whose pause is over. A clock that was set back must not let one wait for ever."""
    return [one.flow for one in several if one.due_at is not None and not 0 < one.due_at - now <= _LONGEST_S]
