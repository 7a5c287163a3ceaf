"""Structured logs: one JSON object a line, without personal data.

The message of a record is its event and fields (`delivery.settled delivery_id=... state=...`). Of an exception only its
type and the places it went through are written: an exception's text may quote a value. A tax code that slips through
all the same is blotted out here; a test fails on any that does.
"""

import asyncio
import logging
import re
import sys
import traceback
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from typing import TextIO

import orjson

_TAX_CODE = re.compile(
    r"(?<![A-Z0-9])[A-Z]{6}[0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z](?![A-Z0-9])",
    re.IGNORECASE,
)
# Of every tax code, and found in a third of the time: most texts have none.
# Both cases, and the letters that IGNORECASE takes for some of them: named, they are found in a third of the time.
_LONG_WORD = re.compile("[A-Za-z0-9\u0130\u0131\u017f\u212a]{16}")
# Not `\b`: a hyphen is a boundary and in the class, and the search would be quadratic in a hostile text.
_JWS = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+")


_OURS = re.compile(r"^[a-z_]+\.[a-z_]+( [a-z_]+=|$)")
_NEXT_FIELD = re.compile(r" (?=[a-z_]+=)")


class JsonLines(logging.Formatter):
    """A record as one line of JSON; hostile text cannot start a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        message = redact(record.getMessage())
        # A message of ours is `event name=value ...`; one of a library is kept whole.
        event, _, fields = message.partition(" ") if _OURS.match(message) else (message, "", "")
        entry: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": event,
        }
        for part in _NEXT_FIELD.split(fields) if fields else ():
            name, _, value = part.partition("=")
            if value != "None":
                entry.setdefault(name, value)
        if record.exc_info and record.exc_info[0] is not None:
            entry["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            entry["trace"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return orjson.dumps(entry, option=orjson.OPT_UTC_Z).decode()


class Lines(logging.StreamHandler[TextIO]):
    """Writes what one turn of the event loop logs at once: each write is a call of the system, in which a thread gives
    up the interpreter and waits for it again. Warnings, and whatever threads say, are written on the spot, and what was
    said before goes first."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._waiting: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        """At the end of whose turn they are written."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._waiting.append(self.format(record) + self.terminator)
            loop = _running_loop()
            if loop is None or record.levelno >= logging.WARNING:
                self.flush()
            elif loop is not self._loop:
                self._loop = loop
                loop.call_soon(self._end_turn)
        except Exception:  # noqa: BLE001 - as logging's own: a line that cannot be written stops nobody
            self.handleError(record)

    def _end_turn(self) -> None:
        with suppress(OSError, ValueError):  # a stream that is full or closed stops nobody
            self.flush()

    def flush(self) -> None:
        with self.lock or nullcontext():
            lines, self._waiting, self._loop = self._waiting, [], None
            if lines:
                self.stream.write("".join(lines))
            super().flush()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def redact(text: str) -> str:
    """`text` without tax codes and tokens."""
    if _LONG_WORD.search(text):
        text = _TAX_CODE.sub("[tax code]", text)
    return _JWS.sub("[token]", text) if "eyJ" in text else text


def configure(*, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send the process's logs to `stream` (standard error by default), as JSON lines."""
    # Nothing here reads them, and gathering them for each record costs more than writing it.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # the logging HOWTO's own switch for "no caller's place"
    handler = Lines(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # httpx logs every URL it calls, and the App IO status URL holds a tax code; Alembic tells of each look.
    for noisy in ("httpx", "httpcore", "uvicorn.access", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
