"""Reporting flows, pulled from pagoPA's REST API (FdR): the list, then of each flow its head and its payments.

A memo says where the round stands; each step is one call, and may be repeated. What is listed is what was published
after `after`, which moves on once the round is over. Flows that could not be read are asked for again in later rounds.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from connectors.base.http import Answer, retry_after, send
from contracts.base import rfc3339
from contracts.failures import Deferred, Misconfigured
from contracts.faults import bilingual, pointer_of
from contracts.inbound import Found, Memo, Pulled, Stuck, Wrong
from contracts.reporting import FlowPart, ReportedPayment

from .fdr import Answered, Head, List, Payment, Payments
from .putting_off import LEFT_ALONE, Flow, PutOff, due, put_off
from .riversamento import italian_day

_TRIES: Final = 3
"""In vain, where the API is there and answers the question about one flow so."""
_ODD: Final = "unreadable"


class _Total(BaseModel):
    """A flow's head, in a memo, while its payments are read."""

    creditor: str
    made_at: datetime
    regulation: str
    regulation_date: date
    count: int
    cents: int
    page: int = 0
    pages: int = 1


class _Place(BaseModel):
    """Where the round stands."""

    after: str
    page: int = 0
    pages: int = 1
    newest: str | None = None
    todo: list[Flow] = []
    head: _Total | None = None
    odd: list[PutOff] = []
    """Those that could not be read."""

    @property
    def is_over(self) -> bool:
        return not self.todo and self.page >= self.pages


class _Unreadable(Exception):
    """A flow that is not as described; `wrong` says where, `raw` is what came."""

    def __init__(self, wrong: Wrong, raw: bytes) -> None:
        super().__init__(wrong.code)
        self.wrong = wrong
        self.raw = raw


_M = TypeVar("_M", bound=Answered)


@dataclass(frozen=True, slots=True)
class Flows:
    """The steps, over a client that bears the subscription key."""

    http: httpx.Client
    tax_code: str
    since: date
    page_size: int
    timeout_s: float
    now: Callable[[], float]

    def pull(self, memo: Memo) -> Pulled:
        """One step; see `contracts.inbound.Pull`. Raises Stuck for a flow that does not come, as what is behind it
        waits."""
        place = _place(memo, self.since)
        if not place.todo:
            self._list(place)
            return _pulled(place, ())
        flow = place.todo[0]
        try:
            found = self._head(place, flow) if place.head is None else self._payments(place, flow, place.head)
        except _Unreadable as error:
            found = self._passed_over(place, error.wrong, error.raw)
        except Deferred as failure:
            if failure.reason == "fdr.throttled":
                raise  # it is about us, and not about this flow
            known = any(one.flow == flow for one in place.odd)
            tries = 1 if known else _TRIES if failure.reason == "fdr.unreadable" else None
            raise Stuck(failure, partial(self._past, memo, failure), tries=tries) from None
        return _pulled(place, found)

    def afresh(self, memo: Memo) -> Memo:
        """contracts.inbound.Afresh: all that could not be read is asked for, also what is left alone."""
        place = _place(memo, self.since)
        place.todo += [one.flow for one in place.odd if one.flow not in place.todo]
        return place.model_dump(mode="json")

    def _past(self, memo: Memo, failure: Deferred) -> Pulled:
        """The step without the flow that does not come, if the list does."""
        place = _place(memo, self.since)
        self._listed(place.after, 1)
        told = bilingual("non si riesce a leggerlo", f"it cannot be had: {failure.detail}")
        return _pulled(place, self._passed_over(place, Wrong("", failure.reason, told), told.encode()))

    def _passed_over(self, place: _Place, wrong: Wrong, raw: bytes) -> tuple[Found, ...]:
        """One that cannot be read must not hold up those behind it: a person looks at it in quarantine."""
        flow = place.todo[0]
        _next(place)
        place.odd = put_off(place.odd, flow, int(self.now()))
        alone = place.odd[-1].due_at is None
        return (Found(_name(flow, _ODD), raw, wrong=(wrong, LEFT_ALONE) if alone else (wrong,)),)

    def check(self) -> str:
        """Ask for the list, as a round would."""
        self._listed(_place({}, self.since).after, 1)
        return "The reporting API answers and accepts the key."

    def _listed(self, after: str, page: int) -> List:
        answer = self._get("", {"publishedGt": after, "page": str(page), "size": str(self.page_size)})
        if answer.status in (400, 404):
            raise Misconfigured("fdr.refused", f"status {answer.status} for the list of flows")
        return _read_whole(List, answer)

    def _list(self, place: _Place) -> None:
        listed = self._listed(place.after, place.page + 1)
        again = due(place.odd, int(self.now())) if place.page == 0 else []
        place.page, place.pages = place.page + 1, listed.metadata.tot_page
        new = [Flow(fdr=one.fdr, psp=one.psp_id, revision=one.revision) for one in listed.data]
        place.todo = [*again, *(one for one in new if one not in again)]
        moments = [rfc3339(one.published) for one in listed.data] + ([place.newest] if place.newest else [])
        place.newest = max(moments, key=datetime.fromisoformat, default=None)

    def _head(self, place: _Place, flow: Flow) -> tuple[Found, ...]:
        answer = self._get(_path(flow))
        head = _read(Head, answer)
        count = head.tot_payments if head.tot_payments is not None else head.computed_tot_payments
        cents = head.sum_payments if head.sum_payments is not None else head.computed_sum_payments
        if count is None or cents is None:
            raise _Unreadable(
                Wrong(
                    "/sumPayments",
                    "fdr.no_total",
                    bilingual("il flusso non dice i suoi totali", "the flow does not say its totals"),
                ),
                answer.body,
            )
        place.head = _Total(
            creditor=head.receiver.organization_id,
            made_at=head.fdr_date,
            regulation=head.regulation,
            regulation_date=head.regulation_date,
            count=count,
            cents=cents,
        )
        return ()

    def _payments(self, place: _Place, flow: Flow, head: _Total) -> tuple[Found, ...]:
        head.page += 1
        answer = self._get(f"{_path(flow)}/payments", {"page": str(head.page), "size": str(self.page_size)})
        read = _read(Payments, answer)
        head.pages = read.metadata.tot_page
        over: tuple[Found, ...] = ()
        if head.page >= head.pages:
            _next(place)
            mended = [one for one in place.odd if flow.replaces(one.flow)]
            place.odd = [one for one in place.odd if one not in mended]
            over = tuple(Found(_name(one.flow, _ODD), b"") for one in mended)
        part = FlowPart(
            flow=flow.fdr,
            psp_id=flow.psp,
            revision=flow.revision,
            creditor_tax_code=head.creditor,
            made_at=head.made_at,
            regulation=head.regulation,
            regulation_date=head.regulation_date,
            total_count=head.count,
            total_cents=head.cents,
            payments=tuple(_payment(one) for one in read.data),
        )
        return (Found(_name(flow, str(head.page)), answer.body, flow=part), *over)

    def _get(self, path: str, parameters: dict[str, str] | None = None) -> Answer:
        url = f"/organizations/{self.tax_code}/fdrs{path}"
        request = self.http.build_request("GET", url, params=parameters)
        answer = send(self.http, request, unsafe=False, deadline_s=self.timeout_s)
        if answer.status in (200, 400, 404):
            return answer  # what 400 and 404 mean depends on what was asked
        if answer.status in (401, 403):
            raise Misconfigured("fdr.key_refused", f"status {answer.status}")
        if answer.status == 429:
            raise Deferred("fdr.throttled", after=retry_after(answer))
        raise Deferred("fdr.failed", f"status {answer.status}", after=retry_after(answer))


