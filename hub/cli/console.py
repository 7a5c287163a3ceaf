"""What commands print: JSON for machines, tables for people, one sentence for a failure."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contracts.base import rfc3339

_WIDE = 240
"""Columns where nobody's terminal sets a width: a pipe gets whole lines."""


class Failed(typer.TyperException):
    """The thing asked for failed."""

    exit_code = 1


class WrongUsage(typer.TyperException):
    """Wrong usage or configuration; the message names the setting."""

    exit_code = 2


def complain(sentence: str) -> None:
    """One line on standard error."""
    print(f"raccordo: {clean(one_line(sentence))}", file=sys.stderr)


def one_line(text: str) -> str:
    """A text that others wrote, which cannot begin a line of ours."""
    return " ".join(text.split())


def say(line: str = "") -> None:
    """One line for people."""
    print(clean(line))


def emit(value: Any, *, one_line: bool = False) -> None:
    """`value` for machines: JSON, indented unless the reader waits for a line."""
    option = orjson.OPT_PASSTHROUGH_DATETIME | (0 if one_line else orjson.OPT_INDENT_2)
    print(orjson.dumps(value, option=option, default=_json).decode(), flush=one_line)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before what cannot be taken back, unless `yes`. Raises typer.Abort, or WrongUsage where nobody can answer."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise WrongUsage(f"--yes serve dove nessuno può rispondere / is needed where nobody can be asked: {question}")
    typer.confirm(question, abort=True, err=True)


def told(value: Any, *, as_json: bool, text: str) -> None:
    """What was done: `value` for machines, `text` for people."""
    if as_json:
        emit(value)
    else:
        say(text)


def table(rows: Sequence[Mapping[str, Any]], *, as_json: bool, empty: str) -> None:
    """Rows of one shape; `empty` is what people read where there are none."""
    if as_json:
        emit(rows)
    elif not rows:
        say(empty)
    else:
        grid = Table(box=None, pad_edge=False, header_style="bold")
        for name in rows[0]:
            grid.add_column(name.replace("_", " "), overflow="fold")
        for row in rows:
            grid.add_row(*(Text(shown(value)) for value in row.values()))
        _console().print(grid)


def record(values: Mapping[str, Any], *, as_json: bool) -> None:
    """One thing, a line a field. Where a value has several, the others stand below it: none of them begins as a field
    does, whoever wrote it."""
    if as_json:
        emit(values)
        return
    width = max(len(name) for name in values)
    below = "\n" + " " * (width + 2)
    for name, value in values.items():
        lines = shown(value).split("\n")
        say(f"{name.replace('_', ' '):<{width}}  {below.join(lines)}")


def shown(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return rfc3339(value.replace(microsecond=0))
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(shown(one) for one in value) or "-"
    if isinstance(value, Mapping):
        return orjson.dumps(value, default=_json, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()
    return clean(str(value))


def clean(text: str) -> str:
    """Without control characters: what was received must not drive the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=_WIDE, soft_wrap=True)


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(type(value).__name__)
