"""Files and answers as records, one at a time: memory does not grow with their number."""

import codecs
import csv
import io
import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from json import JSONDecodeError
from typing import Any, Final

from connectors.base.mapping.expressions import exact_number

from .document import CsvFormat, JsonFormat, JsonLinesFormat

MOST_RECORD: Final = 1_048_576
"""Characters of one record."""
_CHUNK = 65_536
_SEPARATORS: Final = (";", ",", "\t", "|")
_NOT_BLANK = re.compile(r"[^ \t\n\r]")

Format = JsonFormat | JsonLinesFormat | CsvFormat


class Unreadable(Exception):
    """The whole cannot be read, from here on. `detail` repeats nothing of it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code, self.detail = code, detail


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it came; `raw` is a file of its format with this record alone."""

    raw: bytes = field(repr=False)
    value: Any = field(repr=False)
    where: str
    wrong: tuple[str, str] | None = None
    """Code and detail where it cannot be read, and the next one can."""


def _refuse(name: str) -> Any:
    raise ValueError(name)


_DECODER: Final = json.JSONDecoder(parse_float=exact_number, parse_constant=_refuse)


class Document:
    """A JSON document, read once from its start: its records, and then `rest`, which is what stands around them."""

    def __init__(self, reads: JsonFormat, data: bytes) -> None:
        self.rest: Any = {}
        path = reads.at.split(".") if reads.at else []
        self._path = path
        self._window = _Window(data)
        self._before = "".join(f"{{{json.dumps(name)}:" for name in path) + "["
        self._after = "]" + "}" * len(path)

    def __iter__(self) -> Iterator[Record]:
        """Raises Unreadable, at the place from where on nothing is known."""
        window = self._window
        if not self._path and window.peek() == "{":
            text, value = window.value()
            yield Record(text.encode(), value, "record 1")
        else:
            found = yield from self._within(self._path, self.rest)
            if not found:
                raise Unreadable("file.no_records", f"there is no list at /{'/'.join(self._path)}")
        if window.peek():
            raise Unreadable("file.not_json", "something stands behind the document")

    def _within(self, path: list[str], rest: dict[str, Any]) -> Generator[Record, None, bool]:
        window = self._window
        if not path:
            return (yield from self._elements())
        window.take("{", f"no object, where /{path[0]} should be")
        found = False
        while window.peek() != "}":
            _, name = window.value()
            window.take(":", "no JSON object")
            if name != path[0]:
                rest[str(name)[:200]] = window.value()[1]
            elif found:
                raise Unreadable("file.no_records", f"/{path[0]} occurs twice")
            else:
                inner: dict[str, Any] = {}
                found = yield from self._within(path[1:], inner)
                if inner:
                    rest[path[0]] = inner
            if window.peek() != ",":
                break
            window.take(",", "")
        window.take("}", "no JSON object")
        return found

    def _elements(self) -> Generator[Record, None, bool]:
        window = self._window
        if window.peek() == "n" and window.value()[1] is None:
            return True
        window.take("[", f"no list at /{'/'.join(self._path)}")
        count = 0
        while window.peek() != "]":
            text, value = window.value()
            count += 1
            yield Record(f"{self._before}{text}{self._after}".encode(), value, f"record {count}")
            if window.peek() != ",":
                break
            window.take(",", "")
        window.take("]", "no JSON list")
        return True


class _Window:
    """What of a document is at hand: enough for the value that is read now."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._taken = 0
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._at = 0

    def _more(self) -> bool:
        if self._taken >= len(self._data):
            return False
        chunk = self._data[self._taken : self._taken + _CHUNK]
        self._taken += len(chunk)
        try:
            more = self._decode.decode(bytes(chunk), final=self._taken >= len(self._data))
        except UnicodeDecodeError:
            raise Unreadable("file.encoding", f"not UTF-8, within {_CHUNK} bytes of byte {self._taken}") from None
        self._text, self._at = self._text[self._at :] + more, 0
        return True

    def peek(self) -> str:
        """The character after blanks; empty at the end."""
        while True:
            found = _NOT_BLANK.search(self._text, self._at)
            if found is not None:
                self._at = found.start()
                return found[0]
            self._at = len(self._text)
            if not self._more():
                return ""

    def take(self, character: str, otherwise: str) -> None:
        if self.peek() != character:
            raise Unreadable("file.not_json", f"{otherwise}, before byte {self._taken}")
        self._at += 1

    def value(self) -> tuple[str, Any]:
        """The next value, as written and as it is."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except JSONDecodeError:
                if len(self._text) - self._at > MOST_RECORD or not self._more():
                    raise Unreadable("file.not_json", f"not JSON, before byte {self._taken}") from None
                continue
            except (ValueError, RecursionError):
                raise Unreadable(
                    "file.not_json", f"a number or a depth out of reach, before byte {self._taken}"
                ) from None
            if end == len(self._text) and self._more():
                continue  # a number may go on
            text = self._text[self._at : end]
            if len(text) > MOST_RECORD:
                raise Unreadable("file.record_too_long", f"longer than {MOST_RECORD} characters")
            self._at = end
            return text, value


