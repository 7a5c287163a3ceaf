"""What a notice looks like as an e-mail: golden files, headers, and what a vendor's text cannot do to them.

`RACCORDO_WRITE_SAMPLES=1 pytest connectors/email` writes the golden files anew; read the difference before keeping it.
"""

import os
import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.base.conformance import make_notice
from connectors.base.mail.addresses import opaque_token
from connectors.base.mail.markup import to_html, to_text
from connectors.base.mail.texts import TEXTS
from contracts.connector import Notice
from contracts.failures import Misconfigured

from .config import Settings
from .message import Stamp, compose

SAMPLES = Path(__file__).with_name("samples")
TO = "mario.rossi@posta.example"
STAMP = Stamp(f"<{opaque_token('d')}@comune.example.it>", datetime(2026, 3, 2, 9, 30, tzinfo=UTC))

DUE = {"due_at": "2026-03-31T21:59:59Z"}
PAYMENT: dict[str, Any] = {
    "kind": "payment_notice",
    "title": "Mensa scolastica: febbraio 2026",
    "body_markdown": "Servizio di **refezione scolastica**, 18 pasti.\n\n- Scuola: *Alighieri*\n- Mese: febbraio\n\n"
    "Le tariffe sono nella [pagina del servizio](https://www.comune.example.it/mensa).",
    "payment": {
        "notice_number": "301000000012345678",
        "amount_cents": 123456,
        "creditor_tax_code": "01234567890",
        "invalid_after_due": True,
    },
    "action": {"kind": "pay", "label": "Paga ora", "url": "https://paga.comune.example.it/a/9fK2"},
    **DUE,
}
CASES: dict[str, dict[str, Any]] = {
    "info": {"unsubscribe_url": "https://servizi.comune.example.it/u/k7Qx"},
    "payment_notice": PAYMENT,
    "document_issued": {
        "kind": "document_issued",
        "title": "Certificato di residenza",
        "body_markdown": "Il certificato che hai chiesto è pronto.\n\n## Come usarlo\n\n1. Scaricalo.\n2. Presentalo "
        "entro tre mesi.\n\n> Il certificato porta un sigillo elettronico: non serve la firma a mano.",
        "action": {
            "kind": "download",
            "label": "Scarica il documento",
            "url": "https://servizi.comune.example.it/d/1",
            "valid_to": datetime(2026, 6, 1, 10, tzinfo=UTC),
        },
    },
    "outcome": {"kind": "outcome"},
    "integration_request": {"kind": "integration_request", "title": "Contributo affitto: manca l'ISEE", **DUE},
    "deadline_reminder": {"kind": "deadline_reminder", "title": "Rinnovo del permesso di sosta", **DUE},
    "sensitive": {**PAYMENT, "sensitive": True},
}


def settings(**changes: Any) -> Settings:
    return Settings(**{"host": "smtp.example.it", "from_address": "no-reply@comune.example.it"} | changes)


def composed(notice: Notice, **changes: Any) -> EmailMessage:
    """The message as a mail program reads it back."""
    return parsed(compose(notice, TO, STAMP, settings(**changes)).as_bytes())


