"""Receipts by pull. A round lists what was paid since a few days ago, and asks for each receipt that is not known yet.

From GPD's own list (`gpd`), receipts in XML; or from biz-events (`bizevents`), which has no list: then GPD's positions
say what was paid, and under which IUR. One call a step. What the platform does not have yet is asked for again in later
rounds, and is given to a person in the end (spec/pagopa.md, "Receipts" and "Retry summary").
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.base.http import Answer, send
from contracts.failures import Deferred, Failure, Misconfigured, Rejected
from contracts.faults import Bilingual, bilingual, led
from contracts.inbound import Found, Memo, Pulled, Wrong

from .positions import Version
from .receipt import Fields, Unreadable, found_of, of_json, of_xml
from .statuses import failure, speaks_gpd

PAGE = {"gpd": 100, "bizevents": 50}
LONGEST_WINDOW = timedelta(days=30)
"""GPD answers for no longer an interval, unless it was asked to."""
MOST_SEEN = 2_000
"""Names that are remembered so as not to be asked for again; of more, some are read twice, which changes nothing."""
MOST_TRIES = 300
"""Rounds in which a receipt that is said to be there is asked for, before a person is."""

UNREADABLE_TRIES = 3
"""How often in a row a receipt may come as something else, which a gateway's passing page does as well. Then it goes to
the quarantine, and those behind it are read; where these are no receipts either, each is asked for twice as often as
the one before, as it is the gateway then."""

_AGAIN = bilingual("chiesta di nuovo", "asked again")
_MOST_KEPT = 32_768
"""Bytes of an answer that was no receipt."""


class _Wanted(BaseModel):
    """A receipt to be asked for. Neither name is a person's."""

    model_config = ConfigDict(frozen=True)

    iuv: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,35}$")]
    iur: Annotated[str, Field(pattern=r"^[0-9A-Za-z._-]{1,64}$")] | None = None
    tries: int = 0


class _Kept(_Wanted):
    """What stands in the quarantine of a receipt that could not be had: it is asked for again from there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    answer: str = Field("", repr=False)
    """What came in its place."""


class _Place(BaseModel):
    """Where a round stands."""

    since: date
    until: date
    """The day on which the round began, or on which its window ends."""
    page: int = 0
    listed: bool = False
    """The list was read to its end."""
    todo: tuple[_Wanted, ...] = ()
    late: tuple[_Wanted, ...] = ()
    before: tuple[str, ...] = ()
    """IUVs that the rounds before this one have read."""
    seen: tuple[str, ...] = ()
    """IUVs that are in this round's lists and were read."""


class _Round(BaseModel):
    """What a round leaves to the next."""

    since: date
    late: tuple[_Wanted, ...] = ()
    seen: tuple[str, ...] = ()


@dataclass(slots=True)
class _Broken:
    """What came as no receipt lately, which no receipt has come after."""

    iuv: str = ""
    tries: int = 0
    """How often the receipt of `iuv` was asked for."""
    given_up: int = 0
    """How many were given up one after the other."""

    def again(self, iuv: str) -> int:
        """How often this one was asked for, once it is to be given up; 0 before that."""
        self.tries = self.tries + 1 if iuv == self.iuv else 1
        self.iuv = iuv
        if self.tries < UNREADABLE_TRIES * 2**self.given_up:
            return 0
        self.given_up += 1
        return self.tries

    def heal(self) -> None:
        """A receipt came as one."""
        self.iuv, self.tries, self.given_up = "", 0, 0


