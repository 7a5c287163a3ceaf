"""The services of which payments may be demanded (paDemandPaymentNotice), as an administrator writes them.

The data of a demand are an XML whose schema is the service's own, from pagoPA's catalogue. An administrator writes the
rules by which it becomes a payment, tariffs among them, in the language of mappings; the rules see the XML as JSON,
beginning with its root: names without their namespace, texts, and no attributes.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from pydantic import Field, StringConstraints, model_validator

from connectors.base.mapping.expressions import ExpressionText
from connectors.base.mapping.grammar import FieldName, Lists, Rule, bounded
from contracts.base import Code, Title
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
