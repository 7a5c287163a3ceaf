"""Whether a signed answer is its sender's, and to this request: INTEGRITY_REST_01 or _02 (modi 1.4, 1.5, 1.8).

The other side of `sign_response`. An answer that is an error may be unsigned: it then says nothing (modi 5.15).
"""

import hmac
from collections.abc import Iterable, Mapping
from typing import Any, Final

from hub.profile import DEFAULT_PROFILE, TimeRules

from . import claims, digest, headers, jose
from .causes import Refusal
from .headers import SignedRequest
from .jose import VerifyingKey

SIGNATURE: Final = "agid-jwt-signature"


def signed_answer(received: Iterable[tuple[str, str]]) -> jose.Token:
    """The token of an answer, whose header names the key. Raises Refusal: there is not exactly one that can be read."""
    answer = _received(received, b"")
    compact = answer.only(SIGNATURE)
    if compact is None:
        raise Refusal("token.missing", "the answer is not signed")
    return jose.parse(compact)


def verify_response(
    received: Iterable[tuple[str, str]],
    body: bytes,
    key: VerifyingKey,
    *,
    now: float,
    iss: str | None = None,
    aud: str | None = None,
    needs_aud: bool = True,
    request_digest: str | None = None,
    times: TimeRules = DEFAULT_PROFILE.times,
) -> Mapping[str, Any]:
    """The claims of an answer whose every check holds, in this order: shape, type, algorithm and signature, issuer,
    audience, times, digest, signed headers, the request it answers.

    Args:
        received: name and value of each header line.
        body: the bytes as received, not decoded.
        iss, aud: who must have signed it, and for whom; None: not compared.
        needs_aud: False for those who sign without one, as PDND's own API does (modi 1.5); one that is there counts.
        request_digest: the `Digest` of the request, where the answer must be tied to it (modi 1.8).

    Raises:
        Refusal
    """
    answer = _received(received, body)
    token = signed_answer(answer.headers)
    if token.header.get("typ") != "JWT":
        raise Refusal("typ.wrong", "the answer's typ must be JWT")
    if "crit" in token.header or "b64" in token.header:
        raise Refusal("crit.unsupported")
    jose.verify(token, key)
    found = token.claims
    if iss is not None and claims.text(found, "iss", missing="issuer.missing") != iss:
        raise Refusal("issuer.differs", "the answer is signed by somebody else")
    if (needs_aud or "aud" in found) and aud is not None and aud not in claims.audiences(found):
        raise Refusal("audience.mismatch", "the answer is meant for somebody else")
    if needs_aud:
        claims.audiences(found)
    claims.iat_not_future(found, now, times)
    claims.iat_fresh(found, now, times)
    claims.nbf_reached(found, now, times)
    claims.not_expired(found, now, times)
    _check_body(answer, found)
    if request_digest is not None:
        answered = claims.text(found, "request_digest")
        if not hmac.compare_digest(answered.encode(), request_digest.encode()):
            raise Refusal("digest.mismatch", "it answers another request")
    return found


def _check_body(answer: SignedRequest, found: Mapping[str, Any]) -> None:
    value = answer.only("digest")
    if value is None:
        raise Refusal("digest.missing")
    digest.check(value, answer)
    signed = headers.signed_headers(found)
    if "digest" not in signed:
        raise Refusal("header.unsigned", "digest")
    headers.all_signed(answer, signed)
    headers.same_counts(answer, signed)
    headers.same_values(answer, signed)


def _received(received: Iterable[tuple[str, str]], body: bytes) -> SignedRequest:
    return SignedRequest("", "", tuple((name.lower(), value) for name, value in received), body)