def parsed(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def both(message: EmailMessage) -> str:
    return part(message, "plain") + part(message, "html")


@pytest.mark.parametrize("language", ["it", "en", "de"])
@pytest.mark.parametrize("case", CASES)
def test_the_mail_reads_as_in_its_sample(case: str, language: str) -> None:
    message = composed(make_notice(**CASES[case], language=language), reply_to="urp@comune.example.it")
    headers = "\n".join(f"{name}: {value}" for name, value in message.items())
    for suffix, text in (("txt", f"{headers}\n\n{part(message, 'plain')}"), ("html", part(message, "html"))):
        file = SAMPLES / f"{case}.{language}.{suffix}"
        if os.environ.get("RACCORDO_WRITE_SAMPLES"):
            file.write_text(text, encoding="utf-8", newline="\n")
        assert text == file.read_text(encoding="utf-8"), f"{file.name} differs"


def test_the_headers_are_those_of_a_courtesy_notice() -> None:
    message = composed(make_notice(), reply_to="urp@comune.example.it", from_name="Comune di Forlì, Ufficio “URP”")
    assert message["Message-ID"] == STAMP.message_id
    assert message["Date"].datetime == STAMP.date
    assert message["From"].addresses[0].addr_spec == "no-reply@comune.example.it"
    assert message["From"].addresses[0].display_name == "Comune di Forlì, Ufficio “URP”"
    assert message["To"].addresses[0].addr_spec == TO
    assert message["Reply-To"] == "urp@comune.example.it"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "it"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_every_line_is_ascii_ends_in_crlf_and_is_short_enough() -> None:
    notice = make_notice(ente_name="Občina Dolina – San Dorligo della Valle " * 4, unsubscribe_url=long_url())
    content = compose(notice, TO, STAMP, settings()).as_bytes()
    assert content.isascii()
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert parsed(content)["Subject"].startswith("Občina Dolina – San Dorligo della Valle Občina")


def test_the_same_notice_gives_the_same_bytes() -> None:
    first, again = (compose(make_notice(), TO, STAMP, settings()).as_bytes() for _ in range(2))
    assert first == again


def long_url() -> str:
    return "https://servizi.comune.example.it/u/" + "q" * 300


def test_one_click_unsubscribe_is_offered_where_the_notice_has_an_address() -> None:
    message = compose(make_notice(unsubscribe_url=long_url()), TO, STAMP, settings(unsubscribe_mailto="no@example.it"))
    raw = message.as_bytes()
    # Not in encoded words: mail programs read this header as it is.
    assert f"List-Unsubscribe: <{long_url()}>,\r\n <mailto:no@example.it?subject=".encode() in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    assert long_url() in part(parsed(raw), "plain")


def test_no_unsubscribe_where_the_person_cannot_switch_the_notice_off() -> None:
    message = composed(make_notice(), unsubscribe_mailto="no@example.it")
    assert message["List-Unsubscribe"] is None
    assert message["List-Unsubscribe-Post"] is None
    assert "Disattiva" not in both(message)


@pytest.mark.parametrize("kind", TEXTS["it"].kinds)
@pytest.mark.parametrize("language", ["it", "en"])
def test_the_subject_tells_neither_title_nor_amount(kind: str, language: str) -> None:
    subject = composed(make_notice(**PAYMENT | {"kind": kind, "language": language}))["Subject"]
    assert "Mensa" not in subject
    assert not re.search(r"\d|€", subject)


def test_a_sensitive_notice_says_only_that_something_waits() -> None:
    message = composed(make_notice(**PAYMENT, sensitive=True))
    words = both(message) + str(message)
    for secret in ("Mensa", "refezione", "1.234,56", "3010000", "01234567890", "Paga ora", "paga.comune", "marzo"):
        assert secret not in words
    assert "https://servizi.comune.valdilago.example/area/i/7Q2M" in both(message)
    assert message["Subject"] == "Comune di Valdilago: hai un nuovo messaggio da leggere"


def test_no_notice_bears_the_tax_code() -> None:
    for case in CASES.values():
        assert make_notice().tax_code not in str(composed(make_notice(**case)))


def test_the_html_loads_nothing_and_runs_nothing() -> None:
    for case in CASES.values():
        html = part(composed(make_notice(**case)), "html")
        assert not re.search(r"<(img|script|link|iframe|object|form|svg)\b|\bsrc=|url\(|@import|\bon\w+=", html)
        assert set(re.findall(r"(\w+):", " ".join(re.findall(r'href="([^"]*)"', html)))) == {"https"}
        assert '<html lang="it"' in html


def test_a_line_end_cannot_make_a_header() -> None:
    evil = "Saldo\r\nBcc: tutti@example.com\n\nciao"
    message = composed(make_notice(title=evil, ente_name=evil))
    assert message["Bcc"] is None
    assert message["Subject"].startswith("Saldo Bcc: tutti@example.com ciao:")
    assert message["From"].addresses[0].display_name == "Saldo Bcc: tutti@example.com ciao"


@pytest.mark.parametrize(
    "markdown",
    [
        "<script>alert(1)</script>",
        '<a href="https://male.example" onclick="x()">qui</a>',
        "[qui](javascript:alert(1))",
        "[qui](JaVaScRiPt:alert(1))",
        "[qui](data:text/html;base64,PHNjcmlwdD4=)",
        "[qui](http://in-chiaro.example)",
        "[qui](//senza-schema.example)",
        "<javascript:alert(1)>",
        "![x](https://spia.example/pixel.gif)",
        '[a](https://x.example/"onmouseover="x())',
    ],
)
def test_markdown_gives_no_active_content(markdown: str) -> None:
    html = to_html(markdown)
    assert not re.search(r"<(script|img)|<[^>]*\bon\w+=\"|href=\"(?!https://)", html)


def test_title_and_labels_are_escaped() -> None:
    action = {"kind": "inform", "label": "<i>vai</i>", "url": "https://x.example/?a=1&b='2'"}
    html = part(composed(make_notice(title="<b>ciao</b>", action=action)), "html")
    assert "<b>ciao" not in html
    assert "<i>vai" not in html
    assert 'href="https://x.example/?a=1&amp;b=&#39;2&#39;"' in html


def test_the_text_part_says_the_same() -> None:
    text = to_text(
        "# Uno\n\nPrima *riga*\nseconda\\\nterza `codice` [qui](https://x.example/a).\n\n1. a\n2. b\n   - c\n"
    )
    assert text == "Uno\n---\n\nPrima riga seconda\nterza codice qui (https://x.example/a).\n\n1. a\n2. b\n   - c"


def test_both_languages_have_the_same_kinds() -> None:
    assert TEXTS["it"].kinds.keys() == TEXTS["en"].kinds.keys()


def test_another_language_falls_back_to_italian_and_says_so() -> None:
    message = composed(make_notice(language="de-AT"))
    assert message["Content-Language"] == "it, de-AT"
    assert '<h1 lang="de-AT">' in part(message, "html")


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        ("2026-03-31T21:59:59Z", "31 marzo 2026"),
        ("2026-12-31T23:00:00Z", "1 gennaio 2027"),
        ("2026-07-01T10:30:00Z", "1 luglio 2026, ore 12:30"),
    ],
)
def test_dates_are_those_of_rome(moment: str, written: str) -> None:
    assert TEXTS["it"].date(datetime.fromisoformat(moment)) == written


def test_amounts_are_written_as_the_language_does() -> None:
    assert (TEXTS["it"].money(123456), TEXTS["en"].money(5)) == ("1.234,56 €", "€0.05")


def test_an_address_of_ours_without_https_stops_the_connector() -> None:
    with pytest.raises(Misconfigured, match=r"^email\.link_not_https$"):
        composed(make_notice(deep_link="http://portale.example.it/i/1"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"security": "none"}, "solo verso questa stessa macchina"),
        ({"username": "u"}, "vanno dati insieme"),
        ({"from_address": "a@b.it\nBcc: c@d.it"}, "not a usable"),
        ({"from_name": "a\nb"}, "pattern"),
        ({"password": "hunter2"}, "vanno dati insieme"),
    ],
)
def test_settings_that_cannot_work_are_refused_without_showing_them(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why) as caught:
        settings(**changes)
    assert "hunter2" not in str(caught.value)


def test_the_envelope_sender_names_the_delivery() -> None:
    assert settings().envelope_sender("tok") == "no-reply@comune.example.it"
    assert settings(bounce_plus=True).envelope_sender("tok") == "no-reply+tok@comune.example.it"
    assert settings(bounce_domain="r.example.it").envelope_sender("tok") == "tok@r.example.it"