@dataclass(frozen=True, slots=True)
class Receipts:
    """The steps, over clients that bear the keys."""

    source: Literal["gpd", "bizevents"]
    gpd: httpx.Client
    receipts: httpx.Client
    """Of GPD's receipts, or of biz-events."""
    organization: str
    segregation_code: int
    version: Version
    since_days: int
    overlap_days: int
    timeout_s: float
    now: Callable[[], datetime]
    broken: _Broken = field(default_factory=_Broken)

    def pull(self, memo: Memo) -> Pulled:
        """One step; see `contracts.inbound.Pull`."""
        place = self._place(memo)
        if place.todo:
            found = tuple(self._one(place))
            return self._after(place, found)
        self._list(place)
        return self._after(place, ())

    def read(self, document: bytes) -> Iterable[Found]:
        """One receipt, XML or JSON, as an administrator has it or as it stands in quarantine; one that could not be had
        is asked for again."""
        try:
            kept = _Kept.model_validate_json(document)
        except ValidationError:
            return (_read(document),)
        return (self._again(kept),)

    def _again(self, kept: _Kept) -> Found:
        name = f"iuv.{kept.iuv}"
        try:
            answer = self._ask(kept)
            if answer.status == 200:
                return found_of(self._fields(answer), answer.body, name)
            fault = Wrong(
                "",
                "pagopa.receipt_missing",
                bilingual(f"chiesta di nuovo: {answer.status}", f"asked again: {answer.status}"),
            )
        except Unreadable as error:
            fault = Wrong("", "pagopa.unreadable", led(_AGAIN, error.text))
        except Failure as failure:
            fault = Wrong("", failure.reason, bilingual("chiesta di nuovo invano", "asked again in vain"))
        return Found(name, kept.model_dump_json().encode(), "receipts", wrong=(fault,))

    def _place(self, memo: Memo) -> _Place:
        try:
            if "until" in memo:
                return _Place.model_validate(memo)
            last = _Round.model_validate(memo) if memo else _Round(since=self._today() - timedelta(self.since_days))
        except ValidationError:
            raise Misconfigured("pagopa.memo_unknown", "the place of the last round cannot be read") from None
        until = min(self._today(), last.since + LONGEST_WINDOW)
        return _Place(since=last.since, until=until, todo=last.late, before=last.seen)

    def _after(self, place: _Place, found: tuple[Found, ...]) -> Pulled:
        if place.todo or not place.listed:
            return Pulled(place.model_dump(mode="json"), found, more=True)
        # The next round begins where this one's window ends, and looks back on what may have come late.
        more = place.until < self._today()
        since = place.until if more else max(place.since, self._today() - timedelta(days=self.overlap_days))
        left = _Round(since=since, late=place.late, seen=place.seen[-MOST_SEEN:])
        return Pulled(left.model_dump(mode="json"), found, more=more)

    def _list(self, place: _Place) -> None:
        page = list(self._receipts_page(place) if self.source == "gpd" else self._positions_page(place))
        known = {*place.before, *place.seen, *(each.iuv for each in place.late)}
        place.todo = tuple(each for each in dict.fromkeys(page) if each.iuv not in known)
        place.seen += tuple(each.iuv for each in page if each.iuv in place.before and each.iuv not in place.seen)
        place.page += 1

    def _receipts_page(self, place: _Place) -> Iterator[_Wanted]:
        parameters = {
            "pageNum": str(place.page),
            "pageSize": str(PAGE["gpd"]),
            "from": place.since.isoformat(),
            "segregationCodes": f"{self.segregation_code:02d}",
        }
        answer = self._get(self.receipts, f"/payments/{self.organization}/receipts", parameters)
        if answer.status == 404:
            place.listed = True
            return
        listed = _members(answer, "receipts_list")
        place.listed = len(listed) < PAGE["gpd"]
        for each in listed:
            yield _wanted(each.get("iuv"))

    def _positions_page(self, place: _Place) -> Iterator[_Wanted]:
        parameters = {
            "limit": str(PAGE["bizevents"]),
            "page": str(place.page),
            "payment_date_from": place.since.isoformat(),
            "payment_date_to": place.until.isoformat(),
        }
        path = f"/{self.version}/organizations/{self.organization}/debtpositions"
        answer = self._get(self.gpd, path, parameters)
        if answer.status == 404:
            raise failure(answer, unsafe=False)
        listed = _members(answer, "payment_position_list")
        place.listed = len(listed) < PAGE["bizevents"]
        for position in listed:
            for option in _objects(position.get("paymentOption")):
                for payable in _objects(option.get("installments")) if self.version == "v3" else (option,):
                    # Paid elsewhere, it has no receipt of pagoPA's.
                    if payable.get("idReceipt"):
                        yield _wanted(payable.get("iuv"), payable["idReceipt"])

    def _one(self, place: _Place) -> Iterator[Found]:
        wanted, *rest = place.todo
        answer = self._ask(wanted)
        place.todo = tuple(rest)
        name = f"iuv.{wanted.iuv}"
        if answer.status != 200:  # listed, and not there or not whole: it comes later
            later = wanted.model_copy(update={"tries": wanted.tries + 1})
            if later.tries < MOST_TRIES:
                place.late += (later,)
                return
            place.seen += (wanted.iuv,)
            detail = bilingual(
                f"è in elenco, e la risposta è sempre {answer.status}",
                f"it is listed, and answered {answer.status} again and again",
            )
            missing = Wrong("", "pagopa.receipt_missing", detail)
            yield Found(name, _kept(wanted), "receipts", wrong=(missing,))
            return
        try:
            fields = self._fields(answer)
        except Unreadable as error:
            tries = self.broken.again(wanted.iuv)
            if not tries:
                raise Deferred("pagopa.unreadable", str(error), about="message") from None
            place.seen += (wanted.iuv,)
            fault = Wrong("", "pagopa.unreadable", led(_times(tries), error.text))
            yield Found(name, _kept(wanted, answer), "receipts", wrong=(fault,))
            return
        self.broken.heal()
        place.seen += (wanted.iuv,)
        yield found_of(fields, answer.body, name)

    def _ask(self, wanted: _Wanted) -> Answer:
        """For one receipt: 200, or 404 and 422 where it cannot be had yet."""
        path = f"/payments/{self.organization}/receipts/{wanted.iuv}"
        if self.source == "bizevents":
            path = f"/organizations/{self.organization}/receipts/{wanted.iur}/paymentoptions/{wanted.iuv}"
        return self._get(self.receipts, path, {})

    def _fields(self, answer: Answer) -> Fields:
        return of_xml(answer.body) if self.source == "gpd" else of_json(answer.body)

    def _get(self, http: httpx.Client, path: str, parameters: dict[str, str]) -> Answer:
        """The answer: 200 and whole, or the service's own 404 or 422."""
        request = http.build_request("GET", path, params=parameters)
        answer = send(http, request, unsafe=False, deadline_s=self.timeout_s)
        if answer.status == 200 and not answer.complete:
            raise Deferred("pagopa.unreadable", "status 200, cut")
        if answer.status == 200 or answer.status == 422 or (answer.status == 404 and speaks_gpd(answer)):
            return answer
        raise _of_a_pull(failure(answer, unsafe=False))

    def _today(self) -> date:
        return self.now().astimezone(UTC).date()


