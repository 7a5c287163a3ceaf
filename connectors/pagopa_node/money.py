"""Euro cents, and the decimals with two places that SOAP and the reporting flows write (`stAmount`). Never a float."""

from decimal import Decimal
from re import fullmatch
from typing import Final

from connectors.base.money import MOST_CENTS, whole_cents

_MOST_DIGITS: Final = 20
_AMOUNT: Final = r"[0-9]{1,9}\.[0-9]{2}"


def euro(cents: int) -> str:
    """`cents` as `stAmount`: `\\d+\\.\\d{2}`. Raises ValueError below zero and above the most."""
    if not 0 <= cents <= MOST_CENTS:
        raise ValueError("an amount is from 0.00 to 999999999.99")
    return f"{cents // 100}.{cents % 100:02d}"


def cents(text: str) -> int:
    """The cents of a `stAmount`. Raises ValueError for any other way of writing."""
    if fullmatch(_AMOUNT, text) is None:
        raise ValueError("an amount has two decimals, a point, and no sign")
    return int(Decimal(text).scaleb(2))


def cents_of_number(value: object) -> int:
    """The cents of a JSON number of the flows (`pay`, `sumPayments`), which may leave out zeros: 0.1, 12.

    Raises:
        ValueError: it is no number, has parts of a cent, is negative, or more than an amount can be.
    """
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise ValueError("an amount is a decimal number")  # noqa: TRY004 - pydantic wants a ValueError
    exact = Decimal(value)
    _, digits, exponent = exact.as_tuple()
    # So few digits that the arithmetic of 28 is exact.
    if not isinstance(exponent, int) or len(digits) > _MOST_DIGITS or not -_MOST_DIGITS <= exponent <= _MOST_DIGITS:
        raise ValueError("not an amount")
    return whole_cents(exact)
