"""A mapping, ready: from a source's file or answer to items, each held against the contract that a vendor's are.

What does not fit is found as well, with its place in the record and in the mapping; the others go on.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from connectors.base.mapping.contract import contract_faults, validated
from connectors.base.mapping.expressions import Expression
from connectors.base.mapping.grammar import ChoiceRule
from connectors.base.mapping.rules import MapFault, Members, Place, Ready, Trail, ready, true_of
from connectors.base.mapping.unmappable import Unmappable, without_value
from contracts.faults import bilingual, led, pointer_of
from contracts.identifiers import ExternalId, holds_tax_code
from contracts.inbound import Found, WholeFile, Wrong
from contracts.items import COLLECTIONS
from contracts.problem import MAX_FAULTS

from .document import CsvFormat, Expected, ItemRule, MappingDocument, Sample
from .listing import Listed, Names
from .reading import MOST_RECORD, Record, Unreadable, records

_LONGEST_NAME = 200
_NO_OBJECT = bilingual("non è un oggetto", "it is no object")
_EXTERNAL_ID: TypeAdapter[str] = TypeAdapter(ExternalId)


class Mapping:
    """What makes records items. Without state: any number of threads may use it."""

    def __init__(self, document: MappingDocument) -> None:
        self.document = document
        self._makers = [_Maker(rule, document.source, f"/items/{n}") for n, rule in enumerate(document.items)]
        self._version = bilingual(f"mapping versione {document.version}", f"mapping version {document.version}")
        told = document.model_dump_json(exclude={"tests", "title"}, by_alias=True)
        self.digest = hashlib.sha256(told.encode()).hexdigest()[:16]
        """Names what it does: the same for as long as it makes the same of the same."""
        self.collections = sorted({name for maker in self._makers for name in maker.collections})

    def read(self, data: bytes) -> Iterator[Found]:
        """What a file or an answer brings; where it comes to a bad end, what could not be read is one that is wrong."""
        try:
            yield from self.all_found(records(self.document.reads, data))
        except Unreadable as error:
            yield self._unreadable(data, error)

    def read_whole(self, data: bytes) -> WholeFile:
        """The same of a file that is all that the source has."""
        listed, names = Listed(), dict[str, Names]()
        assert self.document.lists_all is not None
        reason = self.document.lists_all.reason

        def found() -> Iterator[Found]:
            try:
                yield from self.all_found(records(self.document.reads, data), listed)
            except Unreadable as error:
                yield self._unreadable(data, error)
                return
            names.update(listed.all_names(self.collections))

        return WholeFile(found(), names, lambda name: gone(name, reason))

    def _unreadable(self, data: bytes, error: Unreadable) -> Found:
        wrong = Wrong("", error.code, led(self._version, error.detail))
        return Found(_digest_name(data), data[:MOST_RECORD], wrong=(wrong,))

    def all_found(self, its: Iterable[Record], listed: Listed | None = None) -> Iterator[Found]:
        """What these bring, one after the other. `listed` notes their names."""
        for record in its:
            yield from self.found(record, listed)

    def found(self, record: Record, listed: Listed | None = None) -> Iterator[Found]:
        """What one record brings: its items, their faults, or that it is not for us. `listed` notes its names."""
        if record.wrong is not None or not isinstance(record.value, dict):
            if listed is not None:
                listed.note([None])
            code, detail = record.wrong or ("record.not_an_object", led(record.where, _NO_OBJECT))
            yield Found(_digest_name(record.raw), record.raw, wrong=(Wrong("", code, led(self._version, detail)),))
            return
        brought = False
        for maker in self._makers:
            found = maker.make(record)
            if found is None:
                found = self._explained(maker, record)
            if listed is not None:
                listed.note(maker.names_of(record, applies=found is not _PASSED_OVER))
            if found is not _PASSED_OVER:
                brought = True
                yield found
        if not brought:
            name = self._makers[0].name_of(record)
            yield Found(_digest_name(record.raw) if name is None else _name("", name), record.raw)

    def _explained(self, maker: "_Maker", record: Record) -> Found:
        name, collection, faults = maker.faults_of(record)
        wrong = tuple(
            Wrong(fault.place.record, fault.code, led(self._version, led(record.where, fault.detail)), fault.place.rule)
            for fault in faults[:MAX_FAULTS]
        )
        # Where the collection is not known, another day's record of that name could be another thing.
        known = name is not None and collection
        return Found(
            _name(collection, name or "") if known else _digest_name(record.raw), record.raw, collection, wrong=wrong
        )


def gone(name: str, reason: str) -> Found:
    """What its source has no more."""
    return Found(name, b"{}", withdrawn=reason)


def failed_tests(mapping: Mapping) -> list[tuple[str, str]]:
    """The names of the mapping's own tests that fail, each with the reason."""
    failed = []
    for test in mapping.document.tests:
        if problem := _problem(mapping, test):
            failed.append((test.name, problem))
    return failed


def _problem(mapping: Mapping, test: Sample) -> str:
    """Why the test fails; empty where it holds."""
    document = mapping.document
    if document.reads.format == "json":
        data = json.dumps(test.sample, ensure_ascii=False).encode()
    elif isinstance(test.sample, str):
        data = test.sample.encode(document.reads.encoding if isinstance(document.reads, CsvFormat) else "utf-8")
    else:
        return "a sample of lines or rows is a text"
    found = [one for one in mapping.read(data) if one.item is not None or one.wrong or one.withdrawn]
    if len(found) != len(test.expect):
        return f"{len(test.expect)} results are expected, and there are {len(found)}"
    for n, (one, expected) in enumerate(zip(found, test.expect, strict=True)):
        if difference := _difference(one, expected, document.source):
            return f"result {n + 1}: {difference}"
    return ""


