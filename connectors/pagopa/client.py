"""The calls by which a debt position becomes what its payment says: read, then the one act that is missing.

The memos: {} (read), then {"step": "create" | "update" | "publish" | "invalidate" | "delete"}. Creating is announced as
unsafe. The other acts are repeatable by what GPD promises (a PUT by iupd is the same twice; publishing or invalidating
what is so already is a 409), and a 409 leads back to reading: what is there decides (`spec/pagopa.md`, "Errors").

What was invalidated stays so, and its numbers with it. A payment that comes back under other numbers has that position
deleted, which GPD refuses for anything paid, and another one made in its place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import httpx
from pydantic import Field, ValidationError

from connectors.base.http import Answer, send
from connectors.base.previewing import fields_of
from contracts.base import Model
from contracts.connector import Continue, Done, Memo, Notice, Preview
from contracts.failures import Deferred, Misconfigured, Rejected, Skipped, Unconfirmed
from contracts.positions import PositionData

from .positions import Creditor, Version, body, numbers_of, position_of, same
from .statuses import STANDINGS, failure, speaks_gpd

Act = Literal["create", "update", "publish", "invalidate", "delete"]

MOST_CONFLICTS = 2
"""So often the position is read again after a 409. Then what stands against it is not the position itself."""


class Step(Model):
    """Where a delivery stands."""

    step: Literal["read"] | Act = "read"
    conflicts: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True, slots=True)
class Gpd:
    """The steps, over a client that bears the key."""

    http: httpx.Client
    creditor: Creditor
    version: Version
    timeout_s: float

    def advance(self, notice: Notice, memo: Memo) -> Done | Continue:
        """One step; see `contracts.connector.Advance`."""
        position, step = position_of(notice, self.creditor), _step(memo)
        if step.step == "read":
            return self._read(notice, position, step)
        return self._act(notice, position, step, step.step)

    def lookup(self, notice: Notice, memo: Memo) -> Done | Continue | None:
        """Whether GPD has the position as it is wanted: adopted then. None where something is still to be done, also
        where another state of it is there; the act that follows is refused or changes it."""
        position, step = position_of(notice, self.creditor), _step(memo)
        found = self._position(position)
        if found is None:
            return Done(position.name, "not there") if position.wanted == "gone" else None
        wanted = self._missing(notice, position, found, step)
        return Done(position.name, "as wanted") if wanted is None else None

    def preview(self, notice: Notice) -> tuple[Preview, ...]:
        """The question for what is there, and what would be sent if nothing is. The key is in no preview."""
        position = position_of(notice, self.creditor)
        read = Preview(f"GET {self.http.build_request('GET', self._path(position)).url}", {})
        act: Act = "create" if position.wanted == "payable" else "invalidate"
        request = self._request(notice, position, act)
        sent = fields_of(body(self.version, notice, position, self.creditor)) if act == "create" else {}
        return read, Preview(f"{request.method} {request.url}", sent)

    def check(self) -> str:
        """Ask for one of the creditor's positions: whether there is any does not matter, that we may ask does."""
        path = f"/{self.version}/organizations/{self.creditor.tax_code}/debtpositions"
        answer = self._send(self.http.build_request("GET", path, params={"limit": 1, "page": 0}))
        if answer.status != 200:
            raise failure(answer, unsafe=False)
        if "payment_position_list" not in answer.object():
            raise Misconfigured("pagopa.not_the_api", "the answer has no payment_position_list")
        return f"GPD answers, and the key may act for {self.creditor.tax_code}."

    def _read(self, notice: Notice, position: PositionData, step: Step) -> Done | Continue:
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
        answer = self._send(self._request(notice, position, act), unsafe=act == "create")
        if answer.status == (201 if act == "create" else 200):
            if not answer.complete:
                raise (Unconfirmed if act == "create" else Deferred)(
                    "pagopa.unreadable", f"status {answer.status}, cut"
                )
            if act == "delete" and position.wanted == "payable":
                return Continue(Step().model_dump())
            return Done(position.name, f"{act}d" if act.endswith("e") else f"{act}ed")
        if answer.status == 409:
            return Continue(Step(conflicts=step.conflicts + 1).model_dump())
        if answer.status == 404 and act != "create" and speaks_gpd(answer):
            # What is not there to be deleted was deleted before: a conflict of then says nothing of what is made now.
            return Continue(Step(conflicts=0 if act == "delete" else step.conflicts).model_dump())
        if answer.status == 422 and act == "invalidate" and self.version == "v3":
            # Several plans: v1 knows no such position, and v3 only deletes (spec/pagopa.md, "PaymentPosition").
            return _next("delete", step)
        raise failure(answer, unsafe=act == "create")

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
        path, publish = self._path(position), {"toPublish": "true"}
        match act:
            case "create" | "update":
                content = body(self.version, notice, position, self.creditor)
                method, where = ("POST", path.rpartition("/")[0]) if act == "create" else ("PUT", path)
                return self.http.build_request(method, where, params=publish, json=content)
            case "publish":
                return self.http.build_request("POST", f"{path}/publish")
            case "invalidate":
                # v3 has none of its own (spec/pagopa.md, "GPD").
                return self.http.build_request("POST", f"{self._path(position, 'v1')}/invalidate")
            case "delete":
                return self.http.build_request("DELETE", path)

    def _path(self, position: PositionData, version: Version | None = None) -> str:
        return f"/{version or self.version}/organizations/{self.creditor.tax_code}/debtpositions/{position.name}"

    def _send(self, request: httpx.Request, *, unsafe: bool = False) -> Answer:
        return send(self.http, request, unsafe=unsafe, deadline_s=self.timeout_s)


def _next(act: Act, step: Step) -> Continue:
    return Continue(Step(step=act, conflicts=step.conflicts).model_dump(), unsafe=act == "create")


def _step(memo: Memo) -> Step:
    try:
        return Step.model_validate(memo)
    except ValidationError:
        # Written by another version: whether something was created cannot be told from it, but GPD can be asked.
        raise Unconfirmed("pagopa.memo_unknown") from None
