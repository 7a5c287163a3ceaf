"""Files as records: whatever their size, wherever they are cut, and each record as a file of its own."""

import json
import tracemalloc
from decimal import Decimal

import pytest

from connectors.mapped.document import CsvFormat, JsonFormat, JsonLinesFormat
from connectors.mapped.reading import MOST_RECORD, Document, Unreadable, records

LINES = JsonLinesFormat(format="json_lines")


def json_at(at=""):
    return JsonFormat(format="json", at=at)


def csv_of(**more):
    return CsvFormat.model_validate({"format": "csv", "separator": ";", "encoding": "utf-8"} | more)


def values(reads, data):
    return [record.value for record in records(reads, data)]


def test_records_are_the_list_at_a_place():
    data = (
        '\ufeff {"meta": {"n": 2}, "data": {"x": 1, "items": [{"a": 1.10}, {"a": "è\\u20ac"}]}, "next": "b"} '.encode()
    )
    document = Document(json_at("data.items"), data)
    found = list(document)
    assert [record.value for record in found] == [{"a": Decimal("1.10")}, {"a": "è€"}]
    assert document.rest == {"meta": {"n": 2}, "data": {"x": 1}, "next": "b"}


@pytest.mark.parametrize("at", ["", "a.b"])
def test_each_record_is_a_file_of_its_own(at):
    things = [{"n": n, "text": 'a "b" è \\ ]}', "items": [1]} for n in range(3)]
    data = things
    for name in reversed(at.split(".") if at else []):
        data = {name: data, "other": 1}
    for record, thing in zip(records(json_at(at), json.dumps(data).encode()), things, strict=True):
        assert values(json_at(at), record.raw) == [thing]


@pytest.mark.parametrize(
    ("reads", "data", "header"),
    [
        (csv_of(), b'cf;nome\nA;"x;\ny"\n', 1),
        (csv_of(columns=("cf", "nome")), b'A;"x;\ny"\n', 0),
        (csv_of(encoding="windows-1252"), "cf;nome\nA;€à\n".encode("cp1252"), 1),
        (LINES, b'\n{"cf": "A"}\n\n', 0),
    ],
)
def test_the_same_of_rows_and_lines(reads, data, header):
    (record,) = records(reads, data)
    assert values(reads, record.raw) == [record.value]
    assert record.value["cf"] == "A"
    assert record.raw.count(b"cf") >= header


def test_a_document_may_be_one_record():
    assert values(json_at(), b'{"a": [1]}') == [{"a": [1]}]
    assert values(json_at(), b"[]") == []
    assert values(json_at("data"), b'{"data": null}') == []


@pytest.mark.parametrize("size", [1, 65_530, 65_536, 200_000])
def test_where_a_chunk_ends_changes_nothing(size):
    thing = {"text": "è" * size, "n": 12345.678}
    data = json.dumps({"data": [thing] * 3, "n": 123456}, ensure_ascii=False).encode()
    document = Document(json_at("data"), data)
    assert [record.value["text"] for record in document] == ["è" * size] * 3
    assert document.rest == {"n": 123456}


@pytest.mark.parametrize(
    ("data", "before", "code"),
    [
        (b"", 0, "file.not_json"),
        (b"<html>", 0, "file.not_json"),
        (b'"text"', 0, "file.not_json"),
        (b'{"data": {}}', 0, "file.not_json"),
        (b'{"other": []}', 0, "file.no_records"),
        (b'{"data": [{}], "data": [{}]}', 1, "file.no_records"),
        (b'{"data": [{"a": 1}, {"a": ', 1, "file.not_json"),
        (b'{"data": [{"a": 1} {"a": 2}]}', 1, "file.not_json"),
        (b'{"data": [{"a": 1}]} x', 1, "file.not_json"),
        (b'{"data": [{"a": NaN}]}', 0, "file.not_json"),
        (b'{"data": [{"a": 1e999}]}', 0, "file.not_json"),
        (b'{"data": [' + b"[" * 100_000, 0, "file.not_json"),
        (b'{"data": [{"a": 1}, {"a": "\xff"}]}', 0, "file.encoding"),
        (b'{"data": ["' + b"x" * (MOST_RECORD + 1) + b'"]}', 0, "file.record_too_long"),
        (b'{"data": ["' + b"x" * (3 * MOST_RECORD), 0, "file.not_json"),
    ],
)
def test_what_cannot_be_read_is_told_after_what_can(data, before, code):
    reading, found = records(json_at("data"), data), []
    with pytest.raises(Unreadable) as caught:
        found.extend(reading)
    assert (len(found), caught.value.code) == (before, code)