def _place(memo: Memo, since: date) -> _Place:
    if not memo:
        return _Place(after=f"{since.isoformat()}T00:00:00Z")
    try:
        return _Place.model_validate(memo)
    except ValidationError:
        # Written by another version. What is read again changes nothing.
        return _Place(after=f"{since.isoformat()}T00:00:00Z")


def _pulled(place: _Place, found: tuple[Found, ...]) -> Pulled:
    over = place.is_over
    if over:
        place = _Place(after=place.newest or place.after, odd=place.odd)
    return Pulled(place.model_dump(mode="json"), found, more=not over)


def _next(place: _Place) -> None:
    del place.todo[0]
    place.head = None


def _path(flow: Flow) -> str:
    return f"/{quote(flow.fdr, safe='')}/revisions/{flow.revision}/psps/{quote(flow.psp, safe='')}"


def _name(flow: Flow, part: str) -> str:
    return f"fdr/{flow.psp}/{flow.fdr}/{flow.revision}/{part}"


def _decoded(answer: Answer) -> dict[str, Any]:
    """The body, its numbers as decimals. Raises Deferred: what is cut off or no JSON may be whole the next time."""
    if not answer.complete:
        raise Deferred("fdr.unreadable", "the answer is not complete")
    try:
        found = json.loads(answer.body, parse_float=Decimal)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Deferred("fdr.unreadable", "the answer is no JSON object")
    return found


def _read_whole(model: type[_M], answer: Answer) -> _M:
    try:
        return model.model_validate(_decoded(answer))
    except ValidationError:
        raise Deferred("fdr.unreadable", "the list of flows is not as described") from None


def _read(model: type[_M], answer: Answer) -> _M:
    """The body as `model`. Raises _Unreadable, Deferred."""
    if answer.status != 200:
        told = bilingual(
            f"status {answer.status} per un flusso in elenco", f"status {answer.status} for a flow that was listed"
        )
        raise _Unreadable(Wrong("", "fdr.gone", told), answer.body or told.encode())
    try:
        return model.model_validate(_decoded(answer))
    except ValidationError as error:
        one = error.errors(include_input=False, include_url=False, include_context=False)[0]
        pointer = pointer_of(one["loc"])
        raise _Unreadable(
            Wrong(pointer, "fdr.invalid", bilingual("non è come descritto", one["type"])), answer.body
        ) from None


def _payment(one: Payment) -> ReportedPayment:
    return ReportedPayment(
        index=one.index,
        iuv=one.iuv,
        iur=one.iur,
        transfer=one.id_transfer,
        amount_cents=one.pay,
        outcome=one.pay_status,
        paid_on=italian_day(one.pay_date),
    )
