"""The mapping as an administrator writes it: a closed JSON document, whose JSON Schema drives a form.

It says how a source's file or answer falls into records, and for each record which items it becomes.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from connectors.base.mapping.expressions import ExpressionText
from connectors.base.mapping.grammar import ChoiceRule, FieldName, Lists, Rule, SourceWord, bounded
from contracts.base import LINE, Code, Title
from contracts.items import COLLECTIONS
from contracts.publishing import Collection

_NOT_MAPPED: Final = frozenset({"collection", "version", "source"})


class Withdrawn(Lists):
    """When the source has taken the item back."""

    when: ExpressionText
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500), LINE]


class ItemRule(Lists):
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


class JsonFormat(Lists):
    """A JSON document: the records are the list at `at`, or the document itself where that is empty."""

    format: Literal["json"]
    at: Annotated[
        str, StringConstraints(max_length=200, pattern=r"^([^.\s]+(\.[^.\s]+)*)?$"), Field(examples=["data.items"])
    ] = ""


class JsonLinesFormat(Lists):
    """A JSON object a line."""

    format: Literal["json_lines"]


class CsvFormat(Lists):
    """Rows of text; nothing about them is guessed. An empty cell is no value."""

    format: Literal["csv"]
    separator: Literal[",", ";", "\t", "|"]
    encoding: Literal["utf-8", "iso-8859-1", "windows-1252"]
    columns: Annotated[tuple[SourceWord, ...], Field(max_length=300)] = Field(
        (), description="The names of the columns where the file has no line of them"
    )


class ListsAll(Lists):
    """The source lists all that it has. What it had and lists no more is taken back: of a file once all of it was
    read, of a REST source once two whole rounds one after the other lack it, or `record_url` denies it."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500), LINE]
    record_id: Rule | None = Field(
        None,
        description="What stands at the end of `record_url`, of `external_id` and `collection`; usually external_id",
    )


class Sample(Lists):
    """A test of the mapping, kept with it: what it makes of a sample."""

    name: Title
    sample: Any = Field(description="A JSON value; a file of lines or rows as a text")
    expect: Annotated[tuple["Expected", ...], Field(max_length=50)]
    """One for each item; none: the sample is passed over."""


class Expected(Lists):
    """An item, the faults for which there is none, or that it was taken back."""

    collection: Collection | None = None
    item: dict[str, Any] | None = None
    wrong: Annotated[tuple[Code, ...], Field(max_length=50)] = ()
    withdrawn: str | None = None


class MappingDocument(Lists):
    """What makes a source's records items of the hub."""

    version: Annotated[int, Field(ge=1, le=1_000_000)] = Field(description="Yours: it is named where a record is wrong")
    title: Title
    source: Code = Field(description="The `source` of its items: the name of the system that they come from")
    reads: Annotated[JsonFormat | JsonLinesFormat | CsvFormat, Field(discriminator="format")]
    items: Annotated[tuple[ItemRule, ...], Field(min_length=1, max_length=10)]
    lists_all: ListsAll | None = None
    tests: Annotated[tuple[Sample, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        bounded(rule for item in self.items for rule in item.fields.values())
        if self.lists_all is not None and self.lists_all.record_id is not None:
            bounded((self.lists_all.record_id,))
        if len({test.name for test in self.tests}) != len(self.tests):
            raise ValueError("two tests have one name")
        return self
