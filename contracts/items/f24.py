"""F24 payments of a legal notification: the data from which SEND prints the form (its `F24Metadata`).

The names and limits are SEND's own (description of the B2B API, `F24Metadata`), in the form in which SEND takes them; a
test holds this table against that description. Amounts are euro cents in three to fifteen digits: "050" is fifty cents.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from ..base import LINE, Model
from ..identifiers import check_no_tax_code


@dataclass(frozen=True, slots=True)
class Many:
    """A list of these; SEND sets no bound, and paper has one."""

    each: "Shape"
    most: int = 50


Shape = dict[str, "str | bool | Many | Shape"]
"""Members by name: a pattern for text, True for yes or no, a shape, or many of them. A `!` after the name: needed."""

_AMOUNT = "[0-9]{3,15}"
_YEAR = "[1-2][0-9]{3}"
_PART = "[A-Z0-9]{0,4}"
_TAX_CODE = "[A-Z]{6}[0-9LMNPQRSTUV]{2}[ABCDEHLMPRST][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]|[0-9]{11}"

_COST: Final[Shape] = {"applyCost!": True}
_MONEY: Final[Shape] = {"debit": _AMOUNT, "credit": _AMOUNT}
_PERIOD: Final[Shape] = {"startDate": "[0-9]{6}", "endDate": "[0-9]{6}"}
_PERSONAL: Final[Shape] = {
    # The description has a backslash and an s where it means white space, as in the places below.
    "surname": r"[A-Z\s]{1,24}",
    "name": r"[A-Z\s]{1,20}",
    "birthDate": "[0-9]{2}-[0-9]{2}-[0-9]{4}",
    "sex": "[FM]",
    "birthPlace": r"[A-Z\s]{1,40}",
    "birthProvince": "[A-Z]{2}",
}
_ADDRESS: Final[Shape] = {"municipality": "[A-Z]{1,40}", "province": "[A-Z]{2}", "address": r"[A-Z0-9\s.]{1,35}"}
_TAXED: Final[Shape] = {"taxCode": _TAX_CODE, "relativePersonTaxCode": _TAX_CODE, "id": "[A-Z0-9]{2}"}
_PAYER: Final[Shape] = {**_TAXED, "person": {"personalData": _PERSONAL, "taxAddress": _ADDRESS}}
_COMPANY: Final[Shape] = {"company": {"name": r"[A-Z\s]{1,60}", "taxAddress": _ADDRESS}}
_WHOLE_PAYER: Final[Shape] = {**_PAYER, **_COMPANY, "isNotTaxYear": True}
_OFFICE: Final[Shape] = {"office": "[A-Z0-9]{3}", "document": "[0-9]{11}"}
_TAX: Final[Shape] = {**_COST, **_MONEY, "taxType": "[A-Z0-9]{4}", "installment": _PART, "year": _YEAR}
_LOCAL: Final[Shape] = {
    **_COST,
    **_MONEY,
    "municipality!": "[0-9A-Z]{4}",
    "reconsideration": True,
    "propertiesChanges": True,
    "advancePayment": True,
    "fullPayment": True,
    "numberOfProperties": "[0-9]{3}",
    "taxType!": "[0-9]{4}",
    "installment": _PART,
    "year": _YEAR,
}
_OPERATION: Final[Shape] = {"operationId": "[A-Z0-9]{18}"}
_INPS: Final[Shape] = {
    **_COST,
    **_MONEY,
    "office": "[0-9]{3,4}",
    "reason": "[A-Z-]{3,4}",
    "inps": r"[A-Za-z0-9\s]{0,17}",
    "period": _PERIOD,
}
_REGION: Final[Shape] = {
    **_COST,
    **_MONEY,
    "region": "[0-9]{2}",
    "taxType": "[0-9A-Z]{4}",
    "installment": _PART,
    "year": _YEAR,
}
_SECTIONS: Final[Shape] = {
    "treasury": {**_OFFICE, "records": Many(_TAX)},
    "inps": {"records": Many(_INPS)},
    "region": {"records": Many(_REGION)},
    "localTax": {**_OPERATION, "records": Many(_LOCAL), "deduction": _AMOUNT},
}
_INAIL: Final[Shape] = {
    **_COST,
    **_MONEY,
    "office": "[0-9]{5}",
    "company": "[0-9]{8}",
    "control": "[0-9]{2}",
    "refNumber": "[0-9]{6}",
    "reason": "[A-Z0-9]",
}
_OTHER_BODY: Final[Shape] = {
    **_COST,
    **_MONEY,
    "institution": "[0-9]{4}",
    "office": "[0-9A-Z]{5}",
    "reason": "[0-9A-Z]{3,4}",
    "position": "[0-9]{9}",
    "period": _PERIOD,
}
_EXCISE: Final[Shape] = {
    **_COST,
    "institution": "[A-Z]{2}",
    "province": "[A-Z]{2}",
    "id": "[A-Z0-9]{17}",
    "taxType": "[0-9A-Z]{4}",
    "installment": _PART,
    "month": "[0-1][0-9]",
    "year": _YEAR,
    "debit": _AMOUNT,
}
_ELID: Final[Shape] = {
    **_COST,
    "type": "[A-Z]",
    "id": "[A-Z0-9]{17}",
    "taxType": "[A-Z0-9]{4}",
    "year": _YEAR,
    "debit": _AMOUNT,
}

F24: Final[Mapping[str, Shape]] = {
    "f24Standard": {
        "taxPayer": _WHOLE_PAYER,
        **_SECTIONS,
        "socialSecurity": {"records": Many(_INAIL), "socSecRecords": Many(_OTHER_BODY)},
    },
    "f24Simplified": {
        "taxPayer": {name: each for name, each in _PAYER.items() if name != "person"}
        | {**_OFFICE, "personalData": _PERSONAL},
        "payments": {**_OPERATION, "records": Many({**_LOCAL, "section!": "ER|RG|EL"})},
    },
    "f24Excise": {
        "taxPayer": _WHOLE_PAYER,
        **_SECTIONS,
        "excise": {**_OFFICE, "records": Many(_EXCISE)},
    },
    "f24Elid": {"taxPayer": {**_PAYER, **_COMPANY}, "treasury": {**_OFFICE, "records": Many(_ELID)}},
}
"""The forms; a payment is one of them."""


def _held(value: object, shape: Shape, place: str) -> None:
    """Raises ValueError with the place of the first fault; it repeats no value."""
    if not isinstance(value, dict):
        raise ValueError(f"{place} deve essere un oggetto / {place} must be an object")  # noqa: TRY004 - pydantic wants a ValueError
    known = {name.rstrip("!"): each for name, each in shape.items()}
    if unknown := value.keys() - known.keys():
        raise ValueError(
            f"{place} ha campi che SEND non conosce / {place} has members that SEND does not know: {len(unknown)}"
        )
    if missing := [name[:-1] for name in shape if name.endswith("!") and name[:-1] not in value]:
        raise ValueError(f"{place} non è completo / {place} needs {', '.join(missing)}")
    for name, found in value.items():
        _member(found, known[name], f"{place}/{name}")


def _member(found: object, wanted: "str | bool | Many | Shape", place: str) -> None:
    if isinstance(wanted, str):
        if not isinstance(found, str) or not re.fullmatch(wanted, found):
            raise ValueError(f"{place} non ha la forma richiesta / {place} must be text like {wanted}")
    elif isinstance(wanted, bool):
        if not isinstance(found, bool):
            raise ValueError(f"{place} deve essere true o false / {place} must be true or false")  # noqa: TRY004 - pydantic wants a ValueError
    elif isinstance(wanted, Many):
        if not isinstance(found, list) or not 1 <= len(found) <= wanted.most:
            raise ValueError(f"{place} deve essere una lista / {place} must be a list of 1 to {wanted.most}")
        for number, each in enumerate(found):
            _held(each, wanted.each, f"{place}/{number}")
    else:
        _held(found, wanted, place)


def _form(value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    if len(value) != 1 or not value.keys() <= F24.keys():
        raise ValueError(f"Deve essere uno solo di questi / must be exactly one of {', '.join(F24)}")
    ((name, form),) = value.items()
    _held(form, F24[name], f"/{name}")
    if not list(_records(form)):
        raise ValueError(f"/{name} non ha nulla da pagare / /{name} has nothing to pay")
    return value


def _records(value: Any) -> Iterator[Mapping[str, Any]]:
    """Whatever on the form bears `applyCost`: its lines."""
    if isinstance(value, dict):
        if "applyCost" in value:
            yield value
        for each in value.values():
            yield from _records(each)
    elif isinstance(value, list):
        for each in value:
            yield from _records(each)


_OPEN: Final[dict[str, Any]] = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": {"type": "object", "maxProperties": 20, "additionalProperties": {}},
}


class F24Payment(Model):
    """An F24 that SEND prints and encloses."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=512), LINE, AfterValidator(check_no_tax_code)]
    """Of the form, as the recipient sees it on SEND."""
    metadata: Annotated[dict[str, dict[str, Any]], Field(max_length=1), AfterValidator(_form), WithJsonSchema(_OPEN)]

    @property
    def costs(self) -> int:
        """How many of its lines the costs of the notification are added to."""
        return sum(each["applyCost"] is True for each in _records(self.metadata))
