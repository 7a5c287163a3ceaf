"""Amounts in euro, as decimals, to whole cents. Never a float."""

from decimal import Decimal
from typing import Final

MOST_CENTS: Final = 99_999_999_999
"""999999999.99 euro, the most that pagoPA's `stAmount` holds."""


def whole_cents(euros: Decimal) -> int:
    """The cents. Of more than 28 digits the arithmetic is not exact.

    Raises:
        ValueError: it has parts of a cent, is negative, or more than an amount can be.
        ArithmeticError: it is a number that cannot be reckoned with.
    """
    hundredfold = euros.scaleb(2)
    if hundredfold != hundredfold.to_integral_value():
        raise ValueError("an amount has no parts of a cent")
    if not 0 <= hundredfold <= MOST_CENTS:
        raise ValueError("an amount is from 0.00 to 999999999.99")
    return int(hundredfold)
