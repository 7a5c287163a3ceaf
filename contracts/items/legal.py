"""A legal notification through SEND, as a message wishes for it (`spec/send.md`, NewNotificationRequestV26).

The message is one notification to its own recipient. What is notified are the documents it links to (`rel: document`),
what is to be paid the payments (`rel: payment`), both published before by the same vendor and source, and the forms of
`f24`. SEND shows `subject` and `abstract` on notices of delivery: they must name no person, and are not taken from the
message's words.
"""

import re
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from ..base import LINE, Model
from ..identifiers import check_no_tax_code
from ..party import EmailAddress
from .f24 import F24Payment

MOST_DOCUMENTS = 15
"""What one call for upload addresses takes at SEND; its own configuration may allow fewer."""

_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_IBAN = re.compile(r"\bIT[0-9]{2}[A-Z][0-9]{10}[0-9A-Z]{12}\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")


def _names_nobody(value: str) -> str:
    if _ADDRESS.search(check_no_tax_code(value)):
        raise ValueError("Non deve contenere un indirizzo e-mail / must not contain an e-mail address")
    if _IBAN.search(value):
        raise ValueError("Non deve contenere un IBAN / must not contain an IBAN")
    return value


def _latin(value: str) -> str:
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError("Solo caratteri di ISO-Latin-1 / must be of ISO-Latin-1 characters") from None
    if "|" in value:
        raise ValueError("Non deve contenere | / must not contain |")
    return value


Impersonal = AfterValidator(_names_nobody)
Line256 = Annotated[str, StringConstraints(min_length=1, max_length=256), LINE]
Denomination = Annotated[str, StringConstraints(min_length=1, max_length=88), LINE, AfterValidator(_latin)]
"""A name as SEND prints it on paper: 1 to 88 characters of ISO-Latin-1 without `|`."""
_Hundred = Annotated[int, Field(ge=0, le=100, json_schema_extra={"format": "int32"})]


class PostalAddress(Model):
    """Where the letter goes, as it is to be printed."""

    at: Annotated[str, StringConstraints(min_length=1, max_length=44), LINE] | None = None
    address: Annotated[str, StringConstraints(min_length=2, max_length=1024), LINE]
    address_details: Annotated[str, StringConstraints(min_length=1, max_length=1024), LINE] | None = None
    zip: Annotated[str, StringConstraints(min_length=1, max_length=15, pattern=r"^[A-Za-z0-9 -]+$")] | None = None
    municipality: Annotated[str, StringConstraints(min_length=2, max_length=256), LINE]
    municipality_details: Line256 | None = None
    province: Line256 | None = None
    foreign_state: Line256 | None = None

    @model_validator(mode="after")
    def _italian_ones_have_a_zip(self) -> Self:
        if self.foreign_state is None and (self.zip is None or self.province is None):
            raise ValueError(
                "Un indirizzo in Italia vuole CAP e provincia / an address in Italy needs zip and province"
            )
        return self


class LegalNotification(Model):
    """What SEND needs to know beside the message's recipient and what it links to."""

    protocol_number: Annotated[Line256, AfterValidator(check_no_tax_code)]
    """The body's own registry number of the notification: it stays the same where a refused one is corrected."""
    subject: Annotated[str, StringConstraints(min_length=1, max_length=134), LINE, Impersonal]
    abstract: Annotated[str, StringConstraints(min_length=1, max_length=1024), LINE, Impersonal] | None = None
    taxonomy_code: Annotated[str, StringConstraints(min_length=7, max_length=7, pattern=r"^[0-9]{6}[A-Z]$")]
    """Of SEND's own taxonomy, which is not pagoPA's."""
    physical_communication: Literal["AR_REGISTERED_LETTER", "REGISTERED_LETTER_890"]
    fee_policy: Literal["FLAT_RATE", "DELIVERY_MODE"] = "FLAT_RATE"
    """`DELIVERY_MODE`: the costs of the notification are added to the payments; then `fee_cents` and `vat_percent`."""
    fee_cents: _Hundred | None = None
    vat_percent: _Hundred | None = None
    payment_update: Literal["NONE", "SYNC", "ASYNC"] = "NONE"
    """How pagoPA learns of those costs (`pagoPaIntMode`)."""
    recipient_name: Denomination
    postal_address: PostalAddress | None = None
    """Without one, SEND looks it up in the national registers."""
    pec: EmailAddress | None = None
    """A digital domicile for this notification; SEND looks for that of the registers by itself."""
    additional_language: Literal["DE", "SI", "FR"] | None = None
    f24: Annotated[tuple[F24Payment, ...], Field(max_length=MOST_DOCUMENTS - 1, fail_fast=True)] = ()
    """What is to be paid by F24, beside the pagoPA payments that the message links to."""

    @model_validator(mode="after")
    def _costs(self) -> Self:
        costs = (self.fee_cents, self.vat_percent)
        if self.fee_policy == "DELIVERY_MODE" and None in costs:
            raise ValueError(
                "DELIVERY_MODE vuole fee_cents e vat_percent / fee_policy DELIVERY_MODE needs fee_cents and vat_percent"
            )
        if self.fee_policy == "FLAT_RATE" and costs != (None, None):
            raise ValueError(
                "fee_cents e vat_percent: solo con DELIVERY_MODE / "
                "fee_cents and vat_percent go with fee_policy DELIVERY_MODE alone"
            )
        if self.fee_policy == "FLAT_RATE" and self.payment_update != "NONE":
            raise ValueError(
                "payment_update: solo con DELIVERY_MODE / payment_update goes with fee_policy DELIVERY_MODE alone"
            )
        return self

    @model_validator(mode="after")
    def _forms(self) -> Self:
        if any(one.metadata == other.metadata for one, other in combinations(self.f24, 2)):
            raise ValueError("f24 ha due volte lo stesso modello / f24 holds the same form twice")
        # Which line of a form bears the costs SEND cannot guess; of a flat rate there are none to bear.
        wanted = 1 if self.fee_policy == "DELIVERY_MODE" else 0
        if any(form.costs != wanted for form in self.f24):
            raise ValueError(
                "applyCost: true sulle righe sbagliate / "
                f"with fee_policy {self.fee_policy} each f24 has applyCost true on {wanted} of its lines"
            )
        return self

    @model_validator(mode="after")
    def _does_not_name_its_recipient(self) -> Self:
        # All of the name's words: a single one is often a common word as well.
        name = {word.casefold() for word in _WORD.findall(self.recipient_name) if len(word) > 1}
        for field in ("subject", "abstract"):
            said = {word.casefold() for word in _WORD.findall(getattr(self, field) or "")}
            if name and name <= said:
                raise ValueError(f"{field} non deve nominare il destinatario / {field} must not name the recipient")
        return self
