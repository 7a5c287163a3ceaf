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


def signed_line(content: Mapping[str, Any], key: SigningKey) -> bytes:
    """`content` with its `signature`, and a line end."""
    return orjson.dumps({**content, "signature": key.token(content)}) + b"\n"


def open_line(line: bytes, key: SigningKey) -> dict[str, Any]:
    """What `signed_line` was given.

    Raises:
        Refusal: the signature is not this key's, or not over this content.
        ValueError, KeyError, TypeError, AttributeError: it is no such line.
    """
    content: dict[str, Any] = json.loads(line)
    token = jose.parse(content.pop("signature"))
    jose.verify(token, jose.VerifyingKey(key.private.public_key(), (key.alg,), key.kid))
    if token.claims != content:
        raise Refusal("signature.invalid")
    return content


def append_durably(path: Path, line: bytes) -> None:
    """Add a line to a file; it is on disk, the file's own name included, before this returns."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)
