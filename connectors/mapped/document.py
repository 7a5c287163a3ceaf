"""The mapping as an administrator writes it: a closed JSON document, whose JSON Schema drives a form.

It says how a source's file or answer falls into records, and for each record which items it becomes. `as` says what a
rule makes of what its `from` finds. A rule that finds nothing leaves its field out.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, field_validator, model_validator
from typing_extensions import TypeAliasType

from contracts.base import LINE, Code, Model, Title
from contracts.items import COLLECTIONS
from contracts.publishing import Collection

from .cleaning import Clean
from .expressions import ExpressionText
from .money import Notation
from .times import Ambiguous, OfDay, TimeFormat, ZoneName

_NOT_MAPPED: Final = frozenset({"collection", "version", "source"})
MOST_RULES: Final = 400
MOST_DEPTH: Final = 6
MOST_ELEMENTS: Final = 500
"""Of a list that a rule makes."""

Scalar = Annotated[str, StringConstraints(max_length=20_000)] | bool | int
FieldName = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[a-z][a-z0-9_]*$")]
SourceWord = Annotated[str, StringConstraints(max_length=200)]
Separator = Annotated[str, StringConstraints(max_length=10)]


class _Lists(Model):
    """Lists come as such from JSON; the rest is strict."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", populate_by_name=True)


class _Rule(_Lists):
    when: ExpressionText | None = Field(None, description="Where this is not true of the record, the field is left out")


class _From(_Rule):
    from_: ExpressionText = Field(alias="from")
    default: Scalar | None = Field(None, description="The field's value where the record has none; taken as it is")
    required: bool = Field(False, description="Whether a record without it is wrong, rather than without the field")


class TextRule(_From):
    """A text. Numbers become the text that the source wrote."""

    as_: Literal["text"] = Field(alias="as")
    clean: Annotated[tuple[Clean, ...], Field(max_length=8)] = ("trim",)
    replace: Annotated[tuple[tuple[SourceWord, SourceWord], ...], Field(max_length=20)] = ()
    cut: Annotated[int, Field(ge=2, le=20_000)] | None = Field(
        None, description="Longer ones are cut, with an ellipsis"
    )
    zeros: Annotated[int, Field(ge=1, le=40)] | None = Field(None, description="Zeros in front up to this length")

    @field_validator("replace")
    @classmethod
    def _something(cls, value: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        if any(not old for old, _ in value):
            raise ValueError("nothing cannot be replaced")
        return value


class IntegerRule(_From):
    """A whole number, or a text that is one."""

    as_: Literal["integer"] = Field(alias="as")


class BooleanRule(_From):
    """True or false, or the source's words for them."""

    as_: Literal["boolean"] = Field(alias="as")
    true: Annotated[tuple[SourceWord, ...], Field(max_length=20)] = ("true", "1", "S", "SI", "Y")
    false: Annotated[tuple[SourceWord, ...], Field(max_length=20)] = ("false", "0", "N", "NO")


class ChoiceRule(_From):
    """A word of the source's as one of ours. One that is not listed is wrong, but for `otherwise`."""

    as_: Literal["choice"] = Field(alias="as")
    values: Annotated[dict[SourceWord, Scalar], Field(min_length=1, max_length=500)]
    otherwise: Scalar | None = None
    ignore_case: bool = False


class DateRule(_From):
    """A day."""

    as_: Literal["date"] = Field(alias="as")
    formats: Annotated[tuple[TimeFormat, ...], Field(min_length=1, max_length=5)] = ("iso",)
    zone: ZoneName = "Europe/Rome"


class MomentRule(_From):
    """An instant. Without a zone of its own it is local time; of a day alone, its start or end."""

    as_: Literal["moment"] = Field(alias="as")
    formats: Annotated[tuple[TimeFormat, ...], Field(min_length=1, max_length=5)] = ("iso",)
    zone: ZoneName = "Europe/Rome"
    ambiguous: Ambiguous = Field("refuse", description="The hour that is twice when clocks go back")
    of_day: OfDay = "start"


class MoneyRule(_From):
    """An amount, as cents: `it` 1.234,56, `en` 1,234.56, or whole `cents`. Else numbers of JSON are euro."""

    as_: Literal["money"] = Field(alias="as")
    notation: Notation


class ConstantRule(_Rule):
    """The same for each record."""

    as_: Literal["constant"] = Field(alias="as")
    value: Scalar | Annotated[tuple[Scalar, ...], Field(max_length=20)]


class JoinedRule(_Rule):
    """Several texts as one: how an external_id is made of what names a thing in its source."""

    as_: Literal["joined"] = Field(alias="as")
    parts: Annotated[tuple["Rule", ...], Field(min_length=1, max_length=20)]
    separator: Separator = ""
    skip_absent: bool = Field(False, description="Else the whole is left out where a part is")
    required: bool = False


class FirstRule(_Rule):
    """The first of these that gives a value."""

    as_: Literal["first"] = Field(alias="as")
    of: Annotated[tuple["Rule", ...], Field(min_length=1, max_length=20)]
    required: bool = False


class ObjectRule(_Rule):
    """An object. With `from` its rules see that part of the record; without any value it is left out."""

    as_: Literal["object"] = Field(alias="as")
    from_: ExpressionText | None = Field(None, alias="from")
    fields: Annotated[dict[FieldName, "Rule"], Field(min_length=1, max_length=60)]


class ListRule(_Rule):
    """A list: `each` sees one element of what `from` finds; elements that give no value are left out."""

    as_: Literal["list"] = Field(alias="as")
    from_: ExpressionText = Field(alias="from")
    each: "Rule"


_AnyRule = Annotated[
    TextRule
    | IntegerRule
    | BooleanRule
    | ChoiceRule
    | DateRule
    | MomentRule
    | MoneyRule
    | ConstantRule
    | JoinedRule
    | FirstRule
    | ObjectRule
    | ListRule,
    Field(discriminator="as_"),
]
# By a name of its own: rules hold rules, and a JSON Schema can refer to what has a name alone.
Rule = TypeAliasType("Rule", _AnyRule)


class Withdrawn(_Lists):
    """When the source has taken the item back."""

    when: ExpressionText
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500), LINE]