def records(reads: Format, data: bytes) -> Iterator[Record]:
    """The records in `data`. Raises Unreadable, after those that could be read."""
    if isinstance(reads, JsonFormat):
        return iter(Document(reads, data))
    return _lines(data) if isinstance(reads, JsonLinesFormat) else _rows(reads, data)


def _lines(data: bytes) -> Iterator[Record]:
    at, number = 3 if data.startswith(codecs.BOM_UTF8) else 0, 0
    while at < len(data):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        line, at, number = data[at:end].strip(), end + 1, number + 1
        if not line:
            continue
        where = f"line {number}"
        value = _decoded(line)
        wrong = ("record.not_json", f"{where} is not JSON in UTF-8") if value is None else None
        yield Record(line if wrong is None else line[:MOST_RECORD], value, where, wrong)


def _decoded(line: bytes) -> Any:
    try:
        return _DECODER.decode(line.decode()) if len(line) <= 4 * MOST_RECORD else None
    except (ValueError, RecursionError):
        return None


def _rows(reads: CsvFormat, data: bytes) -> Iterator[Record]:
    _hold_against_marks(reads, data)
    encoding = "utf-8-sig" if reads.encoding == "utf-8" else reads.encoding
    lines = io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline="")
    rows = csv.reader(lines, delimiter=reads.separator, strict=True)
    columns = list(reads.columns)
    if not columns:
        header = next(_each(rows, reads, data), None)
        if header is None:
            return
        if not isinstance(header, list):
            raise Unreadable("file.csv", header)
        columns = [name.strip() for name in header]
        if len(columns) == 1 and (other := next((one for one in _SEPARATORS if one in columns[0]), None)):
            detail = f"the line of names has one column, and {other!r} in it: is `separator` right?"
            raise Unreadable("file.csv", detail)
    if len(set(columns)) != len(columns):
        raise Unreadable("file.csv", "two columns have one name")
    width = len(columns)
    for row in _each(rows, reads, data):
        where = f"line {rows.line_num}"
        if isinstance(row, str):
            yield Record(b"", None, where, ("record.csv", f"{where}: {row}"))
        elif row:
            raw = _written(reads, [] if reads.columns else columns, row)
            if len(row) != width:
                detail = f"{where} has {len(row)} cells, and there are {width} columns"
                yield Record(raw, None, where, ("record.columns", detail))
            else:
                yield Record(raw, {name: cell for name, cell in zip(columns, row, strict=True) if cell}, where)


def _hold_against_marks(reads: CsvFormat, data: bytes) -> None:
    """Raises Unreadable where the first bytes say another encoding."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Unreadable("file.encoding", "the file is UTF-16: export it as UTF-8")
    if data.startswith(codecs.BOM_UTF8) and reads.encoding != "utf-8":
        raise Unreadable("file.encoding", f"the file is UTF-8, and `encoding` is {reads.encoding}")


def _undecodable(reads: CsvFormat, data: bytes) -> str:
    """Where the first byte is that the encoding does not have."""
    try:
        data.decode(reads.encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return f"line {line}: byte {error.start + 1} of the file is not {reads.encoding}: is `encoding` right?"
    return f"not {reads.encoding}"


def _each(rows: Any, reads: CsvFormat, data: bytes) -> Iterator[list[str] | str]:
    """The rows; a text says why one cannot be read."""
    while True:
        try:
            yield next(rows)
        except StopIteration:
            return
        except UnicodeDecodeError:
            raise Unreadable("file.encoding", _undecodable(reads, data)) from None
        except csv.Error as error:
            yield str(error)[:200]


def _written(reads: CsvFormat, columns: list[str], row: list[str]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=reads.separator, lineterminator="\n")
    if columns:
        writer.writerow(columns)
    writer.writerow(row)
    return text.getvalue().encode(reads.encoding)
