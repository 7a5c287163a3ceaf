"""The page of requirements and of the tests that prove them: made of the marks of the tests that passed.

pytest ... --requirements-page=docs/coverage.md
"""

import subprocess
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

REQUIREMENTS = tomllib.loads((Path(__file__).parent / "requirements.toml").read_text(encoding="utf-8"))
_HEAD = """# Requirements and their tests

What the personal area must do (`S1` to `S72`), and the tests that passed and prove it. Made by
`make test ARGS="--requirements-page=docs/coverage.md"` from the marks `req`; do not edit.
`[P]` is mainly the portal's work, to which the hub gives the data.

Made at commit {commit}: {proved} of {all} requirements have tests.

| | Requisito | Tests |
|---|---|---|
"""


class RequirementsPage:
    """A pytest plugin; with workers, the one of their controller."""

    def __init__(self, page: Path) -> None:
        self._page = page
        self._proved: dict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            for name, number in report.user_properties:
                if name == "req":
                    self._proved[str(number)].add(report.nodeid.partition("[")[0])

    def pytest_sessionfinish(self) -> None:
        if self._proved:
            self._page.write_text(page_of(self._proved), encoding="utf-8")


def page_of(proved: dict[str, set[str]]) -> str:
    """The page, in Markdown."""
    lines = [_row(number, wanted, proved.get(number, set())) for number, wanted in REQUIREMENTS.items()]
    found = sum(number in proved for number in REQUIREMENTS)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    return _HEAD.format(commit=commit.stdout.strip(), proved=found, all=len(REQUIREMENTS)) + "".join(lines)


def _row(number: str, wanted: dict[str, Any], tests: set[str]) -> str:
    shown = [f"`{module.removeprefix('tests/').removesuffix('.py')}` {name}" for module, name in _split(tests)]
    mark = " [P]" if wanted.get("portal") else ""
    return f"| {number}{mark} | {wanted['it']} | {'<br>'.join(shown) or 'none yet'} |\n"


def _split(tests: set[str]) -> list[tuple[str, str]]:
    return [
        (module, name.removeprefix("test_").replace("_", " "))
        for module, _, name in (t.partition("::") for t in sorted(tests))
    ]
