"""Cents and decimals: the same amount, exactly, or none."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base.money import MOST_CENTS
from connectors.pagopa_node.money import cents, cents_of_number, euro


@given(st.integers(0, MOST_CENTS))
def test_cents_and_decimals_are_the_same_amount(amount):
    assert cents(euro(amount)) == amount
    assert Decimal(euro(amount)) * 100 == amount
    assert cents_of_number(Decimal(amount) / 100) == amount


@given(st.decimals(allow_nan=True) | st.integers() | st.floats() | st.none() | st.booleans())
def test_a_number_is_exact_cents_or_none(value):
    try:
        amount = cents_of_number(value)
    except ValueError:
        return
    assert Decimal(value) * 100 == amount


@pytest.mark.parametrize("text", ["1", "1.0", "1.000", "+1.00", "1e2", "١.٠٠", "1000000000.00", ".10", "1.00\n", "NaN"])
def test_an_amount_has_one_way_to_be_written(text):
    with pytest.raises(ValueError, match="two decimals"):
        cents(text)


def test_an_amount_has_its_bounds():
    for wrong in (-1, MOST_CENTS + 1):
        with pytest.raises(ValueError, match="an amount is from"):
            euro(wrong)
