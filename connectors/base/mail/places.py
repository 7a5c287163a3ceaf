"""How far a mailbox was read, as the memo of a pull holds it."""

from typing import Any

from contracts.inbound import Memo

from .imap import Place


def places_of(memo: Memo) -> dict[str, Place]:
    """By folder."""
    return {folder: Place(validity, uid) for folder, (validity, uid) in memo.get("places", {}).items()}


def memo_of(places: dict[str, Place], **more: Any) -> Memo:
    """Everything in it is a JSON value."""
    return {"places": {folder: [at.validity, at.uid] for folder, at in places.items()}} | more
