"""Who: the ente that is addressed and the vendor that speaks. Until signatures hold, these are only questions to the
registry."""

from hub.registry import Ente

from .. import claims
from ..causes import Refusal
from .state import AUTHORIZATION, SIGNATURE, Presented, State


def ente_of(state: State, one: Presented) -> Ente:
    """The ente that a token's `aud` names: a voucher's by its e-service, any other's by the API too."""
    wanted = claims.audiences(one.token.claims)
    registry, vouched = state.registry, one is state.voucher
    ente = registry.ente_of_eservice(wanted) if vouched else registry.ente_of_audience(wanted, api="publish")
    if ente is None:
        known = [each.pdnd.audience for each in registry.enti if each.pdnd is not None]
        if not vouched:
            known += [each.publish_audience for each in registry.enti]
        feed = registry.ente_of_audience(wanted, api="feed") is not None
        note = f"{one.header}: that is the audience of the feed" if feed else one.header
        expected = ", ".join(known) or "none, as no e-service is configured"
        raise Refusal("audience.mismatch", note, facts=f"expected exactly one of {expected}; received {wanted!r}")
    return ente


def find_ente(state: State) -> None:
    state.ente = ente_of(state, state.presented[0])


def one_ente(state: State) -> None:
    for other in state.presented[1:]:
        if ente_of(state, other) is not state.ente:
            raise Refusal("audience.differs")


def find_vendor(state: State) -> None:
    first, ente_id = state.presented[0], state.ente.ente_id
    if first is state.voucher:
        name = state.client_id = claims.text(first.token.claims, "client_id")
        vendor = state.registry.clients.get((ente_id, name))
    else:
        name = claims.text(first.token.claims, "iss", missing="issuer.missing")
        vendor = state.registry.vendors.get((ente_id, name))
        if vendor is None:  # a voucher that is missing, which `complete` tells
            vendor = state.registry.clients.get((ente_id, name))
    if vendor is None:
        what = "client_id" if first is state.voucher else "iss"
        raise Refusal("issuer.unknown", facts=f"{what} is {name!r}, the ente is {ente_id}")
    state.vendor, state.profile = vendor, vendor.profile
    _obligations(state)


def _obligations(state: State) -> None:
    """What the vendor's profile asks of each token's times and jti."""
    profile = state.profile
    for one in state.presented:
        one.times = profile.times
        if one is state.voucher:
            one.times, one.use = profile.reused, "again"  # meant to be used until it expires (modi 2.3)
        elif one.header == SIGNATURE:
            one.use = "once" if profile.jti == "required" else "if-jti"
        elif profile.authentication == "ID_AUTH_REST_01":
            one.use = "again"


def authentication_kind(state: State) -> None:
    vouched = state.profile.authentication == "voucher"
    if state.of(AUTHORIZATION) is not None and (state.voucher is not None) is not vouched:
        wanted = "a PDND voucher" if vouched else "a token of its own, typ JWT"
        raise Refusal("typ.wrong", f"authorization: this vendor authenticates with {wanted}")


def one_issuer(state: State) -> None:
    issuer = state.presented[0].token.claims.get("iss")
    for other in state.presented[1:]:
        if claims.text(other.token.claims, "iss", missing="issuer.missing") != issuer:
            raise Refusal("issuer.differs")


def client_is_issuer(state: State) -> None:
    """With PDND keys `iss` is the client of the voucher (modi 1.5); beside a voucher, a name of the same vendor."""
    for other in state.presented:
        if other is state.voucher:
            continue
        issuer = claims.text(other.token.claims, "iss", missing="issuer.missing")
        if issuer == state.client_id or (not by_pdnd(state, other) and _names_vendor(state, issuer)):
            continue
        raise Refusal("issuer.differs", f"{other.header}: iss must be the voucher's client_id")


def by_pdnd(state: State, one: Presented) -> bool:
    """Whether the token is signed with a key that PDND keeps."""
    if one.header == SIGNATURE:
        return state.profile.integrity == "INTEGRITY_REST_02"
    return one.header != AUTHORIZATION and state.profile.authentication == "voucher"


def _names_vendor(state: State, name: str) -> bool:
    return state.registry.vendors.get((state.ente.ente_id, name)) is state.vendor


def complete(state: State) -> None:
    authorization, signature = state.of(AUTHORIZATION), state.of(SIGNATURE)
    if authorization is None and not state.vendor.signature_only:
        raise Refusal("token.missing", "Authorization")
    if signature is None and state.must_sign:
        raise Refusal("token.missing", "Agid-JWT-Signature")
