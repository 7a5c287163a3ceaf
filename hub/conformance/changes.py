"""How a case changes a draft: one small function for each kind of change."""

import json
from collections.abc import Callable
from typing import Any, Final

from hub.security import jose

from .case import Change
from .draft import SIG, Draft, Headers, Tokens, by_hand, unb64u

ABSENT: Final = object()
"""Instead of a value: the member is left out."""

Value = Any  # anything JSON has, for that is what is tried


def _set(members: dict[str, Any], values: dict[str, Value]) -> None:
    for name, value in values.items():
        if value is ABSENT:
            members.pop(name, None)
        else:
            members[name] = value


def both(**values: Value) -> Change:
    """Claims of every token."""

    def change(draft: Draft) -> None:
        for claims in draft.claims.values():
            _set(claims, values)

    return change


def claim(which: str, **values: Value) -> Change:
    """Claims of one token."""
    return lambda draft: _set(draft.claims[which], values)


def times(**offsets: int) -> Change:
    """Claims of every token, in seconds from now."""

    def change(draft: Draft) -> None:
        for claims in draft.claims.values():
            claims |= {name: draft.now + offset for name, offset in offsets.items()}

    return change


def header(**members: Value) -> Change:
    """JOSE parameters of every token; the signature is made with the true key and algorithm all the same."""

    def change(draft: Draft) -> None:
        for parameters in draft.jose.values():
            _set(parameters, members)

    return change


def by_a_stranger(draft: Draft) -> None:
    """A key that nobody registered signs; the tokens go on naming theirs."""
    draft.keys = dict.fromkeys(draft.sent, draft.party.stranger)


def tokens(edit: Callable[[Tokens], None]) -> Change:
    def change(draft: Draft) -> None:
        draft.rewrite = edit

    return change


def parts(edit: Callable[[str, str, str], str]) -> Change:
    """Every token rewritten from its own three segments."""

    def rewrite(found: Tokens) -> None:
        for name, compact in found.items():
            found[name] = edit(*compact.split("."))

    return tokens(rewrite)


def resigned(edit: Callable[[str, str], tuple[str, str]]) -> Change:
    """Header and payload segments rewritten, and signed again as they then are."""

    def change(draft: Draft) -> None:
        def again(head: str, payload: str, signature: str) -> str:
            return by_hand(*edit(head, payload), draft.party.key)

        parts(again)(draft)

    return change


def lines(edit: Callable[[Headers], None]) -> Change:
    """The header lines as they leave."""

    def change(draft: Draft) -> None:
        draft.after = edit

    return change


def replaced(name: str, value: str) -> Change:
    """One header line after signing."""

    def edit(found: Headers) -> None:
        found[:] = [(n, value if n == name else v) for n, v in found]

    return lines(edit)


def dropped(name: str) -> Change:
    def edit(found: Headers) -> None:
        found[:] = [(n, v) for n, v in found if n != name]

    return lines(edit)


def added(name: str, value: str) -> Change:
    return lines(lambda found: found.append((name, value)))


def digest(value_of: Callable[[Draft], str]) -> Change:
    """Another value in Digest, signed as it is."""

    def change(draft: Draft) -> None:
        value = value_of(draft)
        draft.headers = [(n, value if n == "digest" else v) for n, v in draft.headers]
        draft.claims[SIG]["signed_headers"] = [{"digest": value}, {"content-type": "application/json"}]

    return change


def signed_headers(value_of: Callable[[str], Value]) -> Change:
    """Another `signed_headers`, made of the true digest."""

    def change(draft: Draft) -> None:
        value = value_of(dict(draft.headers)["digest"])
        _set(draft.claims[SIG], {"signed_headers": value})

    return change


def with_member(segment: str, **members: Value) -> str:
    """A segment's object with other members."""
    found = json.loads(unb64u(segment))
    _set(found, members)
    return jose.segment(found)
