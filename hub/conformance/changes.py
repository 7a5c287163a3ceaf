"""How a case changes a draft: one small function for each kind of change."""

import json
from collections.abc import Callable
from typing import Any, Final

from hub.security import jose
from hub.security.sign import SigningKey

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
    """Claims of every token of the vendor's own."""

    def change(draft: Draft) -> None:
        for name in draft.own:
            _set(draft.claims[name], values)

    return change


def claim(which: str, **values: Value) -> Change:
    """Claims of one token."""
    return lambda draft: _set(draft.claims[which], values)


def times(**offsets: int) -> Change:
    """Claims of every token of the vendor's own, in seconds from now."""

    def change(draft: Draft) -> None:
        for name in draft.own:
            draft.claims[name] |= {member: draft.now + offset for member, offset in offsets.items()}

    return change


def header(**members: Value) -> Change:
    """JOSE parameters of every token of the vendor's own; signed with the true key and algorithm all the same."""

    def change(draft: Draft) -> None:
        for name in draft.own:
            _set(draft.jose[name], members)

    return change


def by_a_stranger(draft: Draft) -> None:
    """A key that nobody registered signs; the tokens go on naming theirs."""
    draft.keys |= dict.fromkeys(draft.own, draft.party.stranger)


def tokens(edit: Callable[[Tokens], None]) -> Change:
    def change(draft: Draft) -> None:
        draft.rewrite = edit

    return change


def parts(edit: Callable[[str, str, str], str], which: str = "") -> Change:
    """Every token of the vendor's own, or one, rewritten from its own three segments."""

    def change(draft: Draft) -> None:
        names = (which,) if which else tuple(draft.own)

        def rewrite(found: Tokens) -> None:
            for name in found.keys() & set(names):
                found[name] = edit(*found[name].split("."))

        draft.rewrite = rewrite

    return change


def unsecured(which: str = "", *, alg: str = "none") -> Change:
    """Every token of the vendor's own, or one, without a signature, and saying so (RFC 7515 A.5)."""
    return parts(lambda head, payload, _: f"{with_member(head, alg=alg)}.{payload}.", which)


def resigned(edit: Callable[[str, str], tuple[str, str]]) -> Change:
    """Header and payload segments rewritten, and signed again as they then are."""

    def change(draft: Draft) -> None:
        key = draft.keys[draft.own[-1]]

        def again(head: str, payload: str, signature: str) -> str:
            return by_hand(*edit(head, payload), key)

        parts(again)(draft)

    return change


def jose_of(which: str, **members: Value) -> Change:
    """JOSE parameters of one token."""
    return lambda draft: _set(draft.jose[which], members)


def times_of(which: str, **offsets: int) -> Change:
    """Claims of one token, in seconds from now."""

    def change(draft: Draft) -> None:
        draft.claims[which] |= {member: draft.now + offset for member, offset in offsets.items()}

    return change


def signed_by(which: str, key_of: Callable[[Draft], SigningKey]) -> Change:
    """Another key signs one token, which goes on naming the true one."""

    def change(draft: Draft) -> None:
        draft.keys[which] = key_of(draft)

    return change


def without(*names: str) -> Change:
    """These tokens are not sent."""

    def change(draft: Draft) -> None:
        draft.sent = [name for name in draft.sent if name not in names]

    return change


def again(name: str, *, upper: bool = False) -> Change:
    """The header comes twice."""

    def edit(found: Headers) -> None:
        found.append((name.upper() if upper else name, dict(found)[name]))

    return lines(edit)


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
        draft.sign_headers([{"digest": value}, {"content-type": "application/json"}])

    return change


def signed_headers(value_of: Callable[[str], Value]) -> Change:
    """Another `signed_headers`, made of the true digest."""

    def change(draft: Draft) -> None:
        value = value_of(dict(draft.headers)["digest"])
        if value is ABSENT:
            del draft.claims[SIG]["signed_headers"]
        else:
            draft.sign_headers(value)

    return change


def with_member(segment: str, **members: Value) -> str:
    """A segment's object with other members."""
    found = json.loads(unb64u(segment))
    _set(found, members)
    return jose.segment(found)
