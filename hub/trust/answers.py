"""The signature on an answer of PDND's API: INTEGRITY_REST_02 with the platform's key, without `aud` (modi 1.5)."""

import hmac
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

from hub.security import jose
from hub.security.causes import Refusal
from hub.security.jose import VerifyingKey

from .http import Answer, FetchFailed

SIGNATURE: Final = "Agid-JWT-Signature"
TOLERANCE_S: Final = 5
_MAY_BE_SIGNED: Final = frozenset({"digest", "content-type", "content-encoding", "x-correlation-id"})


def signer_of(answer: Answer) -> str:
    """The kid that the answer names. Raises FetchFailed: it is not signed."""
    return _kid(_token(answer))


def check_answer(answer: Answer, key: VerifyingKey, now: float) -> None:
    """In order: form, signature, time, the headers that were signed, the digest of the body.

    Raises:
        FetchFailed: `unsigned`, `bad_signature`, `expired`, `altered`.
    """
    token = _token(answer)
    try:
        jose.verify(token, key)
    except Refusal:
        raise FetchFailed("bad_signature") from None
    iat, exp = token.claims.get("iat"), token.claims.get("exp")
    if type(iat) is not int or type(exp) is not int or not iat - TOLERANCE_S <= now < exp + TOLERANCE_S:
        raise FetchFailed("expired")
    signed = dict(_signed(token.claims))
    if not signed.keys() >= {"digest", "content-type"}:
        raise FetchFailed("altered")
    for name, value in signed.items():
        if name not in _MAY_BE_SIGNED or answer.headers.get_list(name) != [value]:
            raise FetchFailed("altered")
    digest = "SHA-256=" + b64encode(sha256(answer.body).digest()).decode()
    if not hmac.compare_digest(digest.encode(), signed["digest"].encode()):
        raise FetchFailed("altered")


def _token(answer: Answer) -> jose.Token:
    values = answer.headers.get_list(SIGNATURE)
    if len(values) != 1:
        raise FetchFailed("unsigned")
    try:
        token = jose.parse(values[0])
    except Refusal:
        raise FetchFailed("unsigned") from None
    if token.header.get("typ") != "JWT" or "crit" in token.header or "b64" in token.header:
        raise FetchFailed("unsigned")
    return token


def _kid(token: jose.Token) -> str:
    kid = token.header.get("kid")
    if not isinstance(kid, str):
        raise FetchFailed("unsigned")
    return kid


def _signed(claims: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The pairs of `signed_headers`, an array of objects with one member each (modi 1.4)."""
    entries = claims.get("signed_headers")
    if not isinstance(entries, list):
        raise FetchFailed("altered")
    for entry in entries:
        if not isinstance(entry, dict) or len(entry) != 1:
            raise FetchFailed("altered")
        for name, value in entry.items():
            if not isinstance(value, str):
                raise FetchFailed("altered")
            yield name, value
