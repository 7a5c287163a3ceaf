"""The marks of tests name requirements that there are."""

import re
from pathlib import Path

from tests.requirements_page import REQUIREMENTS, page_of

TESTS = Path(__file__).parents[1]
_MARK = re.compile(r"mark\.req\(([^)]*)\)")
_NUMBER = re.compile(r"S\d+")


def test_every_mark_names_a_requirement():
    marked = {
        number
        for path in (*TESTS.rglob("test_*.py"), *(TESTS.parent / "connectors").rglob("test_*.py"))
        for names in _MARK.findall(path.read_text(encoding="utf-8"))
        for number in _NUMBER.findall(names)
    }
    assert marked <= REQUIREMENTS.keys()
    assert list(REQUIREMENTS) == [f"S{n}" for n in range(1, 73)]


def test_the_page_says_what_proves_a_requirement_and_what_nothing_proves():
    page = page_of({"S1": {"tests/flows/test_feed.py::test_one_feed"}})
    assert "| S1 | Un solo punto di contatto: una bacheca da tutte le fonti | `flows/test_feed` one feed |" in page
    assert "| S20 [P] | Riepilogo prima dell'invio | none yet |" in page
    assert "1 of 72 requirements" in page
