"""What a notice says, as text and as HTML. Pure. A sensitive notice says only that something waits."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from pydantic import TypeAdapter, ValidationError

from connectors.base.lines import one_line
from contracts.base import HttpsUrl
from contracts.connector import Notice
from contracts.failures import Misconfigured
from contracts.items import Action

from .markup import to_html, to_text, wrap
from .texts import Texts, texts_for

_URL: TypeAdapter[str] = TypeAdapter(HttpsUrl)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A notice in words: what both parts of the message are made from."""

    languages: tuple[str, ...]
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    words: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What comes from the vendor."""

    heading: str
    language: str = ""
    """Set where it differs from the language of our own words."""
    facts: tuple[Fact, ...] = ()
    warning: str = ""
    body_html: Markup | str = ""
    body_text: str = ""
    action: Link | None = None


def render(notice: Notice, *, answers_are_read: bool, registered: bool = False) -> Rendered:
    """`registered` for a message to a digital domicile, which is no courtesy."""
    texts = texts_for(notice.language)
    words = texts.of_kind(notice.kind, sensitive=notice.sensitive)
    ente = one_line(notice.ente_name)
    subject = f"{ente}: {words.subject}"
    content = _only_that_it_waits(words.subject) if notice.sensitive else _content(notice, texts)
    values: dict[str, Any] = {
        "language": texts.language,
        "subject": subject,
        "ente": ente,
        "label": words.label,
        "lead": words.lead.replace("{ente}", ente),
        "content": content,
        "links": [link for link in (Link(safe_url(notice.deep_link), words.open), content.action) if link],
        "courtesy": (texts.registered if registered else texts.courtesy).replace("{ente}", ente),
        "safety": texts.safety,
        "answer": texts.answer if answers_are_read else texts.no_answer,
        "unsubscribe": texts.unsubscribe,
        "unsubscribe_link": texts.unsubscribe_link,
        "unsubscribe_url": notice.unsubscribe_url and safe_url(notice.unsubscribe_url),
    }
    return Rendered(
        languages=(texts.language, content.language) if content.language else (texts.language,),
        subject=subject,
        text=_TEMPLATES.get_template("notice.txt").render(values),
        html=_TEMPLATES.get_template("notice.html").render(values),
    )


def safe_url(url: str) -> str:
    """One of our own addresses, checked once more: a portal without https is a set-up to correct."""
    try:
        return _URL.validate_python(url)
    except ValidationError:
        raise Misconfigured("email.link_not_https") from None


def _only_that_it_waits(words: str) -> Content:
    return Content(heading=words[:1].upper() + words[1:])


def _content(notice: Notice, texts: Texts) -> Content:
    late = notice.payment is not None and notice.payment.invalid_after_due
    return Content(
        heading=one_line(notice.title),
        language="" if notice.language.partition("-")[0] == texts.language else notice.language,
        facts=tuple(_facts(notice, texts)),
        warning=texts.invalid_after_due if late else "",
        body_html=to_html(notice.body_markdown),
        body_text=to_text(notice.body_markdown),
        action=_action(notice.action, texts) if notice.action else None,
    )


def _facts(notice: Notice, texts: Texts) -> list[Fact]:
    due = [Fact(texts.due, texts.date(notice.due_at))] if notice.due_at else []
    if notice.payment is None:
        return due
    payment = notice.payment
    return [
        Fact(texts.amount, texts.money(payment.amount_cents)),
        *due,
        Fact(texts.notice_number, payment.notice_number),
        Fact(texts.creditor, payment.creditor_tax_code),
    ]


def _action(action: Action, texts: Texts) -> Link:
    until = f"{texts.until} {texts.date(action.valid_to)}" if action.valid_to else ""
    return Link(action.url, action.label, until)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["wrap"] = wrap
    return environment


_TEMPLATES = _environment()
