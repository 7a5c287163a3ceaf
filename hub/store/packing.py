"""Signed bodies as evidence keeps them: deflated where they are large."""

import zlib

_LARGE = 16 * 1024
_DEFLATED = b"x"
"""How zlib begins, and JSON never does."""


def packed(body: bytes) -> bytes:
    """What is sealed of a body: a megabyte of spaces around a short item would cost a thousand times the item."""
    return zlib.compress(body, 1) if len(body) > _LARGE else body


def unpacked(kept: bytes) -> bytes:
    """The body as it was signed, from what evidence keeps of it."""
    return zlib.decompress(kept) if kept.startswith(_DEFLATED) else kept


def keeps_body(code: str) -> bool:
    """Whether a record of what was accepted has the body. Where the same is kept already (a file, a repetition), its
    hash and the tokens are the evidence."""
    about, _, outcome = code.partition(".")
    return about != "content" and outcome != "unchanged"
