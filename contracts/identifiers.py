"""Identifiers with the rules that their issuers set. Each is a constrained `str`: what exists has been checked."""

import re
from datetime import date
from typing import Annotated, Final, Literal

import uuid_utils
from pydantic import AfterValidator, Field, StringConstraints
from stdnum import iban as stdnum_iban
from stdnum.exceptions import ValidationError as StdnumError
from stdnum.it import codicefiscale, iva

from .base import LINE

# Decreto MEF 23 December 1976: letters, then digits of which seven may be letters (omocodia), then the check character.
TAX_CODE_FORM: Final = r"[A-Z]{6}[0-9LMNPQRSTUV]{2}[ABCDEHLMPRST][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]"
_TAX_CODE = re.compile(f"^{TAX_CODE_FORM}$")
_MONTHS = "ABCDEHLMPRST"
_DIGITS = "0123456789LMNPQRSTUV"
_ORGANIZATION_TAX_CODE = re.compile(r"^[0-9]{11}$")
_NOTICE_NUMBER_MODULUS = 93


def check_tax_code(value: str) -> str:
    """`value`, if it is a natural person's tax code in upper case; else ValueError, which does not repeat it."""
    if not _TAX_CODE.fullmatch(value):
        raise ValueError("Non è un codice fiscale di persona, in maiuscolo / not a person's tax code, in upper case")
    if codicefiscale.calc_check_digit(value[:15]) != value[15] or not _born_on_a_day(value):
        raise ValueError("Carattere di controllo o data sbagliati / the tax code's check character or date is wrong")
    return value


def _born_on_a_day(tax_code: str) -> bool:
    # The code does not hold the century: 19yy and 20yy have the same days, but for 1900, and nobody is that old.
    y, yy, d, dd = [_DIGITS.index(tax_code[place]) % 10 for place in (6, 7, 9, 10)]
    try:
        date(2000 + 10 * y + yy, 1 + _MONTHS.index(tax_code[8]), (10 * d + dd) % 40)
    except ValueError:
        return False
    return True


def birth_date(tax_code: str, today: date) -> date:
    """Of whoever has this valid code: the latest day of that year's two digits that is not to come. Nobody is taken for
    older than a hundred."""
    y, yy, d, dd = [_DIGITS.index(tax_code[place]) % 10 for place in (6, 7, 9, 10)]
    month, day = 1 + _MONTHS.index(tax_code[8]), (10 * d + dd) % 40
    year = today.year - (today.year - 10 * y - yy) % 100
    while (year, month, day) > (today.year, today.month, today.day) or not _is_day(year, month, day):
        year -= 100
    return date(year, month, day)


def sex(tax_code: str) -> Literal["F", "M"]:
    """As the valid code says it: a woman's day is written with 40 more."""
    d, dd = (_DIGITS.index(tax_code[place]) % 10 for place in (9, 10))
    return "F" if 10 * d + dd > 40 else "M"


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False  # 29 February 1900
    return True


def check_organization_tax_code(value: str) -> str:
    """`value`, if it is an eleven-digit tax code; else ValueError."""
    # stdnum alone would also take it with `IT` before it, which would be another subject.
    if not _ORGANIZATION_TAX_CODE.fullmatch(value) or not iva.is_valid(value):
        raise ValueError("Non è un codice fiscale di 11 cifre / not an 11-digit tax code of an organisation")
    return value


def check_any_tax_code(value: str) -> str:
    """`value`, if it is the tax code of a person or, in digits alone, of an organisation; else ValueError."""
    return check_organization_tax_code(value) if value.isdigit() else check_tax_code(value)


def _iban(value: str) -> str:
    try:
        if stdnum_iban.validate(value) != value:
            raise ValueError("Scrivere l'IBAN in maiuscolo e senza spazi / without spaces, in upper case")
    except StdnumError as exc:
        raise ValueError("Non è un IBAN / not an IBAN") from exc
    return value


def _uuid7(value: str) -> str:
    if uuid_utils.UUID(value).version != 7:
        raise ValueError("Non è un UUIDv7 / not a UUIDv7")
    return value


TaxCode = Annotated[
    str,
    StringConstraints(min_length=16, max_length=16),
    AfterValidator(check_tax_code),
    Field(json_schema_extra={"pattern": _TAX_CODE.pattern, "examples": ["RSSMRA80A01H501U"]}),
]
"""Codice fiscale of a natural person. Omocodia variants are valid and are different codes (DM 23/12/1976)."""

