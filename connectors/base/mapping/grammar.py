"""The rules of a mapping as an administrator writes them, in JSON: how a field is made of a record.

`as` says what a rule makes of what its `from` finds. A rule that finds nothing leaves its field out.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints, field_validator
from typing_extensions import TypeAliasType

from contracts.base import Model

from .cleaning import Clean
from .expressions import ExpressionText
from .money import Notation
from .times import Ambiguous, OfDay, TimeFormat, ZoneName

MOST_RULES: Final = 400
MOST_DEPTH: Final = 6
MOST_ELEMENTS: Final = 500
"""Of a list that a rule makes."""

Scalar = Annotated[str, StringConstraints(max_length=20_000)] | bool | int
FieldName = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[a-z][a-z0-9_]*$")]
SourceWord = Annotated[str, StringConstraints(max_length=200)]
Separator = Annotated[str, StringConstraints(max_length=10)]


class Lists(Model):
    """Lists come as such from JSON; the rest is strict."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", populate_by_name=True)


class _Rule(Lists):
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


def bounded(rules: Iterable[Rule]) -> None:
    """Raises ValueError where rules are too many, or stand too deep in one another."""
    count = 0
    for rule in rules:
        for depth in _depths(rule, 1):
            count += 1
            if depth > MOST_DEPTH:
                raise ValueError(f"rules stand at most {MOST_DEPTH} deep in one another")
    if count > MOST_RULES:
        raise ValueError(f"there are more than {MOST_RULES} rules")


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
