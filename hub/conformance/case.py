"""One thing that a hub is tried with: the change to a good request, what must come of it, and why."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from .draft import Draft

Change = Callable[[Draft], None]
Needs = Literal["", "certificate", "kid", "elliptic"]
"""With which keys a case makes sense."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A class of answers."""

    name: str
    statuses: frozenset[int]

    @property
    def fails(self) -> bool:
        return not any(200 <= status < 300 for status in self.statuses)


ACCEPTED: Final = Expected("2xx", frozenset(range(200, 300)))
REFUSED: Final = Expected("400/401", frozenset({400, 401}))
CONFLICT: Final = Expected("409", frozenset({409}))
TOO_LARGE: Final = Expected("400/401/413/431", frozenset({400, 401, 413, 431}))
UNSUPPORTED: Final = Expected("400/401/415", frozenset({400, 401, 415}))
NOT_SERVED: Final = Expected("400/401/403/404/405/501", frozenset({400, 401, 403, 404, 405, 501}))
NOT_PARTIAL: Final = Expected("200/400/401/416", frozenset({200, 400, 401, 416}))


@dataclass(frozen=True, slots=True)
class Case:
    """`name` is stable: it is what `--only` and JUnit know it by."""

    group: str
    name: str
    it: str
    en: str
    change: Change
    expected: Expected = REFUSED
    needs: Needs = ""
    reads: bool = False
    """On a read without body, which needs the rest of this API (find, show, withdraw); otherwise on a publication."""

    def lacking(self, draft: Draft, *, item: bool) -> str:
        """Why it cannot be tried with this key or target; empty where it can."""
        if self.reads and not item:
            return "not this API"
        key = draft.party.key
        return {
            "": "",
            "certificate": "" if key.certificates else "the key has no certificate",
            "kid": "" if not key.certificates else "the key is named by its certificate",
            "elliptic": "" if draft.party.elliptic else "the key is not of an elliptic curve",
        }[self.needs]
