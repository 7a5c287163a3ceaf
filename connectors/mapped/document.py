"""The mapping as an administrator writes it: a closed JSON document, whose JSON Schema drives a form.

It says how a source's file or answer falls into records, and for each record which items it becomes.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from connectors.base.mapping.expressions import ExpressionText
from connectors.base.mapping.grammar import ChoiceRule, FieldName, Lists, Rule, SourceWord, bounded, fixed_values
from contracts.base import LINE, Code, Title
from contracts.items import COLLECTIONS
from contracts.naming import Named, NamedKind
from contracts.publishing import Collection

_NOT_MAPPED: Final = frozenset({"collection", "version", "source"})
_NAMING: Final[Mapping[str, NamedKind]] = {
    "service_id": "service",
    "doc_type": "document_type",
    "subscription_service": "subscription_service",
}
"""Fields that hold a name of the ente's own lists."""


class Withdrawn(Lists):
    """Quando la fonte ha ritirato l'elemento. / When the source has taken the item back."""

    when: ExpressionText
    """Espressione JMESPath: dove è vera del record, l'elemento è ritirato. / A JMESPath expression: where it is true of
    the record, the item is taken back."""
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500), LINE]
    """Il motivo che resta nella storia. / The reason that the history keeps."""


class ItemRule(Lists):
    """Un elemento che un record diventa. / One item that a record becomes. One that becomes none is passed over."""

    when: ExpressionText | None = None
    """Espressione JMESPath: dove non è vera del record, esso non diventa questo elemento. / A JMESPath expression:
    where it is not true of the record, it does not become this item."""
    collection: Collection | ChoiceRule
    """La raccolta dell'elemento, o la regola che la sceglie. / The item's collection, or the rule that chooses it."""
    fields: Annotated[dict[FieldName, Rule], Field(min_length=1, max_length=100)]
    """Per ogni campo dell'elemento, la regola che lo fa; serve `external_id`. / For each field of the item the rule
    that makes it; `external_id` is needed."""
    withdrawn: Withdrawn | None = None
    """Quando la fonte dice da sé che l'elemento è ritirato. / When the source itself says that it has taken it back."""

    @model_validator(mode="after")
    def _named_as_in_the_contract(self) -> Self:
        chosen = (self.collection,) if isinstance(self.collection, str) else self.collection.values.values()
        if unknown := [name for name in chosen if name not in COLLECTIONS]:
            raise ValueError(f"/collection: {unknown[0]!r} non è una collezione / is no collection")
        known = {name for one in chosen for name in COLLECTIONS[str(one)].model_fields} - _NOT_MAPPED
        if unknown := sorted(set(self.fields) - known):
            there = ", ".join(sorted(known))
            raise ValueError(f"/fields/{unknown[0]}: campo sconosciuto / there is no such field; there are {there}")
        if "external_id" not in self.fields:
            raise ValueError(
                "/fields: serve external_id, che riconosce ciò che torna / external_id is needed to know it again"
            )
        return self

    def named(self, place: str) -> Iterator[Named]:
        """The names that its rules have of their own, whatever a record says, by pointers that begin with `place`."""
        chosen = (self.collection,) if isinstance(self.collection, str) else self.collection.values.values()
        for field, kind in _NAMING.items():
            # A card that is proposed names a service that is not there yet.
            if field in self.fields and not (kind == "service" and "services" in chosen):
                for pointer, value in fixed_values(self.fields[field], f"{place}/fields/{field}"):
                    if isinstance(value, str):
                        yield Named(kind, value, pointer)


class JsonFormat(Lists):
    """Un documento JSON. / A JSON document."""

    format: Literal["json"]
    """Un documento JSON. / A JSON document."""
    at: Annotated[
        str, StringConstraints(max_length=200, pattern=r"^([^.\s]+(\.[^.\s]+)*)?$"), Field(examples=["data.items"])
    ] = ""
    """Dove sta l'elenco dei record, con punti; vuoto: il documento stesso. / Where the list of records is, with dots;
    empty: the document itself."""


class JsonLinesFormat(Lists):
    """Un oggetto JSON per riga. / A JSON object a line."""

    format: Literal["json_lines"]
    """Un oggetto JSON per riga. / A JSON object a line."""


