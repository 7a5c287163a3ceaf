"""The rules by which facts become messages (`settled` 13, S28), read from `notice_rules.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from contracts.items import MessageKind

LANGUAGES = ("it", "en")


@dataclass(frozen=True, slots=True)
class Wording:
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Rule:
    """When its fact holds, an item gives a message of this kind."""

    name: str
    collection: str
    on: Literal["state", "remind", "event"]
    kind: MessageKind
    wording: Mapping[str, Wording]
    states: frozenset[str] = frozenset()
    days: tuple[int, ...] = ()
    events: frozenset[str] = frozenset()
    again: bool = False
    """Each time the item comes into such a state from another; otherwise once in its life."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force."""

    by_collection: Mapping[str, tuple[Rule, ...]]

    def on_state(self, collection: str, state: str) -> Rule | None:
        """The rule for an item that is now in that state, if any."""
        for rule in self.by_collection.get(collection, ()):
            if rule.on == "state" and state in rule.states:
                return rule
        return None

    def on_event(self, collection: str, event: str) -> Rule | None:
        """The rule for something that happened to an item, if any."""
        for rule in self.by_collection.get(collection, ()):
            if rule.on == "event" and event in rule.events:
                return rule
        return None

    def reminding(self, collection: str) -> Rule | None:
        """The rule that reminds of what is due."""
        return next((rule for rule in self.by_collection.get(collection, ()) if rule.on == "remind"), None)


@cache
def standard() -> Rules:
    """The rules that hold unless an administrator changed them."""
    text = (Path(__file__).parent / "notice_rules.toml").read_text(encoding="utf-8")
    found: dict[str, tuple[Rule, ...]] = {}
    for row in tomllib.loads(text)["rule"]:
        rule = _rule(row)
        found[rule.collection] = (*found.get(rule.collection, ()), rule)
    return Rules(found)


def _rule(row: dict[str, Any]) -> Rule:
    return Rule(
        name=row["name"],
        collection=row["collection"],
        on=row["on"],
        kind=row["kind"],
        wording={language: Wording(**row[language]) for language in LANGUAGES},
        states=frozenset(row.get("states", ())),
        days=tuple(row.get("days", ())),
        events=frozenset(row.get("events", ())),
        again=row.get("again", False),
    )
