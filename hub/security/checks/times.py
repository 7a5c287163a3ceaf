"""When a token holds, and that it can be told from another: `iat`, `nbf`, `exp`, `jti`, each by its own rules."""

from .. import claims
from .state import State


def not_from_the_future(state: State) -> None:
    for one in state.presented:
        claims.iat_not_future(one.token.claims, state.instant, one.times)


def fresh(state: State) -> None:
    for one in state.presented:
        claims.iat_fresh(one.token.claims, state.instant, one.times)


def begun(state: State) -> None:
    for one in state.presented:
        claims.nbf_reached(one.token.claims, state.instant, one.times)


def not_expired(state: State) -> None:
    for one in state.presented:
        claims.not_expired(one.token.claims, state.instant, one.times)


def short_lived(state: State) -> None:
    for one in state.presented:
        claims.lifetime_bounded(one.token.claims, one.times)


def has_jti(state: State) -> None:
    for one in state.presented:
        if one.use in ("once", "named") or (one.use == "if-jti" and "jti" in one.token.claims):
            claims.text(one.token.claims, "jti")
