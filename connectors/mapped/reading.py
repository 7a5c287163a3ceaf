"""Files and answers as records, one at a time: memory does not grow with their number."""

import codecs
import csv
import io
import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from json import JSONDecodeError
from typing import Any, Final, Literal

from connectors.base.mapping.expressions import exact_number
from contracts.faults import Bilingual, bilingual, led

from .document import CsvFormat, JsonFormat, JsonLinesFormat

MOST_RECORD: Final = 1_048_576
"""Characters of one record."""
_CHUNK = 65_536
_SEPARATORS: Final = (";", ",", "\t", "|")
_NOT_BLANK = re.compile(r"[^ \t\n\r]")

Format = JsonFormat | JsonLinesFormat | CsvFormat


Kind = Literal["record", "line"]


class Unreadable(Exception):
    """The whole cannot be read, from here on. `detail` repeats nothing of it."""

    def __init__(self, code: str, detail: Bilingual) -> None:
        super().__init__(code)
        self.code, self.detail = code, detail


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it came; `raw` is a file of its format with this record alone."""

    raw: bytes = field(repr=False)
    value: Any = field(repr=False)
    kind: Kind
    number: int
    wrong: tuple[str, Bilingual] | None = None
    """Code and detail where it cannot be read, and the next one can."""

    @property
    def where(self) -> Bilingual:
        """Its place in the whole."""
        return _where(self.kind, self.number)


def _where(kind: Kind, number: int) -> Bilingual:
    return bilingual(f"{'riga' if kind == 'line' else kind} {number}", f"{kind} {number}")


def _refuse(name: str) -> Any:
    raise ValueError(name)


_NO_OBJECT: Final = bilingual("non è un oggetto JSON", "no JSON object")
_NOT_JSON: Final = bilingual("non è JSON", "not JSON")
_OUT_OF_REACH: Final = bilingual("un numero o una profondità fuori portata", "a number or a depth out of reach")
_NO_LINE: Final = bilingual("non è JSON in UTF-8", "it is not JSON in UTF-8")


def _no_list(path: list[str]) -> Bilingual:
    place = "/" + "/".join(path)
    return bilingual(f"non c'è una lista in {place}", f"there is no list at {place}")


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
            yield Record(text.encode(), value, "record", 1)
        else:
            found = yield from self._within(self._path, self.rest)
            if not found:
                raise Unreadable("file.no_records", _no_list(self._path))
        if window.peek():
            raise Unreadable(
                "file.not_json", bilingual("c'è qualcosa dopo il documento", "something stands behind the document")
            )

    def _within(self, path: list[str], rest: dict[str, Any]) -> Generator[Record, None, bool]:
        window = self._window
        if not path:
            return (yield from self._elements())
        window.take(
            "{",
            bilingual(f"manca l'oggetto in cui dovrebbe stare /{path[0]}", f"no object, where /{path[0]} should be"),
        )
        found = False
        while window.peek() != "}":
            _, name = window.value()
            window.take(":", _NO_OBJECT)
            if name != path[0]:
                rest[str(name)[:200]] = window.value()[1]
            elif found:
                raise Unreadable("file.no_records", bilingual(f"/{path[0]} è ripetuto", f"/{path[0]} occurs twice"))
            else:
                inner: dict[str, Any] = {}
                found = yield from self._within(path[1:], inner)
                if inner:
                    rest[path[0]] = inner
            if window.peek() != ",":
                break
            window.take(",", _NO_OBJECT)
        window.take("}", _NO_OBJECT)
        return found

    def _elements(self) -> Generator[Record, None, bool]:
        window = self._window
        if window.peek() == "n" and window.value()[1] is None:
            return True
        window.take("[", _no_list(self._path))
        count = 0
        while window.peek() != "]":
            text, value = window.value()
            count += 1
            yield Record(f"{self._before}{text}{self._after}".encode(), value, "record", count)
            if window.peek() != ",":
                break
            window.take(",", _NO_OBJECT)
        window.take("]", bilingual("non è una lista JSON", "no JSON list"))
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
            raise Unreadable(
                "file.encoding",
                bilingual(
                    f"non è UTF-8, entro {_CHUNK} byte dal byte {self._taken}",
                    f"not UTF-8, within {_CHUNK} bytes of byte {self._taken}",
                ),
            ) from None
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

    def take(self, character: str, otherwise: Bilingual) -> None:
        if self.peek() != character:
            raise Unreadable("file.not_json", self._before_here(otherwise))
        self._at += 1

    def _before_here(self, what: Bilingual) -> Bilingual:
        """What is wrong, led by up to where it is."""
        return led(bilingual(f"prima del byte {self._taken}", f"before byte {self._taken}"), what)

    def value(self) -> tuple[str, Any]:
        """The next value, as written and as it is."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except JSONDecodeError:
                if len(self._text) - self._at > MOST_RECORD or not self._more():
                    raise Unreadable("file.not_json", self._before_here(_NOT_JSON)) from None
                continue
            except (ValueError, RecursionError):
                raise Unreadable("file.not_json", self._before_here(_OUT_OF_REACH)) from None
            if end == len(self._text) and self._more():
                continue  # a number may go on
            text = self._text[self._at : end]
            if len(text) > MOST_RECORD:
                raise Unreadable(
                    "file.record_too_long",
                    bilingual(f"più lungo di {MOST_RECORD} caratteri", f"longer than {MOST_RECORD} characters"),
                )
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
        value = _decoded(line)
        wrong = ("record.not_json", led(_where("line", number), _NO_LINE)) if value is None else None
        yield Record(line if wrong is None else line[:MOST_RECORD], value, "line", number, wrong)


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
            detail = bilingual(
                f"la riga dei nomi ha una sola colonna, che contiene {other!r}: `separator` è giusto?",
                f"the line of names has one column, and {other!r} in it: is `separator` right?",
            )
            raise Unreadable("file.csv", detail)
    if len(set(columns)) != len(columns):
        raise Unreadable("file.csv", bilingual("due colonne hanno lo stesso nome", "two columns have one name"))
    width = len(columns)
    for row in _each(rows, reads, data):
        number = rows.line_num
        if isinstance(row, str):
            yield Record(b"", None, "line", number, ("record.csv", led(_where("line", number), row)))
        elif row:
            raw = _written(reads, [] if reads.columns else columns, row)
            if len(row) != width:
                cells = bilingual(
                    f"ha {len(row)} celle, e le colonne sono {width}",
                    f"it has {len(row)} cells, and there are {width} columns",
                )
                yield Record(raw, None, "line", number, ("record.columns", led(_where("line", number), cells)))
            else:
                yield Record(raw, {name: cell for name, cell in zip(columns, row, strict=True) if cell}, "line", number)