class ItemRule(_Lists):
    """One item that a record becomes, where `when` is true of it. A record that becomes none is passed over."""

    when: ExpressionText | None = None
    collection: Collection | ChoiceRule
    fields: Annotated[dict[FieldName, Rule], Field(min_length=1, max_length=100)]
    withdrawn: Withdrawn | None = None

    @model_validator(mode="after")
    def _named_as_in_the_contract(self) -> Self:
        chosen = (self.collection,) if isinstance(self.collection, str) else self.collection.values.values()
        if unknown := [name for name in chosen if name not in COLLECTIONS]:
            raise ValueError(f"/collection: {unknown[0]!r} is no collection")
        known = {name for one in chosen for name in COLLECTIONS[str(one)].model_fields} - _NOT_MAPPED
        if unknown := sorted(set(self.fields) - known):
            raise ValueError(f"/fields/{unknown[0]}: there is no such field; there are {', '.join(sorted(known))}")
        if "external_id" not in self.fields:
            raise ValueError("/fields: external_id is needed, by which an item is known when it comes again")
        return self


class JsonFormat(_Lists):
    """A JSON document: the records are the list at `at`, or the document itself where that is empty."""

    format: Literal["json"]
    at: Annotated[
        str, StringConstraints(max_length=200, pattern=r"^([^.\s]+(\.[^.\s]+)*)?$"), Field(examples=["data.items"])
    ] = ""


class JsonLinesFormat(_Lists):
    """A JSON object a line."""

    format: Literal["json_lines"]


class CsvFormat(_Lists):
    """Rows of text; nothing about them is guessed. An empty cell is no value."""

    format: Literal["csv"]
    separator: Literal[",", ";", "\t", "|"]
    encoding: Literal["utf-8", "iso-8859-1", "windows-1252"]
    columns: Annotated[tuple[SourceWord, ...], Field(max_length=300)] = Field(
        (), description="The names of the columns where the file has no line of them"
    )


class Sample(_Lists):
    """A test of the mapping, kept with it: what it makes of a sample."""

    name: Title
    sample: Any = Field(description="A JSON value; a file of lines or rows as a text")
    expect: Annotated[tuple["Expected", ...], Field(max_length=50)]
    """One for each item; none: the sample is passed over."""


class Expected(_Lists):
    """An item, the faults for which there is none, or that it was taken back."""

    collection: Collection | None = None
    item: dict[str, Any] | None = None
    wrong: Annotated[tuple[Code, ...], Field(max_length=50)] = ()
    withdrawn: str | None = None


class MappingDocument(_Lists):
    """What makes a source's records items of the hub."""

    version: Annotated[int, Field(ge=1, le=1_000_000)] = Field(description="Yours: it is named where a record is wrong")
    title: Title
    source: Code = Field(description="The `source` of its items: the name of the system that they come from")
    reads: Annotated[JsonFormat | JsonLinesFormat | CsvFormat, Field(discriminator="format")]
    items: Annotated[tuple[ItemRule, ...], Field(min_length=1, max_length=10)]
    tests: Annotated[tuple[Sample, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        count = 0
        for item in self.items:
            for rule in item.fields.values():
                for depth in _depths(rule, 1):
                    count += 1
                    if depth > MOST_DEPTH:
                        raise ValueError(f"rules stand at most {MOST_DEPTH} deep in one another")
        if count > MOST_RULES:
            raise ValueError(f"there are more than {MOST_RULES} rules")
        if len({test.name for test in self.tests}) != len(self.tests):
            raise ValueError("two tests have one name")
        return self


def _depths(rule: Rule, depth: int) -> Iterator[int]:
    yield depth
    inner: tuple[Rule, ...] = ()
    match rule:
        case JoinedRule():
            inner = rule.parts
        case FirstRule():
            inner = rule.of
        case ObjectRule():
            inner = tuple(rule.fields.values())
        case ListRule():
            inner = (rule.each,)
    for each in inner:
        yield from _depths(each, depth + 1)
