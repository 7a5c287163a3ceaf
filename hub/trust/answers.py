"""The signature on an answer of PDND's API: INTEGRITY_REST_02 with the platform's key, without `aud` (modi 1.5)."""

from collections.abc import Mapping
from typing import Final

from hub.security.causes import Refusal
from hub.security.jose import VerifyingKey
from hub.security.responses import signed_answer, verify_response

from .http import Answer, FetchFailed

_PROBLEMS: Final[Mapping[str, tuple[str, ...]]] = {
    "unsigned": (
        "token.missing",
        "token.malformed",
        "token.too_large",
        "token.detached",
        "token.duplicate_member",
        "typ.wrong",
        "crit.unsupported",
    ),
    "bad_signature": ("signature.invalid", "alg.forbidden", "alg.mismatch"),
    "expired": ("claim.missing", "claim.type", "iat.future", "iat.old", "nbf.future", "token.expired"),
}
_WORDS: Final = {code: word for word, codes in _PROBLEMS.items() for code in codes}
"""The word for what was found; whatever is wrong with digest and headers is `altered`."""


def signer_of(answer: Answer) -> str:
    """The kid that the answer names. Raises FetchFailed: it is not signed."""
    try:
        kid = signed_answer(answer.headers.multi_items()).header.get("kid")
    except Refusal:
        raise FetchFailed("unsigned") from None
    if not isinstance(kid, str):
        raise FetchFailed("unsigned")
    return kid


def check_answer(answer: Answer, key: VerifyingKey, now: float) -> None:
    """What every signed answer must hold (`hub.security.responses`), in the words of fetching.

    Raises:
        FetchFailed: `unsigned`, `bad_signature`, `expired`, `altered`.
    """
    try:
        verify_response(answer.headers.multi_items(), answer.body, key, now=now, needs_aud=False)
    except Refusal as refusal:
        raise FetchFailed(_WORDS.get(refusal.code, "altered")) from None
