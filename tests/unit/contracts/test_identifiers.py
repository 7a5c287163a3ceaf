"""The rules that issuers set for their identifiers."""

import string

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from stdnum import luhn
from stdnum.it import codicefiscale

from contracts.identifiers import (
    ExternalId,
    Iban,
    IpaCode,
    NoticeNumber,
    OrganizationTaxCode,
    TaxCode,
    Uuid7,
    check_organization_tax_code,
    check_tax_code,
    holds_tax_code,
    make_notice_number,
    new_uuid7,
    notice_number_checks,
)

OMOCODIA = dict(zip("0123456789", "LMNPQRSTUV", strict=True))
UPPER_AND_DIGITS = string.ascii_uppercase + string.digits


@st.composite
def tax_codes(draw):
    """Codes that are right by construction, omocodia variants among them."""
    names = draw(st.text("BCDFGHJKLMNPQRSTVWXYZ", min_size=6, max_size=6))
    year = draw(st.integers(0, 99))
    month = draw(st.sampled_from("ABCDEHLMPRST"))
    day = draw(st.integers(1, 28)) + draw(st.sampled_from([0, 40]))
    place = draw(st.sampled_from(["H501", "F205", "A001", "Z404"]))
    body = list(f"{names}{year:02d}{month}{day:02d}{place}")
    for position in draw(st.sets(st.sampled_from([6, 7, 9, 10, 12, 13, 14]))):
        body[position] = OMOCODIA[body[position]]
    text = "".join(body)
    return text + codicefiscale.calc_check_digit(text)


@given(tax_codes())
def test_a_valid_tax_code_passes_whatever_its_omocodia(code):
    assert check_tax_code(code) == code


@given(
    st.from_regex(r"[A-Z]{6}[0-9LMNPQRSTUV]{2}[ABCDEHLMPRST][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}", fullmatch=True)
)
@example("RSSMRA00B29H501")
@example("RSSMRA01B29H501")
@example("RSSMRA20B69H501")
def test_the_day_of_birth_is_judged_as_stdnum_judges_it(body):
    code = body + codicefiscale.calc_check_digit(body)
    try:
        accepted = check_tax_code(code) == code
    except ValueError:
        accepted = False
    assert accepted == codicefiscale.is_valid(code)


@given(tax_codes(), st.data())
def test_the_check_character_belongs_to_the_rest(code, data):
    other = data.draw(st.sampled_from(string.ascii_uppercase.replace(code[15], "")))
    with pytest.raises(ValueError):
        check_tax_code(code[:15] + other)


@given(tax_codes(), st.integers(0, 15), st.sampled_from(UPPER_AND_DIGITS))
def test_one_changed_character_fails_unless_its_check_value_is_the_same(code, position, other):
    changed = code[:position] + other + code[position + 1 :]
    assume(changed != code)
    try:
        accepted = check_tax_code(changed) == changed
    except ValueError:
        accepted = False
    # The check character is a sum modulo 26: a digit and the letter of its omocodia, say, differ in it, but 0 and A do
    # not. What is accepted must at least be right by the sum.
    assert not accepted or codicefiscale.calc_check_digit(changed[:15]) == changed[15]


@given(tax_codes())
def test_an_omocodia_variant_is_another_code(code):
    plain = [c for n, c in enumerate(code[:15]) if n in (6, 7, 9, 10, 12, 13, 14)]
    assume(plain[-1].isdigit())
    variant = code[:14] + OMOCODIA[code[14]]
    variant += codicefiscale.calc_check_digit(variant)
    assert check_tax_code(variant) == variant != code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RSSMRA80A01H501",
        "RSSMRA80A01H501UU",
        "rssmra80a01h501u",
        "RSSMRA80A01H501U\n",
        " RSSMRA80A01H501U",
        "RSSMRA80A00H501T",
        "RSSMRA80Z01H501U",
        "ＲSSMRA80A01H501U",
    ],
)
def test_what_is_no_tax_code_is_refused_without_being_repeated(text):
    with pytest.raises(ValueError) as refused:
        check_tax_code(text)
    assert not text.strip() or text.strip() not in str(refused.value)


@given(tax_codes(), st.text(), st.text(), st.booleans())
def test_a_tax_code_is_found_anywhere_and_in_either_case(code, before, after, lower):
    assert holds_tax_code(before + (code.lower() if lower else code) + after)


def test_something_that_only_looks_like_a_code_does_not_hide_a_real_one_within_it():
    assert holds_tax_code("ABCDEF80A01H501RSSMRA80A01H501U")


