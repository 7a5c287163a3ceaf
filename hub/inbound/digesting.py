"""What a record says, in a digest: unchanged since it was last seen, or not."""

import hashlib
from dataclasses import replace
from typing import Any

import orjson

from contracts.faults import bilingual
from contracts.inbound import Found, Wrong
from hub.store.ports import Vault

_SORTED = orjson.OPT_SORT_KEYS
_KEYED = "k1."
"""How a keyed digest begins, and a plain one never does."""

_UNWRITABLE = bilingual(
    "Un testo che non è Unicode, o un valore che JSON non ha",
    "a text that is no Unicode, or a value that JSON does not have",
)


def digested(found: Found) -> tuple[Found, str]:
    """With the plain digest of what it says. What cannot be written down, such as half of an emoji, goes to the
    quarantine: it must not hold up all that its source has."""
    try:
        return found, _digest(found)
    except TypeError:
        wrong = Wrong("", "item.unwritable", _UNWRITABLE)
        found = replace(found, item=None, valid=None, wrong=(wrong,))
        return found, _digest(found)


def keyed_digest(vault: Vault, vendor_id: str, told: str) -> str:
    """What is kept of a record's content, `told` being its plain digest: keyed, as records can be guessed,
    and the vendor's own, as another's items are others. Plain ones of before hold until they are met."""
    return _KEYED + vault.keyed_hash("source-digest", f"{vendor_id}\0{told}")[: 64 - len(_KEYED)]


def _digest(found: Found) -> str:
    if found.item is not None:
        what: list[Any] = ["item", found.collection, found.item]
    elif found.withdrawn is not None:
        what = ["withdrawn", found.withdrawn]
    elif not found.wrong:
        what = ["passed"]
    else:
        faults = [(each.pointer, each.code) for each in found.wrong]
        what = ["wrong", faults, hashlib.sha256(found.raw).hexdigest()]
    return hashlib.sha256(orjson.dumps(what, default=str, option=_SORTED)).hexdigest()
