"""Which key each token is signed with, whose it is, and whether the signature holds."""

import re
from dataclasses import replace
from functools import lru_cache, partial
from typing import Final

from hub.profile import Profile

from .. import jose, jwks
from ..causes import Refusal
from ..presented import CertificateRules
from .parties import by_pdnd
from .state import Presented, State

_MAX_KID: Final = 200
_PDND_KID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")


def kid_of(one: Presented) -> str:
    """The `kid` of a token whose key somebody else keeps."""
    kid = one.token.header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID or not kid.isprintable():
        raise Refusal("key.reference_missing", f"{one.header}: no kid")
    return kid


def _find_key(state: State, one: Presented) -> None:
    protected, header, vendor = one.token.protected, one.token.header, state.vendor
    if by_pdnd(state, one):
        _find_pdnd_key(state, one)
    elif vendor.trust == "x509":
        proof = partial(jose.verify, one.token)
        one.trusted = state.chains.resolve(
            protected,
            header,
            vendor=vendor,
            registry=state.registry,
            now=state.now,
            proof=proof,
            rules=rules_of(state.profile),
            shelf=state.shelf,
        )
        one.key = one.trusted.key
    else:
        one.key = jwks.registered_key(header, vendor.keys, "jwk", state.now)


@lru_cache(maxsize=1024)
def rules_of(profile: Profile) -> CertificateRules:
    """How certificates may come, and whether their revocation is asked for."""
    return CertificateRules(x5u_hosts=profile.x5u_hosts, revocation=profile.revocation)


def _find_pdnd_key(state: State, one: Presented) -> None:
    kid, pdnd = kid_of(one), state.ente.pdnd
    if pdnd is None or not _PDND_KID.fullmatch(kid):
        raise Refusal("key.unknown", f"{one.header}: no kid of PDND", facts=f"kid is {kid!r}")
    # With its environment: a key of the test one must not sign here.
    held = state.shelf.get("pdnd-key", f"{pdnd.issuer}\n{kid}", state.instant)
    if held.value is None:
        raise Refusal("key.unknown", f"{one.header}: PDND gives no key of that kid", facts=f"kid is {kid!r}")
    one.owner = held.value.client_id
    # jti counts by client: a rotated key opens no second use.
    one.key = replace(held.value.key, signer=f"pdnd:{state.client_id}")


def find_keys(state: State) -> None:
    known: Presented | None = None
    for one in state.presented:
        if one is state.voucher:
            continue
        if known is not None and one.token.protected == known.token.protected and _same_keeper(state, one, known):
            one.trusted, one.key, one.owner = known.trusted, known.key, known.owner
        else:
            _find_key(state, one)
            known = known or one


def _same_keeper(state: State, one: Presented, other: Presented) -> bool:
    return by_pdnd(state, one) is by_pdnd(state, other)


def one_signer(state: State) -> None:
    for other in state.presented[1:]:
        if other.key.signer != state.presented[0].key.signer:
            raise Refusal("signer.differs")


def client_owns_key(state: State) -> None:
    # Without it any member of PDND could sign: the key is known by its kid alone (modi 1.5).
    for one in state.presented:
        if one is not state.voucher and by_pdnd(state, one) and one.owner != state.client_id:
            raise Refusal("key.owner", f"{one.header}: not a key of the voucher's client")


def unchecked(state: State) -> list[Presented]:
    """Those whose signature is still to be checked; the voucher's was, before anything was fetched."""
    return [one for one in state.presented if one is not state.voucher and not one.holds]


def check_signatures(state: State) -> None:
    for one in unchecked(state):
        jose.verify(one.token, one.key)
        one.holds = True
