"""Members of OpenCity's records, checked: each function gives a canonical value, or says where the fault is. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from connectors.base.money import whole_cents
from contracts.base import ROME
from contracts.faults import Bilingual, bilingual
from contracts.identifiers import check_organization_tax_code, check_tax_code

_UUID = re.compile(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
_CODE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
_NOTICE_NUMBER = re.compile(r"^[0123][0-9]{17}$")
_AMOUNT = re.compile(r"^[0-9]{1,9}([.,][0-9]{1,2})?$")
_EMAIL = re.compile(r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*$")
_HTTPS = re.compile(r"^https://[^\s<>\"@]{1,1900}$")

NONE: Final = bilingual("non c'è", "there is none")
IN_VAIN: Final = bilingual("chiesto invano", "asked for in vain")


class Fault(Exception):
    """A record cannot become an item: where, a stable code, and words without any of its content."""

    def __init__(self, pointer: str, code: str, detail: Bilingual) -> None:
        super().__init__(code)
        self.pointer = pointer
        self.code = code
        self.detail = detail


def is_identifier(value: object) -> bool:
    """Whether it is one of OpenCity's names of things: a UUID, which leads nowhere else in a path."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def identifier(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if not is_identifier(value):
        raise Fault(f"/{name}", "opencity.no_identifier", bilingual("non è un UUID", "not a UUID"))
    return str(value)


def object_at(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A member that is an object; empty where it is none (an empty object is `[]` at times)."""
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def deep(data: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    value: Any = data
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def string(record: Mapping[str, Any], name: str) -> str | None:
    """A text that is not blank."""
    value = record.get(name)
    return value if isinstance(value, str) and value.strip() else None


def code(record: Mapping[str, Any], name: str) -> str | None:
    """A machine's short name; None for what is none."""
    value = record.get(name)
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def https(value: object) -> str | None:
    """An https address that a citizen may be sent to."""
    return value if isinstance(value, str) and _HTTPS.fullmatch(value) else None


def email(value: object) -> str | None:
    found = value.strip() if isinstance(value, str) else ""
    return found if len(found) <= 254 and _EMAIL.fullmatch(found) else None


def moment_or_none(record: Mapping[str, Any], *names: str, at: str = "") -> datetime | None:
    """The first of the members that is there: ISO 8601 with its offset, or Unix seconds.

    Raises:
        Fault: it is there and is no instant.
    """
    for name in names:
        value = record.get(name)
        if value is None or value == "":
            continue
        found = _instant(value)
        if found is None or not 1900 <= found.year <= 2200:
            raise Fault(
                f"{at}/{name}",
                "opencity.no_instant",
                bilingual("non è un istante con il suo fuso", "not an instant with its offset"),
            )
        return found
    return None


def moment(record: Mapping[str, Any], *names: str) -> datetime:
    """The same. Raises Fault where there is none as well."""
    found = moment_or_none(record, *names)
    if found is None:
        raise Fault(f"/{names[0]}", "opencity.no_instant", NONE)
    return found


def _instant(value: object) -> datetime | None:
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found.astimezone(UTC) if found.tzinfo is not None else None
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def day(instant: datetime) -> str:
    """The day that it is in Rome, where the municipality's clocks are."""
    return instant.astimezone(ROME).date().isoformat()


def cents(value: object, pointer: str) -> int:
    """Euro cents of a decimal number, or of a string of one (comma or point); exact, never rounded.

    Raises:
        Fault: it is no amount, negative, or finer than a cent.
    """
    try:
        if isinstance(value, Decimal):  # an exact number may be written with zeros or an exponent
            return whole_cents(value)
        given = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
        if _AMOUNT.fullmatch(given):
            return whole_cents(Decimal(given.replace(",", ".")))
    except (ArithmeticError, ValueError):
        pass  # not a number at all, or none that is an amount
    raise Fault(
        pointer,
        "opencity.no_amount",
        bilingual(
            "non è un importo in euro con al massimo due decimali", "not an amount in euro with at most two decimals"
        ),
    )


def notice_number(value: object, pointer: str) -> str | None:
    """A pagoPA notice number; None while there is none yet."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _NOTICE_NUMBER.fullmatch(value):
        raise Fault(
            pointer,
            "opencity.no_notice_number",
            bilingual("non sono le 18 cifre di un avviso", "not 18 digits of a notice"),
        )
    return value


def person(value: object, pointer: str) -> dict[str, str]:
    """A recipient: a person's tax code, or an organisation's.

    Raises:
        Fault: it is neither.
    """
    given = value.strip().upper() if isinstance(value, str) else ""
    try:
        if given.isdigit():
            return {"subject_kind": "organization", "tax_code": check_organization_tax_code(given)}
        return {"tax_code": check_tax_code(given)}
    except ValueError:
        raise Fault(pointer, "opencity.no_tax_code", bilingual("non è un codice fiscale", "not a tax code")) from None


def organization(value: object) -> str | None:
    """An organisation's tax code; None for what is none."""
    try:
        return check_organization_tax_code(value) if isinstance(value, str) else None
    except ValueError:
        return None
