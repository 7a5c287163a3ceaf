"""Payments that nobody has asked for yet (paDemandPaymentNotice): which services there are, and what the data of each
make.

The data are an XML whose schema is the service's own, from pagoPA's catalogue. An administrator writes the rules by
which it becomes a payment, tariffs among them, in the language of mappings; the rules see the XML as JSON, beginning
with its root: names without their namespace, texts, and no attributes.
"""

from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from connectors.base.mapping.contract import contract_faults, validated
from connectors.base.mapping.expressions import Expression, ExpressionText
from connectors.base.mapping.grammar import FieldName, Lists, Rule, bounded
from connectors.base.mapping.rules import MapFault, Members, Place, Trail, true_of
from connectors.base.mapping.unmappable import Unmappable
from contracts.answering import Demanded, OwedPayment, Reply
from contracts.base import ROME, Code, Title, rfc3339
from contracts.inbound import Wrong
from contracts.positions import Numbering

from .faults import Refused
from .xml import Unreadable, parse

_NEEDED: Final = frozenset({"recipient", "amount_cents", "reason"})
_FIELDS: Final = _NEEDED | {
    "external_id",
    "title",
    "summary",
    "due_date",
    "invalid_after_due",
    "beneficiaries",
    "notify",
    "sensitivity",
    "min_loa",
    "language",
}
"""Of a payment, what rules may make. All of it is the creditor's, and the rest is known without them."""

IdServizio = Annotated[str, StringConstraints(min_length=5, max_length=5, pattern=r"^[A-Za-z0-9]+$")]


