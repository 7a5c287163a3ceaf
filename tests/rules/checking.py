"""What a check is, and the table that the check modules fill."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from .reading import Json

Severity = Literal["error", "warn", "info", "hint"]
Profile = Literal["full", "security", "house"]
Finder = Callable[[Json], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Check:
    """A rule under its official name; `find` yields the places that break it. `house` rules are our own."""

    name: str
    severity: Severity
    profile: Profile
    find: Finder

    def violations(self, document: Json) -> list[str]:
        return list(self.find(document))


CHECKS: dict[str, Check] = {}


def check(name: str, severity: Severity, profile: Profile = "full") -> Callable[[Finder], Finder]:
    """Puts a finder into the table."""

    def register(find: Finder) -> Finder:
        if name in CHECKS:
            raise ValueError(name)
        CHECKS[name] = Check(name, severity, profile, find)
        return find

    return register