def test_a_wrong_line_or_row_takes_no_other_along():
    wrong = [record.wrong and record.wrong[0] for record in records(LINES, b'{"a":1}\n{"a"\n\xff\n{"a":2}')]
    assert wrong == [None, "record.not_json", "record.not_json", None]
    found = list(records(csv_of(), b'a;b\n1;2\n1\n1;2;3\n"x"y;2\n3;4\n'))
    assert [record.wrong and record.wrong[0] for record in found] == [
        None,
        "record.columns",
        "record.columns",
        "record.csv",
        None,
    ]
    assert found[1].wrong[1] == (
        "riga 3: ha 1 celle, e le colonne sono 2 / line 3: it has 1 cells, and there are 2 columns"
    )


def test_cells_without_content_are_no_values():
    assert values(csv_of(), b"\xef\xbb\xbfa;b\n1;\n\n;2\n") == [{"a": "1"}, {"b": "2"}]


@pytest.mark.parametrize(
    ("data", "more", "told"),
    [
        (b"a;b\n" + b"x;y\n" * 20_000 + b"\xe0;2\n", {}, "/ line 20002: byte 80005 of the file is not utf-8"),
        ("\ufeffa;b\n1;2\n".encode(), {"encoding": "windows-1252"}, "the file is UTF-8"),
        ("a;b\n1;2\n".encode("utf-16"), {}, "the file is UTF-16"),
        (b"a;b\n1;2\n", {"separator": ","}, "';' in it: is `separator` right"),
    ],
)
def test_a_file_of_another_kind_says_which_and_where(data, more, told):
    with pytest.raises(Unreadable) as caught:
        list(records(csv_of(**more), data))
    assert told in caught.value.detail


def test_a_broken_row_of_a_large_file_names_its_line():
    data = b"\xef\xbb\xbfa;b\n" + b"1;2\n" * 9_998 + b"3\n" + b"4;5\n"
    (wrong,) = [one for one in records(csv_of(), data) if one.wrong]
    told = "riga 10000: ha 1 celle, e le colonne sono 2 / line 10000: it has 1 cells, and there are 2 columns"
    assert wrong.wrong == ("record.columns", told)


@pytest.mark.parametrize(("data", "code"), [(b"a;a\n1;2\n", "file.csv"), (b"a;b\n\xff;1\n", "file.encoding")])
def test_a_table_that_cannot_be_read(data, code):
    with pytest.raises(Unreadable) as caught:
        values(csv_of(), data)
    assert caught.value.code == code


@pytest.mark.parametrize("reads", [json_at(), LINES, csv_of()])
def test_memory_does_not_grow_with_the_records(reads):
    thing = json.dumps({"a": "x" * 500, "b": list(range(50))})
    row = f"{'x' * 500};{'y' * 200}\n"

    def file(count):
        if reads.format == "json":
            return f"[{','.join([thing] * count)}]".encode()
        return (f"{thing}\n" * count if reads.format == "json_lines" else "a;b\n" + row * count).encode()

    def peak(data):
        tracemalloc.start()
        count = sum(1 for _ in records(reads, data))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return count, found

    (few, small), (many, large) = peak(file(200)), peak(file(4000))
    assert many == 20 * few
    assert large < 2 * small + 300_000
