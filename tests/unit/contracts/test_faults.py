"""Errors of single values say what is wrong in Italian and then in English, wherever they are told."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core._pydantic_core import list_all_errors

import connectors
import contracts
import hub
from contracts.base import HttpsUrl, UtcDatetime
from contracts.faults import BETWEEN, ITALIAN, LONGEST, bilingual, led, sentence_of, shortened, unknown_name
from contracts.identifiers import TaxCode
from contracts.items import Deadline, Message
from hub.ingest.canonical import refusal_of
from tests.harness import make_message

PRODUCT = (contracts, hub, connectors)
LISTED = {each["type"]: each for each in list_all_errors()} | {"path_type": {"example_context": None}}
"""What pydantic-core raises, and what pydantic does for a `Path`."""

OF_KINDS = {
    "any": (),
    "bool": ("bool_type", "bool_parsing"),
    "dataclass": ("dataclass_type",),
    "dataclass-args": ("missing", "extra_forbidden"),
    "dataclass-field": (),
    "date": ("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"),
    "datetime": ("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "datetime_object_invalid"),
    "default": (),
    "definition-ref": ("recursion_loop", "recursion_depth_exceeded"),
    "definitions": (),
    "dict": ("dict_type",),
    "float": ("float_type", "float_parsing", "finite_number"),
    "function-after": ("value_error", "url_parsing"),  # an address is read as one by `HttpsUrl`
    "function-before": ("value_error",),
    "function-wrap": ("value_error",),
    "int": ("int_type", "int_parsing", "int_parsing_size", "int_from_float"),
    "is-instance": ("is_instance_of",),
    "json-or-python": (),
    "lax-or-strict": ("path_type",),
    "list": ("list_type",),
    "literal": ("literal_error",),
    "model": ("model_type",),
    "model-field": ("missing",),
    "model-fields": ("model_type", "extra_forbidden"),
    "no-info": (),
    "nullable": (),
    "str": ("string_type", "string_unicode"),
    "tagged-union": ("union_tag_invalid", "union_tag_not_found"),
    "tuple": ("tuple_type",),
    "union": (),
    "with-info": (),
}
"""What each kind of core schema raises, of what comes as JSON or as text: an object's keys are strings there."""

OF_LIMITS = {
    ("int", "gt"): "greater_than",
    ("int", "ge"): "greater_than_equal",
    ("int", "lt"): "less_than",
    ("int", "le"): "less_than_equal",
    ("float", "gt"): "greater_than",
    ("float", "ge"): "greater_than_equal",
    ("float", "lt"): "less_than",
    ("float", "le"): "less_than_equal",
    ("str", "min_length"): "string_too_short",
    ("str", "max_length"): "string_too_long",
    ("str", "pattern"): "string_pattern_mismatch",
    ("datetime", "tz_constraint"): "timezone_aware",
    **{(kind, "min_length"): "too_short" for kind in ("tuple", "list", "dict")},
    **{(kind, "max_length"): "too_long" for kind in ("tuple", "list", "dict")},
}
HOW = {"type", "strict", "metadata", "ref", "serialization", "strip_whitespace", "to_lower", "microseconds_precision"}
HOW |= {"items_schema", "variadic_item_index", "fail_fast", "keys_schema", "values_schema", "allow_inf_nan"}
"""What limits nothing."""


def models() -> Iterator[type[BaseModel]]:
    """Of the product, whoever imports them."""
    for package in PRODUCT:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.rpartition(".")[2].startswith(("test_", "conftest", "__main__")):
                importlib.import_module(found.name)

    def below(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
        for each in model.__subclasses__():
            yield each
            yield from below(each)

    names = {package.__name__ for package in PRODUCT}
    yield from (each for each in below(BaseModel) if each.__module__.partition(".")[0] in names)


def schemas(part: Any, seen: set[int]) -> Iterator[dict[str, Any]]:
    """Each core schema within one, itself first."""
    if id(part) in seen:
        return
    seen.add(id(part))
    if isinstance(part, dict):
        if isinstance(part.get("type"), str):
            yield part
        for name, each in part.items():
            if name not in ("metadata", "serialization"):
                yield from schemas(each, seen)
    elif isinstance(part, list | tuple):
        for each in part:
            yield from schemas(each, seen)


def test_all_that_a_model_of_ours_can_raise_is_told_in_italian_and_nothing_else_is():
    seen: set[int] = set()
    found = [schema for model in models() for schema in schemas(model.__pydantic_core_schema__, seen)]
    raised = {"json_invalid"}
    for schema in found:
        kind = schema["type"]
        assert kind in OF_KINDS, f"which errors has the kind of schema {kind}?"
        raised |= set(OF_KINDS[kind])
        if kind in ("int", "float", "str", "datetime", "date", "tuple", "list", "dict", "bool"):
            for limit in schema.keys() - HOW:
                assert (kind, limit) in OF_LIMITS, f"which error has {limit} of {kind}?"
                raised.add(OF_LIMITS[kind, limit])
    assert raised <= set(LISTED), "pydantic has no such error any more"
    assert raised - {"value_error"} == set(ITALIAN)


@pytest.mark.parametrize("kind", sorted(ITALIAN))
def test_each_sentence_has_what_its_braces_name(kind):
    context = LISTED[kind]["example_context"] or {}
    text = sentence_of({"type": kind, "loc": (), "msg": "In English", "input": None, "ctx": context})
    italian, between, english = text.partition(BETWEEN)
    assert italian
    assert between
    assert english
    assert "{" not in text


def told(model, value):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(model).validate_json(value)
    return [sentence_of(each) for each in caught.value.errors(include_input=False)]


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        (
            int,
            '"x"',
            "Deve essere un numero intero / Input should be a valid integer, unable to",
        ),
        (TaxCode, '"RSSMRA80A01H501X"', "Carattere di controllo o data sbagliati / the tax code's check character or"),
        (HttpsUrl, '"http://altrove.it"', "Deve essere un indirizzo https / must be an https URL"),
        (HttpsUrl, '"https://["', "Deve essere un indirizzo web valido / Input should be a valid URL, invalid IPv6"),
        (UtcDatetime, '"2026-12-16T10:00:00"', "Manca il fuso orario, come Z o +01:00 / Input should have timezone in"),
        (tuple[int, ...], '{"a": 1}', "Deve essere una lista / Input should be a valid array"),
    ],
)
def test_italian_comes_first(kind, value, sentence):
    (only,) = told(kind, value)
    assert only.startswith(sentence)