OrganizationTaxCode = Annotated[
    str,
    StringConstraints(min_length=11, max_length=11, pattern=_ORGANIZATION_TAX_CODE.pattern),
    AfterValidator(check_organization_tax_code),
]
"""Tax code of a legal person: eleven digits with the check digit of the partita IVA."""

NoticeNumber = Annotated[str, StringConstraints(min_length=18, max_length=18, pattern=r"^[0123][0-9]{17}$")]
"""Numero avviso of pagoPA as received: 18 digits, the first 0..3. Its check digits are its maker's affair."""

Iban = Annotated[str, StringConstraints(min_length=15, max_length=34), AfterValidator(_iban)]
IpaCode = Annotated[str, StringConstraints(min_length=3, max_length=20, pattern=r"^[A-Za-z0-9][A-Za-z0-9_]*$")]
"""Codice IPA of an ente, as the Indice delle Pubbliche Amministrazioni spells it: `c_h501`."""

Uuid7 = Annotated[
    str,
    StringConstraints(
        min_length=36, max_length=36, pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
    ),
    AfterValidator(_uuid7),
]
"""RFC 9562 version 7: ours, ordered by time of creation."""

ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$"), LINE]
"""The vendor's own name of an item: printable ASCII, no spaces. Kept in clear, so it must name no person."""

SegregationCode = Annotated[int, Field(ge=0, le=99)]
"""Of notice numbers with aux digit 3: which of a creditor's stations or archives gives them."""

LAST_IUV_BASE = 10**13 - 1
FirstNumber = Annotated[int, Field(ge=1, le=LAST_IUV_BASE)]
"""The IUV base of the first notice number that the hub may give under a segregation code."""

AmountCents = Annotated[int, Field(ge=0, le=99_999_999_999, json_schema_extra={"format": "int64"})]
"""Euro cents. Never a float, never a string."""

# A look-ahead, so that something that only looks like a code cannot hide a real one that begins within it.
_TAX_CODE_INSIDE = re.compile(f"(?=({TAX_CODE_FORM}))", re.IGNORECASE)


def holds_tax_code(text: str) -> bool:
    """Whether a person's tax code, of either case, stands anywhere in `text`."""
    return any(codicefiscale.is_valid(found.upper()) for found in _TAX_CODE_INSIDE.findall(text))


def check_no_tax_code(text: str) -> str:
    """Return `text`, or raise ValueError where a person's tax code stands in it."""
    if holds_tax_code(text):
        raise ValueError("Non deve contenere un codice fiscale / must not contain a tax code")
    return text


def new_uuid7() -> str:
    """A fresh UUIDv7 in lower case."""
    return str(uuid_utils.uuid7())


def make_notice_number(*, application_code: int, iuv_base: int) -> str:
    """A pagoPA notice number with auxiliary digit 0.

    Layout (pagoPA, "Avviso di pagamento analogico", annex on the IUV): `0`, two digits of application code, thirteen of
    IUV base, two check digits, which are the remainder of the sixteen before them divided by 93.

    Raises:
        ValueError: a part does not fit its digits.
    """
    return _notice_number(0, "application_code", application_code, iuv_base)


def make_segregated_number(*, segregation_code: int, iuv_base: int) -> str:
    """A pagoPA notice number with auxiliary digit 3, the only one for new numbers (SACI 3.2.1).

    Layout: `3`, two digits of segregation code, thirteen of IUV base, two check digits, made as with auxiliary digit 0.

    Raises:
        ValueError: a part does not fit its digits.
    """
    return _notice_number(3, "segregation_code", segregation_code, iuv_base)


def _notice_number(auxiliary: int, name: str, code: int, iuv_base: int) -> str:
    if not 0 <= code <= 99:
        raise ValueError(f"{name} has two digits")
    if not 0 <= iuv_base <= LAST_IUV_BASE:
        raise ValueError("iuv_base has thirteen digits")
    body = f"{auxiliary}{code:02d}{iuv_base:013d}"
    return f"{body}{int(body) % _NOTICE_NUMBER_MODULUS:02d}"


def notice_number_checks(notice_number: str) -> bool:
    """Whether the check digits of a notice number with auxiliary digit 0 or 3 are right; other kinds have none."""
    if notice_number[0] not in "03":
        return True
    return int(notice_number[:16]) % _NOTICE_NUMBER_MODULUS == int(notice_number[16:])
