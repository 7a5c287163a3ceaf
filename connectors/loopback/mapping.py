"""Canonical to the file's content, without any I/O."""

import json
import re
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from contracts.base import rfc3339
from contracts.connector import Notice
from contracts.failures import Rejected

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")


def file_name(notice: Notice) -> str:
    """The delivery's own name, so that a second attempt writes the same file.

    Raises:
        Rejected: it could lead out of the folder.
    """
    if not _NAME.fullmatch(notice.delivery_id):
        raise Rejected("loopback.bad_name")
    return f"{notice.delivery_id}.json"


def content(notice: Notice) -> bytes:
    """The notice as JSON. A sensitive one says that something waits, and neither what nor how it is called."""
    fields = asdict(notice)
    if notice.sensitive:
        fields |= {"title": None, "body_markdown": None, "action": None, "payment": None}
    return (json.dumps(fields, ensure_ascii=False, indent=2, default=_plain) + "\n").encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"no JSON for {type(value).__name__}")
