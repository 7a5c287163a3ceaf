"""Header lines of a request from a file: as `sign` prints them, as `curl -v` shows them, or as JSON."""

import json
from pathlib import Path

from .console import WrongUsage
from .json_files import must_be_once
from .options import read_text

Headers = tuple[tuple[str, str], ...]


def read_headers(path: Path) -> Headers:
    """Lower-case names with their values, in order, repetitions kept."""
    text = read_text(path, name="--headers")
    found = _of_json(text) if text.lstrip().startswith("{") else _of_lines(text)
    if not found:
        raise WrongUsage(f"--headers: {path} holds no header")
    return found


def _of_json(text: str) -> Headers:
    try:
        content = json.loads(text)
    except ValueError:
        raise WrongUsage("--headers: neither header lines nor JSON") from None
    must_be_once(text, name="--headers")
    headers = content.get("headers", content)
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise WrongUsage("--headers: the JSON is no object of header names and texts")
    return tuple((name.lower(), value) for name, value in headers.items())


def _of_lines(text: str) -> Headers:
    found = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.removeprefix(">").strip()
        if not line or (number == 1 and line.endswith(("HTTP/1.1", "HTTP/1.0", "HTTP/2"))):
            continue
        name, colon, value = line.partition(":")
        if not colon or not name or " " in name:
            raise WrongUsage(f"--headers: line {number} is not `Name: value`")
        found.append((name.lower(), value.strip()))
    return tuple(found)
