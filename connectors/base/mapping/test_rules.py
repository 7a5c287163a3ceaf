"""What each rule makes of what a source writes: exactly, or with a fault that says why."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from connectors.base.mapping.cleaning import cleaner
from connectors.base.mapping.expressions import CannotEvaluate, Expression, exact_number
from connectors.base.mapping.grammar import Rule
from connectors.base.mapping.money import cents_reader
from connectors.base.mapping.rules import ready
from connectors.base.mapping.unmappable import Unmappable

RULE = TypeAdapter(Rule)


def made(rule, value, **record):
    """What the rule makes of a record whose `v` is this; a text says which fault there is."""
    text = json.dumps({"from": "v"} | rule if rule["as"] not in ("constant", "joined", "first", "object") else rule)
    try:
        return ready(RULE.validate_json(text), "")({"v": value} | record, None)
    except Unmappable as fault:
        return fault.code


@pytest.mark.parametrize(
    ("notation", "text", "cents"),
    [
        ("it", "1.234,56", 123456),
        ("it", "€ 1.234,5", 123450),
        ("it", "12", 1200),
        ("it", "1.250", 125000),
        ("it", "0,01 EUR", 1),
        ("it", "-3,00", -300),
        ("it", "1\xa0234,56", "mapping.money"),
        ("it", "12.34", "mapping.money"),
        ("it", "1.23,45", "mapping.money"),
        ("it", "1,234", "mapping.money"),
        ("it", "12,345", "mapping.money"),
        ("it", "1e3", "mapping.money"),
        ("it", "١٢", "mapping.money"),
        ("it", "", None),
        ("en", "1,234.56", 123456),
        ("en", "1234.5", 123450),
        ("en", "12,34", "mapping.money"),
        ("cents", "1234", 1234),
        ("cents", 1234, 1234),
        ("cents", "12,34", "mapping.money"),
        ("it", 12, 1200),
        ("it", Decimal("12.5"), 1250),
        ("it", Decimal("12.500"), 1250),
        ("it", Decimal("12.505"), "mapping.money"),
        ("en", True, "mapping.money"),
        ("en", [1], "mapping.money"),
        ("cents", Decimal("12.5"), "mapping.money"),
    ],
)
def test_money(notation, text, cents):
    assert made({"as": "money", "notation": notation}, text) == cents


@given(st.integers(0, 99_999_999_999), st.sampled_from(["it", "en"]))
def test_every_amount_comes_back(cents, notation):
    written = f"{cents // 100:,}.{cents % 100:02d}"
    if notation == "it":
        written = written.translate(str.maketrans(",.", ".,"))
    assert cents_reader(notation)(written) == cents
    assert cents_reader(notation)(exact_number(f"{cents // 100}.{cents % 100:02d}")) == cents


@pytest.mark.parametrize(
    ("rule", "value", "moment"),
    [
        ({}, "2026-02-03T09:12:44+01:00", "2026-02-03T09:12:44+01:00"),
        ({}, "2026-07-01T12:00:00", "2026-07-01T12:00:00+02:00"),
        ({}, "2026-07-01", "2026-07-01T00:00:00+02:00"),
        ({"of_day": "end"}, "2026-01-31", "2026-01-31T23:59:59+01:00"),
        ({"formats": ["%d/%m/%Y %H:%M"]}, "1/3/2026 9:05", "2026-03-01T09:05:00+01:00"),
        ({"formats": ["%d/%m/%Y", "iso"]}, "2026-03-01", "2026-03-01T00:00:00+01:00"),
        ({"formats": ["%Y%m%d"]}, 20260301, "2026-03-01T00:00:00+01:00"),
        ({"formats": ["unix"]}, 1770106364, "2026-02-03T08:12:44+00:00"),
        ({"formats": ["unix"]}, "1770106364", "2026-02-03T08:12:44+00:00"),
        ({"formats": ["unix_ms"]}, 1770106364123, "2026-02-03T08:12:44.123000+00:00"),
        ({"formats": ["unix"]}, 10**20, "mapping.time"),
        ({"zone": "Europe/London"}, "2026-07-01T12:00:00", "2026-07-01T12:00:00+01:00"),
        # 29 March 2026: from 2 to 3 there is no time; 25 October: from 2 to 3 there is twice.
        ({}, "2026-03-29T01:59:59", "2026-03-29T01:59:59+01:00"),
        ({}, "2026-03-29T02:30:00", "mapping.time_gap"),
        ({}, "2026-03-29T03:00:00", "2026-03-29T03:00:00+02:00"),
        ({}, "2026-10-25T02:30:00", "mapping.time_ambiguous"),
        ({"ambiguous": "earlier"}, "2026-10-25T02:30:00", "2026-10-25T02:30:00+02:00"),
        ({"ambiguous": "later"}, "2026-10-25T02:30:00", "2026-10-25T02:30:00+01:00"),
        ({}, "31/02/2026", "mapping.time"),
        ({"formats": ["%d/%m/%Y"]}, "31/02/2026", "mapping.time"),
        ({"formats": ["%d/%m/%Y"]}, "٣/٣/٢٠٢٦", "mapping.time"),
        ({}, 7, "mapping.time"),
    ],
)
def test_moments(rule, value, moment):
    assert made({"as": "moment"} | rule, value) == moment


def test_what_did_not_exist_is_said_clearly():
    rule = ready(RULE.validate_python({"as": "moment", "from": "v"}), "")
    with pytest.raises(Unmappable) as caught:
        rule({"v": "2026-03-29T02:30:00"}, None)
    assert caught.value.detail == (
        "in Europe/Rome quel giorno le 02:30 non c'erano: le lancette sono andate avanti / "
        "02:30 did not exist on that day in Europe/Rome: clocks went forward"
    )


@pytest.mark.parametrize(
    ("rule", "value", "day"),
    [
        ({}, "2026-02-03", "2026-02-03"),
        ({}, "2026-02-03T23:30:00Z", "2026-02-04"),
        ({}, "2026-02-03T23:30:00", "2026-02-03"),
        ({"formats": ["%d/%m/%Y"]}, " 03/02/2026 ", "2026-02-03"),
        ({"formats": ["unix"]}, 0, "1970-01-01"),
    ],
)
def test_days(rule, value, day):
    assert made({"as": "date"} | rule, value) == day


@pytest.mark.parametrize("form", ["%d/%m/%y", "%A %d/%m/%Y", "%d/%d/%m/%Y", "%H:%M", "", "d/m/Y"])
def test_a_format_that_would_be_guessed_at_is_refused(form):
    with pytest.raises(ValidationError):
        RULE.validate_python({"as": "date", "from": "v", "formats": (form,)})


@pytest.mark.parametrize(
    ("rule", "value", "text"),
    [
        ({}, "  Ciao ", "Ciao"),
        ({}, "", None),
        ({}, "   ", None),
        ({"default": "-"}, " ", "-"),
        ({"required": True}, None, "mapping.required"),
        ({"required": True, "default": "-"}, None, "-"),
        ({}, 12, "12"),
        ({}, Decimal("12.50"), "12.50"),
        ({}, Decimal("1E+2"), "100"),
        ({}, True, "true"),
        ({}, ["a"], "mapping.not_a_text"),
        ({"clean": ["squeeze", "upper"]}, " a\n b ", "A B"),
        ({"clean": ["html"]}, "<p>Ciao&nbsp;<b>Ada</b></p><script>x()</script><p>Fine</p>", "Ciao Ada\nFine"),
        ({"clean": ["digits"], "zeros": 5}, "n. 42", "00042"),
        ({"clean": ["letters_digits"]}, "RSS MRA-80", "RSSMRA80"),
        ({"clean": ["controls"]}, "a\x00b\u202ec", "abc"),
        ({"clean": []}, " a ", " a "),
        ({"replace": [["/", "-"], ["à", "a"]]}, "2026/à", "2026-a"),
        ({"cut": 5}, "abcdefgh", "abcd…"),
        ({"cut": 5}, "abcde", "abcde"),
        ({"when": "other"}, "a", None),
        ({}, "x" * 100_001, "mapping.too_long"),
    ],
)
def test_texts(rule, value, text):
    assert made({"as": "text"} | rule, value) == text


@pytest.mark.parametrize(
    ("rule", "value", "result"),
    [
        ({"as": "integer"}, "7", 7),
        ({"as": "integer"}, Decimal("7.0"), 7),
        ({"as": "integer"}, Decimal("7.5"), "mapping.integer"),
        ({"as": "integer"}, "--7", "mapping.integer"),
        ({"as": "integer"}, True, "mapping.integer"),
        ({"as": "boolean"}, False, False),
        ({"as": "boolean"}, "si", True),
        ({"as": "boolean"}, "forse", "mapping.boolean"),
        ({"as": "boolean", "true": ["X"], "false": ["-"]}, "-", False),
        ({"as": "choice", "values": {"A": "due", "1": "paid"}}, 1, "paid"),
        ({"as": "choice", "values": {"A": "due"}}, "a", "mapping.choice"),
        ({"as": "choice", "values": {"A": "due"}, "ignore_case": True}, "a", "due"),
        ({"as": "choice", "values": {"A": "due"}, "otherwise": "paid"}, "Z", "paid"),
        ({"as": "choice", "values": {"true": "accepted"}}, True, "accepted"),
        ({"as": "constant", "value": ["io"]}, None, ["io"]),
        ({"as": "list", "each": {"as": "text", "from": "@"}}, ["a", None, " b "], ["a", "b"]),
        ({"as": "list", "each": {"as": "text", "from": "@"}}, [], None),
        ({"as": "list", "each": {"as": "text", "from": "@"}}, "a", "mapping.not_a_list"),
        ({"as": "list", "each": {"as": "text", "from": "@"}}, ["a"] * 501, "mapping.too_many"),
        ({"as": "object", "fields": {"a": {"as": "text", "from": "none"}}}, 1, None),
        ({"as": "object", "from": "v.x", "fields": {"a": {"as": "text", "from": "y"}}}, {"x": {"y": "z"}}, {"a": "z"}),
        ({"as": "object", "from": "v.x", "fields": {"a": {"as": "constant", "value": 1}}}, {}, None),
    ],
)
def test_other_rules(rule, value, result):
    assert made(rule, value) == result


def part(path, **more):
    return {"as": "text", "from": path} | more


def test_names_are_joined_whole_or_not_at_all():
    rule = {"as": "joined", "separator": "-", "parts": [{"as": "constant", "value": "PRA"}, part("v"), part("n")]}
    assert made(rule, "2026", n=7) == "PRA-2026-7"
    assert made(rule, "2026") is None
    assert made(rule | {"required": True}, "2026") == "mapping.required"
    assert made(rule | {"skip_absent": True}, "2026") == "PRA-2026"


def test_the_first_that_gives_a_value():
    rule = {"as": "first", "of": [part("a", when="v == 'x'"), part("b")]}
    assert made(rule, "x", a="A", b="B") == "A"
    assert made(rule, "y", a="A", b="B") == "B"
    assert made(rule, "y") is None
    assert made(rule | {"required": True}, "y") == "mapping.required"


@pytest.mark.parametrize(
    ("text", "found", "place"),
    [
        ("a.b", 1, "/a/b"),
        ("a.l[1]", 3, "/a/l/1"),
        ("a.l[-1]", 3, "/a/l"),
        ('"Codice Fiscale"', "x", "/Codice Fiscale"),
        ('"a/b~c"', "y", "/a~1b~0c"),
        ("missing.b", None, "/missing/b"),
        ("a.l[7]", None, "/a/l/7"),
        ("n || a.b", 1, ""),
        ("@", ..., ""),
        ("a.l[?@ > `2`] | [0]", 3, "/a/l"),
        ("sum(a.l)", 5, "/a/l"),
        ("d == `0.1`", True, "/d"),
        ("d < `0.2`", True, "/d"),
        ("to_number('0.1') == d", True, "/d"),
        ("avg(a.l)", Decimal("2.5"), "/a/l"),
        ("type(d)", "number", "/d"),
        ("to_string(d)", "0.1", "/d"),
        ("sort_by(a.o, &d)[0].d", Decimal("0.1"), "/a/o"),
    ],
)
def test_expressions_are_exact_and_know_their_place(text, found, place):
    o = [{"d": Decimal("0.3")}, {"d": Decimal("0.1")}]
    record = {"a": {"b": 1, "l": [2, 3], "o": o}, "Codice Fiscale": "x", "a/b~c": "y", "d": Decimal("0.1"), "n": None}
    expression = Expression(text)
    assert expression.find(record) == (record if found is ... else found)
    assert expression.place == place


@pytest.mark.parametrize("text", ["sum(v)", "v > 'a'", "join(',', v)", "to_string(@)", "length(n)"])
def test_what_cannot_be_worked_out_is_told_without_the_value(text):
    with pytest.raises(CannotEvaluate) as caught:
        Expression(text).find(
            {"v": ["RSSMRA80A01H501U", 1], "n": 7} if "sum" in text or "join" in text else {"v": 1, "n": 7}
        )
    assert "RSSMRA" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "a.",
        "a[",
        "nothing(a)",
        "length(a, b)",
        "join(a)",
        " | ".join(["[@,@]"] * 11),
        " | ".join(["values({a:@,b:@})[]"] * 11),
        "!" * 400 + "a",
        "a" * 501,
    ],
)
def test_expressions_that_are_wrong_or_too_dear_are_refused(text):
    with pytest.raises(ValidationError):
        RULE.validate_python({"as": "text", "from": text})


@pytest.mark.parametrize("text", ["1e400", "-1e-400", "NaN", "Infinity", "1" * 41, "1e99999999999"])
def test_numbers_that_are_only_dear_are_refused(text):
    with pytest.raises(ValueError, match="number"):
        exact_number(text)


@given(st.decimals(min_value=-(10**9), max_value=10**9, allow_nan=False, places=3))
def test_no_number_goes_through_a_float(number):
    assert exact_number(str(number)) == number
    assert not isinstance(exact_number(str(number)), float)


def test_replacements_do_not_multiply_a_text_without_end():
    clean = cleaner((), [("a", "a" * 200)] * 20, None, None)
    with pytest.raises(Unmappable):
        clean("a" * 1000)
