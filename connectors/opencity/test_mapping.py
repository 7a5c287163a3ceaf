"""OpenCity's members as canonical values: exact, or with the place of the fault; and its HTML as Markdown."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connectors.opencity.fields import Fault, cents, code, day, email, https, moment, notice_number, person
from connectors.opencity.mapping import application, message, payment
from connectors.opencity.statuses import APPLICATIONS, PAYMENTS
from connectors.opencity.text import ends_in_reference, line, markdown, written
from contracts.items import Application, Message, Payment

from .config import Settings
from .simulator_model import application as practice
from .simulator_model import name_of
from .test_opencity import SETTINGS, make_notice

NOW = 1_770_200_000
BASE = "https://servizi.comune.valdilago.example/lang/api"


def settings(**changes):
    return Settings.model_validate_json(json.dumps(SETTINGS | {"base_url": BASE} | changes))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("16.00", 1600),
        ("16,5", 1650),
        ("0.29", 29),
        (Decimal("0.29"), 29),
        (Decimal("16.000"), 1600),
        (Decimal("1E+2"), 10_000),
        (16, 1600),
        ("999999999.99", 99_999_999_999),
        (0, 0),
    ],
)
def test_amounts_are_exact(value, expected):
    assert cents(value, "/amount") == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "1.234,56",
        "16.005",
        Decimal("16.005"),
        -1,
        "-1",
        Decimal("-0.01"),
        None,
        True,
        [],
        "1e2",
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1E+40"),
        Decimal("1E+999999"),
        10**10,
    ],
)
def test_what_is_no_amount_is_a_fault_with_its_place(value):
    with pytest.raises(Fault) as caught:
        cents(value, "/payment/amount")
    assert caught.value.pointer == "/payment/amount"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-02-03T09:12:44+01:00", datetime(2026, 2, 3, 8, 12, 44, tzinfo=UTC)),
        ("2026-07-03T09:12:44+02:00", datetime(2026, 7, 3, 7, 12, 44, tzinfo=UTC)),
        (1_770_106_364, datetime(2026, 2, 3, 8, 12, 44, tzinfo=UTC)),
    ],
)
def test_instants_have_two_forms(value, expected):
    assert moment({"at": value}, "at") == expected


@pytest.mark.parametrize(
    "value", [None, "", "2026-02-03", "2026-02-03T09:12:44", "ieri", -1e30, 10**20, True, "0001-01-01T00:00:00+01:00"]
)
def test_what_is_no_instant_is_a_fault(value):
    with pytest.raises(Fault, match="no_instant"):
        moment({"at": value}, "at")


def test_the_first_instant_that_is_there_counts():
    assert moment({"a": None, "b": 1_770_106_364}, "a", "b").year == 2026


def test_days_are_those_of_rome():
    assert day(datetime(2026, 2, 3, 23, 30, tzinfo=UTC)) == "2026-02-04"


def test_people_and_organisations_are_told_apart():
    assert person(" rssmra80a01h501u ", "/x") == {"tax_code": "RSSMRA80A01H501U"}
    assert person("00301970190", "/x") == {"subject_kind": "organization", "tax_code": "00301970190"}
    for value in ("RSSMRA80A01H501X", "", None, 7, "00301970191"):
        with pytest.raises(Fault) as caught:
            person(value, "/x")
        assert str(value) not in caught.value.detail or value in ("", 7)


def test_what_is_not_in_form_is_left_out():
    assert (code({"a": "bonus mensa"}, "a"), code({"a": "bonus-mensa"}, "a")) == (None, "bonus-mensa")
    assert (email("a b@c.it"), email(" a@c.it "), email(None)) == (None, "a@c.it", None)
    for value in ("http://x.it/", "javascript:x", "https://u:p@x.it/", "https://x.it/ y", None):
        assert https(value) is None
    assert https("https://x.it/p?a=1") == "https://x.it/p?a=1"
    assert notice_number(None, "/n") is None
    with pytest.raises(Fault):
        notice_number("30200010000001942", "/n")


@pytest.mark.parametrize("status", sorted(APPLICATIONS))
def test_no_outcome_is_told_before_its_time(status):
    item = application(practice(1, NOW, status=status, outcome=status in ("7000", "6000")), settings()).item
    whole = Application.model_validate_json(json.dumps({"version": 1} | dict(item)))
    its = APPLICATIONS[status]
    assert (whole.state, whole.outcome, whole.turn) == (its.state, its.outcome, its.turn)
    if status in ("6000", "8000"):
        assert f'"{status}"' not in json.dumps(item)


@pytest.mark.parametrize(("status", "outcome"), [("7000", False), ("9000", True)])
def test_an_outcome_that_contradicts_its_status_is_not_told(status, outcome):
    (wrong,) = application(practice(1, NOW, status=status, outcome=outcome), settings()).wrong
    assert (wrong.pointer, wrong.code) == ("/outcome", "opencity.outcome_contradicts")


@pytest.mark.parametrize("status", [4000, "4000"])
def test_a_status_is_digits_or_a_number(status):
    assert application(practice(1, NOW, status=status), settings()).item["state"] == "in_progress"


@pytest.mark.parametrize("status", ["4001", "", None, True, 4000.0, ["4000"], "status_pending"])
def test_a_status_of_no_table_goes_to_the_quarantine(status):
    (wrong,) = application(practice(1, NOW, status=status), settings()).wrong
    assert (wrong.pointer, wrong.code) == ("/status", "opencity.status_unknown")


def test_without_a_page_drafts_are_left_out_and_nothing_is_to_be_clicked():
    bare = settings(application_url=None)
    assert application(practice(1, NOW, status="1000"), bare) is None
    assert "actions" not in application(practice(1, NOW, status="4200"), bare).item


def test_forms_have_the_tax_code_where_the_settings_say():
    data = {"richiedente": {"cf": "rssmra80a01h501u", "mail": "a@b.it"}}
    own = settings(
        tax_code_paths=["applicant.fiscal_code.fiscal_code", "richiedente.cf"], email_paths=["richiedente.mail"]
    )
    item = application(practice(1, NOW, data=data), own).item
    assert item["recipient"] == {"tax_code": "RSSMRA80A01H501U", "email": "a@b.it"}
    for empty in ({}, [], None, {"applicant": []}, {"applicant": {"fiscal_code": "x"}}):
        (wrong,) = application(practice(1, NOW, data=empty), own).wrong
        assert wrong.code == "opencity.no_tax_code"


@pytest.mark.parametrize("status", sorted(PAYMENTS))
def test_payments_of_either_version_are_understood(status):
    first = {
        "id": name_of(1, 2),
        "status": status,
        "reason": "x" * 200,
        "created_at": "2026-02-03T09:13:10+01:00",
        "payment": {"amount": "16,50", "expire_at": None, "notice_code": None},
        "payer": {"tax_identification_number": "RSSMRA80A01H501U"},
        "links": {"online_payment_begin": {"url": "http://insecure.example/"}},
    }
    second = first | {
        "payment": first["payment"] | {"receiver": {"tax_identification_number": "00301970190"}},
        "debtor": {"tax_identification_number": "VRDLGU75C20F205D"},
    }
    about = practice(1, NOW)
    for record, debtor in ((first, "RSSMRA80A01H501U"), (second, "VRDLGU75C20F205D")):
        item = payment(record, about, settings(creditor_tax_code="00301970190")).item
        whole = Payment.model_validate_json(json.dumps({"version": 1} | dict(item)))
        assert (whole.state, whole.amount_cents, whole.recipient.tax_code) == (PAYMENTS[status], 1650, debtor)
        assert (whole.creditor_tax_code, whole.pay_url) == ("00301970190", None)
    (wrong,) = payment(first, about, settings()).wrong
    assert wrong.code == "opencity.no_creditor"


def test_whatever_is_written_becomes_words_and_https_links():
    for text, expected in (
        ("<p>Uno</p><p>Due<br>tre</p>", "Uno\n\nDue\n\ntre"),
        ("<ul><li>a</li><li>b &lt;c&gt;</li></ul>", "a\n\nb \\<c>"),
        ('<a href="javascript:x">no</a> <a href="https://x.it/y">sì</a>', "no [sì](https://x.it/y)"),
        ("<script>x</script><style>y</style>z", "z"),
        ("[x](https://evil.example)", "\\[x\\](https://evil.example)"),
        ("a&#0;b\u202ec&#8238;d", "a\ufffdbcd"),
        ("<!-- nascosto -->a", "a"),
        ("<a>senza</a></a></p>", "senza"),
    ):
        assert markdown(text) == expected, text
    for text in ("<p>" * 5000, "x" * 50_000, "<a href=", "&", "<![CDATA[x]]>"):
        assert len(markdown(text)) <= 20_000


def test_half_of_an_emoji_does_not_hold_up_the_tenant_and_is_read_again_as_it_was():
    record = practice(1, 1_770_000_000) | {"status": "9999", "subject": "Mezzo \ud83d"}
    found = application(record, settings())
    assert [wrong.code for wrong in found.wrong] == ["opencity.status_unknown"]
    assert json.loads(found.raw)["record"]["subject"] == "Mezzo \ud83d"


def test_a_message_without_words_goes_to_the_quarantine():
    record = {
        "id": name_of(1, 1),
        "visibility": "applicant",
        "message": "<p> </p>",
        "created_at": "2026-02-03T09:13:10+01:00",
    }
    (wrong,) = message(record, practice(1, NOW), settings()).wrong
    assert (wrong.pointer, wrong.code) == ("/message", "opencity.no_text")
    item = message(record | {"message": "x" * 30_000}, practice(1, NOW), settings()).item
    Message.model_validate_json(json.dumps({"version": 1} | dict(item)))


def test_what_the_hub_wrote_is_known_again_and_a_quotation_of_it_is_not():
    for hidden in (False, True):
        text = written(make_notice(), hidden_reference=hidden)
        assert ends_in_reference(text)
        assert not ends_in_reference(f"<blockquote>{text}</blockquote><p>Grazie, come faccio?</p>")


def test_lines_are_cut_where_a_title_ends():
    assert line("a\n\tb\u2028c\u202e", 100) == "a b c"
    assert line("x" * 300, 200) == "x" * 199 + "…"