def _read(document: bytes) -> Found:
    try:
        fields = of_json(document) if document.lstrip()[:1] == b"{" else of_xml(document)
    except Unreadable as error:
        return Found("", document, wrong=(Wrong("", "pagopa.unreadable", error.text),))
    return found_of(fields, document, "upload")


def _kept(wanted: _Wanted, answer: Answer | None = None) -> bytes:
    """For the quarantine: what is to be asked for, and the beginning of what came instead."""
    came = "" if answer is None else answer.body[:_MOST_KEPT].decode(errors="replace")
    return _Kept(iuv=wanted.iuv, iur=wanted.iur, answer=came).model_dump_json().encode()


def _of_a_pull(fault: Failure) -> Failure:
    """No question of ours is at fault by itself: what is refused is a matter of the settings."""
    return Misconfigured(fault.reason, fault.detail) if isinstance(fault, Rejected) else fault


def _members(answer: Answer, name: str) -> list[dict[str, Any]]:
    listed = answer.object().get(name)
    if answer.status != 200 or not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise Deferred("pagopa.unreadable", f"no {name} in the answer")
    return listed


def _objects(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Deferred("pagopa.unreadable", "a position in the answer is none")
    return value


def _wanted(iuv: Any, iur: Any = None) -> _Wanted:
    try:
        return _Wanted(iuv=iuv, iur=iur)
    except ValidationError:
        raise Deferred("pagopa.unreadable", "a receipt in the list has no name") from None


def _times(tries: int) -> Bilingual:
    return bilingual(f"chiesta {tries} volte, e mai una ricevuta", f"asked {tries} times, and no receipt each time")