@pytest.mark.parametrize("text", ["TARI-2026-000123", "RSSMRA80A01H501X", "RSSMRA-80A01-H501U", "019b0000-0000-7000"])
def test_what_names_nobody_is_no_tax_code(text):
    assert not holds_tax_code(text)


@given(st.integers(1, 9_999_999), st.integers(1, 100), st.integers(1, 9))
def test_the_last_digit_of_an_organisations_code_belongs_to_the_rest(number, province, step):
    body = f"{number:07d}{province:03d}"
    code = body + luhn.calc_check_digit(body)
    assert check_organization_tax_code(code) == code
    with pytest.raises(ValueError):
        check_organization_tax_code(body + str((int(code[-1]) + step) % 10))


@pytest.mark.parametrize(
    "text", ["", "0048841001", "IT00488410010", "00488410010\n", " 00488410010", "0048841001\u0660"]
)
def test_an_organisations_code_is_eleven_digits_and_no_more(text):
    """With `IT` before it the code passed, and named another subject."""
    with pytest.raises(ValueError):
        check_organization_tax_code(text)


# --- notice numbers: pagoPA, auxiliary digit 0


@given(st.integers(0, 99), st.integers(0, 10**13 - 1))
def test_a_notice_number_has_the_remainder_by_93_at_its_end(application_code, iuv_base):
    number = make_notice_number(application_code=application_code, iuv_base=iuv_base)
    assert len(number) == 18
    assert int(number[:16]) % 93 == int(number[16:])
    assert TypeAdapter(NoticeNumber).validate_python(number) == number
    assert notice_number_checks(number)


@given(st.integers(0, 99), st.integers(0, 10**13 - 1), st.integers(3, 17), st.integers(1, 9))
def test_one_changed_digit_of_a_notice_number_is_noticed(application_code, iuv_base, position, step):
    number = make_notice_number(application_code=application_code, iuv_base=iuv_base)
    digit = str((int(number[position]) + step) % 10)
    assert not notice_number_checks(number[:position] + digit + number[position + 1 :])


@pytest.mark.parametrize(("application_code", "iuv_base"), [(-1, 0), (100, 0), (0, -1), (0, 10**13)])
def test_a_part_that_does_not_fit_its_digits_is_refused(application_code, iuv_base):
    with pytest.raises(ValueError):
        make_notice_number(application_code=application_code, iuv_base=iuv_base)


@pytest.mark.parametrize("number", ["123456789012345678", "299999999999999999"])
def test_other_kinds_of_notice_number_have_no_check_digits(number):
    assert notice_number_checks(number)


# --- the rest, as tables


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (TaxCode, "RSSMRA80A01H501U"),
        (OrganizationTaxCode, "00488410010"),
        (Iban, "IT60X0542811101000000123456"),
        (Iban, "DE89370400440532013000"),
        (IpaCode, "c_h501"),
        (IpaCode, "UF1234"),
        (NoticeNumber, "001000000000012395"),
        (ExternalId, "TARI-2026/000123#~"),
        (Uuid7, "019b0000-0000-7000-8000-000000000000"),
    ],
)
def test_what_is_right_passes(kind, text):
    assert TypeAdapter(kind).validate_python(text) == text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (OrganizationTaxCode, "00488410011"),
        (OrganizationTaxCode, "IT00488410010"),
        (OrganizationTaxCode, "0048841001"),
        (Iban, "IT60X0542811101000000123457"),
        (Iban, "it60x0542811101000000123456"),
        (Iban, "IT60 X054 2811 1010 0000 0123 456"),
        (IpaCode, "_h501"),
        (IpaCode, "c h501"),
        (IpaCode, "c-h501"),
        (IpaCode, "cc"),
        (NoticeNumber, "401000000000012395"),
        (NoticeNumber, "00100000000001239"),
        (NoticeNumber, "00100000000001239\n"),
        (NoticeNumber, "٠01000000000012395"),
        (ExternalId, ""),
        (ExternalId, "con spazio"),
        (ExternalId, "è"),
        (ExternalId, "a\n"),
        (ExternalId, "x" * 201),
        (Uuid7, "019b0000-0000-4000-8000-000000000000"),
        (Uuid7, "019B0000-0000-7000-8000-000000000000"),
        (Uuid7, "019b0000-0000-7000-0000-000000000000"),
    ],
)
def test_what_is_wrong_is_refused(kind, text):
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(text)


def test_our_ids_are_ordered_by_time():
    ids = [new_uuid7() for _ in range(1000)]
    assert ids == sorted(ids)