class Trial(Lists):
    """A test of a service's rules, kept with them: what they make of a sample."""

    name: Title
    sample: str = Field(description="The XML")
    expect: dict[str, Any] | None = Field(None, description="The fields that the rules make, and no other")
    wrong: Annotated[tuple[Code, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.expect is None) is not bool(self.wrong):
            raise ValueError("a test has expect, or wrong")
        return self


class SpontaneousService(Lists):
    """A service of pagoPA's catalogue that payment service providers may demand payments of, and how one is made."""

    id_servizio: IdServizio
    service_id: Code | None = Field(None, description="The service of the ente's catalogue that the payment belongs to")
    vendor_id: Code | None = Field(None, description="Whose payment it is; by default whose the receipts are")
    source: Code | None = Field(None, description="The source that it is filed under; by default that of receipts")
    valid_days: Annotated[int, Field(ge=1, le=365)] = Field(
        3, description="How long it can be paid, where the rules make no due_date"
    )
    when: ExpressionText | None = Field(None, description="Where this is not true of the data, there is no payment")
    fields: Annotated[dict[FieldName, Rule], Field(min_length=1, max_length=100)]
    tests: Annotated[tuple[Trial, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _makes_a_payment(self) -> Self:
        if unknown := sorted(set(self.fields) - _FIELDS):
            raise ValueError(f"/fields/{unknown[0]}: rules make {', '.join(sorted(_FIELDS))}")
        if missing := sorted(_NEEDED - set(self.fields)):
            raise ValueError(f"/fields: {', '.join(missing)} are needed")
        bounded(self.fields.values())
        if len({test.name for test in self.tests}) != len(self.tests):
            raise ValueError("two tests have one name")
        return self

    def __str__(self) -> str:
        return self.model_dump_json(by_alias=True, exclude_defaults=True)


@dataclass(frozen=True, slots=True)
class Filed:
    """Where payments of a service are filed, and who is paid."""

    vendor_id: str
    source: str
    service_id: str | None
    numbering: Numbering


class Offer:
    """A service, ready. `pointer` is where it stands in the settings."""

    def __init__(self, service: SpontaneousService, filed: Filed, pointer: str) -> None:
        self.service, self.filed, self._pointer = service, filed, pointer
        self._when = Expression(service.when) if service.when is not None else None
        self._members = Members(service.fields, f"{pointer}/fields")

    def demanded(self, data: str, now: datetime, *, answer: Callable[[OwedPayment], Reply], refused: Reply) -> Demanded:
        """The payment that these data (Base64) ask for. Raises Refused."""
        made = self.made_of(_decoded(data), now)
        passing = {"occurred_at"} if "due_date" in made else {"occurred_at", "due_date", "invalid_after_due"}
        item = self._item(made, now)
        return Demanded(item, self.filed.vendor_id, self.filed.numbering, frozenset(passing), answer, refused)

    def made_of(self, document: bytes, now: datetime) -> dict[str, Any]:
        """The fields that the rules make of an XML, which together with the others are a payment. Raises Refused."""
        try:
            root = parse(document)
        except Unreadable as error:
            raise _unreadable(f"no XML: {error}") from None
        record = {root.name: root.plain()}
        try:
            if self._when is not None and not true_of(self._when, record):
                raise self._not_payable("when", "pagopa.demand_excluded", "the condition is not met")
            made = self._members(record, None)
            validated("payments", _NAMED | self._item(made, now))
        except (Unmappable, ValidationError):
            raise _not_made(self._faults(record, now)) from None
        if made["amount_cents"] == 0:
            raise self._not_payable("fields/amount_cents", "pagopa.demand_nothing", "there is nothing to pay")
        if made.get("due_date", "9999") < now.astimezone(ROME).date().isoformat():
            raise self._not_payable("fields/due_date", "pagopa.demand_late", "it was due before today")
        return made

    def failed_tests(self, now: datetime) -> list[tuple[str, str]]:
        """The names of the service's own tests that fail, each with the reason."""
        return [(test.name, problem) for test in self.service.tests if (problem := self._problem(test, now))]

    def _problem(self, test: Trial, now: datetime) -> str:
        try:
            made = self.made_of(test.sample.encode(), now)
        except Refused as refused:
            code = "" if refused.declined is None else refused.declined.code
            return "" if code in test.wrong else f"the fault is {code}"
        if test.expect is None:
            return "there is no fault"
        names = sorted(made.keys() | test.expect.keys())
        return ", ".join(f"/{name} differs" for name in names if made.get(name) != test.expect.get(name))

    def _item(self, made: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        filed, today = self.filed, now.astimezone(ROME).date()
        lapses = (today + timedelta(days=self.service.valid_days)).isoformat()
        until: dict[str, Any] = {} if "due_date" in made else {"due_date": lapses, "invalid_after_due": True}
        known: dict[str, Any] = {
            "source": filed.source,
            "occurred_at": rfc3339(now),
            "creditor_tax_code": filed.numbering.creditor_tax_code,
            "title": made.get("reason", "-"),
        }
        of_service = {} if filed.service_id is None else {"service_id": filed.service_id}
        return {**known, **of_service, **until, **made}

    def _faults(self, record: Any, now: datetime) -> list[MapFault]:
        trail = Trail(Place("", "", self._pointer))
        try:
            if self._when is not None:
                true_of(self._when, record)
        except Unmappable as unmappable:
            trail.note(unmappable)
        item = self._members(record, trail)
        return trail.faults + contract_faults("payments", _NAMED | self._item(item, now), trail)

    def _not_payable(self, rule: str, code: str, detail: str) -> Refused:
        return _not_made([MapFault(Place("", "", f"{self._pointer}/{rule}"), code, detail)])


_NAMED: Final = {"external_id": "demand"}
"""Where the rules give no name the hub does."""


def _decoded(data: str) -> bytes:
    try:
        return b64decode("".join(data.split()), validate=True)
    except ValueError:
        raise _unreadable("not Base64") from None


def _unreadable(detail: str) -> Refused:
    wrong = Wrong("/datiSpecificiServizioRequest", "pagopa.demand_unreadable", detail)
    return Refused("PAA_SINTASSI_XSD", f"datiSpecificiServizioRequest: {detail}", declined=wrong)


def _not_made(faults: list[MapFault]) -> Refused:
    first = faults[0]
    wrong = Wrong(first.place.record, first.code, first.detail, first.place.rule)
    return Refused("PAA_SEMANTICA", f"dati del servizio: {first.place.record or first.code}", declined=wrong)
