"""The order of a ranked list (S46): by the keys of its service's policy, and by lot where they leave a tie."""

from collections.abc import Iterable, Sequence

from contracts.items import Subscription
from hub.store.ports import Vault
from hub.store.ranked_lists import Entry, pseudonym

from .subscribers import Subscriber

LISTED = ("requested", "waitlisted", "active", "renewal_due")
MOST = 10_000
"""Entries of a list: more is no list that anybody reads, and would not fit the memory of a request."""

_Key = tuple[int, int | str]
_LAST: _Key = (2, 0)


class TooMany(Exception):
    """More are subscribed than a list holds."""


def ranked(subscribers: Iterable[Subscriber], order_keys: Sequence[str], vault: Vault, list_id: str) -> list[Entry]:
    """The entries in their order. Numbers come before texts, and who lacks the attribute comes last, whatever the
    direction; the lot is the pseudonym, which nobody can choose or foresee. Raises TooMany."""
    found: list[tuple[Subscriber, tuple[_Key, ...]]] = []
    for one in subscribers:
        if len(found) == MOST:
            raise TooMany
        found.append((one, tuple(_key(one.content, key) for key in order_keys)))
    found.sort(key=lambda each: pseudonym(vault, list_id, each[0].found.key[2]))
    for place, key in reversed([*enumerate(order_keys)]):
        # Sorting keeps what is equal in its order: from the last key to the first.
        for_each = [each for each in found if each[1][place] != _LAST]
        lacking = [each for each in found if each[1][place] == _LAST]
        for_each.sort(key=lambda each: each[1][place], reverse=key.startswith("-"))
        if key.startswith("-"):
            for_each.sort(key=lambda each: each[1][place][0])
        found = for_each + lacking
    entries, before = [], None
    for position, (one, keys) in enumerate(found, start=1):
        numbers = zip(order_keys, keys, strict=True)
        # A text may say who somebody is; the numbers are what a list is for.
        shown = {key.removeprefix("-"): value for key, (kind, value) in numbers if kind == 0 and isinstance(value, int)}
        entries.append(Entry(position, one.found.key[2], one.found.state, keys == before, shown))
        before = keys
    return entries


def _key(item: Subscription, order_key: str) -> _Key:
    code = order_key.removeprefix("-")
    found = next((one for one in item.attributes if one.code == code), None)
    if found is None:
        return (0, item.rank) if code == "rank" and item.rank is not None else _LAST
    return (0, found.number) if found.number is not None else (1, found.text or "")
