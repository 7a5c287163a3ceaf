"""What an administrator may change of a rule, and what would give a notice that nobody understands."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, get_args

from pydantic import TypeAdapter, ValidationError

from contracts.base import TEXT, Title
from contracts.faults import sentence_of
from contracts.items import MessageKind

from .rule_samples import due_of, sample_item, states_of
from .rules import LANGUAGES, Rule, changed
from .wording import NAMED, OPTIONAL, facts

ORDINARY: Final = frozenset({"info", "status_change", "deadline_reminder", "payment_notice", "document_issued"})
"""Kinds that any rule may give. The others go before everything, wait behind everything, or cannot be switched off by
the citizen: only a rule that has such a kind by itself keeps it."""

DAYS_AHEAD: Final = range(366)
MOST_REMINDERS: Final = 5

_BODY: Final = 20_000
_FACT: Final = 2_000
"""The longest fact (1000 characters), each with a backslash before it."""
_BRACES: Final = re.compile(r"[{}]")
_ENDS_A_SENTENCE: Final = (".", "!", "?")
_TITLE_TEXT: Final[TypeAdapter[str]] = TypeAdapter(Title)
_BODY_TEXT: Final[TypeAdapter[str]] = TypeAdapter(Annotated[str, TEXT])


class RuleRefused(ValueError):
    """A change that cannot be made; `setting` names what is wrong."""

    def __init__(self, setting: str, reason: str) -> None:
        super().__init__(f"{setting}: {reason}")
        self.setting = setting


def amended(rule: Rule, record: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The record with one more change of the (standard) rule in it: `enabled`, `days`, `kind`, `it`, `en`.

    What is as in the standard rule is not kept, so that a later release's better words reach whoever changed others.

    Raises:
        RuleRefused: what the rule would become breaks a bound.
    """
    merged: dict[str, Any] = {**record, **{name: value for name, value in change.items() if name not in LANGUAGES}}
    for language in LANGUAGES:
        merged[language] = {**record.get(language, {}), **change.get(language, {})}
    check(changed(rule, merged), of=rule)
    found: dict[str, Any] = {}
    for name in ("enabled", "kind"):
        if merged.get(name, getattr(rule, name)) != getattr(rule, name):
            found[name] = merged[name]
    if "days" in merged and tuple(merged["days"]) != rule.days:
        found["days"] = sorted(set(merged["days"]), reverse=True)
    for language in LANGUAGES:
        own = {part: text for part, text in merged[language].items() if text != getattr(rule.wording[language], part)}
        found |= {language: own} if own else {}
    return found


def check(rule: Rule, *, of: Rule) -> None:
    """Raises RuleRefused where the rule, as an administrator made it of the standard one, breaks a bound."""
    for setting, reason in faults(rule, of):
        raise RuleRefused(setting, reason)


def faults(rule: Rule, standard: Rule) -> Iterator[tuple[str, str]]:
    """(setting, reason) of everything that is wrong."""
    allowed = sorted(ORDINARY | {standard.kind})
    if rule.kind not in allowed or rule.kind not in get_args(MessageKind):
        yield "kind", f"one of {', '.join(allowed)}"
    if rule.on == "remind":
        if not 1 <= len(rule.days) <= MOST_REMINDERS or any(day not in DAYS_AHEAD for day in rule.days):
            yield "days", f"from 1 to {MOST_REMINDERS} whole numbers of days from 0 to {DAYS_AHEAD[-1]}"
    elif rule.days != standard.days:
        yield "days", "only a rule that reminds has days"
    for language in LANGUAGES:
        known, sure = _names(standard, language)
        words = rule.wording[language]
        for part, text in (("title", words.title), ("body", words.body)):
            for reason in _faults_of(text, known, sure, title=part == "title"):
                yield f"{language}.{part}", reason


def _names(rule: Rule, language: str) -> tuple[frozenset[str], frozenset[str]]:
    """The facts that the words of a rule may name, and those that are there whatever the item."""
    known: frozenset[str] = frozenset()
    sure: frozenset[str] | None = None
    for state in states_of(rule):
        found = facts(sample_item(rule, state, language, full=False), state, due_of(rule, full=False), language)
        there = frozenset(name for name, value in found.items() if value)
        known, sure = known | frozenset(found), there if sure is None else sure & there
    return known, sure or frozenset()


def _faults_of(text: str, known: frozenset[str], sure: frozenset[str], *, title: bool) -> Iterator[str]:
    try:
        (_TITLE_TEXT if title else _BODY_TEXT).validate_python(text)
    except ValidationError as error:
        yield sentence_of(error.errors(include_input=False)[0])
        return
    names = NAMED.findall(text)
    if unknown := sorted(set(names) - known):
        yield f"there is no fact {{{unknown[0]}}}; there are {', '.join(sorted(known))}"
    elif _BRACES.search(NAMED.sub("", text)):
        yield "a brace that holds no name of a fact"
    elif any("[[" in part or "]]" in part for part in OPTIONAL.split(text)):
        yield "[[ and ]] go together, and do not nest"
    elif len(text) + _FACT * len(names) > _BODY:
        yield f"too long: with its facts the text could exceed {_BODY} characters"
    elif not _says_something(text, sure):
        yield "without the facts that may be missing nothing would be left"
    else:
        yield from _broken(text, sure)


def _says_something(text: str, sure: frozenset[str]) -> bool:
    lasting = OPTIONAL.sub(lambda part: part[1] if set(NAMED.findall(part[1])) <= sure else "", text)
    return bool(set(NAMED.findall(lasting)) & sure) or any(c.isalnum() for c in NAMED.sub("", lasting))


def _broken(text: str, sure: frozenset[str]) -> Iterator[str]:
    """Facts that may be missing, and would leave half a sentence."""
    for paragraph in OPTIONAL.sub("", text).split("\n\n"):
        for found in NAMED.finditer(paragraph):
            before, after = paragraph[: found.start()].strip(), paragraph[found.end() :]
            alone = not before or before.endswith((*_ENDS_A_SENTENCE, "}"))
            if found[1] not in sure and not (alone and (not after or after[0].isspace())):
                yield (
                    f"{found[0]} may be missing: put it with the words around it between [[ and ]], "
                    "or make it a sentence of its own"
                )
                return
