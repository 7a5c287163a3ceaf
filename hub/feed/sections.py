"""The sections of a personal area, as the three official models of municipal sites shape it (personal-area D1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from contracts.feed import View
from hub.store.filters import Filters


@dataclass(frozen=True, slots=True)
class Section:
    """A section: the collections in it and, of messages, whether those that the hub made about another item."""

    code: str
    title: str
    collections: tuple[str, ...]
    notices: bool | None = None

    @property
    def filters(self) -> Filters:
        """What lists it."""
        return Filters(collections=self.collections, notices=self.notices, archived=False)

    def counted(self, counts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Those of the counts that are of the section."""
        return [c for c in counts if c["collection"] in self.collections and self.notices in (None, c["notice"])]


VIEWS: Mapping[View, tuple[Section, ...]] = MappingProxyType(
    {
        "desk": (
            Section("messages", "Messaggi", ("messages",)),
            Section("activities", "Attività", ("applications", "payments")),
            Section("services", "Servizi", ("subscriptions",)),
        ),
        "tabs": (
            Section("applications", "Le mie pratiche", ("applications",)),
            Section("payments", "Pagamenti", ("payments", "receipts")),
            Section("documents", "Documenti", ("documents",)),
            Section("messages", "Messaggi", ("messages",)),
            Section("deadlines", "Scadenze", ("deadlines",)),
        ),
        "architecture": (
            Section("messages", "Messaggi", ("messages",), notices=False),
            Section("activities", "Attività", ("payments", "deadlines")),
            Section("services", "I miei servizi", ("subscriptions",)),
            Section("applications", "Pratiche", ("applications",)),
            Section("notices", "Notifiche", ("messages",), notices=True),
        ),
    }
)
"""desk: the service flows of design-comuni-pagine-statiche (Scrivania, Messaggi, Attività, Servizi); tabs: its template
of the personal area; architecture: architettura-informazione of design-comuni-docs, without the settings."""


def by_state(counts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """contracts.feed.SectionCount: a collection's items in one state, whoever made them."""
    summed: dict[tuple[str, str], dict[str, Any]] = {}
    for each in counts:
        key = (each["collection"], each["state"])
        one = summed.setdefault(key, {"collection": key[0], "state": key[1], "count": 0, "unread": 0})
        one["count"] += each["count"]
        one["unread"] += each["unread"]
    return list(summed.values())