def _hold_against_marks(reads: CsvFormat, data: bytes) -> None:
    """Raises Unreadable where the first bytes say another encoding."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Unreadable(
            "file.encoding",
            bilingual("il file è UTF-16: esportarlo in UTF-8", "the file is UTF-16: export it as UTF-8"),
        )
    if data.startswith(codecs.BOM_UTF8) and reads.encoding != "utf-8":
        raise Unreadable(
            "file.encoding",
            bilingual(
                f"il file è UTF-8, e `encoding` è {reads.encoding}",
                f"the file is UTF-8, and `encoding` is {reads.encoding}",
            ),
        )


def _undecodable(reads: CsvFormat, data: bytes) -> Bilingual:
    """Where the first byte is that the encoding does not have."""
    try:
        data.decode(reads.encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = bilingual(
            f"il byte {error.start + 1} del file non è {reads.encoding}: `encoding` è giusto?",
            f"byte {error.start + 1} of the file is not {reads.encoding}: is `encoding` right?",
        )
        return led(_where("line", line), byte)
    return bilingual(f"non è {reads.encoding}", f"not {reads.encoding}")


def _each(rows: Any, reads: CsvFormat, data: bytes) -> Iterator[list[str] | Bilingual]:
    """The rows; a text says why one cannot be read."""
    while True:
        try:
            yield next(rows)
        except StopIteration:
            return
        except UnicodeDecodeError:
            raise Unreadable("file.encoding", _undecodable(reads, data)) from None
        except csv.Error as error:
            yield bilingual("non è una riga di CSV", str(error)[:200])


def _written(reads: CsvFormat, columns: list[str], row: list[str]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=reads.separator, lineterminator="\n")
    if columns:
        writer.writerow(columns)
    writer.writerow(row)
    return text.getvalue().encode(reads.encoding)
