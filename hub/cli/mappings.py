"""`mapping`: a vendor without code, tried out before it is connected."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from contracts.connector import Connector, ConnectorType
from contracts.inbound import Found
from hub.dispatch.building import BadConfiguration, build
from hub.dispatch.settings_form import schema_of
from hub.store.configuration import ConnectorConfig

from .console import Failed, WrongUsage, emit, one_line, say, table
from .json_files import json_of
from .options import HOME, AsJson, home_at, read_bytes

group = typer.Typer(name="mapping", help="Mappings: a vendor's records become items without code.")

MappingFile = Annotated[Path, typer.Option("--mapping", metavar="FILE", help="The mapping: a JSON document.")]
_TYPE = "mapped"
Types = Mapping[str, ConnectorType]


@group.command("preview")
def preview(
    mapping: MappingFile,
    sample: Annotated[
        Path, typer.Option("--sample", metavar="FILE", help="What the vendor sends; `-`: standard input.")
    ],
    first: Annotated[
        int, typer.Option("--first", min=1, max=10_000, help="Show so many results; all are counted.")
    ] = 20,
    as_json: AsJson = False,
) -> None:
    """What a mapping makes of a sample: the items, and every fault with its place in the record and in the mapping.

    Nothing is kept. The exit code is 1 where something is wrong.
    """
    document = _document(mapping) | {"tests": []}
    connector = _connected(_types(), document)
    counts: Counter[str] = Counter()
    shown: list[dict[str, Any]] = []
    for found in _read(connector, read_bytes(sample, name="--sample")):
        result = _shown(found)
        counts[result["result"]] += 1
        if len(shown) < first:
            shown.append(result)
    if as_json:
        emit({"results": shown, "counts": counts})
    else:
        for result in shown:
            _tell(result)
        say(", ".join(f"{number} {name}" for name, number in counts.items()) or "no records")
    if counts["wrong"]:
        raise typer.Exit(1)


@group.command("test")
def run_tests(mapping: MappingFile, as_json: AsJson = False) -> None:
    """Run the tests that are kept with a mapping. A mapping whose tests fail cannot be activated."""
    document = _document(mapping)
    tests = document.get("tests") or []
    types = _types()
    _connected(types, document | {"tests": []})
    rows = [{"test": each["name"], "problem": _problem(types, document | {"tests": [each]})} for each in _named(tests)]
    table(rows, as_json=as_json, empty="the mapping has no tests")
    if any(row["problem"] for row in rows):
        raise typer.Exit(1)


@group.command("schema")
def schema() -> None:
    """The JSON Schema of mappings, for editors and forms."""
    whole = schema_of(_types()[_TYPE].settings)
    own = whole["properties"]["mapping"]
    emit({"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": whole["$defs"]} | own)


def _document(file: Path) -> dict[str, Any]:
    document = json_of(read_bytes(file, name="--mapping"), name="--mapping")
    if not isinstance(document, dict):
        raise WrongUsage(f"--mapping: {file} holds no object")
    return document


def _named(tests: Any) -> Iterator[dict[str, Any]]:
    for n, each in enumerate(tests if isinstance(tests, list) else ()):
        if not isinstance(each, dict) or not isinstance(each.get("name"), str):
            raise WrongUsage(f"--mapping: /tests/{n}: a test is an object with a name")
        yield each


def _connected(types: Types, document: Mapping[str, Any]) -> Connector:
    """A connector with this mapping, which no source is behind. Raises WrongUsage."""
    try:
        return _built(types, document)
    except BadConfiguration as fault:
        raise WrongUsage(f"--mapping: {fault}") from None


def _problem(types: Types, document: Mapping[str, Any]) -> str | None:
    try:
        _built(types, document).close()
    except BadConfiguration as fault:
        return str(fault)
    return None


def _built(types: Types, document: Mapping[str, Any]) -> Connector:
    settings = {"vendor_id": _TYPE, "mapping": document, "origin": "file"}
    return build(types, ConnectorConfig("", "", _TYPE, "draft", 0, settings, {}))


def _types() -> Types:
    """The types of connectors, as a home knows them of which nothing is opened."""
    return home_at(HOME).types


def _read(connector: Connector, data: bytes) -> Iterator[Found]:
    if connector.read is None:
        raise Failed(f"the type {_TYPE} reads no files")
    yield from connector.read(data)


def _shown(found: Found) -> dict[str, Any]:
    if found.item is not None:
        result: dict[str, Any] = {"result": "item", "item": dict(found.item)}
    elif found.wrong:
        faults = [
            {"pointer": each.pointer, "rule": each.rule, "code": each.code, "detail": each.detail}
            for each in found.wrong
        ]
        result = {"result": "wrong", "wrong": faults}
    elif found.withdrawn is not None:
        result = {"result": "withdrawn", "reason": found.withdrawn}
    else:
        result = {"result": "passed"}
    return {"name": found.name, "collection": found.collection} | result


def _tell(result: Mapping[str, Any]) -> None:
    say(f"{result['result']:<10} {one_line(result['name'])}")
    if result["result"] == "item":
        for line in orjson.dumps(result["item"], option=orjson.OPT_INDENT_2).decode().splitlines():
            say(f"  {line}")
    if result["result"] == "withdrawn":
        say(f"  {one_line(result['reason'])}")
    for fault in result.get("wrong", ()):
        say(f"  {fault['code']}: {fault['detail']}")
        say(f"    in the record: {fault['pointer'] or '(the whole)'}   in the mapping: {fault['rule'] or '-'}")
