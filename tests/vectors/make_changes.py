"""How a case is written: a good request, or one change to it with the cause and status expected."""

from base64 import b64decode
from collections.abc import Callable
from typing import Any

from make_drafts import Draft, acme

SIG, AUTH = "agid-jwt-signature", "authorization"
Vector = dict[str, Any]
Change = Callable[[Draft], None]


def good(name: str, why: str, draft: Draft, *, vendor: str, **expect: Any) -> Vector:
    return {"name": name, "why": why, **draft.build(), "expect": {"ente": "c_h501", "vendor": vendor, **expect}}


def bad(
    name: str,
    base: str,
    why: str,
    cause: str,
    change: Callable[[Draft], None] | Draft,
    *,
    status: int = 401,
    draft: Callable[[], Draft] = acme,
) -> Vector:
    made = change if isinstance(change, Draft) else draft()
    if not isinstance(change, Draft):
        change(made)
    return {"name": name, "base": base, "why": why, **made.build(), "expect": {"status": status, "cause": cause}}


def tokens(change: Callable[[dict[str, str]], None]) -> Callable[[Draft], None]:
    def apply(draft: Draft) -> None:
        draft.rewrite = change

    return apply


def sent(change: Callable[[list[tuple[str, str]], dict[str, str]], None]) -> Callable[[Draft], None]:
    def apply(draft: Draft) -> None:
        draft.after = change

    return apply


def edit_both(make_token: Callable[[str, str, str], str]) -> Callable[[Draft], None]:
    """Both tokens rewritten from their own header and payload segments, by acme's key."""

    def change(found: dict[str, str]) -> None:
        for name, compact in found.items():
            found[name] = make_token(*compact.split("."))

    return tokens(change)


def set_header(name: str, value: str) -> Callable[[Draft], None]:
    def change(draft: Draft) -> None:
        draft.headers = [(n, value if n == name else v) for n, v in draft.headers]

    return change


def drop_header(name: str) -> Callable[[Draft], None]:
    def change(draft: Draft) -> None:
        draft.headers = [(n, v) for n, v in draft.headers if n != name]

    return change


def claim(which: str, **values: Any) -> Callable[[Draft], None]:
    def change(draft: Draft) -> None:
        for name, value in values.items():
            if value is ...:
                draft.claims[which].pop(name, None)
            else:
                draft.claims[which][name] = value

    return change


def both(**values: Any) -> Callable[[Draft], None]:
    return lambda draft: draft.both(**values)


def headers(**members: Any) -> Callable[[Draft], None]:
    return lambda draft: draft.both_headers(**members)


def changed(draft: Draft, *changes: Callable[[Draft], None]) -> Draft:
    for change in changes:
        change(draft)
    return draft


def unb64u(text: str) -> bytes:
    return b64decode(text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4))


def get(**kw: Any) -> Draft:
    return acme(signed_body=False, body=b"", **kw)
