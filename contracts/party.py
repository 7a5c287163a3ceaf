"""The people an item is about."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from .base import LINE, Model
from .identifiers import TaxCode, check_organization_tax_code, check_tax_code

SubjectKind = Literal["person", "organization"]

EmailAddress = Annotated[
    str,
    StringConstraints(
        min_length=3,
        max_length=254,
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*$",
    ),
    LINE,
]
"""An address of RFC 5321 without quoted local parts: what municipal registers hold."""


class Recipient(Model):
    """Whose personal area the item belongs to; an organisation only where `subject_kind` says so."""

    subject_kind: SubjectKind = "person"
    tax_code: Annotated[str, Field(min_length=11, max_length=16, pattern=r"^[A-Z0-9]+$", examples=["RSSMRA80A01H501U"])]
    email: EmailAddress | None = None
    digital_address: EmailAddress | None = None
    """The domicilio digitale, as the vendor has looked it up in INAD, INI-PEC or IPA for this publication (CAD 3-bis,
    6-bis to 6-quater): where the channel `pec` writes to. It is used for that item alone, and kept with it."""

    @field_validator("tax_code")
    @classmethod
    def _of_its_kind(cls, value: str, info: ValidationInfo) -> str:
        check = check_organization_tax_code if info.data.get("subject_kind") == "organization" else check_tax_code
        return check(value)


class Beneficiary(Model):
    """A person the item is about besides its recipient: a child at nursery school, a co-holder."""

    tax_code: TaxCode
    role: Literal["child", "co_holder", "delegate", "guardian", "applicant", "other"]
