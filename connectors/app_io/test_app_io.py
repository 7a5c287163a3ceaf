"""App IO: the common promises, and what is its own."""

import json
from pathlib import Path

import pytest

from connectors.app_io import connect
from connectors.app_io.config import Settings
from connectors.app_io.mapping import Service, new_message, status_delay
from connectors.app_io.text import MARKDOWN_CHARACTERS, SUBJECT_CHARACTERS, WORDS, markdown, shorten, subject, units
from connectors.base.conformance import Walk, make_notice
from connectors.base.http_conformance import HttpConformance
from connectors.base.scripted import Received, Reply
from contracts.connector import Connector, Done, Limits, PaymentData
from contracts.failures import Misconfigured, Unconfirmed

KEY = "0123456789abcdef-the-key"
PAYMENT = PaymentData("302000100000019421", 8450, "00301970190", invalid_after_due=True)


class TestConformance(HttpConformance):
    samples = Path(__file__).parent / "samples"
    sending = 1
    secrets = (KEY,)

    def connect_to(self, url: str, limits: Limits) -> Connector:
        return connect(Settings.model_validate({"base_url": url, "api_key": KEY}), limits)

    def check_request(self, request: Received) -> None:
        assert request.headers["ocp-apim-subscription-key"] == KEY
        assert request.headers["accept-encoding"] == "identity"
        if request.method == "POST":
            assert request.headers["content-type"] == "application/json"

    def test_the_check_accepts_a_test_recipient_that_does_not_exist(self):
        self.server.play(Reply(404, {"title": "Profile not found", "status": 404}))
        assert "accepts the key" in self.fresh().check()

    def test_the_check_tells_of_a_wrong_key(self):
        self.server.play(Reply(401, {"statusCode": 401, "message": "Access denied"}))
        with pytest.raises(Misconfigured):
            self.fresh().check()

    def test_questions_for_the_status_become_rarer(self):
        self.behave(None)
        walk = self.walk()
        walk.finish()
        assert [wait.total_seconds() for wait in walk.waits] == [0, 30, 90]

    def test_a_memo_of_another_version_is_never_sent_again(self):
        walk = Walk(self.fresh(), make_notice(), {"step": "something else"})
        assert type(walk.finish()) is Unconfirmed
        assert self.server.received == []

    def test_no_questions_at_all(self):
        settings = {"base_url": self.server.url, "api_key": KEY, "status_checks": 0}
        self.server.play(*self.happy()[:2])
        result = Walk(connect(Settings.model_validate(settings), Limits()), make_notice()).finish()
        assert isinstance(result, Done)
        assert result.detail == "accepted, status unknown"

    def test_trouble_with_the_status_ends_too(self):
        self.server.play(*self.happy()[:2], *[Reply(500)] * 20)
        walk = self.walk()
        result = walk.finish()
        assert isinstance(result, Done)
        assert len(walk.waits) == 9


@pytest.mark.parametrize("language", sorted(WORDS))
def test_the_template_alone_meets_the_minimum_lengths(language):
    notice = make_notice(language=language, title="x", body_markdown=" ", ente_name="X", deep_link="https://a.it")
    assert len(subject(notice)) >= SUBJECT_CHARACTERS[0]
    assert len(markdown(notice)) >= MARKDOWN_CHARACTERS[0]
    assert len(WORDS[language].closing.format(ente="")) >= MARKDOWN_CHARACTERS[0]


@pytest.mark.parametrize("sensitive", [False, True])
@pytest.mark.parametrize("word", ["parola ", "x", "😀", "é\r\n", "```\n", "[a](https://b.it) "])
def test_whatever_the_length_the_limits_hold(word, sensitive):
    for count in (1, 60, 5_000, 20_000):
        notice = make_notice(
            title=word.strip() * min(count, 200),
            body_markdown=word * count,
            ente_name="Ente " * 24,
            deep_link="https://" + "a" * 1900,
            sensitive=sensitive,
        )
        assert SUBJECT_CHARACTERS[0] <= len(subject(notice)) <= units(subject(notice)) <= SUBJECT_CHARACTERS[1]
        text = markdown(notice)
        assert MARKDOWN_CHARACTERS[0] <= len(text) <= units(text) <= MARKDOWN_CHARACTERS[1]
        assert text.count("```") % 2 == 0
        assert f"]({notice.deep_link})" in text
        assert "\r" not in text
        assert ("continua nella tua area" in text) == (units(word * count) > 9000 and not sensitive)


def test_the_cut_is_at_a_word():
    assert shorten("una due tre quattro", 13) == "una due tre…"
    assert shorten("una due tre quattro", 12) == "una due tre…"
    assert shorten("una due tre quattro", 11) == "una due…"
    assert shorten("abcdefghij", 5) == "abcd…"
    assert shorten("😀😀😀", 4) == "😀…"


def test_a_language_without_a_template_gets_the_bodys_own():
    assert "Apri nella tua area" in markdown(make_notice(language="de-AT"))


def test_an_action_of_a_sensitive_notice_is_not_named():
    action = {"kind": "inform", "label": "Vedi la diagnosi", "url": "https://vendor.example/"}
    assert "diagnosi" in markdown(make_notice(action=action))
    assert "diagnosi" not in markdown(make_notice(action=action, sensitive=True))


def test_markup_in_a_label_does_not_break_the_link():
    action = {"kind": "inform", "label": "a](https://evil.example) [b", "url": "https://vendor.example/"}
    assert "[a\\](https://evil.example) \\[b](https://servizi" in markdown(make_notice(action=action))


@pytest.mark.parametrize(
    ("amount", "organisation", "there"),
    [
        (1, None, True),
        (9_999_999_999, None, True),
        (0, None, False),
        (10_000_000_000, None, False),
        (8450, "00301970190", True),
        (8450, "00000000000", False),
    ],
)
def test_payment_data_only_where_io_could_pay_it(amount, organisation, there):
    payment = PaymentData("302000100000019421", amount, "00301970190", invalid_after_due=False)
    message = new_message(make_notice(payment=payment), Service(organization_tax_code=organisation))
    assert ("payment_data" in message["content"]) == there
    assert "payee" not in json.dumps(message)


def test_the_wait_between_questions_has_a_limit():
    assert status_delay(10_000, 3600).total_seconds() == 3600


@pytest.mark.parametrize(
    "wrong",
    [
        {"api_key": ""},
        {"api_key": "a\nb"},
        {"base_url": "http://api.io.pagopa.it"},
        {"base_url": "https://user:pass@api.io.pagopa.it"},
        {"time_to_live": 60},
        {"surprise": 1},
    ],
)
def test_settings_are_checked(wrong):
    with pytest.raises(ValueError) as caught:
        Settings.model_validate({"api_key": KEY} | wrong)
    assert KEY not in str(caught.value)


def test_the_key_is_not_shown():
    settings = Settings.model_validate_json(json.dumps({"api_key": KEY}))
    assert KEY not in repr(settings) + settings.model_dump_json()
