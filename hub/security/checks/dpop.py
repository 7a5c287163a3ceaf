"""Proof of possession (RFC 9449 4.3, modi 2.4): the sender holds the key that its voucher is bound to.

A request whose voucher is a bearer token has no proof; then nothing here applies.
"""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
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


def find_proof(state: State) -> None:
    compact = state.request.only(DPOP)
    if state.scheme != "dpop":
        return
    if compact is None:
        raise Refusal("dpop.missing")
    state.proof = Presented(DPOP, compact, jose.parse(compact), times=state.profile.proof)


def proof_typ(state: State) -> None:
    if state.proof is None:
        return
    if state.proof.token.header.get("typ") != TYP:
        raise Refusal("typ.wrong", f"{DPOP}: typ must be {TYP}")


def proof_algorithm(state: State) -> None:
    if state.proof is not None:
        allowed_alg(state, state.proof)


def proof_critical(state: State) -> None:
    if state.proof is not None:
        no_critical(state.proof)


def proof_key(state: State) -> None:
    """The key in the proof, if it is the one that the voucher names by its RFC 7638 thumbprint."""
    if state.proof is None:
        return
    given = state.proof.token.header.get("jwk")
    if not isinstance(given, dict):
        raise Refusal("dpop.key", "no jwk")
    if "d" in given or "k" in given:
        raise Refusal("dpop.key", "jwk is not public")
    try:
        key = jwk_key(orjson.dumps(given, option=orjson.OPT_SORT_KEYS).decode("utf-8"))
    except (Refusal, TypeError):
        raise Refusal("dpop.key", "jwk is no key allowed here") from None
    state.proof.key = key


def proof_bound(state: State) -> None:
    if state.proof is None:
        return
    if not same_text(state.proof.key.signer.removeprefix("jwk:"), bound_to(state) or ""):
        raise Refusal("dpop.binding")


def proof_signature(state: State) -> None:
    if state.proof is not None:
        jose.verify(state.proof.token, state.proof.key)


def proof_method(state: State) -> None:
    if state.proof is None:
        return
    method = claims.text(state.proof.token.claims, "htm")
    if method != state.request.method:
        raise Refusal("dpop.method", facts=f"htm is {method!r}, the request is {state.request.method}")


def proof_target(state: State) -> None:
    if state.proof is None:
        return
    target = claims.text(state.proof.token.claims, "htu", most=2048)
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


def proof_not_from_the_future(state: State) -> None:
    if state.proof is not None:
        claims.iat_not_future(state.proof.token.claims, state.instant, state.proof.times)


def proof_fresh(state: State) -> None:
    if state.proof is not None:
        claims.iat_fresh(state.proof.token.claims, state.instant, state.proof.times)


def proof_of_voucher(state: State) -> None:
    if state.proof is None:
        return
    hashed = sha256(voucher_of(state).compact.encode("ascii")).digest()
    expected = urlsafe_b64encode(hashed).rstrip(b"=").decode("ascii")
    if not same_text(claims.text(state.proof.token.claims, "ath"), expected):
        raise Refusal("dpop.voucher")


def proof_once(state: State) -> None:
    """Its jti, to be used up under the proof's own key for as long as the proof could be accepted."""
    if state.proof is None:
        return
    found = state.proof.token.claims
    jti = claims.text(found, "jti")
    until = claims.seconds(found, "iat") + state.profile.proof_age + 1
    state.used_proof = UsedToken(DPOP, jti, datetime.fromtimestamp(until, UTC), state.proof.key.signer)
