"""The JSON Schema of a connector's settings, and of what its operations take, drives a form: whoever fills it in reads
nothing else."""

import ast
import importlib
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import connectors
from connectors.registry import Types
from contracts.base import Form
from contracts.connector import Limits, Operation
from hub.dispatch.settings_form import schema_of


def operations():
    """(title, arguments) of every operation that a connector offers, as its code makes it."""
    root = Path(connectors.__path__[0])
    for path in sorted(root.rglob("*.py")):
        calls = [each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.Call)]
        made = [each for each in calls if isinstance(each.func, ast.Name) and each.func.id == "Operation"]
        if made and not path.name.startswith("test_"):
            module = importlib.import_module(".".join(path.relative_to(root.parent).with_suffix("").parts))
            assert module.Operation is Operation
            for title, arguments, *_ in (each.args for each in made):
                yield ast.literal_eval(title), getattr(module, arguments.id)


TYPES = Types()
OPERATIONS = dict(operations())
MODELS = {name: TYPES[name].settings for name in TYPES} | {"(limits)": Limits}
MODELS |= {title: arguments for title, arguments in OPERATIONS.items() if arguments.model_fields}
SECRET = re.compile(r"password|secret|(^|_)key$")


def members(model):
    """(place, schema) of every member of the settings, those of the models within them too."""
    whole = schema_of(model)
    parts = {"": whole, **whole.get("$defs", {})}
    return [(f"{part}/{name}", one) for part, of in parts.items() for name, one in of.get("properties", {}).items()]


def is_secret(schema):
    return any(one.get("writeOnly") is True for one in (schema, *schema.get("anyOf", ())))


@pytest.mark.parametrize("name", MODELS)
def test_every_setting_says_in_italian_and_in_english_what_it_is(name):
    found = members(MODELS[name])
    assert found
    for place, schema in found:
        italian, _, english = schema.get("description", "").partition(" / ")
        assert italian[-1:] in (".", ":"), place
        assert english[-1:] == ".", place
        assert italian != english, place
        assert "\n" not in schema["description"], place


@pytest.mark.parametrize("name", MODELS)
def test_a_setting_is_called_as_errors_and_documentation_call_it(name):
    for place, schema in members(MODELS[name]):
        called = place.rpartition("/")[2]
        assert schema.get("title", called) == called


@pytest.mark.parametrize("name", MODELS)
def test_what_settings_consist_of_is_told_in_both_languages_too(name):
    whole = schema_of(MODELS[name])
    assert not {"title", "description"} & whole.keys()  # the type's own title is the manifest's
    untold = [
        part for part, of in whole.get("$defs", {}).items() if "properties" in of and " / " not in of["description"]
    ]
    assert not untold


@pytest.mark.parametrize("name", MODELS)
def test_the_defaults_are_what_the_schema_allows(name):
    whole = schema_of(MODELS[name])
    Draft202012Validator.check_schema(whole)
    for place, schema in members(MODELS[name]):
        if "default" in schema:
            problems = list(
                Draft202012Validator(schema | {"$defs": whole.get("$defs", {})}).iter_errors(schema["default"])
            )
            assert not problems, (place, problems)


@pytest.mark.parametrize("name", TYPES)
def test_what_is_a_secret_is_never_read(name):
    for place, schema in members(MODELS[name]):
        if SECRET.search(place.rpartition("/")[2]):
            assert is_secret(schema), place


@pytest.mark.parametrize("name", TYPES)
def test_a_type_has_a_title_and_required_settings_have_no_default(name):
    assert TYPES[name].manifest.title
    whole = schema_of(MODELS[name])
    assert not [each for each in whole.get("required", ()) if "default" in whole["properties"][each]]


def test_an_operation_says_in_italian_and_in_english_what_it_does():
    assert len(OPERATIONS) > 10
    for title, arguments in OPERATIONS.items():
        italian, _, english = title.partition(" / ")
        assert italian
        assert english
        assert len(title) <= 120, title
        assert issubclass(arguments, Form), title
