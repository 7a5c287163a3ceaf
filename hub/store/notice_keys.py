"""By what payments and receipts of one pagoPA notice find each other (`items.notice_key`): a keyed hash of creditor and
notice number. What is on trial has a key of its own, so that whatever looks for a notice finds production's items or
those on trial, never both: a vendor that tries out with a number that is in use pays, hides and changes nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .connector_versions import Environment
from .drafts import Draft

_TRIED = "t"
"""How a key on trial begins: no hexadecimal digit."""


def notice_key(keyed_hash: Callable[[str, str], str], creditor_tax_code: str, notice_number: str) -> str:
    """The key in production."""
    return keyed_hash("notice", f"{creditor_tax_code}\0{notice_number}")


def staged(key: str, *, on_trial: bool) -> str:
    """The key, of production, as those have it who are on trial, or are not."""
    return f"{_TRIED}{key[1:]}" if on_trial else key


def is_tried(key: str | None) -> bool:
    """Whether it is the key of something on trial."""
    return key is not None and key.startswith(_TRIED)


def is_real(item: Mapping[str, Any] | None) -> bool:
    """Whether an item is known by its notice in production."""
    return item is not None and item["notice_key"] is not None and not is_tried(item["notice_key"])


def leaves_trial(draft: Draft, item: Mapping[str, Any] | None) -> bool:
    """Whether a version from production makes real what was tried out until now: what came of it on trial, that it was
    paid, which numbers it had, is no fact of the real one."""
    return item is not None and is_tried(item["notice_key"]) and not draft.on_trial


def environment_of(key: str | None) -> Environment:
    """Connectors of which environment are for an item of that key."""
    return "test" if is_tried(key) else "production"


def changes_sides(item: Mapping[str, Any], changed: Mapping[str, Any]) -> bool:
    """Whether a version moves its item from trial to production, or the other way."""
    before, now = item["notice_key"], changed["notice_key"]
    return before is not None and now is not None and is_tried(before) is not is_tried(now)


def placed(draft: Draft, item: Mapping[str, Any] | None) -> Draft:
    """The draft with the key that it is to have. `item`: what is there of that name. A notice by which production knows
    it already stays production's, though its vendor was put back into its sandbox: it may be paid any moment."""
    key = draft.notice_key
    if key is None or not draft.on_trial or (item is not None and item["notice_key"] == key):
        return draft
    return replace(draft, notice_key=staged(key, on_trial=True))
