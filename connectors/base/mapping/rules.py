"""Rules made ready: each a function from a record to a value. They are compiled once, and used for every record.

Two ways to run: with no `trail` the first fault ends the record, which is how the many good records go; with one, every
fault is noted with its places, and where each field came from.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from contracts.faults import Bilingual

from .cleaning import cleaner
from .conversions import boolean_reader, choice_reader, read_integer, text_reader
from .expressions import CannotEvaluate, Expression, plain
from .grammar import (
    MOST_ELEMENTS,
    BooleanRule,
    ChoiceRule,
    ConstantRule,
    DateRule,
    FirstRule,
    IntegerRule,
    JoinedRule,
    ListRule,
    MomentRule,
    MoneyRule,
    ObjectRule,
    Rule,
    TextRule,
)
from .money import cents_reader
from .times import day_reader, moment_reader
from .unmappable import Unmappable, without_value


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is: pointers into the item, the record and the mapping."""

    item: str
    record: str
    rule: str


@dataclass(frozen=True, slots=True)
class MapFault:
    place: Place
    code: str
    detail: Bilingual


@dataclass(slots=True)
class Trail:
    """Where a rule is at work, and what was noted on the way."""

    place: Place
    faults: list[MapFault] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    """By pointer into the item."""
    fixed: bool = False
    """An expression chose something from here, so that no pointer into the record can be more exact."""

    def into(self, item: str, rule: "Ready", *, element: str = "") -> "Trail":
        """The same notes, where `rule` makes what stands at `item` in the item; its place is noted as well."""
        record = self.place.record if self.fixed else f"{self.place.record}{element}{rule.place}"
        place = self.places[item] = Place(item, record, rule.pointer)
        return Trail(place, self.faults, self.places, self.fixed or not rule.exact)

    def note(self, unmappable: Unmappable) -> None:
        self.faults.append(MapFault(self.place, unmappable.code, unmappable.detail))


class Ready(Protocol):
    """A rule, ready. `pointer`: itself, in the mapping; `place`: what it reads, and whether it reads just that."""

    pointer: str
    place: str
    exact: bool

    def __call__(self, record: Any, trail: Trail | None) -> Any:
        """The value, None for none. Raises Unmappable."""
        ...


def evaluated(expression: Expression, record: Any) -> Any:
    """What the expression finds. Raises Unmappable."""
    try:
        return expression.find(record)
    except CannotEvaluate as error:
        raise Unmappable(
            "mapping.expression",
            f"l'espressione qui non si può calcolare ({error})",
            f"the expression cannot be worked out here ({error})",
        ) from None


def true_of(expression: Expression, record: Any) -> bool:
    """Whether it holds. Raises Unmappable."""
    try:
        return expression.holds(record)
    except CannotEvaluate as error:
        raise Unmappable(
            "mapping.expression",
            f"la condizione qui non si può calcolare ({error})",
            f"the condition cannot be worked out here ({error})",
        ) from None


class _Single:
    """A rule with a `from`: one value of the record, converted."""

    __slots__ = ("_convert", "_default", "_expression", "_find", "_required", "_when", "exact", "place", "pointer")

    def __init__(self, rule: Any, pointer: str, convert: Callable[[Any], Any]) -> None:
        self._expression = Expression(rule.from_)
        self._find = self._expression.find
        self._when = Expression(rule.when) if rule.when is not None else None
        self._convert, self._default, self._required = convert, rule.default, rule.required
        self.place, self.exact, self.pointer = self._expression.place, self._expression.exact, pointer

    def __call__(self, record: Any, trail: Trail | None) -> Any:
        if self._when is not None and not true_of(self._when, record):
            return None
        try:
            value = self._find(record)
        except CannotEvaluate:
            value = evaluated(self._expression, record)
        if value is not None and value != "":
            value = self._convert(value)
        if value is None or value == "":
            if self._required and self._default is None:
                raise without_value()
            return self._default
        return value


class _Constant:
    __slots__ = ("_value", "_when", "exact", "place", "pointer")

    def __init__(self, rule: ConstantRule, pointer: str) -> None:
        self._value = list(rule.value) if isinstance(rule.value, tuple) else rule.value
        self._when = Expression(rule.when) if rule.when is not None else None
        self.place, self.exact, self.pointer = "", True, pointer

    def __call__(self, record: Any, trail: Trail | None) -> Any:
        return self._value if self._when is None or true_of(self._when, record) else None


class _Joined:
    __slots__ = ("_parts", "_rule", "_when", "exact", "place", "pointer")

    def __init__(self, rule: JoinedRule, pointer: str) -> None:
        self._parts = [ready(part, f"{pointer}/parts/{n}") for n, part in enumerate(rule.parts)]
        self._rule = rule
        self._when = Expression(rule.when) if rule.when is not None else None
        places = {part.place for part in self._parts} - {""}
        self.place, self.exact, self.pointer = (places.pop() if len(places) == 1 else ""), True, pointer

    def __call__(self, record: Any, trail: Trail | None) -> Any:
        if self._when is not None and not true_of(self._when, record):
            return None
        found = [part(record, None) for part in self._parts]
        if not self._rule.skip_absent and None in found:
            found = []
        text = self._rule.separator.join(plain(value) for value in found if value is not None)
        if not text and self._rule.required:
            raise Unmappable("mapping.required", "una sua parte non ha un valore", "a part of it has no value")
        return text or None


