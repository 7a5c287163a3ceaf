"""What became of the cases: for people, as JSON, and as JUnit ElementTree. Names are stable."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal
from xml.etree import ElementTree

Outcome = Literal["passed", "failed", "skipped"]


def called(group: str, name: str, pattern: str) -> bool:
    """Whether `--only PATTERN` means it: by its name, or by group/name."""
    return fnmatchcase(name, pattern) or fnmatchcase(f"{group}/{name}", pattern)


@dataclass(frozen=True, slots=True)
class Result:
    """One case; `detail` says what was wrong, or why it was not tried. It holds no token and no body."""

    group: str
    name: str
    it: str
    en: str
    outcome: Outcome
    expected: str = ""
    answered: str = ""
    detail: str = ""
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Untested:
    """`what` by the name its pattern or setting has; `why`, and what it would take."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """All of them, and what they were tried on."""

    tried: str
    results: Sequence[Result]
    facts: dict[str, str] = field(default_factory=dict)
    untested: Sequence[Untested] = ()

    def count(self, outcome: Outcome) -> int:
        return sum(one.outcome == outcome for one in self.results)

    @property
    def holds(self) -> bool:
        return self.count("failed") == 0

    @property
    def counts(self) -> dict[str, int]:
        return {"passed": self.count("passed"), "failed": self.count("failed"), "skipped": self.count("skipped")}

    def as_json(self) -> dict[str, Any]:
        return {
            "tried": self.tried,
            **self.facts,
            **self.counts,
            "not_tested": [asdict(one) for one in self.untested],
            "cases": [asdict(one) for one in self.results],
        }

    def as_junit(self) -> bytes:
        """A test suite as CI servers read it: classname `conformance.<group>`, name that of the case."""
        suite = ElementTree.Element(
            "testsuite",
            name="raccordo.conformance",
            tests=str(len(self.results)),
            failures=str(self.count("failed")),
            errors="0",
            skipped=str(self.count("skipped")),
            time=f"{sum(one.took_s for one in self.results):.3f}",
        )
        properties = ElementTree.SubElement(suite, "properties")
        for name, value in self.facts.items():
            ElementTree.SubElement(properties, "property", name=name, value=value)
        for each in self.untested:
            ElementTree.SubElement(properties, "property", name=f"not tested: {each.what}", value=each.why)
        for one in self.results:
            case = ElementTree.SubElement(
                suite, "testcase", classname=f"conformance.{one.group}", name=one.name, time=f"{one.took_s:.3f}"
            )
            if one.outcome == "failed":
                told = f"{one.it} / {one.en}: {one.detail}"
                ElementTree.SubElement(case, "failure", message=told, type=one.expected).text = told
            elif one.outcome == "skipped":
                ElementTree.SubElement(case, "skipped", message=one.detail)
        ElementTree.indent(suite)
        whole: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
        return whole
