"""What a connector's settings name of the lists that the ente keeps itself.

A name that is in none of them is a slip of the pen: what depends on it would go to the quarantine, or never come to be.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

NamedKind = Literal["vendor", "service", "document_type", "subscription_service"]
"""Of the register of vendors, of the catalogue, of the vocabulary of documents, of what citizens subscribe to."""


@dataclass(frozen=True, slots=True)
class Named:
    """One name, and where it stands."""

    kind: NamedKind
    name: str
    place: str
    """JSON pointer into the settings. A list that is written as one text counts as a list."""


@runtime_checkable
class Naming(Protocol):
    """`Settings` that name such things have this."""

    def named(self) -> Iterable[Named]:
        """All of them, in the order in which they stand."""
        ...