class _First:
    __slots__ = ("_of", "_required", "_when", "exact", "place", "pointer")

    def __init__(self, rule: FirstRule, pointer: str) -> None:
        self._of = [ready(each, f"{pointer}/of/{n}") for n, each in enumerate(rule.of)]
        self._required = rule.required
        self._when = Expression(rule.when) if rule.when is not None else None
        self.place, self.exact, self.pointer = "", True, pointer

    def __call__(self, record: Any, trail: Trail | None) -> Any:
        if self._when is None or true_of(self._when, record):
            for each in self._of:
                here = None if trail is None else trail.into(trail.place.item, each)
                try:
                    value = each(record, here)
                except Unmappable as unmappable:
                    if here is None:
                        raise
                    here.note(unmappable)
                    return None
                if value is not None:
                    return value
        if self._required:
            raise Unmappable("mapping.required", "nessuna delle regole dà un valore", "none of the rules gives a value")
        return None


class Members:
    """The fields of an object, by their rules."""

    __slots__ = ("_rules",)

    def __init__(self, fields: Any, pointer: str) -> None:
        self._rules = [(name, ready(rule, f"{pointer}/{name}")) for name, rule in fields.items()]

    def __call__(self, record: Any, trail: Trail | None) -> dict[str, Any]:
        made = {}
        if trail is None:
            for name, rule in self._rules:
                value = rule(record, None)
                if value is not None:
                    made[name] = value
            return made
        for name, rule in self._rules:
            here = trail.into(f"{trail.place.item}/{name}", rule)
            try:
                value = rule(record, here)
            except Unmappable as unmappable:
                here.note(unmappable)
            else:
                if value is not None:
                    made[name] = value
        return made


class _Object:
    __slots__ = ("_members", "_scope", "_when", "exact", "place", "pointer")

    def __init__(self, rule: ObjectRule, pointer: str) -> None:
        self._members = Members(rule.fields, f"{pointer}/fields")
        self._scope = Expression(rule.from_) if rule.from_ is not None else None
        self._when = Expression(rule.when) if rule.when is not None else None
        self.place, self.pointer = (self._scope.place if self._scope is not None else ""), pointer
        self.exact = self._scope is None or self._scope.exact

    def __call__(self, record: Any, trail: Trail | None) -> Any:
        if self._when is not None and not true_of(self._when, record):
            return None
        if self._scope is not None:
            record = evaluated(self._scope, record)
            if record is None:
                return None
        return self._members(record, trail) or None


class _List:
    __slots__ = ("_each", "_from", "_when", "exact", "place", "pointer")

    def __init__(self, rule: ListRule, pointer: str) -> None:
        self._each = ready(rule.each, f"{pointer}/each")
        self._from = Expression(rule.from_)
        self._when = Expression(rule.when) if rule.when is not None else None
        self.place, self.exact, self.pointer = self._from.place, self._from.exact, pointer

    def __call__(self, record: Any, trail: Trail | None) -> Any:
        if self._when is not None and not true_of(self._when, record):
            return None
        elements = evaluated(self._from, record)
        if elements is None:
            return None
        if not isinstance(elements, list):
            raise Unmappable(
                "mapping.not_a_list", "quello che si trova qui non è una lista", "what is found here is no list"
            )
        if len(elements) > MOST_ELEMENTS:
            raise Unmappable(
                "mapping.too_many", f"più di {MOST_ELEMENTS} elementi", f"more than {MOST_ELEMENTS} elements"
            )
        made: list[Any] = []
        for n, element in enumerate(elements):
            item = "" if trail is None else f"{trail.place.item}/{len(made)}"
            here = None if trail is None else trail.into(item, self._each, element=f"/{n}")
            try:
                value = self._each(element, here)
            except Unmappable as unmappable:
                if here is None:
                    raise
                here.note(unmappable)
            else:
                if value is not None:
                    made.append(value)
        return made or None


def ready(rule: Rule, pointer: str) -> Ready:
    """The rule that stands at `pointer` in the mapping, ready."""
    match rule:
        case TextRule():
            return _Single(rule, pointer, text_reader(cleaner(rule.clean, rule.replace, rule.cut, rule.zeros)))
        case IntegerRule():
            return _Single(rule, pointer, read_integer)
        case BooleanRule():
            return _Single(rule, pointer, boolean_reader(rule))
        case ChoiceRule():
            return _Single(rule, pointer, choice_reader(rule))
        case DateRule():
            return _Single(rule, pointer, day_reader(rule.formats, rule.zone))
        case MomentRule():
            return _Single(rule, pointer, moment_reader(rule.formats, rule.zone, rule.ambiguous, rule.of_day))
        case MoneyRule():
            return _Single(rule, pointer, cents_reader(rule.notation))
        case ConstantRule():
            return _Constant(rule, pointer)
        case JoinedRule():
            return _Joined(rule, pointer)
        case FirstRule():
            return _First(rule, pointer)
        case ObjectRule():
            return _Object(rule, pointer)
        case ListRule():
            return _List(rule, pointer)
