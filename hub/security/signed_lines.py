"""JSON lines with the hub's signature over each: what stands outside the database, and must not be changed there."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from hub.durable import sync

from . import jose
from .causes import Refusal
from .sign import SigningKey

_MOST = 16 * 1024 * 1024


def signed_line(content: Mapping[str, Any], key: SigningKey) -> bytes:
    """`content` with its `signature`, and a line end."""
    return orjson.dumps({**content, "signature": key.token(content)}) + b"\n"


def open_line(line: bytes, key: SigningKey) -> dict[str, Any]:
    """What `signed_line` was given.

    Raises:
        Refusal: the signature is not this key's nor of one before it, or not over this content.
        ValueError, KeyError, TypeError, AttributeError: it is no such line.
    """
    content: dict[str, Any] = json.loads(line)
    # A line is the hub's own file: a back-up's manifest names every table and part.
    token = jose.parse(content.pop("signature"), most=_MOST)
    jose.verify(token, key.verifying(token.header.get("kid")))
    if token.claims != content:
        raise Refusal("signature.invalid")
    return content


def append_durably(path: Path, line: bytes) -> None:
    """Add a line to a file; it is on disk, the file's own name included, before this returns. Where there is no room
    for it, the file stays as it was.
    """
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(file).st_size
        try:
            while line:
                line = line[os.write(file, line) :]
            os.fsync(file)
        except OSError:
            os.ftruncate(file, size)  # half a line, and what comes after it could never be read
            raise
    finally:
        os.close(file)
    sync(path.parent)