_PASSED_OVER = Found("", b"")


class _Maker:
    """One entry of `items`, ready."""

    def __init__(self, rule: ItemRule, source: str, pointer: str) -> None:
        self._source, self._pointer = source, pointer
        self._when = Expression(rule.when) if rule.when is not None else None
        self._collection: str | Ready
        self.collections: tuple[str, ...]
        if isinstance(rule.collection, ChoiceRule):
            chosen = (*rule.collection.values.values(), rule.collection.otherwise, rule.collection.default)
            self.collections = tuple(str(each) for each in chosen if each is not None)
            self._collection = ready(rule.collection, f"{pointer}/collection")
        else:
            self._collection, self.collections = rule.collection, (rule.collection,)
        self._members = Members(rule.fields, f"{pointer}/fields")
        self._external_id = ready(rule.fields["external_id"], f"{pointer}/fields/external_id")
        self._withdrawn = Expression(rule.withdrawn.when) if rule.withdrawn is not None else None
        self._reason = rule.withdrawn.reason if rule.withdrawn is not None else ""

    def make(self, record: Record) -> Found | None:
        """The item; None where something is wrong, which `faults_of` then says."""
        value = record.value
        try:
            if self._when is not None and not true_of(self._when, value):
                return _PASSED_OVER
            collection = self._collection if isinstance(self._collection, str) else self._collection(value, None)
            if collection is None:
                return None
            if self._withdrawn is not None and true_of(self._withdrawn, value):
                name = self.name_of(record)
                if name is None:
                    return None
                return Found(_name(collection, name), record.raw, collection, withdrawn=self._reason)
            item = self._members(value, None)
            item["source"] = self._source
            valid = validated(collection, item)
        except (Unmappable, ValidationError):
            return None
        return Found(_name(collection, item["external_id"]), record.raw, collection, item, valid=valid)

    def name_of(self, record: Record) -> str | None:
        """How the item would be called; None where the record does not say it."""
        try:
            name = self._external_id(record.value, None)
        except Unmappable:
            return None
        return name if _is_name(name) else None

    def names_of(self, record: Record, *, applies: bool) -> list[str | None]:
        """Those that its item has, or would have if it were right, or ours; None where it is and they cannot be
        told."""
        name = self.name_of(record)
        if name is None:
            return [None] if applies else []
        return [_name(collection, name) for collection in self.collections]

    def faults_of(self, record: Record) -> tuple[str | None, str, list[MapFault]]:
        """The name of the item, its collection, and all that is wrong with it."""
        trail = Trail(Place("", "", self._pointer))
        for condition in filter(None, (self._when, self._withdrawn)):
            try:
                true_of(condition, record.value)
            except Unmappable as unmappable:
                trail.note(unmappable)
        collection = self._collection if isinstance(self._collection, str) else ""
        if not isinstance(self._collection, str):
            here = trail.into("", self._collection)
            try:
                collection = self._collection(record.value, here) or ""
                if not collection:
                    here.note(without_value())
            except Unmappable as unmappable:
                here.note(unmappable)
        item = self._members(record.value, trail)
        if collection:
            trail.faults += contract_faults(collection, item | {"source": self._source}, trail)
        name = item.get("external_id")
        return (name if _is_name(name) else None), collection, trail.faults


def _is_name(value: Any) -> bool:
    """Whether it can name a thing in clear."""
    try:
        return not holds_tax_code(_EXTERNAL_ID.validate_python(value, strict=True))
    except ValidationError:
        return False


def _name(collection: str, external_id: str) -> str:
    """What the source calls it: things of two collections may have one external_id."""
    name = f"{collection}/{external_id}"
    return name if len(name) <= _LONGEST_NAME else _digest_name(name.encode())


def _digest_name(data: bytes) -> str:
    return f"sha256-{hashlib.sha256(data).hexdigest()[:32]}"


def _difference(found: Found, expected: Expected, source: str) -> str:
    """What is otherwise than expected; empty where nothing is."""
    codes = sorted({wrong.code for wrong in found.wrong})
    if codes != sorted(set(expected.wrong)):
        return f"the faults are {', '.join(codes) or 'none'}"
    if found.withdrawn != expected.withdrawn:
        return "it is withdrawn" if found.withdrawn else "it is not withdrawn"
    if expected.collection is not None and found.collection != expected.collection:
        return f"the collection is {found.collection or 'none'}"
    if expected.item is None or found.item is None:
        return "" if expected.item is None else "there is no item"
    model = COLLECTIONS[found.collection]
    try:
        wanted = model.model_validate_json(orjson.dumps({"source": source} | expected.item | {"version": 1}))
    except ValidationError as error:
        return f"the expected item is none: {pointer_of(error.errors()[0]['loc'])}"
    made = model.model_validate_json(orjson.dumps(dict(found.item) | {"version": 1}))
    return ", ".join(f"/{name} differs" for name in model.model_fields if getattr(made, name) != getattr(wanted, name))
