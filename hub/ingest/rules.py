"""The rules by which facts become messages (`settled` 13, S28): those of `notice_rules.toml`, and what an administrator
of an ente changed of them.
"""

import logging
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from contracts.items import MessageKind
from hub.registry import Registry

log = logging.getLogger(__name__)

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
    on: Literal["state", "remind", "event", "window"]
    kind: MessageKind
    wording: Mapping[str, Wording]
    states: frozenset[str] = frozenset()
    days: tuple[int, ...] = ()
    due: frozenset[str] = frozenset()
    """The kinds of deadline that it reminds of; none stands for those that no other rule names."""
    events: frozenset[str] = frozenset()
    again: bool = False
    """Each time the item comes into such a state from another; otherwise once in its life."""
    instead_of: frozenset[str] = frozenset()
    """Rules that tell of the same state by another name: unless it told last of them all, it tells within it too."""
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force."""

    by_collection: Mapping[str, tuple[Rule, ...]]

    def __iter__(self) -> Iterator[Rule]:
        return (rule for rules in self.by_collection.values() for rule in rules)

    def on_state(self, collection: str, state: str) -> Rule | None:
        """The rule for an item that is now in that state, if any."""
        for rule in self.by_collection.get(collection, ()):
            if rule.on == "state" and state in rule.states:
                return rule if rule.enabled else None
        return None

    def on_event(self, collection: str, event: str) -> Rule | None:
        """The rule for something that happened to an item, if any."""
        for rule in self.by_collection.get(collection, ()):
            if rule.on == "event" and event in rule.events:
                return rule if rule.enabled else None
        return None

    def on_window(self) -> Rule | None:
        """The rule that tells that one may enrol, if any."""
        return next((rule for rule in self if rule.on == "window" and rule.enabled), None)

    def reminding(self, collection: str, kind: str) -> Rule | None:
        """The rule that reminds of what is due, a deadline of that kind."""
        rules = [rule for rule in self.by_collection.get(collection, ()) if rule.on == "remind"]
        own = next((rule for rule in rules if kind in rule.due), None)
        found = own or next((rule for rule in rules if not rule.due), None)
        return found if found is not None and found.enabled else None


@cache
def standard() -> Rules:
    """The rules that hold unless an administrator changed them."""
    text = (Path(__file__).parent / "notice_rules.toml").read_text(encoding="utf-8")
    return _together(_rule(row) for row in tomllib.loads(text)["rule"])


class RulesInForce:
    """The rules of an ente as the registry of the moment has them. Worked out once for each picture of the registry."""

    def __init__(self, registry: Callable[[], Registry]) -> None:
        self._registry = registry
        self._known: tuple[Registry | None, dict[str, Rules]] = (None, {})

    def __call__(self, ente_id: str) -> Rules:
        registry, (seen, known) = self._registry(), self._known
        if seen is not registry:
            known = {}
            self._known = (registry, known)
        found = known.get(ente_id)
        if found is None:
            found = known[ente_id] = changed_rules(registry, ente_id)
        return found


def changed_rules(registry: Registry, ente_id: str) -> Rules:
    """The standard rules with the changes of that ente; a change that this release cannot read counts as none."""
    changes = {name: record for (whose, name), record in registry.rules.items() if whose == ente_id and record}
    if not changes:
        return standard()
    return _together(_changed(rule, changes.get(rule.name), ente_id) for rule in standard())


def changed(rule: Rule, record: Mapping[str, Any]) -> Rule:
    """The rule with what a record changes of it: `enabled`, `days`, `kind`, and words as `it.title` or `en.body`.

    Raises:
        LookupError, TypeError: it is no such record.
    """
    words = {language: replace(rule.wording[language], **record.get(language, {})) for language in LANGUAGES}
    own: dict[str, Any] = {name: record[name] for name in ("enabled", "kind") if name in record}
    if "days" in record:
        own["days"] = tuple(record["days"])
    return replace(rule, wording=words, **own)


def _changed(rule: Rule, record: Mapping[str, Any] | None, ente_id: str) -> Rule:
    if record is None:
        return rule
    try:
        return changed(rule, record)
    except (LookupError, TypeError):
        log.exception("rule.unreadable ente=%s rule=%s", ente_id, rule.name)
        return rule


def _together(rules: Iterator[Rule]) -> Rules:
    found: dict[str, tuple[Rule, ...]] = {}
    for rule in rules:
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
        due=frozenset(row.get("due", ())),
        events=frozenset(row.get("events", ())),
        again=row.get("again", False),
        instead_of=frozenset(row.get("instead_of", ())),
    )
