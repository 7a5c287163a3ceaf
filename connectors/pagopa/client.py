"""The calls by which a debt position becomes what its payment says: read, then the one act that is missing.

The memos: {} (read), then {"step": "create" | "update" | "publish" | "invalidate" | "delete"}. Creating is announced as
unsafe. The other acts are repeatable by what GPD promises (a PUT by iupd is the same twice; publishing or invalidating
what is so already is a 409), and a 409 leads back to reading: what is there decides (`spec/pagopa.md`, "Errors").

Where `bulk` is more than one, positions that are created or changed at the same moment go in one request of v2, and a
first version is created without a question before: GPD says if it is there. Of several, GPD's refusal does not say
which was meant, and an unknown outcome is everybody's: each then reads what is there, and goes on alone.

What was invalidated stays so, and its numbers with it. A payment that comes back under other numbers has that position
deleted, which GPD refuses for anything paid, and another one made in its place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, Any, Literal

import httpx
from pydantic import Field, ValidationError

from connectors.base.http import Answer, send
from connectors.base.previewing import fields_of
from contracts.base import Model
from contracts.connector import Continue, Done, Memo, Notice, Preview
from contracts.failures import Deferred, Failure, Misconfigured, Rejected, Skipped, Unconfirmed
from contracts.positions import PositionData

from .positions import Creditor, Version, body, numbers_of, position_of, same
from .statuses import STANDINGS, failure, speaks_gpd
from .together import Sent, Together

Act = Literal["create", "update", "publish", "invalidate", "delete"]

MOST_CONFLICTS = 2
"""So often the position is read again after a 409. Then what stands against it is not the position itself."""


class Step(Model):
    """Where a delivery stands."""

    step: Literal["read"] | Act = "read"
    conflicts: Annotated[int, Field(ge=0)] = 0
    alone: bool = False
    """It was in a request with others that was refused, or whose outcome is unknown."""

    def memo(self) -> Memo:
        # A process of the release before knows no `alone`.
        return self.model_dump() if self.alone else self.model_dump(exclude={"alone"})


@dataclass(frozen=True, slots=True)
class Gpd:
    """The steps, over a client that bears the key."""

    http: httpx.Client
    creditor: Creditor
    version: Version
    timeout_s: float
    bulk: int = 1
    """Most positions in one request; 1: each goes by itself."""
    prints: bool = False
    """What became of its notice is asked once a position is as it is wanted."""
    together: Mapping[Act, Together] = field(init=False)

    def __post_init__(self) -> None:
        acts: tuple[Act, ...] = ("create", "update") if self.bulk > 1 else ()
        made = {act: Together(self.bulk, self.timeout_s, partial(self._send_all, act)) for act in acts}
        object.__setattr__(self, "together", made)

    def advance(self, notice: Notice, memo: Memo) -> Done | Continue:
        """One step; see `contracts.connector.Advance`."""
        position, step = position_of(notice, self.creditor, self.version), _step(memo)
        if step.step == "read":
            return self._over(self._read(notice, position, step))
        return self._over(self._act(notice, position, step, step.step))

    def lookup(self, notice: Notice, memo: Memo) -> Done | Continue | None:
        """Whether GPD has the position as it is wanted: adopted then. None where something is still to be done, also
        where another state of it is there; the act that follows is refused or changes it."""
        position, step = position_of(notice, self.creditor, self.version), _step(memo)
        found = self._position(position)
        if found is None:
            return self._over(Done(position.name, "not there")) if position.wanted == "gone" else None
        wanted = self._missing(notice, position, found, step)
        return self._over(Done(position.name, "as wanted")) if wanted is None else None

    def preview(self, notice: Notice) -> tuple[Preview, ...]:
        """The question for what is there, and what would be sent if nothing is. The key is in no preview."""
        position = position_of(notice, self.creditor, self.version)
        asked = Preview(f"GET {self.http.build_request('GET', self._path(position)).url}", {})
        first = () if self._is_new(position, Step()) else (asked,)
        act: Act = "create" if position.wanted == "payable" else "invalidate"
        request = self._request(notice, position, act)
        sent = fields_of(body(self.version, notice, position, self.creditor)) if act == "create" else {}
        return *first, Preview(f"{request.method} {request.url}", sent)

    def check(self) -> str:
        """Ask for one of the creditor's positions: whether there is any does not matter, that we may ask does."""
        answer = self._send(self.http.build_request("GET", self._all(self.version), params={"limit": 1, "page": 0}))
        if answer.status != 200:
            raise failure(answer, unsafe=False)
        if "payment_position_list" not in answer.object():
            raise Misconfigured("pagopa.not_the_api", "the answer has no payment_position_list")
        if self.bulk > 1 and (info := self._send(self.http.build_request("GET", "/v2/info"))).status != 200:
            raise failure(info, unsafe=False)
        return f"GPD answers, and the key may act for {self.creditor.tax_code}."

    def _over(self, step: Done | Continue) -> Done | Continue:
        """With the question for the notice on paper, where it is kept."""
        return replace(step, follow_up=Continue({})) if self.prints and isinstance(step, Done) else step

    def _is_new(self, position: PositionData, step: Step) -> bool:
        """Whether it is created unasked: GPD refuses it if it is there after all."""
        first = position.revision == 1 and position.wanted == "payable"
        return first and self.bulk > 1 and not (step.alone or step.conflicts)

    def _read(self, notice: Notice, position: PositionData, step: Step) -> Done | Continue:
        if self._is_new(position, step):
            return _next("create", step)
        found = self._position(position)
        if found is None:
            if position.wanted == "gone":
                return Done(position.name, "not there")
            if step.conflicts:
                # GPD refused it as being there already, and it is not: another position has one of its numbers.
                raise Rejected("pagopa.notice_number_taken", "another position has one of the notice numbers")
            return _next("create", step)
        act = self._missing(notice, position, found, step)
        if act is None:
            return Done(position.name, "as wanted")
        if step.conflicts >= MOST_CONFLICTS:
            raise Rejected("pagopa.conflict", "GPD refuses the change again and again")
        return _next(act, step)

    def _missing(self, notice: Notice, position: PositionData, found: Mapping[str, Any], step: Step) -> Act | None:
        """The act by which the position there becomes the one that is wanted; None where it is that already.

        Raises:
            Skipped: it was paid, and is past changing.
            Rejected: it was closed for good, and is wanted under a number that it had.
            Deferred: its status is none that we know.
        """
        status = found.get("status")
        standing = STANDINGS.get(status) if isinstance(status, str) else None
        if standing is None:
            raise Deferred("pagopa.status_unknown", about="message")
        if position.wanted == "gone":
            if standing == "paid":
                raise Skipped("pagopa.already_paid")
            return "delete" if standing == "draft" else "invalidate" if standing == "open" else None
        wanted = body(self.version, notice, position, self.creditor)
        alike = same(self.version, wanted, found)
        if standing == "paid":
            if alike:
                return None
            raise Skipped("pagopa.already_paid")
        # v3 has one word for both (UNPAYABLE): what had only expired would have taken the update.
        if standing == "closed" or (standing == "lapsed" and self.version == "v3" and step.conflicts):
            if numbers_of(self.version, wanted).isdisjoint(numbers_of(self.version, found)):
                return "delete"
            raise Rejected("pagopa.invalidated", "the position was invalidated; its numbers are not to be used again")
        # What v1 does not show was sent by this delivery, or is of the first version.
        shown = step.step == "create" or (self.version == "v3" and standing != "lapsed")
        if alike and (shown or position.revision == 1):
            return "publish" if standing == "draft" else None
        return "update"

    def _act(self, notice: Notice, position: PositionData, step: Step, act: Act) -> Done | Continue:
        together = None if step.alone else self.together.get(act)
        if together is None:
            answer = self._send(self._request(notice, position, act), unsafe=act == "create")
        else:
            sent = together.send(body(self.version, notice, position, self.creditor))
            if sent.count > 1:
                return self._of_several(position, step, act, sent)
            answer = _answer_of(sent)
        if answer.status == (201 if act == "create" else 200):
            if not answer.complete:
                raise (Unconfirmed if act == "create" else Deferred)(
                    "pagopa.unreadable", f"status {answer.status}, cut"
                )
            if act == "delete" and position.wanted == "payable":
                return Continue(Step().memo())
            return Done(position.name, f"{act}d" if act.endswith("e") else f"{act}ed")
        if answer.status == 409:
            return Continue(Step(conflicts=step.conflicts + 1, alone=step.alone).memo())
        if answer.status == 404 and act != "create" and speaks_gpd(answer):
            # What is not there to be deleted was deleted before: a conflict of then says nothing of what is made now.
            return Continue(Step(conflicts=0 if act == "delete" else step.conflicts, alone=step.alone).memo())
        if answer.status == 422 and act == "invalidate" and self.version == "v3":
            # Several plans: v1 knows no such position, and v3 only deletes (spec/pagopa.md, "PaymentPosition").
            return _next("delete", step)
        raise failure(answer, unsafe=act == "create")

    def _of_several(self, position: PositionData, step: Step, act: Act, sent: Sent) -> Done | Continue:
        """What the answer to a request for several means for one of them."""
        outcome = sent.outcome
        if isinstance(outcome, Answer):
            if outcome.status == (201 if act == "create" else 200):
                return Done(position.name, f"{act}d with {sent.count - 1} others")
            if outcome.status == 429:
                raise failure(outcome, unsafe=False)
        elif isinstance(outcome, Deferred):
            raise Deferred(outcome.reason, outcome.detail, after=outcome.after, about=outcome.about)
        return Continue(step.model_copy(update={"step": "read", "alone": True}).memo())

    def _send_all(self, act: Act, positions: Sequence[dict[str, Any]], left_s: float) -> Answer:
        return send(self.http, self._request_for(act, positions), unsafe=act == "create", deadline_s=left_s)

    def _position(self, position: PositionData) -> dict[str, Any] | None:
        """The position at GPD, None where there is none."""
        answer = self._send(self.http.build_request("GET", self._path(position)))
        if answer.status == 404 and speaks_gpd(answer):
            return None
        if answer.status != 200:
            raise failure(answer, unsafe=False)
        found = answer.object()
        if found.get("iupd") != position.name:
            raise Deferred("pagopa.unreadable", "the answer is not the position", about="message")
        return found

    def _request(self, notice: Notice, position: PositionData, act: Act) -> httpx.Request:
        path = self._path(position)
        match act:
            case "create" | "update":
                return self._request_for(act, [body(self.version, notice, position, self.creditor)])
            case "publish":
                return self.http.build_request("POST", f"{path}/publish")
            case "invalidate":
                # v3 has none of its own (spec/pagopa.md, "GPD").
                return self.http.build_request("POST", f"{self._path(position, 'v1')}/invalidate")
            case "delete":
                return self.http.build_request("DELETE", path)

    def _request_for(self, act: Act, positions: Sequence[dict[str, Any]]) -> httpx.Request:
        """Creates or updates them: one by its own version, where GPD names what it refuses; several by v2."""
        one = positions[0] if len(positions) == 1 else None
        path = self._all("v2" if one is None else self.version)
        if act == "update" and one is not None:
            path += f"/{one['iupd']}"
        content = {"paymentPositions": list(positions)} if one is None else one
        method = "POST" if act == "create" else "PUT"
        return self.http.build_request(method, path, params={"toPublish": "true"}, json=content)

    def _path(self, position: PositionData, version: Version | None = None) -> str:
        return f"{self._all(version or self.version)}/{position.name}"

    def _all(self, version: str) -> str:
        """The path of the creditor's positions."""
        return f"/{version}/organizations/{self.creditor.tax_code}/debtpositions"

    def _send(self, request: httpx.Request, *, unsafe: bool = False) -> Answer:
        return send(self.http, request, unsafe=unsafe, deadline_s=self.timeout_s)


def _answer_of(sent: Sent) -> Answer:
    if isinstance(sent.outcome, Failure):
        raise sent.outcome
    return sent.outcome


def _next(act: Act, step: Step) -> Continue:
    return Continue(step.model_copy(update={"step": act}).memo(), unsafe=act == "create")


def _step(memo: Memo) -> Step:
    try:
        return Step.model_validate(memo)
    except ValidationError:
        # Written by another version: whether something was created cannot be told from it, but GPD can be asked.
        raise Unconfirmed("pagopa.memo_unknown") from None
