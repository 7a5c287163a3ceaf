"""Proof of possession (RFC 9449 4.3, modi 2.4): the sender holds the key that its voucher is bound to.

A request whose voucher is a bearer token has no proof; then nothing here applies.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from hashlib import sha256
from typing import Final
from urllib.parse import unquote, urlsplit

import orjson

from hub.registry import Ente

from .. import claims, jose
from ..causes import Refusal
from ..claims import UsedToken
from ..jwk import jwk_key
from .shape import allowed_alg, no_critical
from .state import DPOP, Presented, State
from .vouchers import bound_to, same_text, voucher_of

TYP: Final = "dpop+jwt"
_PORTS: Final = {"https": 443, "http": 80}


def _of_proof(check: Callable[[State, Presented], None]) -> Callable[[State], None]:
    """A check of the proof, where there is one."""

    @wraps(check)
    def run(state: State) -> None:
        if state.proof is not None:
            check(state, state.proof)

    return run


def find_proof(state: State) -> None:
    compact = state.request.only(DPOP)
    if state.scheme != "dpop":
        return
    if compact is None:
        raise Refusal("dpop.missing")
    state.proof = Presented(DPOP, compact, jose.parse(compact), times=state.profile.proof)


@_of_proof
def proof_typ(state: State, proof: Presented) -> None:
    if proof.token.header.get("typ") != TYP:
        raise Refusal("typ.wrong", f"{DPOP}: typ must be {TYP}")


@_of_proof
def proof_algorithm(state: State, proof: Presented) -> None:
    allowed_alg(state, proof)


@_of_proof
def proof_critical(state: State, proof: Presented) -> None:
    no_critical(proof)


@_of_proof
def proof_key(state: State, proof: Presented) -> None:
    """The key in the proof, if it is the one that the voucher names by its RFC 7638 thumbprint."""
    given = proof.token.header.get("jwk")
    if not isinstance(given, dict):
        raise Refusal("dpop.key", "no jwk")
    if "d" in given or "k" in given:
        raise Refusal("dpop.key", "jwk is not public")
    try:
        key = jwk_key(orjson.dumps(given, option=orjson.OPT_SORT_KEYS).decode("utf-8"))
    except (Refusal, TypeError):
        raise Refusal("dpop.key", "jwk is no key allowed here") from None
    proof.key = key


@_of_proof
def proof_bound(state: State, proof: Presented) -> None:
    if not same_text(proof.key.signer.removeprefix("jwk:"), bound_to(state) or ""):
        raise Refusal("dpop.binding")


@_of_proof
def proof_signature(state: State, proof: Presented) -> None:
    jose.verify(proof.token, proof.key)


@_of_proof
def proof_method(state: State, proof: Presented) -> None:
    method = claims.text(proof.token.claims, "htm")
    if method != state.request.method:
        raise Refusal("dpop.method", facts=f"htm is {method!r}, the request is {state.request.method}")


@_of_proof
def proof_target(state: State, proof: Presented) -> None:
    target = claims.text(proof.token.claims, "htu", most=2048)
    expected = called_url(state.ente, state.request.target)
    if _normal(target) != _normal(expected):
        raise Refusal("dpop.target", facts=f"htu is {target!r}, the client called {expected}")


def called_url(ente: Ente, target: str) -> str:
    """The URL as the client saw it, which behind a proxy is not the one called here (modi 5.21)."""
    return ente.public_url.rstrip("/") + target


def _normal(url: str) -> tuple[str, str, int, str] | None:
    """What RFC 9449 4.3 compares: without query and fragment, normalised by syntax and scheme (RFC 3986 6.2)."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    return parts.scheme.lower(), (parts.hostname or "").lower(), port, unquote(parts.path) or "/"


@_of_proof
def proof_not_from_the_future(state: State, proof: Presented) -> None:
    claims.iat_not_future(proof.token.claims, state.instant, proof.times)


@_of_proof
def proof_fresh(state: State, proof: Presented) -> None:
    claims.iat_fresh(proof.token.claims, state.instant, proof.times)


@_of_proof
def proof_of_voucher(state: State, proof: Presented) -> None:
    expected = jose.base64url(sha256(voucher_of(state).compact.encode("ascii")).digest())
    if not same_text(claims.text(proof.token.claims, "ath"), expected):
        raise Refusal("dpop.voucher")


@_of_proof
def proof_once(state: State, proof: Presented) -> None:
    """Its jti, to be used up under the proof's own key for as long as the proof could be accepted."""
    found = proof.token.claims
    jti = claims.text(found, "jti")
    until = claims.seconds(found, "iat") + state.profile.proof_age + 1
    state.used_proof = UsedToken(DPOP, jti, datetime.fromtimestamp(until, UTC), proof.key.signer)
