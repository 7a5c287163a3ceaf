"""The canonical items: closed, strict, and limited as the table says."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

import contracts.feed
import contracts.problem
import contracts.publishing
from contracts.base import HttpsUrl, Label, Language, Markdown, MediaType, Title, UtcDatetime, rfc3339
from contracts.items import COLLECTIONS, Action, Document, Message, Payment, Receipt, Service
from contracts.party import Beneficiary, EmailAddress, Recipient
from tests.flows.making import MAKERS

HASH = "0" * 64
FILE = {"filename": "a.pdf", "media_type": "application/pdf", "size": 1, "sha256": HASH}


def made(collection, **fields):
    return COLLECTIONS[collection].model_validate_json(json.dumps(MAKERS[collection]("item-1") | fields))


def models():
    """Every model of ours that a request or an answer can hold."""
    found, queue = [], [contracts.base.Model]
    while queue:
        cls = queue.pop()
        queue += cls.__subclasses__()
        found += [cls] if cls.__module__.startswith("contracts.") else []
    return sorted(found, key=lambda cls: cls.__qualname__)


@pytest.mark.parametrize("model", models(), ids=lambda cls: cls.__qualname__)
def test_every_model_is_closed_strict_and_frozen(model):
    config = model.model_config
    assert (config["extra"], config["strict"], config["frozen"]) == ("forbid", True, True)


def arrays(schema):
    """Every array in a core schema."""
    if isinstance(schema, dict):
        if schema.get("type") in ("list", "tuple", "set", "frozenset"):
            yield schema
        for part in schema.values():
            yield from arrays(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from arrays(part)


@pytest.mark.parametrize("model", models(), ids=lambda cls: cls.__qualname__)
def test_every_array_ends_at_its_first_fault(model):
    """A megabyte of `"links": [{}, {}, ...]` was judged element by element, for two seconds, with everybody waiting."""
    assert [each for each in arrays(model.__pydantic_core_schema__) if not each.get("fail_fast")] == []


def bounds_missing(schema, path=""):
    """The strings, arrays and integers of a JSON Schema that have no upper limit."""
    if not isinstance(schema, dict):
        return
    kind = schema.get("type")
    limited = {"string": ("maxLength", "enum", "const", "format"), "array": ("maxItems",), "integer": ("maximum",)}
    if kind in limited and not any(name in schema for name in limited[kind]):
        yield path
    for name, inner in schema.items():
        if isinstance(inner, dict):
            yield from bounds_missing(inner, f"{path}/{name}")
        elif isinstance(inner, list):
            for n, each in enumerate(inner):
                yield from bounds_missing(each, f"{path}/{name}/{n}")


@pytest.mark.parametrize("collection", sorted(COLLECTIONS))
def test_everything_in_an_item_has_an_upper_limit(collection):
    schema = COLLECTIONS[collection].model_json_schema()
    schema["properties"].pop("collection")
    assert list(bounds_missing(schema)) == []


@pytest.mark.parametrize("collection", sorted(MAKERS))
def test_the_plainest_item_of_each_collection_is_valid(collection):
    assert made(collection).collection == collection


@pytest.mark.parametrize("collection", sorted(MAKERS))
@pytest.mark.parametrize("name", ["external_id", "version", "source", "title", "occurred_at"])
def test_what_the_envelope_requires_cannot_be_left_out(collection, name):
    item = MAKERS[collection]("item-1")
    del item[name]
    with pytest.raises(ValidationError):
        COLLECTIONS[collection].model_validate(item, strict=False)


LIMITS = [
    ("messages", "title", "x", 200),
    ("messages", "summary", "x", 1000),
    ("messages", "body_markdown", "x", 20_000),
    ("messages", "external_id", "x", 200),
    ("messages", "source", "x", 64),
    ("payments", "reason", "x", 140),
    ("receipts", "receipt_number", "x", 64),
    ("receipts", "psp", "x", 120),
    ("services", "name", "x", 120),
    ("documents", "doc_type", "x", 64),
]


@pytest.mark.parametrize(("collection", "name", "unit", "most"), LIMITS)
def test_a_text_may_be_as_long_as_its_limit_and_no_longer(collection, name, unit, most):
    assert getattr(made(collection, **{name: unit * most}), name) == unit * most
    with pytest.raises(ValidationError):
        made(collection, **{name: unit * (most + 1)})


ACTION = {"kind": "pay", "label": "Paga", "url": "https://x.it"}
MANY = [
    ("messages", "actions", ACTION, 10),
    ("messages", "links", {"rel": "about", "external_id": "x"}, 50),
    ("messages", "beneficiaries", {"tax_code": "RSSMRA80A01H501U", "role": "child"}, 20),
    ("messages", "attachments", {"filename": "a", "media_type": "a/b", "url": "https://x.it"}, 20),
    ("payments", "items", {"amount_cents": 0, "receiver_tax_code": "00488410010"}, 5),
    ("services", "life_events", "nascita", 20),
]


@pytest.mark.parametrize(("collection", "name", "one", "most"), MANY)
def test_a_list_may_be_as_long_as_its_limit_and_no_longer(collection, name, one, most):
    fields = {"amount_cents": 0} if collection == "payments" else {}
    assert len(getattr(made(collection, **fields, **{name: [one] * most}), name)) == most
    with pytest.raises(ValidationError):
        made(collection, **fields, **{name: [one] * (most + 1)})


NUMBERS = [
    ("messages", "version", 1, 2_147_483_647),
    ("payments", "amount_cents", 0, 99_999_999_999),
    ("messages", "min_loa", 2, 3),
]


@pytest.mark.parametrize(("collection", "name", "least", "most"), NUMBERS)
def test_a_number_keeps_within_its_limits(collection, name, least, most):
    for value in (least, most):
        assert getattr(made(collection, **{name: value}), name) == value
    for value in (least - 1, most + 1, str(least), float(least), None if name == "version" else True):
        with pytest.raises(ValidationError):
            made(collection, **{name: value})


@pytest.mark.parametrize(
    ("collection", "fields"),
    [
        ("messages", {"actions": [ACTION | {"primary": True}] * 2}),
        (
            "messages",
            {"actions": [ACTION | {"valid_from": "2026-02-01T00:00:00Z", "valid_to": "2026-01-01T00:00:00Z"}]},
        ),
        ("messages", {"is_legal_service": True}),
        ("payments", {"items": [{"amount_cents": 1, "receiver_tax_code": "00488410010"}]}),
        ("payments", {"invalid_after_due": True, "due_date": None}),
        ("payments", {"installment": {"n": 3, "of": 2}}),
        ("payments", {"currency": "USD"}),
        ("payments", {"due_date": "9999-12-31"}),
        ("payments", {"creditor_tax_code": "RSSMRA80A01H501U"}),
        ("documents", {"form": "pdf"}),
        ("documents", {"form": "card"}),
        ("documents", {"form": "physical"}),
        ("documents", {"filename": "a.pdf"}),
        ("documents", {"content_url": "https://x.it"}),
        ("documents", FILE | {"sha256": "0" * 63}),
        ("documents", {"form": "physical", "delivery": {"mode": "ship"}}),
        ("documents", {"form": "physical", "delivery": {"mode": "collect"}}),
        ("services", {"recipient": {"tax_code": "RSSMRA80A01H501U"}}),
        ("messages", {"recipient": {"tax_code": "00488410010"}}),
        ("messages", {"recipient": {"tax_code": "RSSMRA80A01H501U", "subject_kind": "organization"}}),
        ("messages", {"occurred_at": "0001-01-01T00:00:00+14:00"}),
        ("messages", {"occurred_at": "9999-12-31T23:59:59-14:00"}),
        ("messages", {"occurred_at": 0}),
        ("messages", {"notify": {"channels": ["sms"]}}),
    ],
)
def test_what_does_not_hold_together_is_refused(collection, fields):
    with pytest.raises(ValidationError):
        made(collection, **fields)


@pytest.mark.parametrize(
    ("collection", "fields"),
    [
        ("payments", {"amount_cents": 2, "items": [{"amount_cents": 1, "receiver_tax_code": "00488410010"}] * 2}),
        ("documents", FILE | {"form": "pdf", "content_url": "https://x.it/a"}),
        ("documents", {"form": "card", "card": {"fields": [{"label": "Numero", "value": "1"}]}}),
        ("documents", {"form": "physical", "delivery": {"mode": "collect", "place": "Anagrafe"}}),
        ("messages", {"recipient": {"tax_code": "00488410010", "subject_kind": "organization"}}),
        ("messages", {"notify": {"channels": []}}),
    ],
)
def test_what_holds_together_is_taken(collection, fields):
    assert made(collection, **fields)


BAD_CHARACTERS = ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\u202e", "\u2066"]


@pytest.mark.parametrize("kind", [Title, Label, Markdown])
@pytest.mark.parametrize("character", BAD_CHARACTERS, ids=ascii)
def test_no_text_has_control_characters_or_overrides(kind, character):
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(f"a{character}b")


@pytest.mark.parametrize("character", ["\n", "\r", "\t", "\u2028", "\u2029"], ids=ascii)
def test_a_title_is_one_line(character):
    with pytest.raises(ValidationError):
        TypeAdapter(Title).validate_python(f"a{character}b")


@pytest.mark.parametrize("text", ["Perché no?", "日本語", "עברית", "😀", "❤\ufe0f", "a\u0301", "a\u200fb"])
def test_a_title_may_be_in_any_language(text):
    assert TypeAdapter(Title).validate_python(text) == text


@pytest.mark.parametrize("text", ["", " ", "\u00a0", "\u200b", "\u00ad\u2060", "\ufeff", "\u3164", "\u2800 \u200f"])
def test_a_title_is_not_blank(text):
    with pytest.raises(ValidationError):
        TypeAdapter(Title).validate_python(text)


@pytest.mark.parametrize(
    "url",
    [
        "http://www.example.it",
        "ftp://example.it",
        "javascript:alert(1)",
        "https://user@example.it",
        "https://u:p@example.it",
        "https://a b",
        'https://a"b',
        "https://",
        "//example.it",
        "http://localhost.example.it",
    ],
)
def test_an_address_is_https_and_without_credentials(url):
    with pytest.raises(ValidationError):
        TypeAdapter(HttpsUrl).validate_python(url)


@pytest.mark.parametrize("url", ["https://example.it/a?b=c#d", "http://127.0.0.1:8000/a", "https://[2001:db8::1]/"])
def test_a_good_address_is_kept_as_it_is(url):
    assert TypeAdapter(HttpsUrl).validate_python(url) == url


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (EmailAddress, "a.b+c@example.org", "a@b\n"),
        (EmailAddress, "o'neill@example.co.uk", "a b@example.org"),
        (EmailAddress, "a@b", "a@-b"),
        (Language, "de-AT", "DE"),
        (MediaType, "application/vnd.ms-excel", "application/*"),
        (MediaType, "image/svg+xml", "text/plain; charset=utf-8"),
    ],
)
def test_a_form_is_kept(kind, good, bad):
    assert TypeAdapter(kind).validate_python(good) == good
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(bad)


@given(st.datetimes(timezones=st.timedeltas(-timedelta(hours=14), timedelta(hours=14)).map(timezone)))
def test_an_instant_is_kept_in_utc_or_refused(moment):
    try:
        kept = TypeAdapter(UtcDatetime).validate_python(moment)
    except ValidationError:
        assert not 1900 <= moment.year <= 2200
        return
    assert kept == moment
    assert kept.tzinfo is UTC
    assert datetime.fromisoformat(rfc3339(kept)) == moment


def test_no_model_shows_what_it_refused():
    with pytest.raises(ValidationError) as refused:
        Recipient.model_validate({"tax_code": "RSSMRA80A01H501X"})
    assert "RSSMRA" not in str([e["msg"] for e in refused.value.errors(include_input=False, include_url=False)])


def test_the_models_under_test_are_those_in_use():
    for cls in (Action, Beneficiary, Document, Message, Payment, Receipt, Service):
        assert issubclass(cls, BaseModel)
        assert cls in models()