def test_a_rule_that_speaks_english_alone_is_led_by_italian():
    many = sentence_of(
        {"type": "value_error", "loc": (), "msg": "-", "input": 0, "ctx": {"error": ValueError("n > of")}}
    )
    assert many == "Regola non rispettata / n > of"
    assert unknown_name(Deadline).startswith("Nessun campo ha questo nome; ci sono ")
    assert " / there is none of this name; there are " in unknown_name(Deadline)


def test_what_pydantic_says_in_an_unknown_case_is_led_by_italian():
    told = sentence_of({"type": "decimal_type", "loc": (), "msg": "Decimal input", "input": 0})
    assert told == "Regola non rispettata / Decimal input"


def test_a_vendor_reads_each_fault_in_italian_with_the_code_of_before():
    message = make_message("T-1") | {"version": "uno", "language": "ITALIANO", "sorpresa": 1, "title": " "}
    del message["body_markdown"]
    with pytest.raises(ValidationError) as caught:
        Message.model_validate_json(orjson.dumps(message))
    found = {fault.pointer: (fault.code, fault.detail.split(BETWEEN)[0]) for fault in refusal_of(caught.value).faults}
    assert found == {
        "/version": ("field.type", "Deve essere un numero intero"),
        "/language": ("field.pattern", "Non ha la forma richiesta"),
        "/sorpresa": ("field.unknown", "Campo sconosciuto"),
        "/title": ("field.invalid", "Non deve essere vuoto"),
        "/body_markdown": ("field.missing", "Manca: è obbligatorio"),
    }


def test_the_contracts_own_rules_speak_both_languages():
    for path in Path(contracts.__path__[0]).rglob("*.py"):
        whole = ast.parse(path.read_text(encoding="utf-8"))
        for function in (each for each in ast.walk(whole) if isinstance(each, ast.FunctionDef)):
            for call in (each.exc for each in ast.walk(function) if isinstance(each, ast.Raise)):
                if isinstance(call, ast.Call) and call.func.id == "ValueError" and function.name not in FOR_CALLERS:
                    assert BETWEEN in ast.unparse(call), (path.name, function.name, ast.unparse(call))


FOR_CALLERS = {"_notice_number"}
"""What no model is checked by: the text is for whoever writes a call."""


def test_nobody_tells_pydantics_words_besides():
    """So that no place is left, or comes, where an administrator or a vendor reads English alone."""
    for package in PRODUCT:
        for path in Path(package.__path__[0]).rglob("*.py"):
            if path.name.startswith("test_") or path == Path(contracts.__path__[0], "faults.py"):
                continue
            text = path.read_text(encoding="utf-8")
            assert '["msg"]' not in text, path
            assert "['msg']" not in text, path


def test_a_text_in_two_languages_is_cut_in_both():
    assert bilingual("a" * 240, "b" * 240) == "a" * 240 + BETWEEN + "b" * 240
    italian, english = bilingual("a" * 400, "b" * 400).split(BETWEEN)
    assert (italian[-1], english[-1]) == ("…", "…")
    assert len(italian) + len(BETWEEN) + len(english) == LONGEST
    assert bilingual("Breve", "b" * 600).startswith("Breve / bbb")
    assert len(bilingual("Breve", "b" * 600)) == len(bilingual("a" * 600, "short")) == LONGEST
    assert bilingual("a" * 600, "short").endswith("… / short")


def test_a_place_leads_both_languages_and_limits_neither():
    assert led("limit", bilingual("Un numero", "a number")) == "limit: Un numero / a number"
    assert led(bilingual("riga 3", "line 3"), bilingual("Manca", "missing")) == "riga 3: Manca / line 3: missing"
    assert len(led("l" * 64, bilingual("a" * 600, "b" * 600))) == LONGEST


def test_where_less_is_kept_both_languages_are():
    assert shortened(bilingual("a" * 240, "b" * 240), 300) == "a" * 147 + "… / " + "b" * 148 + "…"
