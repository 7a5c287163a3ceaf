"""Statistics about subscribers (S42): no number so small that it speaks of a person, nor one to work it out by."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.identifiers import birth_date, sex
from hub.ingest.statistics import band, protected

pytestmark = pytest.mark.req("S42")

TODAY = date(2026, 11, 26)
tables = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), st.integers(0, 12), max_size=8)


@given(tables, st.integers(3, 8))
def test_what_is_left_out_cannot_be_worked_out(table, smallest):
    hidden = protected(table, smallest)
    assert {value for value, count in table.items() if 0 < count < smallest} <= hidden
    # What a reader knows: the total, what is told, and, where something is told, that nothing left out is nought.
    left, least = sum(table[value] for value in hidden), 0 if hidden == frozenset(table) else 1
    if hidden and sum(table.values()) >= smallest and len(table) > 1:
        assert len(hidden) > 1
        assert left >= smallest
        # Each of them may be at least two numbers.
        assert left - least * len(hidden) >= 1


@given(tables, st.integers(3, 8))
def test_nothing_is_left_out_without_need(table, smallest):
    if all(count == 0 or count >= smallest for count in table.values()):
        assert protected(table, smallest) == frozenset()


def test_the_next_larger_one_goes_with_a_small_one():
    assert protected({"a": 2, "b": 40, "c": 9, "d": 0}, 5) == {"a", "c"}
    assert protected({"a": 3, "b": 4, "c": 9}, 5) == {"a", "b"}
    # Two ones are told by their sum; where all are ones, all of the table is.
    assert protected({"a": 1, "b": 1, "c": 9}, 5) == {"a", "b", "c"}
    assert protected(dict.fromkeys("abcdef", 1) | {"g": 0}, 5) == set("abcdefg")


def test_of_so_few_nothing_is_told():
    assert protected({"F": 0, "M": 4}, 5) == {"F", "M"}


@pytest.mark.parametrize(
    ("code", "born", "of"),
    [
        ("RSSMRA80A01H501U", date(1980, 1, 1), "M"),
        ("RSSMRA80A41H501Y", date(1980, 1, 1), "F"),
        ("RSSMRA26S66H501X", date(2026, 11, 26), "F"),
        ("RSSMRA26S27H501X", date(1926, 11, 27), "M"),
        ("RSSMRA80A0MH501X", date(1980, 1, 1), "M"),
        ("RSSMRA80AQMH501X", date(1980, 1, 1), "F"),
    ],
)
def test_birth_date_and_sex_of_a_tax_code(code, born, of):
    assert (birth_date(code, TODAY), sex(code)) == (born, of)


@given(st.dates(date(1850, 1, 1), TODAY))
def test_every_age_has_its_band(born):
    name = band(born, TODAY)
    age = TODAY.year - born.year - ((TODAY.month, TODAY.day) < (born.month, born.day))
    low, _, high = name.rstrip("+").partition("-")
    assert int(low) <= age
    assert name.endswith("+") or age <= int(high)


def test_the_birthday_is_the_first_day_of_an_age():
    assert band(date(2023, 11, 26), TODAY) == "03-05"
    assert band(date(2023, 11, 26) + timedelta(days=1), TODAY) == "00-02"
