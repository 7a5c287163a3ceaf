"""PDND vouchers (modi 2.3): an access token that PDND signed, for one client, one purpose and the ente's e-service."""

from collections.abc import Mapping
from hmac import compare_digest
from typing import Any

from hub.registry import Pdnd

from .. import claims, jose
from ..causes import Refusal
from ..jose import VerifyingKey
from ..material import Wanted
from .state import Presented, State
from .trust import kid_of


def voucher_of(state: State) -> Presented:
    """The voucher, which `complete` has asked for."""
    if state.voucher is None:
        raise Refusal("token.missing", "Authorization")
    return state.voucher


def _pdnd(state: State) -> Pdnd:
    assert state.ente.pdnd is not None  # the voucher's aud found the ente by it
    return state.ente.pdnd


def _claims(state: State) -> Mapping[str, Any]:
    return voucher_of(state).token.claims


def voucher_scheme(state: State) -> None:
    """A voucher bound to a key is no bearer token, and a proof proves nothing of one that is not (RFC 9449 7)."""
    bound = bound_to(state) is not None
    if state.scheme == "dpop" and not bound:
        raise Refusal("dpop.unbound")
    if state.scheme == "bearer" and bound:
        raise Refusal("dpop.bearer")


def scheme_allowed(state: State) -> None:
    wanted = {"never": ("bearer",), "allowed": ("bearer", "dpop"), "required": ("dpop",)}[state.profile.dpop]
    if state.scheme not in wanted:
        raise Refusal("authorization.scheme", f"this vendor sends {' or '.join(wanted)}")


def bound_to(state: State) -> str | None:
    """The thumbprint of the key that the voucher is bound to."""
    confirmation = _claims(state).get("cnf")
    if confirmation is None:
        return None
    thumbprint = confirmation.get("jkt") if isinstance(confirmation, dict) else None
    if not isinstance(thumbprint, str):
        raise Refusal("claim.type", "cnf is not of the form {jkt: thumbprint}")
    return thumbprint


def voucher_key(state: State) -> None:
    one, issuer = voucher_of(state), _pdnd(state).issuer
    kid = kid_of(one)
    held = state.shelf.get("pdnd-jwks", issuer, state.instant)
    if held.value is None:
        raise Refusal("key.unavailable", "PDND's own keys could not be had")
    keys: Mapping[str, VerifyingKey] = held.value
    if kid not in keys:
        if state.instant >= held.fresh_until:  # a key that came after the last look
            raise Wanted("pdnd-jwks", issuer)
        raise Refusal("key.unknown", "authorization: not a key of PDND", facts=f"kid is {kid!r}")
    one.key = keys[kid]


def voucher_signature(state: State) -> None:
    # Before anything is fetched for the others: keys by kid are looked up for holders of a voucher alone.
    one = voucher_of(state)
    jose.verify(one.token, one.key)


def voucher_issuer(state: State) -> None:
    expected = _pdnd(state).issuer
    issuer = claims.text(_claims(state), "iss", missing="issuer.missing")
    if issuer != expected:
        raise Refusal("voucher.issuer", facts=f"expected {expected!r}, received {issuer!r}")


def voucher_subject(state: State) -> None:
    if claims.text(_claims(state), "sub") != state.client_id:
        raise Refusal("voucher.subject")


def voucher_begins(state: State) -> None:
    claims.seconds(_claims(state), "nbf")


def voucher_purpose(state: State) -> None:
    purpose = claims.text(_claims(state), "purposeId")
    if purpose not in state.profile.purposes:
        raise Refusal("voucher.purpose", facts=f"purposeId is {purpose!r}")


def _same(state: State, name: str, expected: str) -> None:
    found = _claims(state).get(name)
    if found is not None and expected and found != expected:
        raise Refusal("voucher.eservice", f"{name} is not the ente's", facts=f"received {found!r}, expected {expected}")


def voucher_producer(state: State) -> None:
    _same(state, "producerId", _pdnd(state).producer_id)


def voucher_eservice(state: State) -> None:
    _same(state, "eserviceId", _pdnd(state).eservice_id)


def voucher_descriptor(state: State) -> None:
    found, known = _claims(state).get("descriptorId"), _pdnd(state).descriptor_ids
    if found is not None and known and not (isinstance(found, str) and found in known):
        raise Refusal("voucher.eservice", "descriptorId is not one of the ente's", facts=f"received {found!r}")


def carried_digest(state: State) -> str:
    """The hex digest of the tracking evidence that the voucher was asked with: `{"alg": "SHA256", "value": "<hex>"}`.

    Raises:
        Refusal: `audit.digest_missing` where it carries none of that form.
    """
    found = _claims(state).get("digest")
    value = found.get("value") if isinstance(found, dict) and found.get("alg") == "SHA256" else None
    if not isinstance(value, str):
        raise Refusal("audit.digest_missing")
    return value


def same_text(one: str, other: str) -> bool:
    """In constant time."""
    return compare_digest(one.encode("utf-8"), other.encode("utf-8"))
