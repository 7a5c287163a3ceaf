"""AUDIT_REST_01 and _02 (modi 1.6, 1.7): what the vendor says of its user, signed, in Agid-JWT-TrackingEvidence.

Meant to be sent again, as the voucher is: its jti must be there and is not used up.
"""

from hashlib import sha256
from typing import Final

from .. import claims, jose
from ..causes import Refusal
from .parties import ente_of
from .state import AUDIT, AUTHORIZATION, TYP, Presented, State
from .vouchers import carried_digest, same_text, voucher_of

LEAST_NONCE: Final = 10**12
MOST_NONCE: Final = 10**13 - 1
"""13 digits (modi 1.7); it is a JSON number, so a leading zero would be lost."""


def find_evidence(state: State) -> None:
    compact = state.request.only(AUDIT)
    if compact is None:
        raise Refusal("token.missing", "Agid-JWT-TrackingEvidence")
    one = Presented(AUDIT, compact, jose.parse(compact), times=state.profile.reused, use="named")
    state.presented.append(one)


def _evidence(state: State) -> Presented:
    return state.presented[-1]


def evidence_typ(state: State) -> None:
    if _evidence(state).token.header.get("typ") != TYP:
        raise Refusal("typ.wrong", f"{AUDIT}: typ must be {TYP}")


def evidence_apart(state: State) -> None:
    """Evidence is kept and sent again as it is: signed by the vendor itself, it must not pass for its Authorization."""
    one = state.of(AUTHORIZATION)
    if one is not None and all(name in one.token.claims for name in state.profile.audit_claims):
        raise Refusal("token.misplaced", "authorization: it carries the claims of tracking evidence")


def evidence_ente(state: State) -> None:
    if ente_of(state, _evidence(state)) is not state.ente:
        raise Refusal("audience.differs", AUDIT)


def evidence_claims(state: State) -> None:
    """The claims that ente and vendor agreed on: text, in exactly these letters."""
    for name in state.profile.audit_claims:
        claims.text(_evidence(state).token.claims, name)


def evidence_purpose(state: State) -> None:
    purpose = claims.text(_evidence(state).token.claims, "purposeId")
    if purpose != voucher_of(state).token.claims.get("purposeId"):
        raise Refusal("audit.purpose", facts=f"purposeId is {purpose!r} there")


def evidence_nonce(state: State) -> None:
    nonce = _evidence(state).token.claims.get("dnonce")
    if nonce is None:
        raise Refusal("claim.missing", "dnonce is missing")
    if type(nonce) is not int or not LEAST_NONCE <= nonce <= MOST_NONCE:
        raise Refusal("claim.type", "dnonce is not a number of 13 digits")


def evidence_digest(state: State) -> None:
    # Of the compact JWS as received. An ES256 signature is random: signed again it is another token (modi 5.5).
    found = sha256(_evidence(state).compact.encode("ascii")).hexdigest()
    carried = carried_digest(state)
    if not same_text(found, carried):
        raise Refusal("audit.digest", facts=f"the voucher has {carried[:64]!r}, the evidence received has {found}")