class CsvFormat(Lists):
    """Righe di testo; nulla si indovina. / Rows of text; nothing about them is guessed. An empty cell is no value."""

    format: Literal["csv"]
    """Righe di testo; una cella vuota non è un valore. / Rows of text; an empty cell is no value."""
    separator: Literal[",", ";", "\t", "|"]
    """Ciò che separa le celle. / What stands between cells."""
    encoding: Literal["utf-8", "iso-8859-1", "windows-1252"]
    """La codifica del file. / The file's encoding."""
    columns: Annotated[tuple[SourceWord, ...], Field(max_length=300)] = ()
    """I nomi delle colonne, se il file non ne ha una riga. / The names of the columns where the file has no line of
    them."""


class ListsAll(Lists):
    """La fonte elenca tutto ciò che ha. / The source lists all that it has. What it had and lists no more is taken
    back: of a file once all of it was read, of a REST source once two whole rounds one after the other lack it, or
    `record_url` denies it."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500), LINE]
    """Il motivo del ritiro, che resta nella storia. / The reason of the withdrawal, which the history keeps."""
    record_id: Rule | None = None
    """La regola per ciò che sta in fondo a `record_url`, da `external_id` e `collection`; di solito `external_id`. /
    The rule for what stands at the end of `record_url`, of `external_id` and `collection`; usually `external_id`."""


class Sample(Lists):
    """Una prova della mappatura, tenuta con essa. / A test of the mapping, kept with it: what it makes of a sample."""

    name: Title
    """Il nome della prova. / The test's name."""
    sample: Any
    """L'esempio: un valore JSON; un file di righe come testo. / A JSON value; a file of lines or rows as a text."""
    expect: Annotated[tuple["Expected", ...], Field(max_length=50)]
    """Uno per elemento; nessuno: l'esempio è saltato. / One for each item; none: the sample is passed over."""


class Expected(Lists):
    """Ciò che un esempio diventa. / An item, the faults for which there is none, or that it was taken back."""

    collection: Collection | None = None
    """La raccolta dell'elemento. / The item's collection."""
    item: dict[str, Any] | None = None
    """L'elemento, senza `source` e `version`. / The item, but for `source` and `version`."""
    wrong: Annotated[tuple[Code, ...], Field(max_length=50)] = ()
    """I codici degli errori, se non c'è un elemento. / The codes of the faults, where there is no item."""
    withdrawn: str | None = None
    """Il motivo, se l'elemento è ritirato. / The reason, where the item is taken back."""


class MappingDocument(Lists):
    """Ciò che fa dei record di una fonte elementi dell'hub. / What makes a source's records items of the hub."""

    version: Annotated[int, Field(ge=1, le=1_000_000)]
    """Il vostro numero di versione: è nominato dove un record è sbagliato. / Your number of the version: it is named
    where a record is wrong."""
    title: Title
    """Il nome della mappatura. / The mapping's name."""
    source: Code
    """La `source` dei suoi elementi: il nome del sistema da cui vengono. / The `source` of its items: the name of the
    system that they come from."""
    reads: Annotated[JsonFormat | JsonLinesFormat | CsvFormat, Field(discriminator="format")]
    """Come la risposta o il file si divide in record. / How the answer or the file falls into records."""
    items: Annotated[tuple[ItemRule, ...], Field(min_length=1, max_length=10)]
    """Gli elementi che ogni record diventa. / The items that each record becomes."""
    lists_all: ListsAll | None = None
    """Solo se la fonte elenca tutto ciò che ha: ciò che non elenca più è ritirato. / Only where the source lists all
    that it has: what it lists no more is taken back."""
    tests: Annotated[tuple[Sample, ...], Field(max_length=50)] = ()
    """Prove della mappatura: se una non riesce, la mappatura non si salva. / Tests of the mapping: where one fails, the
    mapping is not saved."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        bounded(rule for item in self.items for rule in item.fields.values())
        if self.lists_all is not None and self.lists_all.record_id is not None:
            bounded((self.lists_all.record_id,))
        if len({test.name for test in self.tests}) != len(self.tests):
            raise ValueError("Due prove hanno lo stesso nome / two tests have one name")
        return self
