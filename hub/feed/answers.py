"""What the feed hands over whole: a file, a picture, an item, each with what its headers say."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from hub.store.files import StoredFile


def as_json(view: object) -> bytes:
    """A view as it is sent: its moments in RFC 3339, UTC, as `contracts.base.rfc3339` writes them."""
    return orjson.dumps(view, option=orjson.OPT_UTC_Z)


@dataclass(frozen=True, slots=True)
class File:
    """A document's file, with what its headers say."""

    stored: StoredFile
    media_type: str
    filename: str
    sha256: str
    updated_at: datetime
    state: str
    """Of the document: what is superseded or expired stays readable, and says so."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A card as SVG; whether there is a file beside it."""

    svg: bytes
    state: str
    has_file: bool
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Whole:
    """One item whole, with its ETag."""

    view: dict[str, Any]
    tag: str
