"""What becomes of a notification, as a `FollowUp`: the steps of its timeline, what it adds to the payments that it asks
for, and the papers that SEND makes of it.

Papers stand in the timeline of the notification, and are downloaded one a step, from an address that SEND gives; it may
have to fetch one from its archive first, and says how long that takes. The memo holds names of papers alone: an address
would open one to whoever reads it, and a notice's number names a payment. So the prices are asked for in one step with
the timeline that names the notices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import ConfigDict, Field, ValidationError

from connectors.base.http import MAX_RETRY_AFTER
from contracts.base import Model
from contracts.connector import Continue, Done, Memo
from contracts.failures import Deferred
from contracts.inbound import ProviderDocument
from contracts.settling import NoticeCost

from .moments import moment
from .papers import Paper, document_of, papers_of
from .payments import ask_price, costs_of, total_of
from .steps import steps_of
from .uploads import Uploads
from .wire import Wire, failure, objects

FACTS = "/delivery-push/{iun}/download/legal-facts/{key}"

_OVER = frozenset({"VIEWED", "CANCELLED", "RETURNED_TO_SENDER", "REFUSED"})
"""After these come but the papers of what has happened; after EFFECTIVE_DATE the recipient may still read it."""

MOST_PAPERS = 50
"""Of one notification; it has some ten."""
MOST_TRIES = 5
"""Refusals of one paper before it is passed over."""
FIRST_COSTS = timedelta(minutes=1)
_SOON = timedelta(seconds=1)
_OF_ITS_AGE = 20
"""Of a notification's age one such part passes between two looks: the older it is, the less often something comes."""

Count = Annotated[int, Field(ge=0)]


class Asking(Model):
    """Where the questions about a notification stand. `quiet` of them in a row found nothing after it was over. What
    a memo of another version says more is nothing that these need."""

    model_config = ConfigDict(extra="ignore")

    iun: str
    had: list[str] = Field(default_factory=list)
    wanted: list[Paper] = Field(default_factory=list)
    tries: Count = 0
    quiet: Count = 0


@dataclass(frozen=True, slots=True)
class Questions:
    """`every` between two looks at the timeline of a notification that is new."""

    wire: Wire
    uploads: Uploads
    every: timedelta
    papers: bool = True
    costs: bool = True

    def first(self, iun: str) -> Continue:
        """The first question: once SEND has had time to make papers, but of costs soon, for whoever pays meanwhile
        pays without them."""
        after = min(self.every, FIRST_COSTS) if self.costs else self.every
        return Continue(Asking(iun=iun).model_dump(), after=after)

    def asked(self, memo: Memo) -> Done | Continue:
        """One step; see `contracts.connector.FollowUp`."""
        try:
            step = Asking.model_validate(memo)
        except ValidationError:
            return Done(detail="a memo of another version")
        return self._fetched(step, step.wanted[0]) if step.wanted else self._looked(step)

    def _looked(self, step: Asking) -> Done | Continue:
        answer = self.wire.sent(step.iun)
        if answer.status != 200:
            return Continue(step.model_dump(), after=self.every)
        body = answer.object()
        if not isinstance(body.get("timeline"), list):
            raise Deferred("send.unreadable", "no timeline", about="message")
        told = steps_of(step.iun, objects(body["timeline"]))
        owed = costs_of(body) if self.costs else []
        costs = self._priced(owed, void=body.get("notificationStatus") == "CANCELLED")
        age = datetime.now(UTC) - moment({"timestamp": body.get("sentAt")})
        if not self.papers and not owed:
            later = Continue(step.model_dump(), after=self.every, reports=told)
            return later if age < self.every else Done(reports=told)
        there = papers_of(body["timeline"]) if self.papers else []
        found = [paper for paper in there if paper.key not in step.had][: MOST_PAPERS - len(step.had)]
        if found:
            memo = step.model_copy(update={"wanted": found, "quiet": 0}).model_dump()
            return Continue(memo, after=_SOON, reports=told, costs=costs)
        # Once more after the end: a paper may come a little after what it attests.
        over = _OVER if self.papers else _OVER | {"EFFECTIVE_DATE"}
        quiet = step.quiet + (body.get("notificationStatus") in over)
        if quiet > 1:
            return Done(reports=told, costs=costs)
        after = max(self.every, age / _OF_ITS_AGE)
        return Continue(step.model_copy(update={"quiet": quiet}).model_dump(), after=after, reports=told, costs=costs)

    def _priced(self, owed: Sequence[tuple[str, str]], *, void: bool) -> tuple[NoticeCost, ...]:
        """What the notification adds to each notice, as far as SEND says it."""
        if void:
            return _nothing(owed)  # what was cancelled has no price
        totals = [(creditor, number, self._price(creditor, number)) for creditor, number in owed]
        return tuple(NoticeCost(number, creditor, total) for creditor, number, total in totals if total is not None)

    def no_costs(self, iun: str) -> tuple[NoticeCost, ...]:
        """What a notification that was cancelled adds to its payments. Raises a `contracts.failures.Failure`."""
        answer = self.wire.sent(iun) if self.costs else None
        if answer is None or answer.status != 200:
            return ()
        return _nothing(costs_of(answer.object()))

    def _price(self, creditor: str, number: str) -> int | None:
        answer = ask_price(self.wire, creditor, number)
        if answer.status not in (200, 400, 404):  # of one that it does not know the others are asked for all the same
            raise failure(answer)
        return total_of(answer.object()) if answer.status == 200 else None

    def _fetched(self, step: Asking, paper: Paper) -> Continue:
        answer = self.wire.call("GET", FACTS.format(iun=step.iun, key=paper.key))
        if answer.status in (400, 404):
            if step.tries + 1 >= MOST_TRIES:
                return self._over(step, paper)
            return Continue(step.model_copy(update={"tries": step.tries + 1}).model_dump(), after=self.every)
        if answer.status != 200:
            raise failure(answer)
        body = answer.object()
        address, size = body.get("url"), body.get("contentLength")
        if not isinstance(address, str) or not address:
            return Continue(step.model_dump(), after=_wait(body.get("retryAfter"), self.every))
        content = self.uploads.get(address)
        if not content or len(content) != size:
            raise Deferred("send.unreadable", "not the size that it was said to have", about="message")
        return self._over(step, paper, (document_of(step.iun, paper, content, str(body.get("filename", ""))),))

    def _over(self, step: Asking, paper: Paper, documents: tuple[ProviderDocument, ...] = ()) -> Continue:
        had, rest = [*step.had, paper.key], step.wanted[1:]
        memo = step.model_copy(update={"had": had, "wanted": rest, "tries": 0}).model_dump()
        return Continue(memo, after=_SOON if rest else self.every, documents=documents)


def _nothing(owed: Sequence[tuple[str, str]]) -> tuple[NoticeCost, ...]:
    return tuple(NoticeCost(number, creditor, 0) for creditor, number in owed)


def _wait(told: object, otherwise: timedelta) -> timedelta:
    """Seconds, which SEND may give with a fraction."""
    if not isinstance(told, int | float) or isinstance(told, bool) or not 0 < told < 10**9:
        return otherwise
    return min(max(timedelta(seconds=told), _SOON), MAX_RETRY_AFTER)
