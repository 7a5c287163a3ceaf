"""Shape, type and algorithm: what can be said of the tokens as text."""

from .. import headers, jose
from ..causes import Refusal
from .state import AUTHORIZATION, SIGNATURE, TYP, VOUCHER_TYP, Presented, State


def single_headers(state: State) -> None:
    for name in (AUTHORIZATION, SIGNATURE, "digest"):
        state.request.only(name)


def find_tokens(state: State) -> None:
    for name in (AUTHORIZATION, SIGNATURE):
        for value in state.request.values(name)[:1]:
            if name == AUTHORIZATION:
                state.scheme, value = headers.authorization(value)
            state.presented.append(Presented(name, value))
    if not state.presented:
        raise Refusal("token.missing", "neither Authorization nor Agid-JWT-Signature")


def distinct_tokens(state: State) -> None:
    if len(state.presented) == 2 and state.presented[0].compact == state.presented[1].compact:
        raise Refusal("token.duplicated")


def read_tokens(state: State) -> None:
    for one in state.presented:
        one.token = jose.parse(one.compact)
    first = state.presented[0]
    if first.header == AUTHORIZATION and first.token.header.get("typ") == VOUCHER_TYP:
        state.voucher = first


def own_headers(state: State) -> None:
    # A used Agid-JWT-Signature, found in some log, must not open a read as Authorization: jti counts by header.
    if (one := state.of(AUTHORIZATION)) and "signed_headers" in one.token.claims:
        raise Refusal("token.misplaced")


def check_typ(state: State) -> None:
    for one in state.presented:
        if one.token.header.get("typ") != TYP and one is not state.voucher:
            raise Refusal("typ.wrong", f"{one.header}: typ must be {TYP}")


def check_alg(state: State) -> None:
    for one in state.presented:
        allowed_alg(state, one)


def allowed_alg(state: State, one: Presented) -> None:
    """The profile's list, which is a part of the closed one; the key is pinned besides (RFC 8725 3.1)."""
    alg = one.token.header.get("alg")
    allowed = state.profile.algorithms
    if not isinstance(alg, str) or alg not in allowed or alg not in jose.ALGORITHMS:
        raise Refusal("alg.forbidden", f"{one.header}: allowed are {', '.join(sorted(allowed))}")


def check_critical(state: State) -> None:
    for one in state.presented:
        no_critical(one)


def no_critical(one: Presented) -> None:
    """Nothing here understands an extension."""
    if "crit" in one.token.header or "b64" in one.token.header:
        raise Refusal("crit.unsupported", one.header)


def direct_scheme(state: State) -> None:
    """A proof of possession belongs to a voucher: with a token of the vendor's own, Bearer alone means anything."""
    if state.scheme != "bearer":
        raise Refusal("authorization.scheme")
