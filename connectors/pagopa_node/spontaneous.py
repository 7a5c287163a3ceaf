"""The services of which payments may be demanded (paDemandPaymentNotice), as an administrator writes them.

The data of a demand are an XML whose schema is the service's own, from pagoPA's catalogue. An administrator writes the
rules by which it becomes a payment, tariffs among them, in the language of mappings; the rules see the XML as JSON,
beginning with its root: names without their namespace, texts, and no attributes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from pydantic import Field, StringConstraints, model_validator

from connectors.base.mapping.expressions import ExpressionText
from connectors.base.mapping.grammar import (
    ChoiceRule,
    ConstantRule,
    FieldName,
    FirstRule,
    IntegerRule,
    Lists,
    MoneyRule,
    Rule,
    bounded,
)
from connectors.base.money import MOST_CENTS
from contracts.base import Code, Title
from contracts.faults import pointer_of
from contracts.positions import Numbering

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


class ServiceTest(Lists):
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
    tests: Annotated[tuple[ServiceTest, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _makes_a_payment(self) -> Self:
        if unknown := sorted(set(self.fields) - _FIELDS):
            raise ValueError(f"/fields/{unknown[0]}: rules make {', '.join(sorted(_FIELDS))}")
        if missing := sorted(_NEEDED - set(self.fields)):
            raise ValueError(f"/fields: {', '.join(missing)} are needed")
        bounded(self.fields.values())
        for place, value in _fixed(self.fields["amount_cents"], "/fields/amount_cents"):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_CENTS:
                raise ValueError(f"{place}: an amount is a whole number of cents, from 1 to {MOST_CENTS}")
        if len({test.name for test in self.tests}) != len(self.tests):
            raise ValueError("two tests have one name")
        return self


def _fixed(rule: Rule, place: str) -> Iterator[tuple[str, object]]:
    """The values that a rule has of its own, whatever the data are, each with its place."""
    match rule:
        case ConstantRule():
            yield f"{place}/value", rule.value
        case FirstRule():
            for n, each in enumerate(rule.of):
                yield from _fixed(each, f"{place}/of/{n}")
        case ChoiceRule():
            yield from ((f"{place}/values{pointer_of([word])}", value) for word, value in rule.values.items())
            if rule.otherwise is not None:
                yield f"{place}/otherwise", rule.otherwise
    if isinstance(rule, IntegerRule | MoneyRule | ChoiceRule) and rule.default is not None:
        yield f"{place}/default", rule.default


@dataclass(frozen=True, slots=True)
class Filed:
    """Where payments of a service are filed, and who is paid."""

    vendor_id: str
    source: str
    service_id: str | None
    numbering: Numbering
