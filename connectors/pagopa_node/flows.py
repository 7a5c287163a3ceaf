"""Reporting flows, pulled from pagoPA's REST API (FdR): the list, then of each flow its head and its payments.

A memo says where the round stands; each step is one call, and may be repeated. What is listed is what was published
after `after`, which moves on once the round is over. Flows that could not be read are asked for again in each round.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import quote

import httpx
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from connectors.base.http import Answer, retry_after, send
from contracts.base import rfc3339
from contracts.failures import Deferred, Misconfigured
from contracts.faults import bilingual, pointer_of
from contracts.inbound import Found, Memo, Pulled, Wrong
from contracts.reporting import FlowPart, ReportedOutcome, ReportedPayment

from .money import cents_of_number
from .riversamento import OUTCOMES, italian_day

_NAME: Final = StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,35}$")
_MOST_ODD: Final = 50
_Cents = Annotated[int, BeforeValidator(cents_of_number)]
_STATUSES: Final[dict[str, ReportedOutcome]] = {one.upper(): one for one in OUTCOMES.values()}


def _status(value: Any) -> Any:
    # As with the older codes: one that is new to us is for a person to look at.
    if not isinstance(value, str) or value not in _STATUSES:
        raise ValueError("not a payStatus")
    return _STATUSES[value]


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)


class _Named(_Read):
    fdr: Annotated[str, _NAME]
    psp_id: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,35}$")]
    revision: Annotated[int, Field(ge=1)]
    published: AwareDatetime


class _Metadata(_Read):
    tot_page: Annotated[int, Field(ge=0)]


class _List(_Read):
    metadata: _Metadata
    data: tuple[_Named, ...]


class _Receiver(_Read):
    organization_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$")]


class _Head(_Read):
    fdr_date: AwareDatetime
    receiver: _Receiver
    regulation: Annotated[str, StringConstraints(min_length=1, max_length=35)]
    regulation_date: date
    tot_payments: Annotated[int, Field(ge=0)] | None = None
    sum_payments: _Cents | None = None
    computed_tot_payments: Annotated[int, Field(ge=0)] | None = None
    computed_sum_payments: _Cents | None = None


class _Payment(_Read):
    index: Annotated[int, Field(ge=1)]
    iuv: Annotated[str, StringConstraints(min_length=1, max_length=35)]
    iur: Annotated[str, StringConstraints(min_length=1, max_length=35)]
    id_transfer: Annotated[int, Field(ge=1, le=5)] = 1
    pay: _Cents
    pay_status: Annotated[ReportedOutcome, BeforeValidator(_status)]
    pay_date: AwareDatetime


class _Payments(_Read):
    metadata: _Metadata
    data: tuple[_Payment, ...]


class _Flow(BaseModel):
    """One that is listed, in a memo."""

    fdr: str
    psp: str
    revision: int


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
    todo: list[_Flow] = []
    head: _Total | None = None
    odd: list[_Flow] = []
    """Those that could not be read, the newest last."""

    @property
    def is_over(self) -> bool:
        return not self.todo and self.page >= self.pages


class _Unreadable(Exception):
    """A flow that is not as described; `wrong` says where, `raw` is what came."""

    def __init__(self, wrong: Wrong, raw: bytes) -> None:
        super().__init__(wrong.code)
        self.wrong = wrong
        self.raw = raw


_M = TypeVar("_M", bound=_Read)


@dataclass(frozen=True, slots=True)
class Flows:
    """The steps, over a client that bears the subscription key."""

    http: httpx.Client
    tax_code: str
    since: date
    page_size: int
    timeout_s: float

    def pull(self, memo: Memo) -> Pulled:
        """One step; see `contracts.inbound.Pull`."""
        place = _place(memo, self.since)
        found: tuple[Found, ...] = ()
        if not place.todo:
            self._list(place)
        else:
            flow = place.todo[0]
            try:
                found = self._head(place, flow) if place.head is None else self._payments(place, flow, place.head)
            except _Unreadable as error:
                # One that cannot be read must not hold up those behind it: a person looks at it in quarantine.
                found = (Found(_name(flow, "unreadable"), error.raw, wrong=(error.wrong,)),)
                _next(place)
                place.odd = [*(one for one in place.odd if one != flow), flow][-_MOST_ODD:]
        over = place.is_over
        if over:
            place = _Place(after=place.newest or place.after, todo=list(place.odd), odd=place.odd)
        return Pulled(place.model_dump(mode="json"), found, more=not over)

    def check(self) -> str:
        """Ask for the list, as a round would."""
        self._list(_place({}, self.since))
        return "The reporting API answers and accepts the key."

    def _list(self, place: _Place) -> None:
        parameters = {"publishedGt": place.after, "page": str(place.page + 1), "size": str(self.page_size)}
        answer = self._get("", parameters)
        if answer.status in (400, 404):
            raise Misconfigured("fdr.refused", f"status {answer.status} for the list of flows")
        listed = _read_whole(_List, answer)
        place.page, place.pages = place.page + 1, listed.metadata.tot_page
        place.todo = [_Flow(fdr=one.fdr, psp=one.psp_id, revision=one.revision) for one in listed.data]
        moments = [rfc3339(one.published) for one in listed.data] + ([place.newest] if place.newest else [])
        place.newest = max(moments, key=datetime.fromisoformat, default=None)

    def _head(self, place: _Place, flow: _Flow) -> tuple[Found, ...]:
        answer = self._get(_path(flow))
        head = _read(_Head, answer)
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

    def _payments(self, place: _Place, flow: _Flow, head: _Total) -> tuple[Found, ...]:
        head.page += 1
        answer = self._get(f"{_path(flow)}/payments", {"page": str(head.page), "size": str(self.page_size)})
        read = _read(_Payments, answer)
        head.pages = read.metadata.tot_page
        if head.page >= head.pages:
            _next(place)
            place.odd = [one for one in place.odd if one != flow]
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
        return (Found(_name(flow, str(head.page)), answer.body, flow=part),)

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


def _next(place: _Place) -> None:
    del place.todo[0]
    place.head = None


def _path(flow: _Flow) -> str:
    return f"/{quote(flow.fdr, safe='')}/revisions/{flow.revision}/psps/{quote(flow.psp, safe='')}"


def _name(flow: _Flow, part: str) -> str:
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


def _payment(one: _Payment) -> ReportedPayment:
    return ReportedPayment(
        index=one.index,
        iuv=one.iuv,
        iur=one.iur,
        transfer=one.id_transfer,
        amount_cents=one.pay,
        outcome=one.pay_status,
        paid_on=italian_day(one.pay_date),
    )
