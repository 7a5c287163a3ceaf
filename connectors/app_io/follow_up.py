"""What IO tells of a message that it has: of ADVANCED ones whether they were read and paid, of any whose status was not
known in time whether they failed after all.

The memo: {"message_id", "want", "checks", "waited_s"}; `want` is what is still to be learned. Each question comes three
times as long after the one before, at most a week, and with `days` it is over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from connectors.base.http import Answer
from contracts.base import Model
from contracts.connector import Continue, Done, Memo, Notice
from contracts.failures import Deferred, Misconfigured
from contracts.inbound import Report

from .mapping import outcome_of, wait_s, wish

Want = Literal["status", "read", "paid"]

_LONGEST_WAIT_S = 7 * 86_400.0
# IO tries for up to seven days (spec/app-io.md, THROTTLED).
_STATUS_WITHIN_S = 7 * 86_400.0


class Asking(Model):
    """Where the questions about a message stand."""

    message_id: str
    want: list[Want]
    checks: Annotated[int, Field(ge=0)] = 0
    waited_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Following:
    """How long to ask, and how soon after the message was processed for the first time."""

    days: int
    delay_s: float

    def first(self, message_id: str, *, advanced: bool, payment: bool, settled: bool) -> Continue | None:
        """The first question about a message; None where IO would have nothing to tell. `settled`: its status is final
        already."""
        wants: list[tuple[Want, bool]] = [
            ("status", not settled),
            ("read", advanced and self.days > 0),
            ("paid", advanced and self.days > 0 and payment),
        ]
        return self._again(Asking(message_id=message_id, want=[want for want, wanted in wants if wanted]), ())

    def answered(self, notice: Notice, memo: Memo, ask: Callable[[str], Answer]) -> Done | Continue:
        """Ask once, and see what is left to be learned.

        Raises:
            Deferred: IO did not answer.
            Misconfigured: it takes our key no more.
        """
        try:
            step = Asking.model_validate(memo)
        except ValidationError:
            return Done(detail="a memo of another version")
        answer = ask(step.message_id)
        if answer.status in (401, 403):
            raise Misconfigured("io.key_refused", f"status {answer.status}")
        if answer.status in (408, 429) or answer.status >= 500:
            raise Deferred("io.busy", f"status {answer.status}", after=wish(answer))
        told = answer.object() if answer.status == 200 else {}
        learned = _learned(told, step.want)
        reports = tuple(
            Report(event, datetime.now(UTC), delivery_id=notice.delivery_id, reason=reason)
            for event, reason in learned.reports
        )
        left = [] if learned.over else [want for want in step.want if want not in learned.settled]
        asked = step.model_copy(update={"want": left, "checks": step.checks + 1})
        return self._again(asked, reports) or Done(reports=reports)

    def _again(self, step: Asking, reports: tuple[Report, ...]) -> Continue | None:
        wait = wait_s(step.checks, self.delay_s, _LONGEST_WAIT_S)
        waited_s = step.waited_s + wait
        want = [want for want in step.want if waited_s <= self._within_s(want)]
        if not want:
            return None
        kept = step.model_copy(update={"want": want, "waited_s": waited_s})
        return Continue(kept.model_dump(), after=timedelta(seconds=wait), reports=reports)

    def _within_s(self, want: Want) -> float:
        return _STATUS_WITHIN_S if want == "status" else self.days * 86_400.0


@dataclass(frozen=True, slots=True)
class _Learned:
    reports: list[tuple[Literal["read", "paid", "failed"], str]]
    settled: set[Want]
    over: bool = False


def _learned(told: dict[str, object], want: list[Want]) -> _Learned:
    """What an answer says of what was wanted. Values that are not known, and IO may add some, say nothing."""
    outcome = outcome_of(told.get("status"))
    if "status" in want and isinstance(outcome, tuple):
        return _Learned([("failed", outcome[1])], set(), over=True)
    found = _Learned([], {"status"} if outcome == "done" else set())
    if "paid" in want and told.get("payment_status") == "PAID":
        found.reports.append(("paid", ""))
        found.settled.add("paid")
    if "read" in want:
        match told.get("read_status"):
            case "READ":
                found.reports.append(("read", ""))
                found.settled.add("read")
            case "UNAVAILABLE":
                # The citizen does not want it known: he is not asked behind his back until he does.
                found.settled.add("read")
    return found
