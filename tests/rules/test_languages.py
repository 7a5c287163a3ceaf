"""What a caller is told is Italian, then English: no error, and no place that raises one, has one half alone."""

import ast
import inspect
import pkgutil
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import get_args, get_type_hints

import pytest

import connectors
import contracts
import hub
from connectors.base.mapping.rules import MapFault
from contracts.faults import BETWEEN, LONGEST, Bilingual
from contracts.inbound import Wrong
from hub.errors import Fault, HubError, all_errors

PRODUCT = (contracts, hub, connectors)
MAKES_THEM = Path(contracts.__path__[0], "faults.py")

for each in pkgutil.walk_packages(hub.__path__, "hub."):
    if ".migrations" not in each.name and not each.name.endswith("__main__"):
        import_module(each.name)

ERRORS = all_errors()


def sources(*packages: ModuleType) -> list[Path]:
    found = [path for package in packages for path in Path(package.__path__[0]).rglob("*.py")]
    return [path for path in found if not path.name.startswith("test_") and path != MAKES_THEM]


def calls(path: Path, name: str) -> list[ast.Call]:
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [each for each in tree if isinstance(each, ast.Call) and ast.unparse(each.func) == name]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_an_error_speaks_both_languages(error):
    italian, english = error.in_general().split(BETWEEN)
    assert italian.endswith(".")
    assert english == inspect.cleandoc(error.__doc__).splitlines()[0]
    assert italian != english
    assert "…" not in italian + english, f"more than {LONGEST} characters"
    assert len(error.title.split(BETWEEN)) == 2
    assert error.in_general() == error().detail


@pytest.mark.parametrize("error", [each for each in ERRORS if each is not HubError], ids=lambda error: error.__name__)
def test_an_error_that_says_something_else_than_its_base_says_it_in_italian_too(error):
    base = error.__mro__[1]
    assert (error.__doc__ == base.__doc__) is (error.text_it == base.text_it)


def test_nothing_but_both_halves_can_be_given():
    """mypy holds every call against these, and `Bilingual` is made of two halves alone."""
    assert {get_type_hints(one)["detail"] for one in (Fault, MapFault, Wrong)} == {Bilingual}
    for error in ERRORS:
        assert set(get_args(get_type_hints(error.__init__)["detail"])) == {Bilingual, type(None)}, error
    for path in sources(*PRODUCT):
        assert not calls(path, "Bilingual"), path
        assert not [each for each in calls(path, "cast") if "Bilingual" in ast.unparse(each.args[0])], path


def test_the_halves_are_two_and_neither_holds_the_other():
    found = [(path, each) for path in sources(*PRODUCT) for each in calls(path, "bilingual")]
    assert len(found) > 100
    for path, call in found:
        italian, english = map(ast.unparse, call.args)
        assert italian != english, (path, italian)
        assert BETWEEN not in italian + english, (path, italian)
        assert ast.literal_eval(italian) if isinstance(call.args[0], ast.Constant) else italian
        assert ast.literal_eval(english) if isinstance(call.args[1], ast.Constant) else english
