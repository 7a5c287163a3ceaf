"""The services of which payments may be demanded (paDemandPaymentNotice), as an administrator writes them.

The data of a demand are an XML whose schema is the service's own, from pagoPA's catalogue. An administrator writes the
rules by which it becomes a payment, tariffs among them, in the language of mappings; the rules see the XML as JSON,
beginning with its root: names without their namespace, texts, and no attributes.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from pydantic import Field, StringConstraints, model_validator

from connectors.base.mapping.expressions import ExpressionText
from connectors.base.mapping.grammar import (
    FieldName,
    Lists,
    Rule,
    bounded,
    fixed_values,
)
from connectors.base.money import MOST_CENTS
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
    """Una prova delle regole di un servizio, tenuta con esse. / A test of a service's rules, kept with them."""

    name: Title
    """Il nome della prova. / The test's name."""
    sample: str
    """L'XML di una richiesta. / The XML of a demand."""
    expect: dict[str, Any] | None = None
    """I campi che le regole ne fanno, e nessun altro. / The fields that the rules make of it, and no other."""
    wrong: Annotated[tuple[Code, ...], Field(max_length=50)] = ()
    """I codici degli errori, se non se ne fa un pagamento. / The codes of the faults, where no payment is made."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.expect is None) is not bool(self.wrong):
            raise ValueError("a test has expect, or wrong")
        return self


class SpontaneousService(Lists):
    """Un servizio del catalogo pagoPA di cui i PSP possono chiedere pagamenti, e come se ne fa uno. / A service of
    pagoPA's catalogue that payment service providers may demand payments of, and how one is made."""

    id_servizio: IdServizio
    """`idServizio` nel catalogo dei servizi di pagoPA: cinque caratteri. / `idServizio` in pagoPA's catalogue of
    services: five characters."""
    service_id: Code | None = None
    """Il servizio del catalogo dell'ente a cui appartiene il pagamento; se manca, quello delle ricevute. / The service
    of the ente's catalogue that the payment belongs to; by default that of receipts."""
    vendor_id: Code | None = None
    """Di quale fornitore è il pagamento; se manca, quello delle ricevute. / Whose payment it is; by default whose the
    receipts are."""
    source: Code | None = None
    """La `source` sotto cui sta; se manca, quella delle ricevute. / The `source` that it is filed under; by default
    that of receipts."""
    valid_days: Annotated[int, Field(ge=1, le=365)] = 3
    """Per quanti giorni si può pagare, se le regole non fanno `due_date`. / For how many days it can be paid, where the
    rules make no `due_date`."""
    when: ExpressionText | None = None
    """Espressione JMESPath: dove non è vera dei dati, non c'è pagamento. / A JMESPath expression: where it is not true
    of the data, there is no payment."""
    fields: Annotated[dict[FieldName, Rule], Field(min_length=1, max_length=100)]
    """Per ogni campo del pagamento, la regola che lo fa. / For each field of the payment the rule that makes it."""
    tests: Annotated[tuple[ServiceTest, ...], Field(max_length=50)] = ()
    """Prove che si eseguono quando le impostazioni sono salvate. / Tests that are run when the settings are saved."""

    @model_validator(mode="after")
    def _makes_a_payment(self) -> Self:
        if unknown := sorted(set(self.fields) - _FIELDS):
            raise ValueError(f"/fields/{unknown[0]}: rules make {', '.join(sorted(_FIELDS))}")
        if missing := sorted(_NEEDED - set(self.fields)):
            raise ValueError(f"/fields: {', '.join(missing)} are needed")
        bounded(self.fields.values())
        for place, value in fixed_values(self.fields["amount_cents"], "/fields/amount_cents"):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_CENTS:
                raise ValueError(f"{place}: an amount is a whole number of cents, from 1 to {MOST_CENTS}")
        if len({test.name for test in self.tests}) != len(self.tests):
            raise ValueError("two tests have one name")
        return self


@dataclass(frozen=True, slots=True)
class Filed:
    """Where payments of a service are filed, and who is paid."""

    vendor_id: str
    source: str
    service_id: str | None
    numbering: Numbering
